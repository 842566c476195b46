"""Measuring by looking into a table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from datasets.benchmark import Benchmark
from datasets.graph import ArchitectureError, ArchitectureGraph
from datasets.space import SearchSpace
from estimators.measurement import Measurement
from experiment.errors import InputError

COST_METRIC = "training_seconds"
_MILLION = 10**6


class LookUp:
    """An :class:`~estimators.measurement.Estimator` that reads a benchmark.

    Args:
        benchmark: measured numbers of architectures.
        trial: which trial's accuracies are given, counted from 0; default: the mean over them.

    Raises:
        InputError: the benchmark has no such trial.
    """

    def __init__(self, benchmark: Benchmark, trial: int | None = None) -> None:
        self.benchmark = benchmark
        self._accuracies = {
            name: metric.mean() if trial is None else metric.trial(trial)
            for name in ("validation", "test")
            if (metric := benchmark.metrics.get(name)) is not None
        }
        if "validation" not in self._accuracies:
            raise InputError(
                f"{benchmark.space.name} on {benchmark.dataset} has no validation accuracies: "
                "choose another source"
            )
        self._others = {
            name: metric.mean()
            for name, metric in benchmark.metrics.items()
            if name not in self._accuracies
        }

    @property
    def space(self) -> SearchSpace:
        """The benchmark's space."""
        return self.benchmark.space

    def measure(self, architectures: Sequence[ArchitectureGraph]) -> Iterator[Measurement]:
        """One measurement for each architecture, in their order."""
        for architecture in architectures:
            yield self._look_up(architecture)

    def _look_up(self, architecture: ArchitectureGraph) -> Measurement:
        try:
            name = self.space.hash(architecture)
        except ArchitectureError as error:
            return Measurement(architecture, "", "failed", str(error))
        row = self.benchmark.row(name)
        if row is None:
            return Measurement(architecture, name, "unknown", "it is not in the table")
        found = {name: _number(values[row]) for name, values in self._accuracies.items()}
        if found["validation"] is None:
            return Measurement(
                architecture, name, "unknown", "this trial of it is not in the table"
            )
        others = {
            key: number
            for key, values in self._others.items()
            if (number := _number(values[row])) is not None
        }
        mflops = others.pop("mflops", None)
        return Measurement(
            architecture,
            name,
            "ok",
            validation=found["validation"],
            test=found.get("test"),
            cost_seconds=others.pop(COST_METRIC, None),
            parameters=_whole(others.pop("parameters", None)),
            flops=None if mflops is None else round(_MILLION * mflops),
            details=others,
        )


def _number(value: np.floating) -> float | None:
    return None if np.isnan(value) else float(value)


def _whole(value: float | None) -> int | None:
    return None if value is None else round(value)
