"""Functions on labelled cells as in the public ``nasbench`` package's ``graph_util``.

A cell is a matrix, **shape** (V, V), 0 on and below the diagonal, and a label for each vertex: −1
the input, −2 the output, from 0 on the operations.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import permutations

import numpy as np

from datasets.spaces.nb101_hash import module_hash
from experiment.errors import InputError

Labelled = tuple[np.ndarray, Sequence[int]]
"""A cell: matrix and labels."""


def gen_is_edge_fn(bits: int) -> Callable[[int, int], bool]:
    """A function of two vertices x and y: whether ``bits`` holds the edge x→y.

    Bit x + y·(y−1)/2, from the lowest, is that edge; an edge that does not lead to a higher
    vertex is never there.
    """

    def is_edge(x: int, y: int) -> bool:
        return bool(x < y and (int(bits) >> int(x + y * (y - 1) // 2)) & 1)

    return is_edge


def is_full_dag(matrix: np.ndarray) -> bool:
    """Whether every vertex but the last has an edge out of it, and every but the first one into it.

    In such a cell every vertex is on a path from the input to the output.
    """
    edges = np.asarray(matrix) != 0
    return bool(edges[:-1].any(axis=1).all() and edges[:, 1:].any(axis=0).all())


def num_edges(matrix: np.ndarray) -> int:
    """Number of edges of a cell."""
    return int(np.sum(matrix))


def hash_module(matrix: np.ndarray, labeling: Sequence[int]) -> str:
    """The hash by which the table names a cell, equal for isomorphic cells.

    Raises:
        InputError: there is another number of labels than of vertices.
    """
    cell = np.asarray(matrix)
    if cell.shape != (len(labeling), len(labeling)):
        raise InputError(
            f"a matrix of shape {cell.shape} and {len(labeling)} labels make no cell: "
            "one label is needed for each vertex"
        )
    return module_hash(cell, [int(label) for label in labeling])


def permute_graph(
    graph: np.ndarray, label: Sequence[int], permutation: Sequence[int]
) -> tuple[np.ndarray, list[int]]:
    """The cell with vertex i moved to place ``permutation[i]``: matrix and labels."""
    order = np.argsort(np.asarray(permutation))
    return np.asarray(graph)[np.ix_(order, order)], [label[place] for place in order]


def is_isomorphic(graph1: Labelled, graph2: Labelled) -> bool:
    """Whether two cells are equal up to the order of their vertices, found by trying all orders.

    Raises:
        InputError: the cells have different numbers of vertices.
    """
    (matrix1, label1), (matrix2, label2) = graph1, graph2
    first, second = np.asarray(matrix1), np.asarray(matrix2)
    if first.shape != second.shape or len(label1) != len(label2):
        raise InputError(
            f"cells of {len(label1)} and {len(label2)} vertices are compared: give two of one size"
        )
    for order in permutations(range(len(label1))):
        moved, labels = permute_graph(first, label1, order)
        if labels == list(label2) and np.array_equal(moved, second):
            return True
    return False
