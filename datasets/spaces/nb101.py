"""NB101: the cells of NAS-Bench-101.

Ying et al., *NAS-Bench-101: Towards Reproducible Neural Architecture Search*, ICML 2019. A cell
has at most 7 vertices and 9 edges; each vertex between input and output is a 3×3 convolution, a
1×1 convolution (both with batch norm and ReLU) or a 3×3 max-pool. Up to isomorphism there are
423,624.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import torch

from datasets.batch import GraphBatch
from datasets.graph import (
    INPUT,
    OUTPUT,
    ArchitectureError,
    ArchitectureGraph,
    is_zero_or_one,
)
from datasets.pruning import prune, prune_batch
from datasets.space import SearchSpace
from datasets.spaces.nb101_cells import (
    MAX_EDGES,
    MAX_VERTICES,
    OPERATION_TYPES,
    CellCodes,
    canonical_codes,
    encode,
)
from datasets.spaces.nb101_enumeration import enumerate_cells
from datasets.spaces.nb101_hash import (
    INPUT_LABEL,
    OUTPUT_LABEL,
    cell_digests,
    graph_digests,
    module_hash,
)
from datasets.spaces.nb101_mask import NB101Mask
from datasets.spaces.notation import excerpt, read_record

if TYPE_CHECKING:
    from pathlib import Path

    from datasets.forms.form import Form

_BATCH = 16_384
REMEMBERED = 1 << 15
"""Cells whose hash and canonical graph are cached: a search needs them repeatedly."""
_EXPECTED = 'a cell {"matrix": [[0, 1], [0, 0]], "ops": ["input", "output"]}'
_HASH_LABELS = {INPUT: INPUT_LABEL, OUTPUT: OUTPUT_LABEL} | {
    int(t): label for label, t in enumerate(OPERATION_TYPES)
}
_LABEL_OF_TYPE = np.array([_HASH_LABELS[kind] for kind in range(len(_HASH_LABELS))])


class NB101(SearchSpace):
    """The cells of NAS-Bench-101.

    A graph is a member when what remains after pruning its dangling nodes is a cell, as in the
    official ``is_valid``. The representative of an isomorphism class is the official table's own
    matrix.
    """

    name = "NB101"
    family = "nb101_cell"
    preset_sections = ("NB101",)
    types = ("output", "input", "conv1x1-bn-relu", "conv3x3-bn-relu", "maxpool3x3")
    max_nodes = MAX_VERTICES
    max_edges = MAX_EDGES
    size = 423_624

    def why_illegal(self, graph: ArchitectureGraph) -> str | None:
        """The reason why ``graph`` is no member even when pruned; ``None`` for a member."""
        pruned = prune(graph)
        if pruned is None:
            return "no path leads from its first node to its last"
        if pruned.types[0] != INPUT or pruned.types[-1] != OUTPUT:
            return (
                f"it begins with type {pruned.types[0]} and ends with type {pruned.types[-1]}, "
                f"expected the input ({INPUT}) and the output ({OUTPUT})"
            )
        for node, kind in enumerate(pruned.types[1:-1], start=1):
            if not 2 <= kind < len(self.types):
                return (
                    f"its node {node} has type {kind}, between input and output stand "
                    f"types 2 to {len(self.types) - 1}"
                )
        if pruned.num_nodes > self.max_nodes:
            return f"it has {pruned.num_nodes} nodes after pruning, at most {self.max_nodes} are"
        if len(pruned.edges) > MAX_EDGES:
            return f"it has {len(pruned.edges)} edges after pruning, at most {MAX_EDGES} are"
        return None

    def legal(self, batch: GraphBatch) -> np.ndarray:
        """Which graphs are members once they are pruned. **Shape** (B,), bool."""
        return _legal_when_pruned(prune_batch(batch), self.max_nodes).cpu().numpy()

    def prune(self, graph: ArchitectureGraph) -> ArchitectureGraph | None:
        """``graph`` without its dangling nodes, ``None`` if no path joins input and output."""
        return prune(graph)

    def prune_batch(self, batch: GraphBatch) -> GraphBatch:
        """Vectorised :meth:`prune`; a graph without a path from input to output has 0 nodes."""
        return prune_batch(batch)

    def canonical(self, graph: ArchitectureGraph) -> ArchitectureGraph:
        """The pruned cell as the official table writes it.

        Raises:
            ArchitectureError: ``graph`` is no member.
        """
        return _canonical(self.check(graph))

    def canonical_batch(self, batch: GraphBatch) -> GraphBatch:
        """Vectorised :meth:`canonical`, on the CPU, padded to 7 places.

        Raises:
            ArchitectureError: a graph is no member.
        """
        return self._decode(canonical_codes(self._codes(batch)))

    def hash(self, graph: ArchitectureGraph) -> str:
        """The official md5 module hash of the pruned graph.

        Cells with more vertices or edges than the table holds have one too.

        Raises:
            ArchitectureError: no path joins input and output, or an operation is unknown.
        """
        return _hash(graph)

    def module_hashes(self, batch: GraphBatch, processes: int = 1) -> np.ndarray:
        """The md5 bytes that :meth:`hash` gives in hexadecimal. **Shape** (B, 16), uint8.

        Args:
            batch: members.
            processes: how many processes share the work.

        Raises:
            ArchitectureError: a graph is no member.
        """
        return cell_digests(self._codes(batch), processes)

    def hashes(self, batch: GraphBatch) -> np.ndarray:
        """:meth:`hash` of every graph, of cells beyond the table too. **Shape** (B,), strings.

        Raises:
            ArchitectureError: no path joins a graph's input and output, or it has an unknown
                operation.
        """
        pruned = prune_batch(batch).to("cpu")
        sizes = pruned.num_nodes.numpy()
        known = (pruned.types < len(self.types)).all(dim=1).numpy()
        wrong = np.flatnonzero((sizes == 0) | ~known)
        if len(wrong):
            self.hash(batch.to("cpu").graph(int(wrong[0])))  # says what is wrong
        labels = _LABEL_OF_TYPE[pruned.types.numpy()]
        adjacency = pruned.adjacency.numpy()
        digests = np.empty((len(sizes), 16), dtype=np.uint8)
        for n in np.unique(sizes):
            rows = np.flatnonzero(sizes == n)
            digests[rows] = graph_digests(adjacency[rows, :n, :n], labels[rows, :n])
        return np.array([row.tobytes().hex() for row in digests], dtype=np.str_)

    def sample(self, n: int, generator: np.random.Generator) -> list[ArchitectureGraph]:
        """``n`` canonical cells, uniform over the isomorphism classes."""
        cells = enumerate_cells(self.max_nodes)
        return list(self._decode(cells[generator.integers(len(cells), size=n)]))

    def neighbours(self, graph: ArchitectureGraph) -> list[ArchitectureGraph]:
        """All other cells one edit away from the pruned cell, canonical, each once.

        An edit changes an operation, adds or removes an edge (what then dangles is pruned), or
        puts a new operation between two nodes, with one edge into it and one out of it: the
        inverse of what pruning takes away, so that cells can grow as well as shrink.
        """
        cell = _pruned(self.check(graph))
        own = self.canonical(cell)
        edited = [*_changed_operations(cell), *_flipped_edges(cell), *_inserted_nodes(cell)]
        batch = GraphBatch.from_graphs(edited)
        members = batch[torch.from_numpy(self.legal(batch))]
        found = dict.fromkeys(self.canonical_batch(members))
        found.pop(own, None)
        return list(found)

    def enumerate(self, max_nodes: int | None = None) -> Iterator[GraphBatch]:
        """Every cell once, in the order of the official enumeration, in batches.

        Args:
            max_nodes: leave out cells with more nodes (default: none).
        """
        cells = enumerate_cells(min(max_nodes or self.max_nodes, self.max_nodes))
        for start in range(0, len(cells), _BATCH):
            yield self._decode(cells[start : start + _BATCH])

    def parse(self, text: str) -> ArchitectureGraph:
        """Read a JSON object with ``matrix`` and ``ops``; dangling nodes stay as they are.

        Raises:
            ArchitectureError: the text is no member of the space; the message says what is wrong.
        """
        return self.check(self.read(text))

    def read(self, text: str) -> ArchitectureGraph:
        """:meth:`parse` a cell that may have more nodes and edges than the members of the space.

        Raises:
            ArchitectureError: the text is no cell; the message says what is wrong.
        """
        matrix, operations = read_record(text, ("matrix", "ops"), _EXPECTED)
        if not isinstance(operations, list) or not operations:
            raise ArchitectureError(f"'ops' is no list of operations: expected {_EXPECTED}")
        for name in operations:
            if name not in self.types:
                raise ArchitectureError(
                    f"operation {excerpt(str(name))} is unknown: expected one of "
                    f"{', '.join(self.types)}"
                )
        return ArchitectureGraph.from_adjacency(
            [self.types.index(name) for name in operations], _matrix(matrix, len(operations))
        )

    def format(self, graph: ArchitectureGraph) -> str:
        """The JSON object that :meth:`parse` reads back."""
        return json.dumps(self.to_record(graph))

    def to_record(self, graph: ArchitectureGraph) -> dict[str, object]:
        """``matrix`` and ``ops`` of the graph as it is.

        Raises:
            ArchitectureError: a node has a type that is no operation.
        """
        if (kind := max(graph.types)) >= len(self.types):
            raise ArchitectureError(
                f"a node has type {kind}, {self.name} has the types 0 to {len(self.types) - 1}: "
                "it is of another search space"
            )
        return {
            "matrix": graph.adjacency.tolist(),
            "ops": [self.types[kind] for kind in graph.types],
        }

    def forms(self, data_root: str | Path | None = None) -> dict[str, Form]:
        """Those that every space has, and those of :mod:`datasets.forms.nb101`."""
        from datasets.forms import nb101

        return super().forms(data_root) | nb101.forms(self)

    def legality_mask(self, *, reverse: bool = False) -> NB101Mask:
        """Mask for a decoder; what it lets through has no dangling node."""
        return NB101Mask(reverse=reverse, max_vertices=self.max_nodes)

    def _check_pruned(self, pruned: GraphBatch) -> None:
        illegal = (~_legal_when_pruned(pruned, self.max_nodes)).nonzero()
        if len(illegal):
            raise ArchitectureError(
                f"graph {int(illegal[0])} of the batch is no {self.name} architecture"
            )

    def _codes(self, batch: GraphBatch) -> CellCodes:
        """Codes of members, pruned, in their own node orders."""
        pruned = prune_batch(batch).to("cpu")
        self._check_pruned(pruned)
        sizes = pruned.num_nodes.numpy()
        types, adjacency = pruned.types.numpy(), pruned.adjacency.numpy()
        codes = CellCodes(
            sizes, np.zeros(len(sizes), dtype=np.uint32), np.zeros(len(sizes), dtype=np.int64)
        )
        for n in np.unique(sizes):
            rows = np.flatnonzero(sizes == n)
            part = encode(int(n), types[rows, :n], adjacency[rows, :n, :n])
            codes.bits[rows], codes.labels[rows] = part.bits, part.labels
        return codes

    @staticmethod
    def _decode(cells: CellCodes) -> GraphBatch:
        return GraphBatch(
            torch.from_numpy(cells.types()),
            torch.from_numpy(cells.adjacency()).bool(),
            torch.from_numpy(np.array(cells.num_nodes)),
        )


@lru_cache(maxsize=REMEMBERED)
def _hash(graph: ArchitectureGraph) -> str:
    """:meth:`NB101.hash`."""
    pruned = prune(graph)
    if pruned is None:
        raise ArchitectureError("no path leads from the first node to the last: no hash")
    unknown = [t for t in pruned.types if t not in _HASH_LABELS]
    if unknown:
        raise ArchitectureError(
            f"type {unknown[0]} is no {NB101.name} operation: expected 0 to {len(NB101.types) - 1}"
        )
    return module_hash(pruned.adjacency, [_HASH_LABELS[t] for t in pruned.types])


@lru_cache(maxsize=REMEMBERED)
def _canonical(member: ArchitectureGraph) -> ArchitectureGraph:
    """:meth:`NB101.canonical` of a member."""
    cell = _pruned(member)
    n = cell.num_nodes
    code = canonical_codes(encode(n, np.array([cell.types]), cell.adjacency[None]))
    return ArchitectureGraph.from_adjacency(
        code.types()[0, :n].tolist(), code.adjacency()[0, :n, :n]
    )


def _pruned(member: ArchitectureGraph) -> ArchitectureGraph:
    cell = prune(member)
    assert cell is not None  # a path joins the input and output of every member
    return cell


def _legal_when_pruned(pruned: GraphBatch, max_nodes: int) -> torch.Tensor:
    """Which pruned graphs are cells of at most ``max_nodes``. **Shape** (B,), bool."""
    places = pruned.types.shape[1]
    last = pruned.num_nodes - 1
    index = torch.arange(places, device=pruned.types.device)
    interior = (index > 0) & (index < last[:, None])
    operation = (pruned.types >= 2) & (pruned.types < len(NB101.types))
    ends = pruned.types.gather(1, last.clamp(min=0)[:, None])[:, 0]
    return (
        (pruned.num_nodes >= 2)
        & (pruned.num_nodes <= max_nodes)
        & (pruned.adjacency.sum(dim=(1, 2)) <= MAX_EDGES)
        & (pruned.types[:, 0] == INPUT)
        & (ends == OUTPUT)
        & (operation | ~interior).all(dim=1)
    )


def _matrix(value: object, size: int) -> np.ndarray:
    """The adjacency matrix that a JSON value describes, **shape** (size, size).

    Raises:
        ArchitectureError: it is no square list of rows of zeros and ones.
    """
    shape = f"expected {size} rows of {size} zeros and ones"
    if not isinstance(value, list) or len(value) != size:
        rows = f"{len(value)} rows" if isinstance(value, list) else "no list of rows"
        raise ArchitectureError(f"'matrix' is {rows} for {size} operations: {shape}")
    for number, row in enumerate(value):
        if not isinstance(row, list) or len(row) != size:
            raise ArchitectureError(f"row {number} of 'matrix' has another length: {shape}")
        for entry in row:
            if not is_zero_or_one(entry):
                raise ArchitectureError(f"row {number} of 'matrix' has {repr(entry)[:40]}: {shape}")
    return np.array(value).astype(bool).reshape(size, size)


def _changed_operations(cell: ArchitectureGraph) -> Iterator[ArchitectureGraph]:
    for node in range(1, cell.num_nodes - 1):
        for kind in OPERATION_TYPES.tolist():
            if kind != cell.types[node]:
                types = (*cell.types[:node], kind, *cell.types[node + 1 :])
                yield ArchitectureGraph(types, cell.edges)


def _flipped_edges(cell: ArchitectureGraph) -> Iterator[ArchitectureGraph]:
    edges = set(cell.edges)
    for target in range(cell.num_nodes):
        for source in range(target):
            yield ArchitectureGraph(cell.types, tuple(edges ^ {(source, target)}))


def _inserted_nodes(cell: ArchitectureGraph) -> Iterator[ArchitectureGraph]:
    for target in range(1, cell.num_nodes):
        moved = [(i + (i >= target), j + (j >= target)) for i, j in cell.edges]
        for source in range(target):
            edges = (*moved, (source, target), (target, target + 1))
            for kind in OPERATION_TYPES.tolist():
                types = (*cell.types[:target], kind, *cell.types[target:])
                yield ArchitectureGraph(types, edges)
