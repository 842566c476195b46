"""What searches met: every query, accuracy against cost, and the best architectures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from analysis.report_blocks import Axis, Chart, Gallery, Series, Tile, View, percent
from analysis.report_drawings import Drawings
from analysis.report_traces import LATENCY, Contestant, Trace
from datasets.benchmark import Benchmark
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


def costs_chart(
    found: Sequence[Contestant], space: SearchSpace | None, drawings: Drawings
) -> Chart | None:
    """Accuracy against what an architecture costs: parameters, and latencies that were looked up.

    Returns:
        ``None`` where no cost of two architectures is known.
    """
    views = [
        view
        for each in found
        for cost in each.first.costs()
        if (view := _cost_view(each, cost, space, drawings)) is not None
    ]
    if not views:
        return None
    return Chart(
        "Accuracy against cost",
        "Of each method the run with the lowest seed. The line joins the queries that no other "
        "one beats in both, accuracy and cost. The lowest tenth of the accuracies may lie below "
        "the picture.",
        views,
    )


def _cost_view(
    each: Contestant, cost: str, space: SearchSpace | None, drawings: Drawings
) -> View | None:
    trace = each.first
    costs, values = trace.cost(cost), trace.figure("validation")
    good = np.isfinite(costs) & np.isfinite(values)
    if good.sum() < 2:
        return None
    front = Series("the least cost for it", *_front(costs[good], values[good]), "steps")
    dots = _dots(trace, costs, values, space, drawings)
    low, high = float(np.percentile(values[good], 10)), float(values[good].max())
    margin = 0.06 * (high - low) or 0.01
    wide = 0.04 * float(np.ptp(costs[good])) or 1.0
    left, right = float(costs[good].min()) - wide, float(costs[good].max()) + wide
    return View(
        f"{each.label}, {cost}",
        Axis(f"{cost}, ms" if cost.startswith(LATENCY) else cost),
        Axis("validation accuracy", "share"),
        (front, dots),
        window=(left, right, low - margin, high + margin),
    )


def _front(costs: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What no other one beats at no more cost, by cost. **Shape** (K,) each."""
    order = np.lexsort((-values, costs))
    costs, values = costs[order], values[order]
    best_before = np.concatenate([[-np.inf], np.maximum.accumulate(values)[:-1]])
    kept = values > best_before
    return costs[kept], values[kept]


def best_gallery(
    found: Sequence[Contestant],
    space: SearchSpace,
    drawings: Drawings,
    truth: Benchmark | None,
) -> Gallery:
    """The best architectures of all runs, by what the searches were shown.

    Args:
        found: the searches.
        space: of the architectures.
        drawings: receives them.
        truth: a table that knows their means over all trials, if there is one.
    """
    best: dict[str, tuple[float, str, dict[str, Any]]] = {}
    for each in found:
        for trace in each.traces:
            for line in trace.allowed():
                value = line.get("validation")
                name = str(line["hash"])
                if value is not None and (name not in best or value > best[name][0]):
                    best[name] = (value, each.label, line)
    ranked = sorted(best.values(), key=lambda entry: -entry[0])[:BEST]
    limit = found[0].first.run.config.get("limit")
    kept = f" Only those that keep the limit {limit}." if limit else ""
    means = " The true means are those over all trials of the table." if truth else ""
    return Gallery(
        "The best architectures",
        "Of all runs above, by the validation accuracy that the search was shown, each once."
        + kept
        + means,
        space.name,
        [_tile(k, *entry, space, drawings, truth) for k, entry in enumerate(ranked, 1)],
    )


def _tile(
    rank: int,
    value: float,
    label: str,
    line: dict[str, Any],
    space: SearchSpace,
    drawings: Drawings,
    truth: Benchmark | None,
) -> Tile:
    name = str(line["hash"])
    known = {} if truth is None else _true_means(truth, name)
    words = [f"validation {percent(value).shown}"]
    words += [f"{key} {percent(mean).shown}" for key, mean in known.items()]
    if not known and line.get("test") is not None:
        words.append(f"test {percent(line['test']).shown}")
    words += [f"{line['parameters']:,} parameters"] if line.get("parameters") else []
    words += [f"query {line['query']} of {label}", name[:12]]
    record: dict[str, Any] = {
        "rank": rank,
        "hash": name,
        "validation": value,
        "test": line.get("test"),
        **known,
        "parameters": line.get("parameters"),
        "method": label,
        "query": line["query"],
    }
    record |= {key: line[key] for key in ("arch", "matrix", "ops") if key in line}
    return Tile(drawings.add_record(space, line), f"{rank}.", words, record)


def _true_means(truth: Benchmark, name: str) -> dict[str, float]:
    """The means of an architecture over all trials, by what they are called."""
    row = truth.row(name)
    if row is None:
        return {}
    metrics = [metric for metric in ("validation", "test") if metric in truth.metrics]
    return {f"true mean {metric}": float(truth.metrics[metric].mean()[row]) for metric in metrics}
