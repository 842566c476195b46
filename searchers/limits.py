"""What a search may look at beside the accuracy: costs of an architecture, and limits on them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass, replace

import numpy as np

from datasets.benchmark import Benchmark, Metric
from datasets.registry import benchmark_choices
from estimators.measurement import Measurement
from experiment.errors import InputError
from predictors.features.costs import cost_formula

FIGURES = ("parameters", "flops", "cost_seconds")
"""Costs that a measurement has of its own; all others are among its details."""
COLUMNS = {"flops": "mflops", "cost_seconds": "training_seconds"}
"""Costs whose column in a table has another name."""
COUNTED = {"parameters": "parameters", "mflops": "MFLOPs"}
"""Columns that follow from the architecture → their units."""
LATENCY = "latency."
"""Begins the names of the latencies that ``datasets/benchmarks/nb201.py`` can add."""
CHOICE = "latency_devices"
"""The choice of a benchmark by which it adds them."""


def cost(measurement: Measurement, name: str) -> float | None:
    """A cost of an architecture; ``None`` where it was not measured.

    Args:
        measurement: of the architecture.
        name: ``parameters``, ``flops``, ``cost_seconds``, or a detail such as ``latency.pixel3``.
    """
    found = getattr(measurement, name) if name in FIGURES else measurement.details.get(name)
    return None if found is None else float(found)


def latency_choices(space: str, names: Sequence[str]) -> dict[str, list[str]]:
    """What to ask of the table of a space, so that it has the latencies among some costs."""
    devices = [name.removeprefix(LATENCY) for name in names if name.startswith(LATENCY)]
    return {CHOICE: devices} if devices and CHOICE in benchmark_choices(space) else {}


def with_counted_cost(benchmark: Benchmark, name: str) -> Benchmark:
    """The same with the parameters or FLOPs of the published networks, where it lacks them.

    ENAS's files have accuracies alone, NAS-Bench-101's no FLOPs; both follow from the
    architecture.

    Args:
        benchmark: the table.
        name: of the cost that is needed; nothing is added for others.
    """
    metric = COLUMNS.get(name, name)
    formula = cost_formula(benchmark.space)
    if metric not in COUNTED or metric in benchmark.metrics or formula is None:
        return benchmark
    costs = formula(benchmark.graphs)
    counted = costs.parameters.double() if metric == "parameters" else costs.flops.double() / 1e6
    extended = copy(benchmark)
    extended.metrics = {
        **benchmark.metrics,
        metric: Metric(
            metric,
            COUNTED[metric],
            "of the published network, counted",
            counted.numpy()[:, None],
            averaged=True,
        ),
    }
    return extended


def table_costs(benchmark: Benchmark, name: str) -> np.ndarray:
    """A cost of every row of a table, as :func:`cost` gives it. **Shape** (rows,).

    Raises:
        InputError: the table has no such cost.
    """
    metric = COLUMNS.get(name, name)
    if metric not in benchmark.costs:
        names = {column: own for own, column in COLUMNS.items()}
        known = [names.get(one, one) for one in benchmark.costs]
        raise InputError(
            f"{benchmark.space.name} on {benchmark.dataset} has no cost {name!r}: "
            f"it has {', '.join(known) or 'none'}"
        )
    return benchmark.metrics[metric].mean() * (1e6 if name == "flops" else 1)


@dataclass(frozen=True)
class Limit:
    """The most that an architecture may cost.

    Attributes:
        name: of the cost.
        most: in the cost's own unit (seconds, milliseconds, parameters, multiply-adds).
    """

    name: str
    most: float

    @classmethod
    def parse(cls, text: str) -> Limit:
        """Read ``NAME<=NUMBER``.

        Raises:
            InputError: the text has another form.
        """
        match = re.fullmatch(r"\s*([\w.]+)\s*<=\s*([-+.\deE]+)\s*", text)
        try:
            most = float(match[2]) if match else np.nan
        except ValueError:
            most = np.nan
        if match is None or not np.isfinite(most):
            raise InputError(f"{text!r} is no limit: expected NAME<=NUMBER, parameters<=500000")
        return cls(match[1], most)

    def __call__(self, measurement: Measurement) -> Measurement:
        """The measurement as a search sees it: a failure where it costs too much."""
        if not measurement.ok:
            return measurement
        found = cost(measurement, self.name)
        if found is None:
            reason = f"its {self.name} was not measured"
        elif found > self.most:
            reason = f"its {self.name} is {found:g}, allowed are {self.most:g}"
        else:
            return measurement
        return replace(measurement, status="failed", reason=reason)
