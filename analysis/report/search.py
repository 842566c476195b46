"""The part of a report on searches: curves of incumbent and regret, queries, what was found."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from analysis.report.blocks import (
    Axis,
    Block,
    Cell,
    Chart,
    Facts,
    Headline,
    Paragraph,
    Section,
    Series,
    Table,
    View,
    number,
    percent,
    quantity,
    shown,
    text,
    value_axis,
)
from analysis.report.declared import declared_blocks
from analysis.report.drawings import Drawings, space_named
from analysis.report.found import QUERIES, best_gallery, costs_chart, padded, queries_chart
from analysis.report.latents import LatentFiles, latent_chart
from analysis.report.runs import Run
from analysis.report.traces import PROTOCOL, TOLERANCE, Contestant, Spread, Trace, contestants
from datasets.objective import ACCURACY, SHARE, Objective
from datasets.registry import find_benchmark

BUDGETS = (10, 20, 30, 50, 64, 100, 150, 200, 300, 500)
"""Queries of the table's columns, up to the longest search."""
METHODS_DRAWN = 8
"""Methods whose queries and paths are drawn, a view each."""


def search_section(
    runs: Sequence[Run],
    anchor: str,
    drawings: Drawings,
    latents: LatentFiles,
    data_root: Path | None,
) -> Section:
    """Searches of one protocol, compared."""
    found = contestants(runs)
    config = runs[0].config
    objective = Objective.read(config)
    title = f"Search on {config['space']}"
    if dataset := config.get("dataset"):
        title += f", {dataset}"
    if objective.trial is not None:
        title += f", trial {objective.trial}"
    if objective != ACCURACY:
        title += f": {replace(objective, dataset=None, trial=None).label}"
    blocks: list[Block] = [Paragraph(notice, "warning") for run in runs for notice in run.notices]
    blocks += [
        Paragraph(f"{run.name} was given up: {run.result['given_up']}", "warning")
        for run in runs
        if run.result.get("given_up")
    ]
    blocks += [Paragraph(notice, "warning") for notice in _twins(found)]
    blocks.append(_facts(runs))
    if config.get("estimator") == "surrogate":
        blocks.append(
            Paragraph(
                "Values that the search was shown are guesses of a fitted predictor, "
                "no measurements.",
                "warning",
            )
        )
    if not found:
        blocks.append(Paragraph("Nothing was measured yet.", "warning"))
        return Section(anchor, title, "optimise", blocks)
    contest = _Contest(found, config)
    blocks += [contest.table(), *contest.incumbents(), *contest.regrets()]
    space = space_named(runs[0].space)
    drawn = found[:METHODS_DRAWN]
    blocks.append(queries_chart(drawn, space, drawings))
    if (costs := costs_chart(drawn, space, drawings)) is not None:
        blocks.append(costs)
    if space is not None:
        file = latents.of(space.name)
        if file is not None:
            blocks.append(latent_chart(file, drawings, data_root, drawn, dataset))
        table = find_benchmark(space.name, data_root, dataset) if contest.true else None
        blocks.append(best_gallery(found, space, drawings, table))
    blocks += [block for run in runs for block in declared_blocks(run)]
    return Section(anchor, title, "optimise", blocks, contest.headlines())


def _facts(runs: Sequence[Run]) -> Facts:
    config = runs[0].config
    entries = {
        name: shown(config[name])
        for name in PROTOCOL
        if config.get(name) is not None and name not in ("training", "objective", "known")
    }
    objective = Objective.read(config)
    direction = "maximised" if objective.maximise else "minimised"
    entries["objective"] = f"{objective.label}, {direction}"
    if known := config.get("known"):
        entries["known before"] = f"{known['count']} measurements"
    if config.get("estimator") == "table":
        trial = config.get("trial")
        entries["trial"] = "mean over the trials" if trial is None else f"trial {trial} alone"
    for name in ("queries", "initial", "batch", "seed"):
        values = sorted({run.config[name] for run in runs if name in run.config})
        entries[f"{name}s" if name == "seed" else name] = ", ".join(map(str, values))
    if shares := [share for run in runs if (share := run.result.get("utilisation"))]:
        entries["workers at work"] = ", ".join(f"{share:.0%} of the time" for share in shares)
    entries["runs"] = str(len(runs))
    return Facts(entries)


