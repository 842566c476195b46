"""NB201: the cells of NAS-Bench-201.

Dong and Yang, *NAS-Bench-201: Extending the Scope of Reproducible Neural Architecture Search*,
ICLR 2020. A cell has four feature maps and one of five operations on each of the six edges
between them: 15,625 cells. As a graph with operations on its nodes each of the six edges becomes
a node; which nodes are joined is the same in all cells.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from itertools import product
from random import Random
from typing import TYPE_CHECKING

import numpy as np
import torch

from datasets.batch import GraphBatch, LegalityMask
from datasets.graph import INPUT, OUTPUT, ArchitectureError, ArchitectureGraph
from datasets.space import SearchSpace
from datasets.spaces.notation import excerpt, read_arch
from datasets.spaces.skeleton import Skeleton
from experiment.checks import whole_number

if TYPE_CHECKING:
    from pathlib import Path

    from datasets.forms.form import Form

OFFICIAL_OPERATIONS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")
"""The operations in the order of the benchmark's own list."""
CELL_EDGES = ((0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3))
"""Edges (from, to) of the four feature maps, in the order of the architecture string."""
GRAPH_EDGES = ((0, 1), (0, 2), (0, 4), (1, 3), (1, 5), (2, 6), (3, 6), (4, 7), (5, 7), (6, 7))
_SHUFFLE_SEED = 88  # of the benchmark's list: generate_meta_info in AutoDL's NAS-Bench-201/main.py
_EXAMPLE = "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|"
_BATCH = 4096


