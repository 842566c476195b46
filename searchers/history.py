"""The history of a search: measurements, what they cost, and the incumbent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from datasets.benchmark import Benchmark
from datasets.graph import ArchitectureGraph
from datasets.objective import Objective
from datasets.space import SearchSpace
from estimators.measurement import Measurement
from searchers.searcher import Searcher, rank
from searchers.view import SearcherView


@dataclass(frozen=True, slots=True)
class Incumbent:
    """A measurement that was the best when it was made.

    Attributes:
        measurement: as it was made.
        value: what the searcher maximises; the best of those that were trained for the most epochs.
        query: when it was made, counted from 1; 0 for what was known before the search.
    """

    measurement: Measurement
    value: float
    query: int


@dataclass(frozen=True, slots=True)
class Step:
    """One measurement of a search, and where the search stands after it.

    Attributes:
        measurement: of the architecture.
        query: its number, counted from 1; ``None`` for one that is not in the table, which costs
            nothing.
        simulated_seconds: what all measurements so far would have cost, one after the other.
        incumbent: the first of the best measurements; ``None`` while all have failed.
    """

    measurement: Measurement
    query: int | None
    simulated_seconds: float
    incumbent: Incumbent | None


class SearchHistory:
    """Counts queries and simulated seconds, and keeps the incumbent.

    An architecture that is not in the table costs no query and no time. A failure costs both.

    Args:
        searcher: says what is maximised.
        view: what the searcher receives of a measurement.

    Attributes:
        steps: every measurement, in order.
        queries: how many of them cost a query.
        unknown: how many were not in the table.
        succeeded: how many have an accuracy, whether the searcher is shown it or not.
        simulated_seconds: what they cost, one after the other.
        incumbent: the first of the best measurements.
    """

    def __init__(self, searcher: Searcher, view: SearcherView) -> None:
        self._value = searcher.value
        self._view = view
        self.steps: list[Step] = []
        self.queries = 0
        self.unknown = 0
        self.succeeded = 0
        self.simulated_seconds = 0.0
        self.incumbent: Incumbent | None = None

    @property
    def share_known(self) -> float | None:
        """Share of the proposed architectures that the table had; ``None`` before the first."""
        return self.queries / len(self.steps) if self.steps else None

    def add(self, measurement: Measurement) -> Step:
        """Take a measurement in."""
        query = None
        if measurement.status == "unknown":
            self.unknown += 1
        else:
            self.queries += 1
            query = self.queries
            self.simulated_seconds += measurement.cost_seconds or 0.0
            self.succeeded += measurement.ok
            self._compare(measurement, query)
        step = Step(measurement, query, self.simulated_seconds, self.incumbent)
        self.steps.append(step)
        return step

    def know(self, measurement: Measurement) -> None:
        """Take in what was measured before the search: it costs nothing, and may be the best."""
        self._compare(measurement, 0)

    def _compare(self, measurement: Measurement, query: int) -> None:
        value = self._value(self._view(measurement))
        if value is None:
            return
        best = self.incumbent
        if best is None or rank(measurement.fidelity, value) > rank(
            best.measurement.fidelity, best.value
        ):
            self.incumbent = Incumbent(measurement, value, query)

    @property
    def failed(self) -> int:
        """How many measurements failed."""
        return sum(step.measurement.status == "failed" for step in self.steps)

    @property
    def last_failure(self) -> str | None:
        """Why the last failure failed; ``None`` where nothing did."""
        measurements = (step.measurement for step in reversed(self.steps))
        reasons = (one.reason for one in measurements if one.status == "failed")
        return next((reason or "no reason was given" for reason in reasons), None)

    def incumbents(self) -> list[Incumbent | None]:
        """The incumbent after each query, the first of them after the first query."""
        return [step.incumbent for step in self.steps if step.query is not None]


class TableTruth:
    """True means of a table over all trials, which a search does not observe.

    Args:
        benchmark: the table.
        objective: says what is best; default: the metric that its architectures are chosen by.

    Attributes:
        means: ``validation``, as a log calls every value that is searched for, and ``test`` where
            the table has it, over the trials. **Shape** (rows,) each.
    """

    def __init__(self, benchmark: Benchmark, objective: Objective | None = None) -> None:
        self.benchmark = benchmark
        self.objective = objective or benchmark.objective()
        self.means = {"validation": benchmark.metric(benchmark.chosen_by).mean()}
        if benchmark.reported is not None:
            self.means["test"] = benchmark.metric(benchmark.reported).mean()

    def of(self, hash: str) -> dict[str, float | None]:
        """``true_validation`` and ``true_test`` of the architecture with this hash."""
        row = self.benchmark.row(hash)
        return {
            f"true_{metric}": None if row is None else _number(values[row])
            for metric, values in self.means.items()
        }

    def optimum(self, rows: np.ndarray | None = None) -> dict[str, float | None]:
        """The best true means, and the test value of the best by validation.

        Args:
            rows: those of the table that are in the domain; default: all. **Shape** (n,).
        """
        means = {
            name: values if rows is None else values[rows] for name, values in self.means.items()
        }
        best = {name: _number(self.objective.best(values)) for name, values in means.items()}
        if "test" in means:
            first = int(np.nanargmax(self.objective.sign * means["validation"]))
            best["test_of_best_validation"] = _number(means["test"][first])
        return best


def incumbent_record(
    incumbent: Incumbent | None, truth: TableTruth | None
) -> dict[str, Any] | None:
    """An incumbent as plain values: hash, what was measured, and what is true of it."""
    if incumbent is None:
        return None
    measured = incumbent.measurement
    return {
        "hash": measured.hash,
        "validation": measured.validation,
        "test": measured.test,
        "query": incumbent.query,
        **({} if measured.fidelity is None else {"fidelity": measured.fidelity}),
        **(truth.of(measured.hash) if truth else {}),
    }


def found_record(
    incumbent: Incumbent | None, space: SearchSpace, truth: TableTruth | None
) -> dict[str, Any] | None:
    """:func:`incumbent_record` with the architecture, as an object and in the space's notation."""
    record = incumbent_record(incumbent, truth)
    if record is None or incumbent is None:
        return None
    return {**record, **described(incumbent.measurement.architecture, space)}


def described(architecture: ArchitectureGraph, space: SearchSpace) -> dict[str, Any]:
    """An architecture as ``result.json`` has it: an object, and in the space's notation."""
    return {"architecture": space.to_record(architecture), "notation": space.format(architecture)}


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
