"""``nasbench_only108.tfrecord`` and ``nasbench_full.tfrecord``, the official NAS-Bench-101 files.

Ying et al., *NAS-Bench-101: Towards Reproducible Neural Architecture Search*, ICML 2019. A record
is one training of one cell: a JSON list of the module hash, the epochs, the adjacency matrix as a
string of 0 and 1, the operations joined by commas, and a ``ModelMetrics`` message in base 64.
"""

from __future__ import annotations

import base64
import binascii
import json
from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

from datasets.batch import GraphBatch
from datasets.benchmark import Metric
from datasets.formats.nasbench101_tables import (
    AFTER,
    BUDGETS,
    PARAMETERS,
    PARTS,
    WHEN,
    first_mismatch,
)
from datasets.formats.protobuf import (
    Evaluation,
    MessageError,
    ModelMetrics,
    parse_model_metrics,
)
from datasets.formats.tfrecord import read_records
from datasets.spaces.nb101 import NB101
from datasets.spaces.nb101_cells import MAX_VERTICES
from datasets.table import Table
from experiment.errors import InputError

_TYPES = {name: kind for kind, name in enumerate(NB101.types)}
_QUANTITIES = (*PARTS, "training_seconds")
_WIDTH = len(WHEN) * len(_QUANTITIES)


def read_tfrecord(path: Path) -> Table:
    """Read an official file with any budgets.

    Raises:
        InputError: the file is absent, cut off or damaged, or a record is not as it should be;
            the message names the record, counted from 1.
    """
    trainings = _Trainings()
    for number, record in enumerate(read_records(path), 1):
        try:
            trainings.add(record)
        except (ValueError, RecursionError) as error:
            raise InputError(f"{str(path)!r}, record {number:,}: {error}") from error
    if not trainings.cells:
        raise InputError(f"{str(path)!r} has no records: fetch it again")
    hashes = np.array(list(trainings.cells))
    graphs = _checked_graphs(hashes, list(trainings.cells.values()), path)
    if trainings.differing:
        names, cells = zip(*trainings.differing, strict=True)
        _checked_graphs(np.array(names), cells, path)
    columns = [
        Metric(
            "parameters",
            "parameters",
            PARAMETERS,
            np.array([[cell.parameters] for cell in trainings.cells.values()], dtype=np.float64),
        ),
        *trainings.columns(),
    ]
    budgets = ", ".join(str(epochs) for epochs in sorted(set(trainings.epochs)))
    return Table(
        "NB101",
        graphs,
        hashes,
        {column.name: column for column in columns},
        f"NAS-Bench-101, {len(hashes):,} cells in {len(trainings.rows):,} trainings from the "
        f"official file {path.name}: repeats of {budgets} epochs on 40,000 images of CIFAR-10, "
        "validated on 10,000 others and tested on the official test images. Isomorphic cells are "
        "one row.",
    )


@dataclass(frozen=True, slots=True)
class _Cell:
    """What the first record of a cell says of it."""

    row: int
    shape: tuple[str, str]
    parameters: int
    record: int


@dataclass(slots=True)
class _Trainings:
    """The records read so far, as flat columns: a Python object a record would take gigabytes."""

    cells: dict[str, _Cell] = field(default_factory=dict)
    differing: list[tuple[str, _Cell]] = field(default_factory=list)
    """Later records of a cell that write it otherwise than its first one: isomorphic, or wrong."""
    rows: array[int] = field(default_factory=lambda: array("i"))
    epochs: array[int] = field(default_factory=lambda: array("i"))
    values: array[float] = field(default_factory=lambda: array("d"))

    def add(self, record: bytes) -> None:
        """Decode one record.

        Raises:
            ValueError: it is not as it should be.
        """
        module_hash, epochs, adjacency, operations, encoded = _unpack(record)
        metrics = _decode_metrics(encoded)
        cell = _Cell(
            len(self.cells), (adjacency, operations), metrics.parameters, len(self.rows) + 1
        )
        if cell.shape != self.cells.setdefault(module_hash, cell).shape:
            self.differing.append((module_hash, cell))
        self.rows.append(self.cells[module_hash].row)
        self.epochs.append(epochs)
        # The first evaluation is that of the untrained network.
        for evaluation in metrics.evaluations[2], metrics.evaluations[1]:
            self.values.extend(_checked(evaluation))

    def columns(self) -> list[Metric]:
        """One column for each budget and quantity; repeats are in the order of the file."""
        rows = np.frombuffer(self.rows, dtype=np.int32)
        epochs = np.frombuffer(self.epochs, dtype=np.int32)
        values = np.frombuffer(self.values).reshape(-1, _WIDTH)
        return [
            column
            for budget in BUDGETS
            if (chosen := np.flatnonzero(epochs == budget)).size
            for column in self._budget(budget, rows[chosen], values[chosen])
        ]

    def _budget(self, epochs: int, rows: np.ndarray, values: np.ndarray) -> list[Metric]:
        order = np.argsort(rows, kind="stable")
        counts = np.bincount(rows, minlength=len(self.cells))
        repeat = np.arange(len(order)) - np.repeat(np.cumsum(counts) - counts, counts)
        whole = np.full((len(self.cells), int(counts.max()), _WIDTH), np.nan)
        whole[rows[order], repeat] = values[order]
        names = tuple(f"repeat {k + 1}" for k in range(whole.shape[1]))
        columns = []
        for place, (when, quantity) in enumerate((w, q) for w in WHEN for q in _QUANTITIES):
            seconds = quantity == "training_seconds"
            columns.append(
                Metric(
                    f"cifar10/{epochs}/{WHEN[when]}{quantity}",
                    "seconds" if seconds else "fraction",
                    f"{'time spent training on a TPU' if seconds else PARTS[quantity]}, "
                    f"{AFTER[when]} of {epochs} epochs",
                    np.ascontiguousarray(whole[..., place]),
                    trial_names=names,
                )
            )
        return columns


