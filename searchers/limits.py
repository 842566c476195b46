"""What a search may look at beside its objective: costs of an architecture, limits on figures."""

from __future__ import annotations

import re
from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass, replace

import numpy as np

from datasets.benchmark import Benchmark, Metric
from datasets.objective import Objective
from datasets.registry import benchmark_choices
from estimators.measurement import Measurement
from experiment.errors import InputError
from predictors.features.costs import cost_formula

UNITS = {"parameters": None, "flops": None, "cost_seconds": "seconds"}
"""Costs that a measurement has of its own → their units, ``None`` for counts; all others are among
its details."""
COLUMNS = {"flops": "mflops", "cost_seconds": "training_seconds"}
"""Costs whose column in a table has another name."""
COUNTED = {"parameters": "parameters", "mflops": "MFLOPs"}
"""Columns that follow from the architecture → their units."""
LATENCY = "latency."
"""Begins the names of the latencies that ``datasets/benchmarks/nb201.py`` can add."""
CHOICE = "latency_devices"
"""The choice of a benchmark by which it adds them."""


def cost(measurement: Measurement, name: str) -> float | None:
    """A cost of an architecture, or another figure of it; ``None`` where it was not measured.

    Args:
        measurement: of the architecture.
        name: ``parameters``, ``flops``, ``cost_seconds``, or one of its values, such as ``test``
            or the detail ``latency.pixel3``.
    """
    # Where a table is searched by another metric, its own "validation" is a detail.
    values = {**measurement.values, **measurement.details}
    found = getattr(measurement, name) if name in UNITS else values.get(name)
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


def cost_column(benchmark: Benchmark, name: str) -> str:
    """The metric of a table that holds a limited quantity, such as a cost.

    Raises:
        InputError: the table has no such metric.
    """
    names = {column: own for own, column in COLUMNS.items()}
    known = [names.get(k, k) for k, one in benchmark.metrics.items() if one.kind != "note"]
    if name not in known:
        raise InputError(
            f"{benchmark.space.name} on {benchmark.dataset} has no metric {name!r}: "
            f"it has {', '.join(known)}"
        )
    return COLUMNS.get(name, name)


def table_costs(benchmark: Benchmark, name: str) -> np.ndarray:
    """A cost of every row of a table, as :func:`cost` gives it. **Shape** (rows,).

    Raises:
        InputError: the table has no such metric.
    """
    values = benchmark.metrics[cost_column(benchmark, name)].mean()
    return values * (1e6 if name == "flops" else 1)


def measured_cost(name: str, benchmark: Benchmark | None = None) -> Objective:
    """A cost as an objective: its name, direction and unit.

    Args:
        name: of the cost, see :func:`cost`; of a table any metric.
        benchmark: a table that has it; default: what a training measures.

    Raises:
        InputError: the table, or a training, has no such cost.
    """
    if benchmark is None:
        if name not in UNITS:
            raise InputError(f"a training has no cost {name!r}: limit one of {', '.join(UNITS)}")
        return Objective(name, False, UNITS[name])
    own = benchmark.metrics[cost_column(benchmark, name)].objective
    return replace(own, name=name, unit=UNITS.get(name, own.unit))


@dataclass(frozen=True)
class Limit:
    """A bound on an objective: at most of what is minimised, at least of what is maximised.

    Attributes:
        objective: what is limited, such as a cost.
        bound: the last value that is allowed, in the objective's unit (seconds, milliseconds,
            parameters, multiply-adds).
    """

    objective: Objective
    bound: float

    @classmethod
    def parse(cls, text: str) -> Limit:
        """Read ``NAME<=NUMBER`` or ``NAME>=NUMBER``, which say the direction as well.

        Raises:
            InputError: the text has another form.
        """
        match = re.fullmatch(r"\s*([\w.]+)\s*([<>]=)\s*([-+.\deE]+)\s*", text)
        try:
            bound = float(match[3]) if match else np.nan
        except ValueError:
            bound = np.nan
        if match is None or not np.isfinite(bound):
            raise InputError(
                f"{text!r} is no limit: expected NAME<=NUMBER or NAME>=NUMBER, such as "
                "parameters<=500000"
            )
        return cls(Objective(match[1], maximise=match[2] == ">="), bound)

    @property
    def name(self) -> str:
        """What is limited."""
        return self.objective.name

    def keeps(self, values: np.ndarray) -> np.ndarray:
        """Which values are allowed; NaN is not. **Shape** (n,) each."""
        return self.objective.sign * values >= self.objective.sign * self.bound

    def __call__(self, measurement: Measurement) -> Measurement:
        """The measurement as a search sees it: a failure where it is beyond the bound."""
        if not measurement.ok:
            return measurement
        found = cost(measurement, self.name)
        if found is None:
            reason = f"its {self.name} was not measured"
        elif self.objective.better(self.bound, found):
            side = "least" if self.objective.maximise else "most"
            reason = f"its {self.name} is {found:g}, allowed is at {side} {self.bound:g}"
        else:
            return measurement
        return replace(measurement, status="failed", reason=reason)
