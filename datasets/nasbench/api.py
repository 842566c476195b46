"""``ModelSpec`` and ``NASBench`` as in the public ``nasbench`` package, without TensorFlow.

Code written for ``from nasbench import api`` runs with ``from datasets.nasbench import api``. The
behaviour is that of google-research/nasbench (Ying et al., *NAS-Bench-101*, ICML 2019). What is
different:

- A dataset file may also be a compact table or a published NumPy table; an official file is read
  once and kept as a compact table. Nothing is printed while it loads.
- Every object has a random generator of its own; the official one seeds that of the whole
  process, so that other code which draws from it changes the answers. The same seed therefore
  draws other repeats than there.
- A query draws among the repeats that the file has of the cell; the official one always draws
  among ``config["num_repeats"]``.
- What a file does not have is NaN. An unknown training time adds nothing to
  ``training_time_spent``; ``total_epochs_spent`` grows all the same.
- A cell without a repeat at a budget has no entry for it, and asking for it raises
  :class:`OutOfDomainError`.
- :meth:`NASBench.evaluate` does not train.
"""

from __future__ import annotations

import math
import random
import re
from collections.abc import Callable, Iterator, KeysView, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from datasets.graph import ArchitectureError, ArchitectureGraph
from datasets.nasbench.config import build_config
from datasets.nasbench.model_spec import ModelSpec
from datasets.spaces.nb101 import NB101
from datasets.spaces.notation import excerpt
from experiment.errors import InputError
from experiment.paths import data_root

if TYPE_CHECKING:
    from datasets.table import Table

__all__ = ["ModelSpec", "NASBench", "OutOfDomainError"]

_Value = TypeVar("_Value")
_QUANTITIES = {
    "training_time": "training_seconds",
    "train_accuracy": "train",
    "validation_accuracy": "validation",
    "test_accuracy": "test",
}


_SPEC = ("valid_spec", "matrix", "ops", "hash_spec")
"""What an object needs to be looked up as a cell, whichever package made it."""


class OutOfDomainError(Exception):
    """The architecture, or the number of epochs, is outside of what was measured."""


