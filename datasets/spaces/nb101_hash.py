"""The module hash by which NAS-Bench-101's table names a cell, bit for bit.

Every vertex starts with the md5 of its (out-degree, in-degree, label). Then, as many times as
there are vertices, each takes the md5 of its in-neighbours' digests, its out-neighbours' digests
(both sorted) and its own; the hash of the cell is the md5 of the sorted list of digests
(``graph_util.hash_module`` of the public ``nasbench`` package; Ying et al. 2019, appendix S1).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np

from datasets.spaces.md5 import md5_digests
from datasets.spaces.nb101_cells import CellCodes

INPUT_LABEL, OUTPUT_LABEL = -1, -2
_CHUNK = 16_384  # cells at a time: bounds the memory and keeps the sorts in the cache
_HEX = np.frombuffer(bytes(range(256)).hex().encode(), dtype=np.uint16)  # two digits a byte


def module_hash(adjacency: np.ndarray, labels: Sequence[object]) -> str:
    """Hash of one cell.

    Args:
        adjacency: entry (i, j) is 1 for the edge i→j. **Shape** (n, n).
        labels: −1 for the input, −2 for the output, else the operation's place in the official
            order conv3x3, conv1x1, maxpool3x3. Others may label vertices otherwise: what counts is
            how Python writes the label. **Shape** (n,).

    Returns:
        32 hexadecimal digits.
    """
    matrix = np.asarray(adjacency).tolist()
    labels = np.asarray(labels).tolist()  # no numbers of NumPy's, which are written otherwise
    vertices = range(len(labels))
    sources = [[w for w in vertices if matrix[w][v]] for v in vertices]
    targets = [[w for w in vertices if matrix[v][w]] for v in vertices]
    digests = [_md5_hex(str((len(targets[v]), len(sources[v]), labels[v]))) for v in vertices]
    for _ in vertices:
        digests = [
            _md5_hex(
                "|".join(
                    (
                        "".join(sorted(digests[w] for w in sources[v])),
                        "".join(sorted(digests[w] for w in targets[v])),
                        digests[v],
                    )
                )
            )
            for v in vertices
        ]
    return _md5_hex(str(sorted(digests)))


def cell_digests(cells: CellCodes, processes: int = 1) -> np.ndarray:
    """Hashes of cells, as :func:`module_hash` gives them.

    Args:
        cells: R cells.
        processes: how many processes share the work, where there is enough of it.

    Returns:
        **Shape** (R, 16), uint8.
    """
    parts = [cells[start : start + _CHUNK] for start in range(0, len(cells), _CHUNK)]
    processes = min(processes, len(parts))
    if processes <= 1:
        digests = [_cell_digests(part) for part in parts]
    else:
        # Not forked: the libraries loaded here have threads, and a fork copies their locks.
        with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
            digests = list(pool.map(_cell_digests, parts))
    return np.concatenate([np.empty((0, 16), dtype=np.uint8), *digests])


def _cell_digests(cells: CellCodes) -> np.ndarray:
    result = np.empty((len(cells), 16), dtype=np.uint8)
    adjacency, digits = cells.adjacency(), cells.digits()
    for n in np.unique(cells.num_nodes):
        rows = np.flatnonzero(cells.num_nodes == n)
        labels = np.full((len(rows), n), INPUT_LABEL)
        labels[:, 1:-1] = digits[rows, : n - 2]
        labels[:, -1] = OUTPUT_LABEL
        result[rows] = _same_size_digests(adjacency[rows, :n, :n] != 0, labels)
    return result


def graph_digests(adjacency: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Hashes of graphs that all have n vertices, however many, as :func:`module_hash` gives them.

    **Shape**: adjacency (R, n, n) bool, labels (R, n) → (R, 16) uint8.
    """
    result = np.empty((len(labels), 16), dtype=np.uint8)
    for start in range(0, len(labels), _CHUNK):
        rows = slice(start, start + _CHUNK)
        result[rows] = _same_size_digests(adjacency[rows], labels[rows])
    return result


def _md5_hex(text: str) -> str:
    return hashlib.md5(text.encode()).hexdigest()


