"""A search space with measured numbers, behind one interface."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from datasets.graph import ArchitectureGraph
from datasets.objective import Objective
from datasets.space import SearchSpace
from experiment.checks import whole_number
from experiment.errors import InputError

if TYPE_CHECKING:
    from datasets.batch import GraphBatch

COST_UNITS = ("seconds", "milliseconds", "parameters", "MFLOPs")
"""Units of quantities of which less is better."""


class NoMeasurementsError(InputError):
    """The files of a benchmark are not at hand (a damaged file is another error)."""


@dataclass(frozen=True, slots=True)
class Metric:
    """One measured quantity of every architecture in a benchmark.

    Attributes:
        name: key of the quantity, such as ``validation`` or ``cifar10.test``.
        unit: ``fraction`` (accuracies, 0 to 1), ``seconds``, ``parameters``, ``MFLOPs`` …
        description: what was measured and how, in one sentence.
        values: one column a trial, NaN where a trial is missing. **Shape** (rows, trials).
        averaged: whether the source gives only the mean over trials; it then is the one column
            of ``values``.
        trial_names: what the source calls each trial ("seed 777"), or empty.
        maximise: whether larger is better; default: unless the unit is one of costs.
    """

    name: str
    unit: str
    description: str
    values: np.ndarray
    averaged: bool = False
    trial_names: tuple[str, ...] = ()
    maximise: bool | None = None

    @property
    def objective(self) -> Objective:
        """The metric as something to be optimised."""
        maximise = self.unit not in COST_UNITS if self.maximise is None else self.maximise
        return Objective(self.name, maximise, self.unit)

    def mean(self) -> np.ndarray:
        """Mean over the trials that exist, NaN where none does. **Shape** (rows,)."""
        present = ~np.isnan(self.values)
        count = present.sum(axis=1)
        total = np.where(present, self.values, 0.0).sum(axis=1, dtype=np.float64)
        return np.divide(total, count, out=np.full(len(total), np.nan), where=count > 0)

    def trial(self, number: int) -> np.ndarray:
        """The values of one trial, counted from 0. **Shape** (rows,).

        Raises:
            InputError: there is no such trial, or only the mean over the trials is known.
        """
        if self.averaged:
            raise InputError(
                f"of metric {self.name!r} only the mean over the trials is known: "
                "use mean(), or a source that has the single trials"
            )
        number = whole_number(number, "the trial", least=None)
        if not 0 <= number < self.values.shape[1]:
            raise InputError(
                f"metric {self.name!r} has trials 0 to {self.values.shape[1] - 1}, "
                f"trial {number} was asked for"
            )
        return self.values[:, number]


@dataclass(frozen=True, slots=True)
class Record:
    """Answer to a look-up.

    Attributes:
        known: whether the benchmark holds the architecture; if not, ``metrics`` is empty.
        hash: the space's hash of the architecture.
        metrics: trials of each metric, **shape** (trials,), missing trials left out. Where
            only their mean is known (``Metric.averaged``), it is the single entry.
    """

    known: bool
    hash: str
    metrics: dict[str, np.ndarray]


class Benchmark:
    """Measured numbers of architectures of one space, one row each.

    Every choice is the caller's: validation or test is the metric's name, the mean or one trial
    is a method of :class:`Metric`, the data set is ``dataset`` (``cifar10`` and
    ``cifar10-valid`` are two).

    Attributes:
        space: the search space.
        dataset: what the networks were trained on.
        graphs: canonical graphs, one a row.
        hashes: the space's hash of each row. **Shape** (rows,), strings.
        metrics: name → :class:`Metric`.
        description: source, protocol and merges, in a few sentences.
    """

    def __init__(
        self,
        space: SearchSpace,
        dataset: str,
        graphs: GraphBatch,
        hashes: np.ndarray,
        metrics: dict[str, Metric],
        description: str,
    ) -> None:
        self.space = space
        self.dataset = dataset
        self.graphs = graphs
        self.hashes = hashes
        self.metrics = metrics
        self.description = description

    def __len__(self) -> int:
        return len(self.hashes)

    def metric(self, name: str) -> Metric:
        """The metric called ``name``.

        Raises:
            InputError: there is none; the message lists those that exist.
        """
        if not isinstance(name, str) or name not in self.metrics:
            raise InputError(
                f"{self.space.name} on {self.dataset} has no metric {name!r}; "
                f"it has {', '.join(self.metrics)}"
            )
        return self.metrics[name]

    @cached_property
    def _row_of_hash(self) -> dict[str, int]:
        return dict(zip(self.hashes.tolist(), range(len(self.hashes)), strict=True))

    def row(self, architecture: ArchitectureGraph | str) -> int | None:
        """Row of an architecture (a graph, or a hash), ``None`` if it was not measured."""
        key = architecture if isinstance(architecture, str) else self.space.hash(architecture)
        return self._row_of_hash.get(key)

    def rows(self, hashes: np.ndarray) -> np.ndarray:
        """:meth:`row` of many hashes, −1 where one was not measured. **Shape** (B,), int64."""
        known = self._row_of_hash
        return np.array([known.get(name, -1) for name in hashes.tolist()], dtype=np.int64)

    def query(self, architecture: ArchitectureGraph | str) -> Record:
        """Look an architecture up; an unknown one gives ``known=False``, no exception."""
        # str(): a row of ``hashes`` is NumPy's own kind of string.
        name = str(architecture) if isinstance(architecture, str) else self.space.hash(architecture)
        row = self.row(name)
        if row is None:
            return Record(False, name, {})
        values = {key: metric.values[row] for key, metric in self.metrics.items()}
        return Record(True, name, {k: v[~np.isnan(v)] for k, v in values.items()})
