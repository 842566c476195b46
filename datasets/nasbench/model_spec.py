"""A cell as the public ``nasbench`` package describes it: matrix and operation names, pruned."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np

from datasets.graph import is_zeros_and_ones
from datasets.spaces.nb101_hash import INPUT_LABEL, OUTPUT_LABEL, module_hash
from experiment.errors import InputError


class ModelSpec:
    """A cell: what was given, and what remains without its dangling vertices.

    Args:
        matrix: adjacency matrix, 0 on and below the diagonal. **Shape** (V, V).
        ops: name of each vertex's operation, V of them; the first and last are the input
            and the output.
        data_format: kept for networks built from the cell.

    Attributes:
        original_matrix: the matrix as given.
        original_ops: the names as given.
        matrix: the matrix of the pruned cell, ``None`` if no path joins input and output.
        ops: the operations of the pruned cell, ``None`` likewise.
        valid_spec: whether a path joins input and output.

    Raises:
        InputError: (a ``ValueError``) the matrix is not square or not upper triangular, or the
            number of operations is another.
    """

    def __init__(
        self,
        matrix: np.ndarray | Sequence[Sequence[int]],
        ops: Sequence[str],
        data_format: str = "channels_last",
    ) -> None:
        try:
            given = np.array(matrix)
        except ValueError:
            raise InputError("the matrix has rows of different lengths, it must be square") from (
                None
            )
        if given.ndim != 2 or given.shape[0] != given.shape[1]:
            raise InputError(f"the matrix must be square, its shape is {given.shape}")
        if len(given) != len(ops):
            raise InputError(
                f"the matrix has {len(given)} vertices and there are {len(ops)} operations: "
                "one is needed for each vertex"
            )
        if not is_zeros_and_ones(given):
            raise InputError("the matrix has entries other than 0 and 1: give 1 for an edge")
        if given.dtype.kind == "O":
            given = given.astype(np.int64)
        if not is_upper_triangular(given):
            raise InputError(
                "the matrix must be upper triangular: edges go from a lower to a higher vertex"
            )
        self.original_matrix: np.ndarray = given
        self.original_ops: list[str] = copy.deepcopy(list(ops))
        self.data_format = data_format
        kept = _on_a_path(given)
        self.valid_spec = len(kept) >= 2
        self.matrix: np.ndarray | None = given[np.ix_(kept, kept)] if self.valid_spec else None
        self.ops: list[str] | None = (
            [self.original_ops[vertex] for vertex in kept] if self.valid_spec else None
        )

    def hash_spec(self, canonical_ops: Sequence[str]) -> str:
        """The hash by which the table names the pruned cell, equal for isomorphic cells.

        Args:
            canonical_ops: the operations in the order in which the table numbers them.

        Raises:
            InputError: (a ``ValueError``) the cell is not valid, or an operation is not among
                ``canonical_ops``.
        """
        if self.ops is None or self.matrix is None:
            raise InputError("a cell without a path from input to output has no hash")
        names = list(canonical_ops)
        unknown = [name for name in self.ops[1:-1] if name not in names]
        if unknown:
            raise InputError(f"the operation {unknown[0]!r} is not one of {names}")
        labels = [INPUT_LABEL, *(names.index(name) for name in self.ops[1:-1]), OUTPUT_LABEL]
        return module_hash(self.matrix, labels)

    def visualize(self) -> Any:
        """The pruned cell as a ``graphviz.Digraph``.

        Raises:
            InputError: the package ``graphviz`` is not installed, or the cell is not valid.
        """
        if self.ops is None or self.matrix is None:
            raise InputError("a cell without a path from input to output cannot be drawn")
        try:
            import graphviz
        except ImportError as error:
            raise InputError("drawing a ModelSpec needs the package graphviz: install it") from (
                error
            )
        drawing = graphviz.Digraph()
        last = len(self.ops) - 1
        for vertex, name in enumerate(self.ops):
            drawing.node(str(vertex), {0: "input", last: "output"}.get(vertex, name))
        for source, target in zip(*np.nonzero(self.matrix), strict=True):
            drawing.edge(str(source), str(target))
        return drawing


def is_upper_triangular(matrix: np.ndarray | Sequence[Sequence[float]]) -> bool:
    """Whether a matrix is 0 on and below its diagonal."""
    return not np.tril(np.asarray(matrix)).any()


def _on_a_path(matrix: np.ndarray) -> list[int]:
    """Vertices on a path from the first to the last vertex, ascending."""
    vertices = range(len(matrix))
    reached, reaching = {0}, {len(matrix) - 1}
    for target in vertices:
        if any(matrix[source, target] for source in reached if source < target):
            reached.add(target)
    for source in reversed(vertices):
        if any(matrix[source, target] for target in reaching if target > source):
            reaching.add(source)
    return sorted(reached & reaching)
