"""Tables of one space at one or several training budgets, as a function of a configuration."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from datasets.benchmark import Benchmark, Metric
from experiment.checks import shown, whole_number
from experiment.errors import InputError
from searchers.adapters.parameters import Parameters, parameters_of


class BudgetTables:
    """The metrics that tables of several training budgets have in common.

    Args:
        tables: number of epochs → the table of that budget.

    Attributes:
        tables: the same, ascending.
        metrics: names of the common metrics.
        parameters: those of the space.

    Raises:
        InputError: there is none, a key is no number of epochs, a table is none, is of another
            space or lacks the metric to choose by, or no parameters describe the space.
    """

    def __init__(self, tables: Mapping[int, Benchmark]) -> None:
        if not isinstance(tables, Mapping) or not tables:
            raise InputError(
                f"the tables are {shown(tables)}, expected a dictionary: number of epochs → "
                "Benchmark"
            )
        for epochs, table in tables.items():
            whole_number(epochs, "a number of epochs", 1)
            if not isinstance(table, Benchmark):
                raise InputError(
                    f"the table of {epochs} epochs is {shown(table)}, expected a Benchmark: "
                    "datasets.get_benchmark(name) gives the one of a name"
                )
            table.metric(table.chosen_by)
        if len(spaces := {table.space.name for table in tables.values()}) > 1:
            raise InputError(
                f"the tables are of {' and '.join(sorted(spaces))}, expected one space"
            )
        self.tables = {epochs: tables[epochs] for epochs in sorted(tables)}
        first, *others = self.tables.values()
        self.metrics = [
            name
            for name, metric in first.metrics.items()
            if metric.kind != "note" and all(name in other.metrics for other in others)
        ]
        self.parameters: Parameters = parameters_of(first.space)

    def values(self, configuration: Any, seed: int | None = None) -> np.ndarray:
        """What each table says of a configuration. **Shape** (budgets, metrics).

        Where a configuration is no architecture of the space, or not in a table, qualities are NaN
        and costs 0: nothing was trained.

        Args:
            configuration: a value for each parameter.
            seed: chooses a trial, counted round; default: the means over them.

        Raises:
            InputError: a parameter is missing or unknown, or a value is none of its choices.
        """
        space = self.parameters.space
        graph = self.parameters.decode(self.parameters.check(configuration))
        hash = space.hash(graph) if space.is_legal(graph) else None
        rows = {
            epochs: None if hash is None else table.row(hash)
            for epochs, table in self.tables.items()
        }
        return np.array(
            [
                [_value(table.metric(name), rows[epochs], seed) for name in self.metrics]
                for epochs, table in self.tables.items()
            ]
        )


def _value(metric: Metric, row: int | None, seed: int | None) -> float:
    """A trial of a row, or the mean over those there are."""
    if row is None:
        return 0.0 if metric.kind == "cost" else math.nan
    trials = metric.values[row]
    if seed is not None and not metric.averaged:
        return float(trials[seed % len(trials)])
    known = trials[~np.isnan(trials)]
    return float(known.mean()) if len(known) else math.nan