class NB201(SearchSpace):
    """The cells of NAS-Bench-201.

    Every cell is an architecture of its own: nodes 1 to 6 carry the operations in the order of
    the architecture string. :meth:`functional_class` says which cells compute the same thing.
    """

    name = "NB201"
    family = "nb201_cell"
    preset_sections = ("NB201",)
    types = (
        "output",
        "input",
        "nor_conv_1x1",
        "nor_conv_3x3",
        "avg_pool_3x3",
        "skip_connect",
        "none",
    )
    max_nodes = 8
    size = 15_625

    def __init__(self) -> None:
        edges = np.zeros((self.max_nodes, self.max_nodes), dtype=bool)
        edges[tuple(np.array(GRAPH_EDGES).T)] = True
        self._skeleton = Skeleton.of_operations(edges, edges, len(self.types))

    def why_illegal(self, graph: ArchitectureGraph) -> str | None:
        """The reason why ``graph`` is no member, in one sentence; ``None`` for a member."""
        if graph.num_nodes != self.max_nodes:
            return f"it has {graph.num_nodes} nodes, all have {self.max_nodes}"
        if graph.types[0] != INPUT or graph.types[-1] != OUTPUT:
            return (
                f"it begins with type {graph.types[0]} and ends with type {graph.types[-1]}, "
                f"expected the input ({INPUT}) and the output ({OUTPUT})"
            )
        for node, kind in enumerate(graph.types[1:-1], start=1):
            if not 2 <= kind < len(self.types):
                return f"its node {node} has type {kind}, nodes 1 to 6 have types 2 to 6"
        wrong = sorted(set(graph.edges) ^ set(GRAPH_EDGES))
        if wrong:
            state = "missing" if wrong[0] in GRAPH_EDGES else "too much"
            return f"its edges are not the fixed ones: {wrong[0][0]}→{wrong[0][1]} is {state}"
        return None

    def legal(self, batch: GraphBatch) -> np.ndarray:
        """Vectorised :meth:`is_legal`. **Shape** (B,), bool."""
        return self._skeleton.legal(batch)

    def of_kind(self, batch: GraphBatch) -> np.ndarray:
        """Members alone: a cell has no larger form. **Shape** (B,), bool."""
        return self.legal(batch)

    def canonical(self, graph: ArchitectureGraph) -> ArchitectureGraph:
        """The graph itself: the fixed edges have no symmetry."""
        return self.check(graph)

    def functional_class(self, graph: ArchitectureGraph) -> str:
        """A text that is the same for the cells that the benchmark counts as one: 6,466 texts.

        It is the expression that the cell computes, in which a skip connection disappears and
        what comes out of ``none`` is zero. As in the benchmark's ``to_unique_str``, zeros stay
        in the sums and sums within sums stay together; so some cells that compute the same have
        different texts (with all such rules there would be 4,930 classes).

        Raises:
            ArchitectureError: ``graph`` is no member.
        """
        terms: list[list[str]] = [[], [], []]
        maps = ["0"]
        for (source, target), kind in zip(CELL_EDGES, self.check(graph).types[1:-1], strict=True):
            if len(maps) < target:
                maps.append("+".join(sorted(terms[len(maps) - 1])))
            terms[target - 1].append(_term(self.types[kind], maps[source]))
        return "+".join(sorted(terms[-1]))

    def sample(self, n: int, generator: np.random.Generator) -> list[ArchitectureGraph]:
        """``n`` cells, uniform over the 15,625."""
        operations = generator.integers(2, len(self.types), size=(n, len(CELL_EDGES)))
        return list(self._from_types(operations))

    def neighbours(self, graph: ArchitectureGraph) -> list[ArchitectureGraph]:
        """The 24 cells with one operation changed."""
        types = self.check(graph).types
        return [
            ArchitectureGraph((*types[:node], kind, *types[node + 1 :]), GRAPH_EDGES)
            for node in range(1, self.max_nodes - 1)
            for kind in range(2, len(self.types))
            if kind != types[node]
        ]

    def enumerate(self) -> Iterator[GraphBatch]:
        """Every cell once, in the benchmark's own order, so that the row is the index."""
        for start in range(0, self.size, _BATCH):
            yield self._from_types(self._by_index[start : start + _BATCH])

    def index(self, graph: ArchitectureGraph) -> int:
        """Number of the cell in the benchmark's own list, 0 to 15,624.

        Raises:
            ArchitectureError: ``graph`` is no member.
        """
        return self._index_of[self.check(graph).types[1:-1]]

    def from_index(self, index: int) -> ArchitectureGraph:
        """The cell with a number of the benchmark's own list.

        Raises:
            InputError: it is no whole number.
            ArchitectureError: there is no such number.
        """
        index = whole_number(index, "the index", least=None)
        if not 0 <= index < self.size:
            raise ArchitectureError(f"index {index} is no cell: expected 0 to {self.size - 1}")
        return self._from_types(self._by_index[index : index + 1]).graph(0)

    def parse(self, text: str) -> ArchitectureGraph:
        """Read an architecture string, or a JSON object with ``arch``.

        Raises:
            ArchitectureError: the text is no member of the space; the message says what is wrong.
        """
        text = read_arch(text.strip(), _EXAMPLE)
        maps = text.split("+")
        if len(maps) != 3:
            raise ArchitectureError(
                f"{excerpt(text)} has {len(maps)} parts between '+', expected 3: {_EXAMPLE}"
            )
        types = []
        for target, part in enumerate(maps, start=1):
            operations = part.strip().split("|")
            if len(operations) != target + 2 or operations[0] or operations[-1]:
                raise ArchitectureError(
                    f"part {target} is {excerpt(part)}, expected {target} operations between "
                    f"bars as in {_EXAMPLE}"
                )
            for source, operation in enumerate(operations[1:-1]):
                types.append(self._type_of(operation, source))
        return ArchitectureGraph((INPUT, *types, OUTPUT), GRAPH_EDGES)

    def format(self, graph: ArchitectureGraph) -> str:
        """The architecture string.

        Raises:
            ArchitectureError: ``graph`` is no member.
        """
        names = [self.types[kind] for kind in self.check(graph).types[1:-1]]
        parts = ["", "", ""]
        for (source, target), name in zip(CELL_EDGES, names, strict=True):
            parts[target - 1] += f"{name}~{source}|"
        return "+".join(f"|{part}" for part in parts)

    def forms(self, data_root: str | Path | None = None) -> dict[str, Form]:
        """Those that every space has, and those of :mod:`datasets.forms.nb201`."""
        from datasets.forms import nb201

        return super().forms(data_root) | nb201.forms(self)

    def legality_mask(self, *, reverse: bool = False) -> LegalityMask:
        """Mask for a decoder: edges are fixed, operations are free."""
        return self._skeleton.mask(reverse=reverse)

    def _type_of(self, text: str, source: int) -> int:
        name, _, origin = text.partition("~")
        if name not in OFFICIAL_OPERATIONS:
            raise ArchitectureError(
                f"operation {excerpt(name)} is unknown: expected one of "
                f"{', '.join(OFFICIAL_OPERATIONS)}"
            )
        if origin != str(source):
            raise ArchitectureError(
                f"{excerpt(text)} takes its input from {excerpt(origin)}, expected {source}: "
                "operations stand in the order of their inputs"
            )
        return self.types.index(name)

    def _from_types(self, operations: np.ndarray) -> GraphBatch:
        """Cells of operations in the order of the string. **Shape** (B, 6) type ids."""
        types = np.zeros((len(operations), self.max_nodes), dtype=np.int64)
        types[:, 0] = INPUT
        types[:, 1:-1] = operations
        edges = torch.from_numpy(self._skeleton.required)
        return GraphBatch(
            torch.from_numpy(types),
            edges.repeat(len(types), 1, 1),
            torch.full((len(types),), self.max_nodes),
        )

    @cached_property
    def _by_index(self) -> np.ndarray:
        """Operation types of every cell in the benchmark's order. **Shape** (15625, 6)."""
        ids = [self.types.index(name) for name in OFFICIAL_OPERATIONS]
        cells = list(product(ids, repeat=len(CELL_EDGES)))
        Random(_SHUFFLE_SEED).shuffle(cells)
        return np.array(cells)

    @cached_property
    def _index_of(self) -> dict[tuple[int, ...], int]:
        return {tuple(cell): index for index, cell in enumerate(self._by_index.tolist())}


def _term(operation: str, source: str) -> str:
    """What an operation makes of the expression ``source``; ``#`` is zero."""
    if operation == "none" or source == "#":
        return "#"
    return source if operation == "skip_connect" else f"({source})@{operation}"
