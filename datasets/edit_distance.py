"""Exact graph edit distance between small architectures, for many pairs at once.

The distance is the least number of edits that turn one graph into the other up to the order of
its nodes. An edit changes the type of a node, inserts or deletes a node, or inserts or deletes an
edge; each costs 1. The first nodes (inputs) are matched to each other, as are the last (outputs).
The general notion: Sanfeliu and Fu, *A distance measure between attributed relational graphs for
pattern recognition*, 1983.
"""

from __future__ import annotations

from itertools import permutations
from typing import NamedTuple

import numpy as np

from datasets.batch import GraphBatch, as_batch
from datasets.graph import ArchitectureError

MAX_EDIT_NODES = 8
"""Nodes of the largest graphs compared: the 720 orders of 6 interior nodes are all tried."""
_EMPTY = -1
"""Type of a place that holds no node."""
_CHUNK_BYTES = 1 << 25
"""Upper bound of the largest temporary array."""


def edit_distances(a: GraphBatch, b: GraphBatch) -> np.ndarray:
    """Edit distance between the graphs at the same position of two batches.

    The graph with fewer interior nodes is filled up with empty places, and every assignment of
    the interior nodes of one graph to those of the other is tried. That finds the optimum: to
    change a node never costs more than to delete it with its edges and to insert the other.

    **Shape**: B graphs each → (B,), int64. Two graphs are at distance 0 exactly when they are
    isomorphic.

    Raises:
        ArchitectureError: the batches have different lengths, or a graph has fewer than 2 or
            more than 8 nodes.
    """
    a, b = as_batch(a), as_batch(b)
    if len(a) != len(b):
        raise ArchitectureError(
            f"{len(a)} and {len(b)} graphs make no pairs: give two batches of the same length"
        )
    sizes = np.stack([_checked_sizes(a), _checked_sizes(b)])
    interior = sizes.max(axis=0) - 2
    distances = np.zeros(len(a), dtype=np.int64)
    for count in np.unique(interior).tolist():
        rows = np.flatnonzero(interior == count)
        first, second = _placed(a, rows, count), _placed(b, rows, count)
        differ = (first.types != second.types).any(1) | (first.edges != second.edges).any((1, 2))
        distances[rows[differ]] = _least_costs(first.take(differ), second.take(differ))
    return distances


class _Placed(NamedTuple):
    """Graphs with the first node at place 0 and the last at the last of n places.

    ``types`` (K, n) int64, ``edges`` (K, n, n) bool; empty places are those before the last.
    """

    types: np.ndarray
    edges: np.ndarray

    def take(self, chosen: np.ndarray) -> _Placed:
        return _Placed(self.types[chosen], self.edges[chosen])


def _checked_sizes(batch: GraphBatch) -> np.ndarray:
    sizes = batch.num_nodes.cpu().numpy()
    wrong = np.flatnonzero((sizes < 2) | (sizes > MAX_EDIT_NODES))
    if len(wrong):
        raise ArchitectureError(
            f"graph {wrong[0]} has {sizes[wrong[0]]} nodes: edit distances are exact and "
            f"computed for 2 to {MAX_EDIT_NODES} nodes only"
        )
    return sizes


def _placed(batch: GraphBatch, rows: np.ndarray, interior: int) -> _Placed:
    """Put the graphs at ``rows``, **shape** (K,), into ``interior + 2`` places each."""
    sizes = batch.num_nodes.cpu().numpy()[rows, None]
    place = np.arange(interior + 2)
    filled = (place < sizes - 1) | (place == interior + 1)
    node = np.where(place == interior + 1, sizes - 1, np.where(filled, place, 0))
    types = np.take_along_axis(batch.types.cpu().numpy()[rows], node, axis=1)
    edges = np.take_along_axis(batch.adjacency.cpu().numpy()[rows], node[:, :, None], axis=1)
    edges = np.take_along_axis(edges, node[:, None, :], axis=2)
    both = filled[:, :, None] & filled[:, None, :]
    return _Placed(np.where(filled, types, _EMPTY), edges & both)


def _least_costs(a: _Placed, b: _Placed) -> np.ndarray:
    """The cost of the best assignment of each pair. **Shape** (K,), int64."""
    pairs, nodes = a.types.shape
    orders = _orders(nodes)  # (P, n)
    source, target = np.triu_indices(nodes, 1)  # edges of b go from a lower to a higher place
    entry = orders[:, source] * nodes + orders[:, target]  # (P, n(n−1)/2) in a's flat matrix
    flat_a = a.edges.reshape(pairs, nodes * nodes)
    flat_b = b.edges[:, source, target]
    edges = flat_a.sum(1) + flat_b.sum(1)  # all deleted and inserted; a match saves both
    costs = np.empty(pairs, dtype=np.int64)
    chunk = max(1, _CHUNK_BYTES // entry.size)
    for start in range(0, pairs, chunk):
        part = slice(start, start + chunk)
        matched = (flat_a[part][:, entry] & flat_b[part, None]).sum(-1, dtype=np.int64)  # (C, P)
        changed = (a.types[part][:, orders] != b.types[part, None]).sum(-1, dtype=np.int64)
        costs[part] = (changed - 2 * matched).min(1) + edges[part]
    return costs


def _orders(nodes: int) -> np.ndarray:
    """Every order of the places that leaves the first and the last. **Shape** (P, nodes)."""
    last = nodes - 1
    return np.array([(0, *order, last) for order in permutations(range(1, last))], dtype=np.int64)
