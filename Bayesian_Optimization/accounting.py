"""What a search has spent and found: the same account for every searcher."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from Bayesian_Optimization.searcher import Searcher
from datasets.benchmark import Benchmark
from estimators.measurement import Measurement

ACCURACIES = ("validation", "test")

View = Callable[[Measurement], Measurement]
"""What a searcher is shown of a measurement: a limit on a cost makes failures of some."""


def unchanged(measurement: Measurement) -> Measurement:
    """Everything that was measured."""
    return measurement


@dataclass(frozen=True, slots=True)
class Found:
    """A measurement that was the best so far when it was made.

    Attributes:
        measurement: as the searcher saw it.
        value: what is maximised.
        query: when it was made, counted from 1.
    """

    measurement: Measurement
    value: float
    query: int


@dataclass(frozen=True, slots=True)
class Step:
    """One measurement of a search, and where the search stands after it.

    Attributes:
        measurement: what came of the architecture.
        query: its number, counted from 1; ``None`` for one that is not in the table, which costs
            nothing.
        simulated_seconds: what all measurements so far would have cost, one after the other.
        incumbent: the best so far, the first of equal ones; ``None`` while all have failed.
    """

    measurement: Measurement
    query: int | None
    simulated_seconds: float
    incumbent: Found | None


class Account:
    """Counts queries and simulated seconds, and keeps the incumbent.

    An architecture that is not in the table costs no query and no time. A failure costs both.

    Args:
        searcher: says what is maximised.
        view: what the searcher is shown of a measurement.

    Attributes:
        steps: every measurement, in order.
        queries: how many of them cost a query.
        unknown: how many were not in the table.
        succeeded: how many have an accuracy, whether the searcher is shown it or not.
        simulated_seconds: what they cost, one after the other.
        incumbent: the best so far.
    """

    def __init__(self, searcher: Searcher, view: View = unchanged) -> None:
        self._value = searcher.value
        self._view = view
        self.steps: list[Step] = []
        self.queries = 0
        self.unknown = 0
        self.succeeded = 0
        self.simulated_seconds = 0.0
        self.incumbent: Found | None = None

    @property
    def share_known(self) -> float | None:
        """Share of the architectures asked for that the table had; ``None`` before the first."""
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
            value = self._value(self._view(measurement))
            if value is not None and (self.incumbent is None or value > self.incumbent.value):
                self.incumbent = Found(measurement, value, query)
        step = Step(measurement, query, self.simulated_seconds, self.incumbent)
        self.steps.append(step)
        return step

    def incumbents(self) -> list[Found | None]:
        """The incumbent after each query, the first of them after the first query."""
        return [step.incumbent for step in self.steps if step.query is not None]


class Truth:
    """What a table knows beyond what a search is shown: means over all trials.

    Args:
        benchmark: the table.
    """

    def __init__(self, benchmark: Benchmark) -> None:
        self.benchmark = benchmark
        self.means = {
            name: benchmark.metrics[name].mean() for name in ACCURACIES if name in benchmark.metrics
        }

    def of(self, name: str) -> dict[str, float | None]:
        """``true_validation`` and ``true_test`` of the architecture with this hash."""
        row = self.benchmark.row(name)
        return {
            f"true_{metric}": None if row is None else _number(values[row])
            for metric, values in self.means.items()
        }

    def optimum(self, rows: np.ndarray | None = None) -> dict[str, float | None]:
        """The best true means, and the test accuracy of the best by validation.

        Args:
            rows: those of the table that may be asked for; default: all. **Shape** (n,).
        """
        means = {
            name: values if rows is None else values[rows] for name, values in self.means.items()
        }
        best = {name: _number(np.nanmax(values)) for name, values in means.items()}
        if "test" in means:
            first = int(np.nanargmax(means["validation"]))
            best["test_of_best_validation"] = _number(means["test"][first])
        return best


def report(found: Found | None, truth: Truth | None) -> dict[str, Any] | None:
    """An incumbent as plain values: hash, what was measured, and what is true of it."""
    if found is None:
        return None
    measured = found.measurement
    return {
        "hash": measured.hash,
        "validation": measured.validation,
        "test": measured.test,
        "query": found.query,
        **(truth.of(measured.hash) if truth else {}),
    }


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