class _BadCell(ValueError):
    """A matrix or list of operations that is no cell."""

    def __init__(self, row: int, message: str) -> None:
        super().__init__(message)
        self.row = row


def _unpack(record: bytes) -> tuple[str, int, str, str, str]:
    try:
        content = json.loads(record)
    except ValueError as error:
        raise ValueError(f"no JSON text ({error})") from error
    kinds = (str, int, str, str, str)
    if (
        not isinstance(content, list)
        or len(content) != len(kinds)
        or not all(type(part) is kind for part, kind in zip(content, kinds, strict=True))
    ):
        raise ValueError("expected the list [hash, epochs, adjacency, operations, metrics]")
    module_hash, epochs, *_ = content
    if len(module_hash) != 32 or not set(module_hash) <= set("0123456789abcdef"):
        raise ValueError(f"{module_hash[:40]!r} is no module hash of 32 hexadecimal digits")
    if epochs not in BUDGETS:
        raise ValueError(f"{epochs} epochs, expected one of {BUDGETS}")
    return tuple(content)


def _decode_metrics(encoded: str) -> ModelMetrics:
    try:
        metrics = parse_model_metrics(base64.b64decode(encoded, validate=True))
    except (binascii.Error, MessageError, ValueError) as error:
        raise ValueError(f"the metrics are no ModelMetrics message ({error})") from error
    if len(metrics.evaluations) < 3:
        raise ValueError(
            f"the metrics hold {len(metrics.evaluations)} evaluations, expected 3: at the start, "
            "halfway and at the end"
        )
    return metrics


def _checked(evaluation: Evaluation) -> tuple[float, float, float, float]:
    """Validation, test and train accuracy and seconds, in the order of the columns."""
    accuracies = (evaluation.validation, evaluation.test, evaluation.train)
    if not all(0.0 <= accuracy <= 1.0 for accuracy in accuracies):
        raise ValueError(f"accuracies {accuracies}, expected fractions from 0 to 1")
    if not 0.0 <= evaluation.training_seconds < np.inf:
        raise ValueError(f"a training time of {evaluation.training_seconds} seconds")
    return (*accuracies, evaluation.training_seconds)


def _graphs(shapes: list[tuple[str, str]]) -> GraphBatch:
    """Matrices and operations as the official file writes them, as a batch."""
    types = np.zeros((len(shapes), MAX_VERTICES), dtype=np.int64)
    adjacency = np.zeros((len(shapes), MAX_VERTICES, MAX_VERTICES), dtype=bool)
    num_nodes = np.zeros(len(shapes), dtype=np.int64)
    for row, (matrix, operations) in enumerate(shapes):
        labels = operations.split(",")
        n = len(labels)
        if not 2 <= n <= MAX_VERTICES or len(matrix) != n * n or not set(matrix) <= {"0", "1"}:
            raise _BadCell(
                row, f"{n} operations and a matrix string {matrix[:60]!r} do not make a cell"
            )
        if not set(labels) <= set(_TYPES) or labels[0] != "input" or labels[-1] != "output":
            raise _BadCell(row, f"the operations {operations[:120]!r} are not NB101's")
        types[row, :n] = [_TYPES[label] for label in labels]
        entries = np.frombuffer(matrix.encode(), dtype=np.uint8).reshape(n, n) == ord("1")
        if np.tril(entries).any():
            raise _BadCell(row, "the matrix has an edge on or below its diagonal")
        adjacency[row, :n, :n] = entries
        num_nodes[row] = n
    return GraphBatch(
        torch.from_numpy(types), torch.from_numpy(adjacency), torch.from_numpy(num_nodes)
    )


def _checked_graphs(hashes: np.ndarray, cells: Sequence[_Cell], path: Path) -> GraphBatch:
    """The cells as the file writes them, each of which must have the hash that it is given there.

    Raises:
        InputError: one is no cell, or another one; the message names its record.
    """
    try:
        graphs = _graphs([cell.shape for cell in cells])
    except _BadCell as error:
        raise InputError(f"{str(path)!r}, record {cells[error.row].record:,}: {error}") from error
    wrong = first_mismatch(graphs, hashes)
    if wrong is not None:
        raise InputError(
            f"{str(path)!r}, record {cells[wrong].record:,}: the matrix and operations are not "
            f"those of module hash {hashes[wrong]}"
        )
    return graphs
