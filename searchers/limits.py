"""What a search may look at beside its objective: costs of an architecture, limits on figures."""

from __future__ import annotations

import re
from copy import copy
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from datasets.benchmark import Benchmark, Metric
from datasets.objective import Objective
from datasets.registry import LATENCY, offers_latencies
from estimators.measurement import Measurement
from experiment.errors import InputError
from predictors.features.costs import cost_formula


class OwnCost(NamedTuple):
    """A cost that a measurement has of its own.

    Attributes:
        attribute: of the measurement.
        factor: what it is multiplied by.
        unit: of the product; ``None`` for counts.
    """

    attribute: str
    factor: float = 1.0
    unit: str | None = None


OWN = {
    "parameters": OwnCost("parameters"),
    "flops": OwnCost("flops"),
    "mflops": OwnCost("flops", 1e-6, "MFLOPs"),
    "cost_seconds": OwnCost("cost_seconds", unit="seconds"),
    "training_seconds": OwnCost("cost_seconds", unit="seconds"),
}
"""Costs of every measurement by the names of measurements and of tables; all others are among its
details."""
COLUMNS = {"flops": "mflops", "cost_seconds": "training_seconds"}
"""Costs whose column in a table has another name."""
COUNTED = {"parameters": "parameters", "mflops": "MFLOPs"}
"""Columns that follow from the architecture → their units."""


def cost(measurement: Measurement, name: str) -> float | None:
    """A cost of an architecture, or another figure of it; ``None`` where it was not measured.

    Args:
        measurement: of the architecture.
        name: a key of :data:`OWN`, or one of its values, such as ``test`` or the detail
            ``latency.pixel3``.
    """
    # Where a table is searched by another metric, its own "validation" is a detail.
    values = {**measurement.values, **measurement.details}
    found = values.get(name)
    if found is None and name in OWN:
        own = OWN[name]
        counted = getattr(measurement, own.attribute)
        return None if counted is None else own.factor * counted
    return None if found is None else float(found)


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
    column = COLUMNS.get(name, name)
    metrics = [key for key, one in benchmark.metrics.items() if one.kind != "note"]
    if column not in metrics:
        others = {column: f"{column} (also called {own})" for own, column in COLUMNS.items()}
        known = [others.get(key, key) for key in metrics]
        if offers_latencies(benchmark.space.name):
            known.append(f"{LATENCY}<device>, such as {LATENCY}pixel3")
        raise InputError(
            f"{benchmark.space.name} on {benchmark.dataset} has no metric {name!r}: "
            f"it has {', '.join(known)}"
        )
    return column


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
        if name not in OWN:
            raise InputError(f"a training has no cost {name!r}: limit one of {', '.join(OWN)}")
        return Objective(name, False, OWN[name].unit)
    measured = benchmark.metrics[cost_column(benchmark, name)].objective
    return replace(measured, name=name, unit=OWN[name].unit if name in OWN else measured.unit)


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
