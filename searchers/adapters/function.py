"""What measures architectures, as a plain function of a configuration."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from datasets.benchmark import Benchmark
from datasets.objective import ACCURACY, Objective
from estimators.lookup import COST_METRIC, LookUp
from estimators.measurement import Estimator, Measurement
from experiment.checks import shown
from experiment.errors import InputError
from searchers.adapters.parameters import parameters_of


class ConfigurationFunction:
    """A benchmark, or any other estimator, as a function of a configuration.

    Args:
        source: a table, of which the means over the trials are given; or an estimator:
            ``LookUp(benchmark, trial=0)``, ``FromScratch(…)``, ``OwnFunction(…)``.
        objective: what is optimised; default: the table's validation metric, or an accuracy.

    Attributes:
        parameters: those of the space.
        objective: name, direction and unit.

    Raises:
        InputError: the source is neither, the table lacks the metric to choose by, or no
            parameters describe its space.
    """

    def __init__(self, source: Benchmark | Estimator, objective: Objective | None = None) -> None:
        estimator = LookUp(source) if isinstance(source, Benchmark) else source
        if not (hasattr(estimator, "measure") and hasattr(estimator, "space")):
            raise InputError(
                f"the source is {shown(source)}, expected a Benchmark or an estimator: "
                "datasets.get_benchmark(name) gives the benchmark of a name"
            )
        usual = ACCURACY
        if isinstance(estimator, LookUp):
            usual = estimator.benchmark.objective()
        self.estimator = estimator
        self.objective = objective or usual
        self.parameters = parameters_of(estimator.space)

    def measure(self, configuration: Mapping[str, Any]) -> Measurement:
        """Measure the architecture of a configuration; one that describes none has failed.

        Raises:
            InputError: a parameter is missing or unknown, or a value is none of its choices.
        """
        graph = self.parameters.decode(self.parameters.check(configuration))
        space = self.parameters.space
        if (reason := space.why_illegal(graph)) is not None:
            return Measurement(
                graph, "", "failed", f"not an architecture of {space.name}: {reason}"
            )
        (measurement,) = self.estimator.measure([space.canonical(graph)])
        return measurement

    def __call__(self, configuration: Mapping[str, Any]) -> dict[str, float]:
        """What was measured, by name; ``validation`` is NaN where there is no value.

        Raises:
            InputError: see :meth:`measure`.
        """
        return figures(self.measure(configuration))


def figures(measurement: Measurement) -> dict[str, float]:
    """All numbers of a measurement by the names that tables use."""
    costs = {
        COST_METRIC: measurement.cost_seconds,
        "parameters": measurement.parameters,
        "flops": measurement.flops,
    }
    known = {name: value for name, value in costs.items() if value is not None}
    return {"validation": math.nan, **measurement.values, **known}
