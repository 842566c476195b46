"""What searches met: every query, accuracy against size, and the best architectures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from analysis.report_blocks import Axis, Chart, Gallery, Series, Tile, View, percent
from analysis.report_drawings import Drawings
from analysis.report_traces import Contestant, Trace
from datasets.space import SearchSpace

QUERIES = Axis("queries", whole=True)
BEST = 8
"""Architectures that are drawn."""


def queries_chart(
    found: Sequence[Contestant], space: SearchSpace | None, drawings: Drawings
) -> Chart:
    """Every query of one run a method."""
    y = Axis("validation accuracy", "share")
    views = []
    for each in found:
        trace = each.first
        queries = trace.figure("query")
        incumbent = Series("incumbent", queries, trace.incumbent("validation", true=False), "steps")
        dots = _dots(trace, queries, trace.figure("validation"), space, drawings)
        views.append(View(each.label, QUERIES, y, (incumbent, dots), window=_window(trace)))
    return Chart(
        "Every query",
        "Of each method the run with the lowest seed. Accuracies as the search was shown them; "
        "a network that failed to train may lie below the picture: All shows it.",
        views,
    )


def _window(trace: Trace) -> tuple[float, float, float, float] | None:
    """All queries, without the lowest tenth of the accuracies."""
    values = trace.figure("validation")
    values = values[np.isfinite(values)]
    if len(values) < 10:
        return None
    low, high = float(np.percentile(values, 10)), float(values.max())
    margin = 0.06 * (high - low) or 0.01
    return 0.0, trace.queries + 1.0, low - margin, high + margin


def _dots(
    trace: Trace, x: np.ndarray, y: np.ndarray, space: SearchSpace | None, drawings: Drawings
) -> Series:
    """The queries of a run, each with its architecture."""
    return Series(
        "queries",
        x,
        y,
        "dots",
        drawings=None if space is None else [drawings.add_record(space, e) for e in trace.lines],
        notes=[f"query {line['query']}, {str(line['hash'])[:12]}" for line in trace.lines],
        columns={
            "query": [line["query"] for line in trace.lines],
            "hash": [line["hash"] for line in trace.lines],
        },
    )


def sizes_chart(
    found: Sequence[Contestant], space: SearchSpace | None, drawings: Drawings
) -> Chart | None:
    """Accuracy against the number of parameters, where that was measured."""
    views = []
    for each in found:
        trace = each.first
        sizes, values = trace.figure("parameters"), trace.figure("validation")
        good = np.isfinite(sizes) & np.isfinite(values)
        if good.sum() < 2:
            continue
        front = _front(sizes[good], values[good])
        line = Series("fewest parameters for it", *front, "steps")
        dots = _dots(trace, sizes, values, space, drawings)
        low = float(np.percentile(values[good], 10))
        high = float(values[good].max())
        margin = 0.06 * (high - low) or 0.01
        wide = 0.04 * float(np.ptp(sizes[good])) or 1.0
        window = (
            float(sizes[good].min()) - wide,
            float(sizes[good].max()) + wide,
            low - margin,
            high + margin,
        )
        x, y = Axis("parameters"), Axis("validation accuracy", "share")
        views.append(View(each.label, x, y, (line, dots), window=window))
    if not views:
        return None
    return Chart(
        "Accuracy against size",
        "Of each method the run with the lowest seed. The line joins the queries that no other "
        "one beats in both, accuracy and number of parameters. The lowest tenth of the accuracies "
        "may lie below the picture.",
        views,
    )


def _front(sizes: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What no other one beats with as few parameters, by size. **Shape** (K,) each."""
    order = np.lexsort((-values, sizes))
    sizes, values = sizes[order], values[order]
    best_before = np.concatenate([[-np.inf], np.maximum.accumulate(values)[:-1]])
    kept = values > best_before
    return sizes[kept], values[kept]


def best_gallery(
    found: Sequence[Contestant], true: bool, space: SearchSpace, drawings: Drawings
) -> Gallery:
    """The best architectures of all runs, by what the searches were shown."""
    best: dict[str, tuple[float, str, dict[str, Any]]] = {}
    for each in found:
        for trace in each.traces:
            for line in trace.lines:
                value = line.get("validation")
                name = str(line["hash"])
                if value is not None and (name not in best or value > best[name][0]):
                    best[name] = (value, each.label, line)
    ranked = sorted(best.values(), key=lambda entry: -entry[0])[:BEST]
    truths = _truths(found) if true else {}
    return Gallery(
        "The best architectures",
        "Of all runs above, by the validation accuracy that the search was shown, each once.",
        space.name,
        [_tile(k, *entry, truths, space, drawings) for k, entry in enumerate(ranked, 1)],
    )


def _truths(found: Sequence[Contestant]) -> dict[str, dict[str, Any]]:
    """Hash → what a table knows of it, of all incumbents."""
    return {
        str(line["incumbent"]["hash"]): line["incumbent"]
        for each in found
        for trace in each.traces
        for line in trace.lines
        if line.get("incumbent")
    }


def _tile(
    rank: int,
    value: float,
    label: str,
    line: dict[str, Any],
    truths: dict[str, dict[str, Any]],
    space: SearchSpace,
    drawings: Drawings,
) -> Tile:
    name = str(line["hash"])
    truth = truths.get(name, {})
    test = truth.get("true_test", line.get("test"))
    words = [f"validation {percent(value).shown}"]
    words += [f"test {percent(test).shown}"] if test is not None else []
    words += [f"{line['parameters']:,} parameters"] if line.get("parameters") else []
    words += [f"query {line['query']} of {label}", name[:12]]
    record: dict[str, Any] = {
        "rank": rank,
        "hash": name,
        "validation": value,
        "test": line.get("test"),
        "true_validation": truth.get("true_validation"),
        "true_test": truth.get("true_test"),
        "parameters": line.get("parameters"),
        "method": label,
        "query": line["query"],
    }
    record |= {key: line[key] for key in ("arch", "matrix", "ops") if key in line}
    return Tile(drawings.add_record(space, line), f"{rank}.", words, record)
