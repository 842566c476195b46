"""Measuring by looking into a table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from datasets.batch import as_graphs
from datasets.benchmark import Benchmark, Metric
from datasets.graph import ArchitectureError, ArchitectureGraph
from datasets.space import SearchSpace
from estimators.measurement import Measurement
from experiment.checks import shown
from experiment.errors import InputError

ACCURACIES = ("validation", "test")
COST_METRIC = "training_seconds"
_MILLION = 10**6


class LookUp:
    """An :class:`~estimators.measurement.Estimator` that reads a benchmark.

    Args:
        benchmark: measured numbers of architectures.
        trial: which trial is given, counted from 0, of everything that has as many trials as
            the validation values; default: the means over them.

    Raises:
        InputError: the benchmark has no validation values, or no such trial of them or of
            the test values.
    """

    def __init__(self, benchmark: Benchmark, trial: int | None = None) -> None:
        if not isinstance(benchmark, Benchmark):
            raise InputError(
                f"the benchmark is {shown(benchmark)}, expected a Benchmark: "
                "datasets.get_benchmark(name) gives the one of a name"
            )
        if "validation" not in benchmark.metrics:
            raise InputError(
                f"{benchmark.space.name} on {benchmark.dataset} has no validation values: "
                "choose another source"
            )
        self.benchmark = benchmark
        self._values = {
            name: metric.mean()
            if trial is None or not self._by_trial(metric)
            else metric.trial(trial)
            for name, metric in benchmark.metrics.items()
        }
        self._missing = "the table has no validation value of it" + (
            "" if trial is None else f" in trial {trial}"
        )

    def _by_trial(self, metric: Metric) -> bool:
        """Whether its columns are the same trials as those of the validation values."""
        trials = self.benchmark.metrics["validation"].values.shape[1]
        same = not metric.averaged and metric.values.shape[1] == trials
        return metric.name in ACCURACIES or same

    @property
    def space(self) -> SearchSpace:
        """The benchmark's space."""
        return self.benchmark.space

    def measure(self, architectures: Sequence[ArchitectureGraph]) -> Iterator[Measurement]:
        """One measurement for each architecture, in their order."""
        for architecture in as_graphs(architectures):
            yield self._look_up(architecture)

    def _look_up(self, architecture: ArchitectureGraph) -> Measurement:
        try:
            hash = self.space.hash(architecture)
        except ArchitectureError as error:
            return Measurement(architecture, "", "failed", str(error))
        row = self.benchmark.row(hash)
        if row is None:
            return Measurement(architecture, hash, "unknown", "it is not in the table")
        found = {
            metric: float(values[row])
            for metric, values in self._values.items()
            if not np.isnan(values[row])
        }
        if "validation" not in found:
            return Measurement(architecture, hash, "unknown", self._missing)
        mflops = found.pop("mflops", None)
        return Measurement(
            architecture,
            hash,
            "ok",
            validation=found.pop("validation"),
            test=found.pop("test", None),
            cost_seconds=found.pop(COST_METRIC, None),
            parameters=_whole(found.pop("parameters", None)),
            flops=None if mflops is None else round(_MILLION * mflops),
            details=found,
        )


def _whole(value: float | None) -> int | None:
    return None if value is None else round(value)
