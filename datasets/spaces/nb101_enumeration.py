"""Every NB101 cell once, in the order of the official enumeration."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from datasets.spaces.nb101_cells import (
    MAX_EDGES,
    MAX_VERTICES,
    NUM_OPERATIONS,
    CellCodes,
    edge_places,
    label_weights,
    relabellings,
)


@lru_cache
def enumerate_cells(max_nodes: int = MAX_VERTICES) -> CellCodes:
    """Canonical codes of all cells of at most ``max_nodes`` vertices (423,624 for 7)."""
    return CellCodes.cat([_cells(n) for n in range(2, max_nodes + 1)])


def _cells(num_nodes: int) -> CellCodes:
    """Label the unlabelled cells in every way that their symmetries tell apart."""
    bits = canonical_dags(num_nodes)
    interior = num_nodes - 2
    labelings = np.arange(NUM_OPERATIONS**interior)
    digits = labelings[:, None] // label_weights(interior) % NUM_OPERATIONS  # (labelings, n−2)
    tables = relabellings(num_nodes)
    relabelled = tables.weights @ digits.T  # (P, labelings)
    symmetric = tables.edge_bits(slice(None), bits) == bits  # (P, dags): automorphisms
    chosen = np.ones((len(bits), len(labelings)), dtype=bool)
    for dag in np.flatnonzero(symmetric.sum(axis=0) > 1):
        chosen[dag] = labelings == relabelled[symmetric[:, dag]].min(axis=0)
    dags, labels = np.nonzero(chosen)
    return CellCodes(np.full(len(dags), num_nodes), bits[dags], labels)


def canonical_dags(num_nodes: int) -> np.ndarray:
    """Edge bits of the unlabelled cells with ``num_nodes`` vertices, ascending, each class once.

    A cell has at most nine edges, and every node lies on a path from the input to the output.
    """
    places = edge_places(num_nodes)
    bits = np.arange(1 << len(places), dtype=np.uint32)
    bits = bits[np.bitwise_count(bits) <= MAX_EDGES]
    for node in range(num_nodes):
        into = sum(1 << bit for bit, (_, target) in enumerate(places) if target == node)
        out_of = sum(1 << bit for bit, (source, _) in enumerate(places) if source == node)
        if node > 0:
            bits = bits[bits & np.uint32(into) != 0]
        if node < num_nodes - 1:
            bits = bits[bits & np.uint32(out_of) != 0]
    tables = relabellings(num_nodes)
    for order in range(len(tables.weights)):
        bits = bits[tables.edge_bits(order, bits) >= bits]
    return bits