def _twins(found: Sequence[Contestant]) -> list[str]:
    """A sentence for every way of searching that has a seed twice."""
    notices = []
    for each in found:
        seeds = [trace.run.config.get("seed") for trace in each.traces]
        if len(set(seeds)) < len(seeds):
            notices.append(f"{each.label} has runs with the same seed; each counts as a run.")
    return notices


class _Contest:
    """Ways of searching that were measured alike.

    Attributes:
        found: the ways.
        true: whether means over all trials are known, so that they are what is shown.
        optimum: the true optimum, empty where it is unknown.
        objective: what is shown, which is of no single trial where means are.
    """

    def __init__(self, found: Sequence[Contestant], config: dict[str, Any]) -> None:
        self.found = found
        self.true = all(trace.has_truth for each in found for trace in each.traces)
        results = [trace.run.result for each in found for trace in each.traces]
        optima = [result["optimum"] for result in results if result.get("optimum")]
        self.optimum: dict[str, float | None] = optima[0] if optima and self.true else {}
        self.kind = "true mean" if self.true else "measured"
        self.config = config
        objective = Objective.read(config)
        self.objective = replace(objective, trial=None) if self.true else objective
        tests = [self.spread(each, "test").x for each in found]
        self.metrics = ("test", "validation") if any(map(len, tests)) else ("validation",)

    def spread(self, each: Contestant, metric: str) -> Spread:
        return each.over_queries(metric, true=self.true)

    def protocol(self) -> str:
        counts = sorted({len(each.traces) for each in self.found})
        runs = f"{counts[0]}" if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
        many = counts[-1] > 1
        caption = (
            f"Median over {runs} runs a method that differ in their seed; the band holds the "
            "middle half of them. "
            if many
            else "One run a method. "
        )
        caption += (
            f"The incumbent is the best by the {quantity(self.objective)} that the search was shown"
            + (
                "; its means over all trials of the table are drawn"
                if self.true
                else "; its measured values are drawn"
            )
            + "."
        )
        if self.config.get("estimator") != "function":
            caption += " What is not in the table costs no query."
        return caption

    def incumbents(self) -> list[Chart]:
        """What had been found after each query, and at each simulated hour."""
        views = []
        for metric in self.metrics:
            y = value_axis(self.objective, metric, " of the incumbent")
            rules = self._rules(metric)
            views += [
                View(
                    f"{metric}, {by}",
                    x,
                    y,
                    _lines(spreads),
                    rules,
                    window=self._window(metric, spreads),
                )
                for by, x in self._horizontal()
                if (spreads := self._spreads(metric, x))
            ]
        what = "accuracy" if self.objective == ACCURACY else self.objective.name
        title = f"The incumbent: {self.kind} {what}"
        return [Chart(title, self.protocol(), views)] if views else []

    def regrets(self) -> list[Chart]:
        """Regret: the difference between the optimum and the incumbent."""
        unit = "percentage points" if self.objective.unit == SHARE else self.objective.unit
        views = []
        for metric in reversed(self.metrics):
            best = self.optimum.get(metric)
            if best is None:
                continue
            for by, x in self._horizontal():
                lacking = {
                    label: spread.regret(best, self.objective)
                    for label, spread in self._spreads(metric, x).items()
                }
                if not lacking:
                    continue
                words = ", ".join(word for word in (f"{metric} regret", unit) if word)
                y = Axis(words, floor=_floor(lacking.values(), best))
                views.append(View(f"{metric}, {by}", x, y, _lines(lacking)))
        title = "Regret of the incumbent"
        caption = f"The optimum is that of the candidate set, by mean {quantity(self.objective)}."
        return [Chart(title, f"{self.protocol()} {caption}", views)] if views else []

    def table(self) -> Table:
        """A row a method."""
        longest = max(trace.queries for each in self.found for trace in each.traces)
        budgets = [each for each in BUDGETS if each < longest] + [longest]
        metric = self.metrics[0]
        named = metric if metric == "test" else self.objective.name
        columns = ["method", "runs", *(f"{named} at {each}" for each in budgets)]
        columns += [f"{self.objective.name} at {longest}"] if metric == "test" else []
        best = self.optimum.get("validation")
        columns += ["found the best", "median queries to it"] if best is not None else []
        columns += [f"recommended: {named}"]
        columns += ["in the table", "simulated hours"] if self._by_estimator() else []
        columns += ["choosing, s a query"]
        rows = [self._row(each, budgets, longest) for each in self.found]
        unit = self.objective.written_unit.replace("%", "percent")
        in_unit = f", in {unit}" if unit else ""
        return Table(
            "What was found",
            f"Values are {self.kind} {'accuracies' if self.objective == ACCURACY else 'values'} of "
            f"the incumbent by {self.objective.name} after so many queries{in_unit}, mean ± "
            "standard deviation over the runs that got so far. "
            "Recommended: the best by posterior mean, of methods that have a model.",
            columns,
            rows,
        )

    def _row(self, each: Contestant, budgets: Sequence[int], longest: int) -> list[Cell]:
        metric = self.metrics[0]
        row = [text(each.label), number(len(each.traces))]
        spread = self.spread(each, metric)
        row += [_at(spread, budget, self.objective) for budget in budgets]
        if metric == "test":
            row.append(_at(self.spread(each, "validation"), longest, self.objective))
        best = self.optimum.get("validation")
        if best is not None:
            to_best = [trace.queries_to(best, true=self.true) for trace in each.traces]
            hits = [count for count in to_best if count is not None]
            row.append(Cell(f"{len(hits)} of {len(to_best)}", len(hits)))
            row.append(_median_with_misses(to_best))
        recommended = _values(each.traces, lambda trace: _recommended(trace, metric))
        known = _values(each.traces, lambda trace: trace.run.result.get("share_known"))
        hours = _values(each.traces, lambda t: t.figure("simulated_seconds")[-1] / 3600)
        choosing = _values(each.traces, lambda t: t.choosing_seconds() / t.queries)
        row.append(_mean_and_std(recommended, self.objective))
        if self._by_estimator():
            row.append(percent(float(np.mean(known)) if known else None, 1))
            row.append(number(float(np.mean(hours)) if hours else None, ".3g"))
        row.append(number(float(np.mean(choosing)) if choosing else None, ".3g"))
        return row

    def _by_estimator(self) -> bool:
        """Whether architectures came from a table or a training, not from a function."""
        return self.config.get("estimator") != "function"

    def headlines(self) -> list[Headline]:
        """The best method by validation, and what it found."""
        curves = {
            each.label: curve
            for each in self.found
            if len(curve := self.spread(each, "validation").median)
        }
        if not curves:
            return []
        # Of methods that end alike the one that was ahead before.
        sign = self.objective.sign
        label = max(
            curves, key=lambda name: (sign * curves[name][-1], sign * float(curves[name].mean()))
        )
        best = next(each for each in self.found if each.label == label)
        metric = self.metrics[0]
        value = self.spread(best, metric).median[-1]
        queries = max(trace.queries for trace in best.traces)
        where = " ".join(str(self.config[k]) for k in ("space", "dataset") if self.config.get(k))
        runs = f"median of {len(best.traces)} runs" if len(best.traces) > 1 else "one run"
        by = self.objective.name
        of_all = f", best of {len(self.found)} methods by {by}" if len(self.found) > 1 else ""
        what = quantity(self.objective, metric)
        meaning = f"{self.kind} {what} on {where}: {best.label}, {queries} queries"
        return [Headline(self.objective.text(value), f"{meaning}, {runs}{of_all}")]

    def _horizontal(self) -> list[tuple[str, Axis]]:
        """What curves are drawn against."""
        axes = [("by queries", QUERIES)]
        return [*axes, ("by simulated hours", _HOURS)] if self._has_time() else axes

    def _spreads(self, metric: str, x: Axis) -> dict[str, Spread]:
        """Label → the curve of each method that has one; hours where ``x`` is time."""
        spreads = {
            each.label: self.spread(each, metric)
            if x is QUERIES
            else each.over_time(metric, true=self.true)
            for each in self.found
        }
        return {label: spread for label, spread in spreads.items() if len(spread.x)}

    def _window(
        self, metric: str, spreads: Mapping[str, Spread]
    ) -> tuple[float, float, float, float] | None:
        """From what the random beginning found on: before it, every method is the same."""
        started = max(
            trace.run.config.get("initial") or 1 for e in self.found for trace in e.traces
        )
        over_queries = [self.spread(each, metric) for each in self.found]
        up = self.objective.maximise
        worst = [(each.low if up else each.high)[each.x >= started] for each in over_queries]
        if not any(map(len, worst)):
            return None
        best = np.concatenate([each.high if up else each.low for each in spreads.values()])
        ends = [*np.concatenate(worst), self.objective.best(best), *self._rules(metric)]
        right = max(float(spread.x[-1]) for spread in spreads.values())
        return 0.0, 1.02 * right, *padded(float(min(ends)), float(max(ends)), 0.08)

    def _rules(self, metric: str) -> dict[float, str]:
        if metric == "validation" and self.optimum.get("validation") is not None:
            return {float(self.optimum["validation"] or 0): "optimum"}
        rules = {}
        if (value := self.optimum.get("test_of_best_validation")) is not None:
            rules[float(value)] = f"test of the best by {self.objective.name}"
        if (value := self.optimum.get("test")) is not None:
            rules[float(value)] = "the best by test"
        return rules

    def _has_time(self) -> bool:
        ends = [trace.figure("simulated_seconds") for each in self.found for trace in each.traces]
        return all(np.isfinite(end).all() and end[-1] > 0 for end in ends)


