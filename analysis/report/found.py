"""What searches met: every query, accuracy against cost, and the best architectures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from analysis.report.blocks import (
    Axis,
    Chart,
    Gallery,
    Series,
    Tile,
    View,
    quantity,
    value_axis,
)
from analysis.report.drawings import Drawings
from analysis.report.traces import LATENCY, Contestant, Trace
from datasets.benchmark import Benchmark
from datasets.objective import Objective
from datasets.space import SearchSpace

QUERIES = Axis("queries", whole=True)
BEST = 8
"""Architectures that are drawn."""


def queries_chart(
    found: Sequence[Contestant], space: SearchSpace | None, drawings: Drawings
) -> Chart:
    """Every query of one run a method."""
    y = value_axis(found[0].first.objective)
    views = []
    for each in found:
        trace = each.first
        queries = trace.figure("query")
        incumbent = Series("incumbent", queries, trace.incumbent("validation", true=False), "steps")
        dots = _dots(trace, queries, trace.figure("validation"), space, drawings)
        views.append(View(each.label, QUERIES, y, (incumbent, dots), window=_window(trace)))
    return Chart(
        "Every query",
        "Of each method the run with the lowest seed. Values as the search was shown them; the "
        "worst tenth, such as networks that failed to train, may lie beyond the picture: All shows "
        "it.",
        views,
    )


def _window(trace: Trace) -> tuple[float, float, float, float] | None:
    """All queries, without the worst tenth of the values."""
    values = trace.figure("validation")
    values = values[np.isfinite(values)]
    if len(values) < 10:
        return None
    return 0.0, trace.queries + 1.0, *_without_worst(values, trace.objective)


def _without_worst(values: np.ndarray, objective: Objective) -> tuple[float, float]:
    """Ends of an axis that shows all values but the worst tenth."""
    if objective.maximise:
        low, high = float(np.percentile(values, 10)), float(values.max())
    else:
        low, high = float(values.min()), float(np.percentile(values, 90))
    return padded(low, high, 0.06)


def padded(low: float, high: float, share: float) -> tuple[float, float]:
    """Ends of an axis with some room, also around a single value and a tiny or huge range."""
    margin = share * high - share * low or 0.01 * abs(high) or 0.01
    return low - margin, high + margin


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
    """Value against what an architecture costs: parameters, and latencies that were looked up.

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
    named = quantity(found[0].first.objective)
    return Chart(
        f"{named[:1].upper()}{named[1:]} against cost",
        "Of each method the run with the lowest seed. The line joins the queries that no other "
        "one beats in both, value and cost. The worst tenth of the values may lie beyond the "
        "picture.",
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
    price = trace.price(cost)
    best = _front(costs[good], values[good], trace.objective, price)
    front = (
        Series(f"the most {cost} for it", *best, "line")
        if price.maximise
        else Series(f"the least {cost} for it", *best, "steps")
    )
    dots = _dots(trace, costs, values, space, drawings)
    bottom, top = _without_worst(values[good], trace.objective)
    wide = 0.04 * float(np.ptp(costs[good])) or 1.0
    left, right = float(costs[good].min()) - wide, float(costs[good].max()) + wide
    return View(
        f"{each.label}, {cost}",
        Axis(f"{cost}, ms" if cost.startswith(LATENCY) else cost),
        value_axis(trace.objective),
        (front, dots),
        window=(left, right, bottom, top),
    )


def _front(
    costs: np.ndarray, values: np.ndarray, objective: Objective, price: Objective
) -> tuple[np.ndarray, np.ndarray]:
    """What no other one beats at as good a cost, by rising cost. **Shape** (K,) each."""
    gains = objective.sign * values
    order = np.lexsort((-gains, -price.sign * costs))
    costs, gains, values = costs[order], gains[order], values[order]
    best_before = np.concatenate([[-np.inf], np.maximum.accumulate(gains)[:-1]])
    kept = np.flatnonzero(gains > best_before)[:: -1 if price.maximise else 1]
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
    objective = found[0].first.objective
    best: dict[str, tuple[float, str, dict[str, Any]]] = {}
    for each in found:
        for trace in each.traces:
            for line in trace.allowed():
                value = line.get("validation")
                hash = str(line["hash"])
                if value is None or line.get("status", "ok") != "ok":
                    continue
                if hash not in best or objective.better(value, best[hash][0]):
                    best[hash] = (value, each.label, line)
    ranked = sorted(best.values(), key=lambda entry: -objective.sign * entry[0])[:BEST]
    limit = found[0].first.run.config.get("limit")
    kept = f" Only those that keep the limit {limit}." if limit else ""
    means = " The true means are those over all trials of the table." if truth else ""
    return Gallery(
        "The best architectures",
        f"Of all runs above, by the {quantity(objective)} that the search was shown, each once."
        + kept
        + means,
        space.name,
        [_tile(k, *entry, objective, space, drawings, truth) for k, entry in enumerate(ranked, 1)],
    )


def _tile(
    rank: int,
    value: float,
    label: str,
    line: dict[str, Any],
    objective: Objective,
    space: SearchSpace,
    drawings: Drawings,
    truth: Benchmark | None,
) -> Tile:
    hash = str(line["hash"])
    known = {} if truth is None else _true_means(truth, hash)
    words = [f"{objective.name} {objective.text(value)}"]
    words += [f"{key} {objective.text(mean)}" for key, mean in known.items()]
    if not known and line.get("test") is not None:
        words.append(f"test {objective.text(line['test'])}")
    words += [f"{line['parameters']:,} parameters"] if line.get("parameters") else []
    words += [f"query {line['query']} of {label}", hash[:12]]
    record: dict[str, Any] = {
        "rank": rank,
        "hash": hash,
        "test": line.get("test"),
        objective.name: value,
        **known,
        "parameters": line.get("parameters"),
        "method": label,
        "query": line["query"],
    }
    record |= line.get("architecture") or {}
    return Tile(drawings.add_record(space, line), f"{rank}.", words, record)


def _true_means(truth: Benchmark, hash: str) -> dict[str, float]:
    """The means of an architecture over all trials, by what they are called."""
    row = truth.row(hash)
    if row is None:
        return {}
    metrics = [name for name in (truth.chosen_by, truth.reported) if name is not None]
    return {f"true mean {metric}": float(truth.metrics[metric].mean()[row]) for metric in metrics}
