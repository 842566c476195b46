"""NB101 cells as two integers, and their canonical representative.

The official enumeration (Ying et al., *NAS-Bench-101*, ICML 2019) walks the numbers of vertices
from 2 to 7, the edge sets as ascending bit strings in which bit ``x + y(y−1)/2`` is the edge
x→y, and the operations in product order with conv3x3 < conv1x1 < maxpool3x3, and keeps the first
cell of each isomorphism class. A class is therefore represented by the smallest pair (bits,
operations) over all topological orders of its nodes. With five interior nodes there are at most
120 orders: they are tried all at once, through tables.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import permutations

import numpy as np

from datasets.graph import INPUT, OUTPUT

MAX_VERTICES = 7
MAX_EDGES = 9
OPERATION_TYPES = np.array([3, 2, 4])
"""Type ids of conv3x3, conv1x1 and maxpool3x3: the official order of the operations."""
NUM_OPERATIONS = len(OPERATION_TYPES)

_LABEL_BITS = 8  # 3⁵ = 243 ways to label five interior nodes
_TABLE_BITS = 7  # 21 edge bits are looked up in three tables of 128
_NOT_TOPOLOGICAL = np.uint32(1 << 31)  # larger than every key of a cell
_CHUNK = 8192


@dataclass(frozen=True, slots=True)
class CellCodes:
    """Many cells without dangling nodes, as integers.

    Attributes:
        num_nodes: vertices n of each cell, 2 to 7. **Shape** (R,), int64.
        bits: edges; bit ``x + y(y−1)/2`` is the edge x→y. **Shape** (R,), uint32.
        labels: operations of the n−2 interior nodes as the digits of a number in base 3, the
            first node's digit most significant; 0 conv3x3, 1 conv1x1, 2 maxpool3x3.
            **Shape** (R,), int64.
    """

    num_nodes: np.ndarray
    bits: np.ndarray
    labels: np.ndarray

    def __len__(self) -> int:
        return len(self.num_nodes)

    def __getitem__(self, index: slice | np.ndarray) -> CellCodes:
        return CellCodes(self.num_nodes[index], self.bits[index], self.labels[index])

    @staticmethod
    def cat(parts: list[CellCodes]) -> CellCodes:
        """Join the rows of ``parts``."""
        return CellCodes(
            np.concatenate([p.num_nodes for p in parts]),
            np.concatenate([p.bits for p in parts]),
            np.concatenate([p.labels for p in parts]),
        )

    def adjacency(self) -> np.ndarray:
        """Adjacency matrices, padded with zeros. **Shape** (R, 7, 7), uint8."""
        matrices = np.zeros((len(self), MAX_VERTICES, MAX_VERTICES), dtype=np.uint8)
        for bit, (source, target) in enumerate(edge_places(MAX_VERTICES)):
            matrices[:, source, target] = (self.bits >> np.uint32(bit)) & np.uint32(1)
        return matrices

    def digits(self) -> np.ndarray:
        """Operations of the interior nodes, −1 where there is none. **Shape** (R, 5), int64."""
        result = np.full((len(self), MAX_VERTICES - 2), -1)
        for n in np.unique(self.num_nodes):
            rows = np.flatnonzero(self.num_nodes == n)
            weights = label_weights(int(n) - 2)
            result[rows, : n - 2] = self.labels[rows, None] // weights % NUM_OPERATIONS
        return result

    def types(self) -> np.ndarray:
        """Node type ids, 0 at the padding. **Shape** (R, 7), int64."""
        digits = self.digits()
        result = np.full((len(self), MAX_VERTICES), OUTPUT)
        result[:, 0] = INPUT
        result[:, 1:-1] = np.where(digits >= 0, OPERATION_TYPES[digits], OUTPUT)
        return result


def edge_places(num_nodes: int) -> list[tuple[int, int]]:
    """The edge (from, to) of each bit of a cell, bit 0 first."""
    return [(source, target) for target in range(num_nodes) for source in range(target)]


def label_weights(interior: int) -> np.ndarray:
    """Value of the digit of each interior node. **Shape** (interior,), int64."""
    return NUM_OPERATIONS ** np.arange(interior - 1, -1, -1)


def encode(num_nodes: int, types: np.ndarray, adjacency: np.ndarray) -> CellCodes:
    """Codes of pruned cells that all have ``num_nodes`` vertices.

    **Shape**: types (R, n), adjacency (R, n, n) → R codes.
    """
    bits = np.zeros(len(types), dtype=np.uint32)
    for bit, (source, target) in enumerate(edge_places(num_nodes)):
        bits |= adjacency[:, source, target].astype(np.uint32) << np.uint32(bit)
    digit_of_type = np.argsort(np.append([-2, -1], OPERATION_TYPES))[2:] - 2
    digits = digit_of_type[types[:, 1:-1] - 2]
    labels = digits @ label_weights(num_nodes - 2)
    return CellCodes(np.full(len(types), num_nodes), bits, labels)


@dataclass(frozen=True, slots=True)
class Relabellings:
    """All orders of the interior nodes of cells with n vertices, as look-up tables.

    Attributes:
        tables: the edges that the order makes of each group of seven edge bits; a flag above
            all of them marks an order that turns an edge backwards. **Shape** (P, 3, 128).
        weights: value of each interior node's operation digit in the new order.
            **Shape** (P, n − 2).
    """

    tables: np.ndarray
    weights: np.ndarray

    def edge_bits(self, order: int | slice, bits: np.ndarray) -> np.ndarray:
        """Edge bits of cells in one order, or in several. **Shape** (R,) → (R,) or (P, R)."""
        tables = self.tables[order]
        low = (1 << _TABLE_BITS) - 1
        return (
            tables[..., 0, bits & low]
            | tables[..., 1, bits >> _TABLE_BITS & low]
            | tables[..., 2, bits >> 2 * _TABLE_BITS]
        )

    def keys(self, bits: np.ndarray, digits: np.ndarray) -> np.ndarray:
        """Sort keys (bits, then operations) in every order. **Shape** (R,), (R, n−2) → (P, R)."""
        labels = (self.weights @ digits.T).astype(np.uint32)
        moved = self.edge_bits(slice(None), bits)
        # The flag is the top bit: shifting would lose it, so it is put back.
        return (moved << np.uint32(_LABEL_BITS)) | labels | (moved & _NOT_TOPOLOGICAL)


@lru_cache
def relabellings(num_nodes: int) -> Relabellings:
    """The tables for cells with ``num_nodes`` vertices (made once, 184 kB at most)."""
    places = edge_places(num_nodes)
    position = {edge: bit for bit, edge in enumerate(places)}
    orders = list(permutations(range(1, num_nodes - 1)))
    moved = np.zeros((len(orders), 3 * _TABLE_BITS), dtype=np.uint32)
    weights = np.zeros((len(orders), num_nodes - 2), dtype=np.int64)
    for row, order in enumerate(orders):
        new = (0, *order, num_nodes - 1)
        for bit, (source, target) in enumerate(places):
            edge = (new[source], new[target])
            moved[row, bit] = 1 << position[edge] if edge in position else _NOT_TOPOLOGICAL
        weights[row] = label_weights(num_nodes - 2)[np.array(order, dtype=int) - 1]
    value = np.arange(1 << _TABLE_BITS)
    tables = np.zeros((len(orders), 3, len(value)), dtype=np.uint32)
    for group in range(3):
        for bit in range(_TABLE_BITS):
            present = (value >> bit & 1).astype(np.uint32)
            tables[:, group] |= moved[:, group * _TABLE_BITS + bit, None] * present
    return Relabellings(tables, weights)


def canonical_codes(cells: CellCodes) -> CellCodes:
    """The representatives of the cells' isomorphism classes, row by row."""
    bits, labels = np.empty_like(cells.bits), np.empty_like(cells.labels)
    digits = cells.digits()
    for n in np.unique(cells.num_nodes):
        rows = np.flatnonzero(cells.num_nodes == n)
        tables = relabellings(int(n))
        for part in np.array_split(rows, -(-len(rows) // _CHUNK)):
            key = tables.keys(cells.bits[part], digits[part, : n - 2]).min(axis=0)
            bits[part] = key >> np.uint32(_LABEL_BITS)
            labels[part] = key & np.uint32((1 << _LABEL_BITS) - 1)
    return CellCodes(cells.num_nodes, bits, labels)
