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

COST_METRIC = "training_seconds"
_MILLION = 10**6


class LookUp:
    """An :class:`~estimators.measurement.Estimator` that reads a benchmark.

    The value of a measurement is that of the metric that the benchmark's architectures are chosen
    by; where this is not called ``validation``, it is among the details by its own name as well.

    Args:
        benchmark: measured numbers of architectures.
        trial: which trial is given, counted from 0, of everything that has as many trials as
            the metric that architectures are chosen by; default: the means over them.

    Raises:
        InputError: the benchmark lacks the metric that architectures are chosen by, or has no
            such trial of it or of the test values.
    """

    def __init__(self, benchmark: Benchmark, trial: int | None = None) -> None:
        if not isinstance(benchmark, Benchmark):
            raise InputError(
                f"the benchmark is {shown(benchmark)}, expected a Benchmark: "
                "datasets.get_benchmark(name) gives the one of a name"
            )
        if benchmark.chosen_by not in benchmark.metrics:
            raise InputError(
                f"{benchmark.space.name} on {benchmark.dataset} has no {benchmark.chosen_by} "
                f"values, it has {', '.join(benchmark.metrics)}: choose another source, or name "
                "one of these as the benchmark's chosen_by"
            )
        self.benchmark = benchmark
        self._reported = benchmark.reported
        self._values = {
            name: metric.mean()
            if trial is None or not self._by_trial(metric)
            else metric.trial(trial)
            for name, metric in benchmark.metrics.items()
        }
        self._missing = f"the table has no {benchmark.chosen_by} value of it" + (
            "" if trial is None else f" in trial {trial}"
        )

    def _by_trial(self, metric: Metric) -> bool:
        """Whether its columns are the same trials as those that architectures are chosen by."""
        chosen_by = self.benchmark.chosen_by
        trials = self.benchmark.metrics[chosen_by].values.shape[1]
        same = not metric.averaged and metric.values.shape[1] == trials
        return metric.name in (chosen_by, self._reported) or same

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
        chosen_by = self.benchmark.chosen_by
        if chosen_by not in found:
            return Measurement(architecture, hash, "unknown", self._missing)
        value = found.pop("validation") if chosen_by == "validation" else found[chosen_by]
        mflops = found.pop("mflops", None)
        return Measurement(
            architecture,
            hash,
            "ok",
            validation=value,
            test=None if self._reported is None else found.pop(self._reported, None),
            cost_seconds=found.pop(COST_METRIC, None),
            parameters=_whole(found.pop("parameters", None)),
            flops=None if mflops is None else round(_MILLION * mflops),
            details=found,
        )


def _whole(value: float | None) -> int | None:
    return None if value is None else round(value)