_HOURS = Axis("simulated hours, one training after the other")


def _lines(spreads: Mapping[str, Spread]) -> list[Series]:
    """Medians, with a band where there are several runs."""
    return [
        Series(
            label,
            spread.x,
            spread.median,
            "steps",
            low=spread.low if spread.runs.max() > 1 else None,
            high=spread.high if spread.runs.max() > 1 else None,
            columns={
                "mean": spread.mean.tolist(),
                "standard deviation": spread.std.tolist(),
                "runs": spread.runs.tolist(),
            },
        )
        for label, spread in spreads.items()
    ]


def _floor(spreads: Iterable[Spread], best: float) -> float:
    """A power of ten below all regrets that are not 0; what is there counts as 0."""
    every = np.concatenate([spread.median for spread in spreads])
    positive = every[every > 100 * TOLERANCE * max(1.0, abs(best))]
    return float(10 ** np.floor(np.log10(positive.min() / 2))) if len(positive) else 1e-3


def _at(spread: Spread, queries: int, objective: Objective) -> Cell:
    """Mean and standard deviation after so many queries."""
    row = np.flatnonzero(spread.x == queries)
    if not len(row):
        return Cell("–")
    mean, std = spread.mean[row[0]], spread.std[row[0]]
    return Cell(objective.spread(float(mean), float(std)), float(mean))


def _median_with_misses(counts: Sequence[int | None]) -> Cell:
    """The median of the runs, where half of them at least got there."""
    median = float(np.median([np.inf if count is None else count for count in counts]))
    return number(median) if np.isfinite(median) else Cell("–")


def _values(traces: Sequence[Trace], figure: Callable[[Trace], float | None]) -> list[float]:
    """A figure of every run that has it."""
    found = [value for trace in traces if (value := figure(trace)) is not None]
    return [value for value in found if np.isfinite(value)]


def _recommended(trace: Trace, metric: str) -> float | None:
    found = trace.run.result.get("recommended") or {}
    measured = found.get(metric, found.get("value"))
    return found.get(f"true_{metric}", measured)


def _mean_and_std(values: Sequence[float], objective: Objective) -> Cell:
    if not values:
        return Cell("–")
    mean = float(np.mean(values))
    std = float(np.std(values, ddof=1)) if len(values) > 1 else float("nan")
    return Cell(objective.spread(mean, std), mean)