class NASBench:
    """Look-ups in NAS-Bench-101, with a budget that they cost.

    Args:
        dataset_file: an official ``.tfrecord`` file, a compact table of ours, or a published
            NumPy table of :mod:`datasets.formats.nasbench101_tables`.
        seed: two objects with the same seed answer the same queries in the same order alike; by
            default every object draws its own.

    Attributes:
        config: the published settings, see :func:`datasets.nasbench.config.build_config`. Cells
            are checked against its ``module_vertices``, ``max_edges`` and ``available_ops``.
        history: empty, and left to the caller, as in the official class.
        valid_epochs: budgets that the file has.
        fixed_statistics: module hash → matrix, operations and number of parameters.
        computed_statistics: module hash → epochs → one dictionary of measurements a repeat.
        training_time_spent: simulated seconds of training of all queries.
        total_epochs_spent: simulated epochs of all queries.

    Raises:
        InputError: the file is absent or damaged.
    """

    def __init__(self, dataset_file: str | Path, seed: int | str | None = None) -> None:
        self._table = _open(Path(dataset_file))
        self._random = random.Random(seed)
        self.valid_epochs = {
            int(name.split("/")[1]) for name in self._table.columns if name.count("/") == 2
        }
        self.config = build_config()
        self.history: dict[Any, Any] = {}
        rows = {hash: row for row, hash in enumerate(self._table.hashes.tolist())}
        self.fixed_statistics: Mapping[str, dict[str, Any]] = _ByHash(rows, self._fixed)
        self.computed_statistics: Mapping[str, dict[int, list[dict[str, float]]]] = _ByHash(
            rows, self._computed
        )
        self.reset_budget_counters()

    def query(
        self, model_spec: ModelSpec, epochs: int = 108, stop_halfway: bool = False
    ) -> dict[str, Any]:
        """One of the repeats of a cell, drawn at random; the budget counters grow.

        Args:
            model_spec: the cell.
            epochs: training budget, one of ``valid_epochs``.
            stop_halfway: answer with the state at half of the epochs, for half of the budget.

        Returns:
            ``module_adjacency``, ``module_operations``, ``trainable_parameters``,
            ``training_time`` (seconds), ``train_accuracy``, ``validation_accuracy`` and
            ``test_accuracy`` (fractions; NaN where the file does not have one).

        Raises:
            InputError: ``model_spec`` is no cell, but a hash, a dictionary or the like.
            OutOfDomainError: the cell is outside of the space, or it was not trained for that many
                epochs.
            KeyError: the cell is inside the space, but not in this file.
        """
        if epochs not in self.valid_epochs:
            raise OutOfDomainError(
                f"no cell was trained for {epochs!r} epochs: choose one of "
                f"{sorted(self.valid_epochs)}"
            )
        fixed, computed = self.get_metrics_from_spec(model_spec)
        if epochs not in computed:
            raise OutOfDomainError(
                f"this cell was not trained for {epochs} epochs, but for "
                f"{', '.join(map(str, computed)) or 'none of those in the file'}"
            )
        repeat = self._random.choice(computed[epochs])
        when = "halfway" if stop_halfway else "final"
        answer = fixed | {name: repeat[f"{when}_{name}"] for name in _QUANTITIES}
        if not math.isnan(answer["training_time"]):
            self.training_time_spent += answer["training_time"]
        self.total_epochs_spent += epochs // 2 if stop_halfway else epochs
        return answer

    def is_valid(self, model_spec: ModelSpec) -> bool:
        """Whether the cell, pruned, is inside the space; costs no budget."""
        try:
            self._check_spec(model_spec)
        except OutOfDomainError:
            return False
        return True

    def get_budget_counters(self) -> tuple[float, int]:
        """Simulated seconds and epochs of training of all queries."""
        return self.training_time_spent, self.total_epochs_spent

    def reset_budget_counters(self) -> None:
        """Set both budget counters to zero."""
        self.training_time_spent = 0.0
        self.total_epochs_spent = 0

    def evaluate(self, model_spec: ModelSpec, model_dir: str) -> dict[str, Any]:
        """Training from scratch, which the official package does with TensorFlow 1, is refused."""
        raise NotImplementedError(
            "NASBench.evaluate trains a network from scratch, this object only looks up what was "
            "measured: use query, or train the cell with an estimator of this project"
        )

    def hash_iterator(self) -> KeysView[str]:
        """The module hashes of all cells in the file."""
        return self.fixed_statistics.keys()

    def get_metrics_from_hash(
        self, module_hash: str
    ) -> tuple[dict[str, Any], dict[int, list[dict[str, float]]]]:
        """Everything measured of a cell, at no budget: see the class's attributes.

        Args:
            module_hash: in lower case, as in the file, or in upper case; the cell as a JSON object
                with ``matrix`` and ``ops`` is understood as well.

        Raises:
            KeyError: no cell of the file has the hash.
            InputError: (a ``ValueError``) it is no hash, and no cell either.
        """
        hash = self._hash_of(module_hash)
        return self.fixed_statistics[hash], self.computed_statistics[hash]

    def get_metrics_from_spec(
        self, model_spec: ModelSpec
    ) -> tuple[dict[str, Any], dict[int, list[dict[str, float]]]]:
        """As :meth:`get_metrics_from_hash`.

        Raises:
            OutOfDomainError: the cell is outside of the space.
            KeyError: the cell is inside the space, but not in this file.
        """
        self._check_spec(model_spec)
        return self.get_metrics_from_hash(self._hash_spec(model_spec))

    def _hash_of(self, text: str) -> str:
        """The hash that a text is, or that of the cell that it describes."""
        if isinstance(text, str) and text in self.fixed_statistics:
            return text
        if isinstance(text, str) and re.fullmatch("[0-9a-fA-F]{32}", text.strip()):
            return text.strip().lower()
        if not isinstance(text, str):
            raise InputError(
                f"{excerpt(repr(text))} is no module hash: expected 32 hexadecimal digits as a "
                "string; a ModelSpec goes to get_metrics_from_spec or query"
            )
        space = NB101()
        try:
            return space.hash(space.parse(text))
        except ArchitectureError as error:
            raise InputError(
                f"{excerpt(text)} is neither a module hash (32 hexadecimal digits) nor a cell: "
                f"{error}"
            ) from error

    def _check_spec(self, model_spec: ModelSpec) -> None:
        """Raise :class:`OutOfDomainError` if the pruned cell is outside of the space."""
        if not all(hasattr(model_spec, name) for name in _SPEC):
            raise InputError(
                f"{excerpt(repr(model_spec))} is no ModelSpec: make one by "
                "ModelSpec(matrix=…, ops=…); a hash goes to get_metrics_from_hash"
            )
        if not model_spec.valid_spec or model_spec.ops is None or model_spec.matrix is None:
            raise OutOfDomainError("no path leads from the cell's input to its output")
        vertices, edges = len(model_spec.ops), int(np.sum(model_spec.matrix))
        if vertices > self.config["module_vertices"]:
            raise OutOfDomainError(
                f"too many vertices, {vertices}: at most {self.config['module_vertices']}"
            )
        if edges > self.config["max_edges"]:
            raise OutOfDomainError(f"too many edges, {edges}: at most {self.config['max_edges']}")
        if model_spec.ops[0] != "input":
            raise OutOfDomainError("the first operation should be 'input'")
        if model_spec.ops[-1] != "output":
            raise OutOfDomainError("the last operation should be 'output'")
        for operation in model_spec.ops[1:-1]:
            if operation not in self.config["available_ops"]:
                raise OutOfDomainError(
                    f"unsupported operation {operation!r}: available are "
                    f"{self.config['available_ops']}"
                )

    def _hash_spec(self, model_spec: ModelSpec) -> str:
        return model_spec.hash_spec(self.config["available_ops"])

    def _fixed(self, row: int) -> dict[str, Any]:
        graph: ArchitectureGraph = self._table.graphs.graph(row)
        return {
            "module_adjacency": graph.adjacency.astype(np.int8),
            "module_operations": [NB101.types[kind] for kind in graph.types],
            "trainable_parameters": int(self._table.columns["parameters"].values[row, 0]),
        }

    def _computed(self, row: int) -> dict[int, list[dict[str, float]]]:
        repeats = {epochs: self._repeats(row, epochs) for epochs in sorted(self.valid_epochs)}
        return {epochs: measured for epochs, measured in repeats.items() if measured}

    def _repeats(self, row: int, epochs: int) -> list[dict[str, float]]:
        validation = self._table.columns[f"cifar10/{epochs}/validation"].values[row]
        return [
            {
                f"{when}_{name}": self._value(f"cifar10/{epochs}/{prefix}{column}", row, repeat)
                for when, prefix in (("halfway", "halfway_"), ("final", ""))
                for name, column in _QUANTITIES.items()
            }
            for repeat in np.flatnonzero(~np.isnan(validation)).tolist()
        ]

    def _value(self, column: str, row: int, repeat: int) -> float:
        if column not in self._table.columns:
            return float("nan")
        return float(self._table.columns[column].values[row, repeat])


class _ByHash(Mapping[str, _Value]):
    """Values by module hash, each computed on access."""

    def __init__(self, rows: dict[str, int], make: Callable[[int], _Value]) -> None:
        self._rows = rows
        self._make = make

    def __getitem__(self, module_hash: str) -> _Value:
        return self._make(self._rows[module_hash])

    def __contains__(self, module_hash: object) -> bool:
        return module_hash in self._rows

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)


def _open(path: Path) -> Table:
    from datasets.benchmarks.nb101 import SOURCES
    from datasets.benchmarks.sources import choose

    if not path.exists():
        raise InputError(f"there is no dataset file {str(path)!r}")
    return choose("NB101", SOURCES, data_root(None), path).open()
