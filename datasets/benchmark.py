"""A search space with measured numbers, behind one interface."""

from __future__ import annotations

import re
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from datasets.graph import ArchitectureError, ArchitectureGraph
from datasets.objective import Objective
from datasets.source_record import SourceRecord
from datasets.space import SearchSpace
from datasets.spaces.notation import excerpt
from experiment.checks import shown, whole_number
from experiment.errors import InputError

if TYPE_CHECKING:
    from datasets.batch import GraphBatch

Kind = Literal["quality", "cost", "note"]
"""What a metric is for: what architectures are chosen by (an accuracy, an energy), what they cost
(seconds, parameters), or a remark on the row, which is neither (:data:`UNIFORM_SAMPLE`)."""
KIND_OF_UNIT: dict[str, Kind] = {
    "seconds": "cost",
    "milliseconds": "cost",
    "parameters": "cost",
    "MFLOPs": "cost",
    "flag": "note",
}
"""Kinds of the metrics that do not say theirs, as in tables of earlier versions; others are
qualities."""
UNIFORM_SAMPLE = "uniform_sample"
"""The metric of tables that are no uniform sample of their space (NB101): 1 for each row that was
drawn uniformly, 0 for the others. :meth:`Benchmark.rows_with` reads it."""


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
        maximise: whether larger is better; default: unless it is a cost.
        kind: ``quality``, ``cost`` or ``note``; default: by the unit, see :data:`KIND_OF_UNIT`.

    Raises:
        InputError: there is no such kind.
    """

    name: str
    unit: str
    description: str
    values: np.ndarray
    averaged: bool = False
    trial_names: tuple[str, ...] = ()
    maximise: bool | None = None
    kind: Kind | None = None

    def __post_init__(self) -> None:
        if self.kind is None:
            object.__setattr__(self, "kind", KIND_OF_UNIT.get(self.unit, "quality"))
        elif self.kind not in get_args(Kind):
            raise InputError(
                f"the kind of metric {self.name!r} is {shown(self.kind)}, "
                f"expected {', '.join(get_args(Kind))}"
            )

    @property
    def objective(self) -> Objective:
        """The metric as something to be optimised."""
        maximise = self.kind != "cost" if self.maximise is None else self.maximise
        return Objective(self.name, maximise, self.unit or None)

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
                f"trial {number} was requested"
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
        source: the file that was read, its checksum and rows; ``None`` where the numbers were
            given in memory.
        chosen_by: name of the metric that architectures are chosen by.
    """

    def __init__(
        self,
        space: SearchSpace,
        dataset: str,
        graphs: GraphBatch,
        hashes: np.ndarray,
        metrics: dict[str, Metric],
        description: str,
        source: SourceRecord | None = None,
        chosen_by: str = "validation",
    ) -> None:
        self.space = space
        self.dataset = dataset
        self.graphs = graphs
        self.hashes = hashes
        self.metrics = metrics
        self.description = description
        self.source = source
        self.chosen_by = chosen_by

    def __len__(self) -> int:
        return len(self.hashes)

    def __repr__(self) -> str:
        return (
            f"Benchmark({self.space.name} on {self.dataset}: {len(self):,} architectures, chosen "
            f"by {self.chosen_by}; metrics {', '.join(self.metrics)})"
        )

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

    def objective(self, metric: str | None = None, trial: int | None = None) -> Objective:
        """A metric as something to be optimised on this data set.

        Args:
            metric: its name; default: :attr:`chosen_by`.
            trial: the one that is looked at; default: the means over the trials.

        Raises:
            InputError: there is no such metric.
        """
        own = self.metric(self.chosen_by if metric is None else metric).objective
        return replace(own, dataset=self.dataset, trial=trial)

    @property
    def reported(self) -> str | None:
        """The metric ``test``, where it is the quantity that :attr:`chosen_by` is, measured apart.

        Its unit and direction tell: a test accuracy says nothing of an energy.
        """
        own, test = self.metric(self.chosen_by), self.metrics.get("test")
        if test is None or self.chosen_by == "test":
            return None
        same = replace(test.objective, name=own.name) == own.objective
        return "test" if same else None

    @property
    def costs(self) -> tuple[str, ...]:
        """Names of the metrics that are costs."""
        return tuple(name for name, metric in self.metrics.items() if metric.kind == "cost")

    def rows_with(self, *metrics: str, uniform: bool = True) -> np.ndarray:
        """Rows of which all the metrics are known. **Shape** (n,), int64, ascending.

        Args:
            metrics: names of metrics; a mean over the trials counts.
            uniform: leave out the rows that were not drawn uniformly from the space, where the
                table says which were (:data:`UNIFORM_SAMPLE`): whoever estimates something of the
                space by the others as well is misled.

        Raises:
            InputError: a metric was not measured.
        """
        known = np.ones(len(self), dtype=bool)
        for name in metrics:
            known &= np.isfinite(self.metric(name).mean())
        if uniform and UNIFORM_SAMPLE in self.metrics:
            known &= self.metrics[UNIFORM_SAMPLE].mean() == 1
        return np.flatnonzero(known)

    @cached_property
    def _row_of_hash(self) -> dict[str, int]:
        return dict(zip(self.hashes.tolist(), range(len(self.hashes)), strict=True))

    def hash_of(self, architecture: ArchitectureGraph | str) -> str:
        """The hash of an architecture of this space, as ``hashes`` writes it.

        Args:
            architecture: a graph, a hash in upper or lower case, or any notation that the
                space reads.

        Raises:
            InputError: it is none of these, or an architecture of another space.
        """
        if isinstance(architecture, ArchitectureGraph):
            return self._hash_of_graph(architecture)
        if not isinstance(architecture, str):
            raise InputError(
                f"{excerpt(repr(architecture))} is no architecture: expected an ArchitectureGraph, "
                f"a hash, or an architecture in the notation of {self.space.name}, as a string"
            )
        text = str(architecture).strip()  # a row of ``hashes`` is NumPy's own kind of string
        if text in self._row_of_hash:
            return text
        if len(text) == self._digits and _HEXADECIMAL(text):
            return text.lower()
        try:
            graph = self.space.read(text)
        except ArchitectureError as error:
            raise InputError(
                f"{excerpt(text)} is neither a hash ({self._digits} hexadecimal digits) nor an "
                f"architecture of {self.space.name}: {error}"
            ) from error
        return self._hash_of_graph(graph)

    def row(self, architecture: ArchitectureGraph | str) -> int | None:
        """Row of an architecture, ``None`` if it was not measured; see :meth:`hash_of`."""
        return self._row_of_hash.get(self.hash_of(architecture))

    def rows(self, architectures: Iterable[ArchitectureGraph | str]) -> np.ndarray:
        """:meth:`row` of many, −1 where one was not measured. **Shape** (B,), int64."""
        if isinstance(architectures, str) or not isinstance(architectures, Iterable):
            raise InputError(
                f"{excerpt(repr(architectures))} is no list of architectures: give one, or "
                "look a single architecture up by row()"
            )
        known = self._row_of_hash
        if isinstance(architectures, np.ndarray):
            architectures = architectures.tolist()
        return np.array([known.get(self.hash_of(one), -1) for one in architectures], dtype=np.int64)

    def query(self, architecture: ArchitectureGraph | str) -> Record:
        """Look an architecture up; an unknown one gives ``known=False``, no exception.

        Raises:
            InputError: it is no architecture of this space; see :meth:`hash_of`.
        """
        hash = self.hash_of(architecture)
        row = self._row_of_hash.get(hash)
        if row is None:
            return Record(False, hash, {})
        values = {key: metric.values[row] for key, metric in self.metrics.items()}
        return Record(True, hash, {k: v[~np.isnan(v)] for k, v in values.items()})

    def source_line(self) -> str:
        """What the numbers are and where they were read from, for the first line of a command."""
        place = "memory" if self.source is None else str(self.source)
        return f"{self.space.name} on {self.dataset}: {len(self):,} architectures from {place}"

    def source_entry(self) -> dict[str, Any]:
        """The same for the configuration of a run: space, data set, path, rows and checksum."""
        entry = {"rows": len(self)} if self.source is None else self.source.entry()
        return {"space": self.space.name, "dataset": self.dataset, **entry}

    @property
    def _digits(self) -> int:
        """Digits of a hash."""
        return self.hashes.dtype.itemsize // 4 if len(self.hashes) else 32

    def _hash_of_graph(self, graph: ArchitectureGraph) -> str:
        reason = self.space.why_illegal(graph)
        if reason is None:
            return self.space.hash(graph)
        # A table may hold larger graphs than its space has, as that of DIGITS101 does.
        if graph.num_nodes <= self.graphs.max_nodes and max(graph.types) < len(self.space.types):
            with suppress(ArchitectureError):
                hash = self.space.hash(graph)
                if hash in self._row_of_hash or self.graphs.max_nodes > self.space.max_nodes:
                    return hash
        raise InputError(f"not an architecture of {self.space.name}: {reason}")


_HEXADECIMAL = re.compile("[0-9a-fA-F]+").fullmatch