def _same_size_digests(adjacency: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """**Shape**: adjacency (R, n, n) bool, labels (R, n) → (R, 16) uint8."""
    rows, n = labels.shape
    groups = _degree_groups(adjacency)
    ids, table = _initial(adjacency, labels)
    for _ in range(n):
        ids, table = _propagate(groups, ids, table)
    order = np.sort(ids.reshape(rows, n), axis=1)
    quoted = [piece for column in order.T for piece in (b"', '", table[column])]
    return md5_digests(_join(rows, [b"['", *quoted[1:], b"']"]))


class _DegreeGroup:
    """The vertices that have the same numbers of in- and out-neighbours.

    Attributes:
        vertices: places in the flat list of all vertices. **Shape** (M,).
        sources: their in-neighbours. **Shape** (M, in-degree).
        targets: their out-neighbours. **Shape** (M, out-degree).
    """

    def __init__(self, vertices: np.ndarray, sources: np.ndarray, targets: np.ndarray) -> None:
        self.vertices, self.sources, self.targets = vertices, sources, targets


def _degree_groups(adjacency: np.ndarray) -> list[_DegreeGroup]:
    rows, n, _ = adjacency.shape
    outgoing = adjacency.reshape(rows * n, n)
    incoming = adjacency.transpose(0, 2, 1).reshape(rows * n, n)
    first = np.arange(rows * n) // n * n  # place of vertex 0 of the same cell
    kind = incoming.sum(axis=1) * (n + 1) + outgoing.sum(axis=1)
    groups = []
    for value in np.unique(kind):
        vertices = np.flatnonzero(kind == value)
        base = first[vertices, None]
        sources = base + np.nonzero(incoming[vertices])[1].reshape(len(vertices), -1)
        targets = base + np.nonzero(outgoing[vertices])[1].reshape(len(vertices), -1)
        groups.append(_DegreeGroup(vertices, sources, targets))
    return groups


def _initial(adjacency: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    triples = np.stack([adjacency.sum(axis=2), adjacency.sum(axis=1), labels], axis=2)
    distinct, ids = np.unique(triples.reshape(-1, 3), axis=0, return_inverse=True)
    texts = [str(tuple(triple)).encode() for triple in distinct.tolist()]
    digests = [hashlib.md5(text).digest() for text in texts]
    return _ranked(np.frombuffer(b"".join(digests), dtype=np.uint8).reshape(-1, 16), ids.ravel())


def _propagate(
    groups: list[_DegreeGroup], ids: np.ndarray, table: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """One round: ids of the vertices' new digests, and the table of the new digests.

    Equal digests have one id, and ids stand in the order of the digests, so that sorting ids is
    sorting digests. A digest that several vertices share is computed once.
    """
    new_ids = np.empty_like(ids)
    digests, found = [], 0
    # A search for repetitions then costs more than the digests that it saves.
    mostly_different = 2 * len(table) > len(ids)
    for group in groups:
        sources = np.sort(ids[group.sources], axis=1)
        targets = np.sort(ids[group.targets], axis=1)
        columns = np.column_stack([sources, targets, ids[group.vertices]])
        first, inverse = (
            _all_different(len(columns)) if mostly_different else _distinct(columns, len(table))
        )
        columns = columns[first]
        parts: list[bytes | np.ndarray] = [table[column] for column in columns.T]
        parts.insert(sources.shape[1], b"|")
        parts.insert(-1, b"|")
        digests.append(md5_digests(_join(len(columns), parts)))
        new_ids[group.vertices] = found + inverse
        found += len(columns)
    return _ranked(np.concatenate(digests), new_ids)


def _distinct(columns: np.ndarray, base: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows of ``columns`` without repetition: a place of each, and each row's number.

    Rows are compared as numbers in base ``base``; where these do not fit an integer, all rows
    count as different.
    """
    rows, width = columns.shape
    if base**width >= 2**63:
        return _all_different(rows)
    code = columns @ (base ** np.arange(width, dtype=np.int64))
    distinct, inverse = np.unique(code, return_inverse=True)
    first = np.empty(len(distinct), dtype=np.int64)
    first[inverse] = np.arange(rows)  # any of the equal rows will do
    return first, inverse


def _all_different(rows: int) -> tuple[np.ndarray, np.ndarray]:
    return np.arange(rows), np.arange(rows)


def _ranked(digests: np.ndarray, ids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Number the digests in their sorted order. **Shape** (K, 16), (M,) → (M,), (K', 32) hex."""
    high, low = digests.view(">u8").astype(np.uint64).T
    order = np.argsort(high)
    new = np.append(True, np.diff(high[order]) != 0)
    if (low[order[1:]] != low[order[:-1]])[~new[1:]].any():  # the first 8 bytes do not decide
        order = np.lexsort((low, high))
        new = np.append(True, (np.diff(high[order]) != 0) | (np.diff(low[order]) != 0))
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.cumsum(new) - 1
    return rank[ids], np.take(_HEX, digests[order[new]]).view(np.uint8)


def _join(rows: int, parts: Sequence[bytes | np.ndarray]) -> np.ndarray:
    """Put texts side by side: constants, and columns of shape (rows, k). → (rows, length)."""
    columns = [
        np.broadcast_to(np.frombuffer(part, dtype=np.uint8), (rows, len(part)))
        if isinstance(part, bytes)
        else part
        for part in parts
    ]
    return np.concatenate(columns, axis=1)
