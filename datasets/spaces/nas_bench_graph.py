"""NAS_BENCH_GRAPH: the architectures of NAS-Bench-Graph, trees of four operations on graphs.

Qin et al., *NAS-Bench-Graph: Benchmarking Graph Neural Architecture Search*, NeurIPS 2022.
:mod:`datasets.spaces.nas_bench_graph_rules` says which of them are the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache, cached_property
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
import torch

from datasets.batch import GraphBatch
from datasets.canonical import canonical_hash, canonical_hashes
from datasets.graph import INPUT, OUTPUT, ArchitectureError, ArchitectureGraph
from datasets.space import SearchSpace
from datasets.spaces.listed import ListedMask, ListedShapes
from datasets.spaces.nas_bench_graph_rules import (
    NODES,
    OPERATIONS,
    PATTERNS,
    SKIP,
    Numbers,
    canonical_key,
    check_link,
    check_operations,
    from_key,
    is_normalised,
    links,
    relinked,
)
from datasets.spaces.notation import excerpt, read_record

if TYPE_CHECKING:
    from pathlib import Path

    from datasets.forms.form import Form

ALL_SKIP = 88888
"""The key of the only tree that the benchmark leaves out: nothing but skip connections."""
_EXAMPLE = "0 1 2 1 gcn gin fc cheb"
_BATCH = 4096
_DIGITS = 32
_WORD = re.compile(r"[^\s,;()\[\]'\"]+")
_KEY = re.compile(r"[0-9]{1,5}")  # not \d, which takes the digits of all scripts


class NASBenchGraph(SearchSpace):
    """Four operations on the nodes of a graph, each of one input.

    Nodes 1 to 4 are operations, each with one edge into it; exactly those without a child are
    joined to the output. A skip connection is a node as well, where it is no more than a longer
    way only in a chain that begins at the input. All orders of the nodes are members.

    An architecture has an official *key*; :meth:`key` and :meth:`from_key` translate.
    """

    name = "NAS_BENCH_GRAPH"
    family = "nas_bench_graph"
    types = ("output", "input", *OPERATIONS)
    max_nodes = NODES + 2
    size = 26_206

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
                return f"its node {node} has type {kind}, operations have types 2 to 10"
            into = sum(target == node for _, target in graph.edges)
            if into != 1:
                return f"its node {node} has {into} edges into it, expected one"
        link, operations = _tree(graph)
        if set(graph.edges) != set(_edges(link)):
            return "exactly the operations that feed no other are to feed the output"
        skips = tuple(one == SKIP for one in operations)
        if all(skips):
            return "all its operations are skip: no such network was measured"
        if not is_normalised(link, skips):
            return (
                "one of its skip connections changes nothing where it is and belongs to the front: "
                f"parse({self._written(link, operations)!r}) moves it there"
            )
        return None

    def legal(self, batch: GraphBatch) -> np.ndarray:
        """Vectorised :meth:`is_legal`. **Shape** (B,), bool."""
        return self._shapes.legal(batch)

    def of_kind(self, batch: GraphBatch) -> np.ndarray:
        """Members alone: there is no larger form. **Shape** (B,), bool."""
        return self.legal(batch)

    def key(self, graph: ArchitectureGraph) -> int:
        """The official key (``Arch.valid_hash()``), 0 to 88887.

        Raises:
            ArchitectureError: ``graph`` is no member.
        """
        return canonical_key(*_tree(self.check(graph)))

    def from_key(self, key: int) -> ArchitectureGraph:
        """The canonical graph of an official key.

        Raises:
            ArchitectureError: it is the key of no architecture.
        """
        link, operations = from_key(key)
        own = canonical_key(link, operations)
        if own != key:
            raise ArchitectureError(
                f"key {key} is in no table: the architecture that it spells has the key {own}"
            )
        return _graph(*self._measurable(link, operations))

    def keys(self) -> np.ndarray:
        """All official keys, ascending. **Shape** (26206,), int64."""
        return _keys().copy()

    def from_keys(self, keys: np.ndarray | Sequence[int]) -> GraphBatch:
        """Canonical graphs of official keys, which are not checked. **Shape** (B,) → B graphs."""
        digits = np.asarray(keys)[:, None] // 10 ** np.arange(NODES, -1, -1) % 10
        edges = np.zeros((len(PATTERNS), self.max_nodes, self.max_nodes), dtype=bool)
        for pattern, link in enumerate(PATTERNS):
            for source, target in _edges(link):
                edges[pattern, source, target] = True
        types = np.full((len(keys), self.max_nodes), INPUT)
        types[:, 1:-1], types[:, -1] = digits[:, 1:] + 2, OUTPUT
        return GraphBatch(
            torch.from_numpy(types),
            torch.from_numpy(edges[digits[:, 0]]),
            torch.full((len(keys),), self.max_nodes),
        )

    def canonical(self, graph: ArchitectureGraph) -> ArchitectureGraph:
        """The graph whose nodes stand in the order of the official key."""
        return _graph(*from_key(self.key(graph)))

    def normalised(self, graph: ArchitectureGraph) -> ArchitectureGraph:
        """The canonical graph of a tree, whose idle skip connections come to the front.

        Raises:
            ArchitectureError: all its operations are skip.
        """
        return _graph(*from_key(canonical_key(*self._measurable(*_tree(graph)))))

    def hash(self, graph: ArchitectureGraph) -> str:
        """The official key with leading zeros, 32 digits; of others that of any graph."""
        if self.is_legal(graph):
            return _padded(self.key(graph))
        return canonical_hash(graph)

    def hashes(self, batch: GraphBatch) -> np.ndarray:
        """The :meth:`hash` of every graph. **Shape** (B,), strings."""
        member = self.legal(batch)
        hashes = np.empty(len(batch), dtype=f"U{_DIGITS}")
        links, operations = _trees(batch[torch.from_numpy(member)])
        hashes[member] = [
            _padded(canonical_key(tuple(link), tuple(kinds)))
            for link, kinds in zip(links, operations, strict=True)
        ]
        hashes[~member] = canonical_hashes(batch[torch.from_numpy(~member)])
        return hashes

    def hashes_of_keys(self, keys: np.ndarray) -> np.ndarray:
        """The hashes of official keys. **Shape** (B,) → (B,) strings."""
        return np.char.zfill(keys.astype(str), _DIGITS)

    def sample(self, n: int, generator: np.random.Generator) -> list[ArchitectureGraph]:
        """``n`` canonical graphs, uniform over the 26,206 architectures."""
        return list(self.from_keys(_keys()[generator.integers(self.size, size=n)]))

    def neighbours(self, graph: ArchitectureGraph) -> list[ArchitectureGraph]:
        """The other architectures with one operation, or what one node takes, changed.

        Among architectures without skip connections it goes both ways. A skip connection that is
        lifted by a change does not come back by one.
        """
        own = self.key(graph)
        link, operations = from_key(own)
        changed = [
            *((link, other) for other in _one_changed(operations)),
            *(
                (other, tuple(operations[node] for node in order))
                for other, order in relinked(link)
            ),
        ]
        keys = dict.fromkeys(canonical_key(*one) for one in changed)
        return [_graph(*from_key(key)) for key in keys if key not in (own, ALL_SKIP)]

    def enumerate(self) -> Iterator[GraphBatch]:
        """Every architecture once, by ascending key: the rows of the official tables."""
        for start in range(0, self.size, _BATCH):
            yield self.from_keys(_keys()[start : start + _BATCH])

    def parse(self, text: str) -> ArchitectureGraph:
        """Read a link and operations, in any order, or an official key.

        ``0 1 2 1 gcn gin fc cheb``, with brackets, commas and quotation marks or not; ``Arch(…)``
        as official code has it; a JSON object with ``link`` and ``ops``, or ``arch``; ``61237``.
        What is read is the canonical graph of what the official code counts as the same.

        Raises:
            ArchitectureError: the text is no member of the space; the message says what is wrong.
        """
        text = text.strip()
        if text.startswith("{"):
            return self._read_record(text)
        if _KEY.fullmatch(text):
            return self.from_key(int(text))
        words = _WORD.findall(text)
        if words[:1] == ["Arch"]:
            del words[0]
        if len(words) != 2 * NODES:
            raise ArchitectureError(
                f"{excerpt(text)} is neither four numbers and four operations as in {_EXAMPLE!r} "
                f"(words: {len(words)}) nor an official key of at most {NODES + 1} digits"
            )
        taken = [int(word) if re.fullmatch("[0-9]", word) else word for word in words[:NODES]]
        return self.of_lists(taken, words[NODES:])

    def of_lists(self, link: object, operations: object) -> ArchitectureGraph:
        """The canonical graph of a link and the names of operations, in any order.

        Raises:
            ArchitectureError: they are no architecture; the message says what is wrong.
        """
        tree = self._measurable(check_link(link), check_operations(operations))
        return _graph(*from_key(canonical_key(*tree)))

    def format(self, graph: ArchitectureGraph) -> str:
        """Link and operations, ``0 1 2 1 gcn gin fc cheb``, in the order of the nodes.

        Raises:
            ArchitectureError: ``graph`` is no member.
        """
        return self._written(*_tree(self.check(graph)))

    def forms(self, data_root: str | Path | None = None) -> dict[str, Form]:
        """Those that every space has, and those of :mod:`datasets.forms.nas_bench_graph`."""
        from datasets.forms import nas_bench_graph

        return super().forms(data_root) | nas_bench_graph.forms(self)

    def legality_mask(self, *, reverse: bool = False) -> ListedMask:
        """Mask for a decoder: what it lets through needs no normalising."""
        return self._shapes.mask(reverse=reverse)

    def _read_record(self, text: str) -> ArchitectureGraph:
        expected = f'an object with "link" and "ops", or {{"arch": "{_EXAMPLE}"}}'
        if '"arch"' not in text:
            return self.of_lists(*read_record(text, ("link", "ops"), expected))
        (arch,) = read_record(text, ("arch",), expected)
        if not isinstance(arch, str) or arch.strip().startswith("{"):
            raise ArchitectureError(f"'arch' is {excerpt(str(arch))}, expected {_EXAMPLE!r}")
        return self.parse(arch)

    def _measurable(self, link: Numbers, operations: Numbers) -> tuple[Numbers, Numbers]:
        """A tree that is not all skip connections."""
        if operations == (SKIP,) * NODES:
            raise ArchitectureError(
                "all four operations are skip: no such network was measured, give one of them "
                "another operation"
            )
        return link, operations

    @staticmethod
    def _written(link: Numbers, operations: Numbers) -> str:
        return " ".join([*map(str, link), *(OPERATIONS[one] for one in operations)])

    @cached_property
    def _shapes(self) -> ListedShapes:
        """All trees with their skip connections; the other operations are of one kind."""
        trees = [
            (link, tuple(SKIP if one else 0 for one in skips))
            for link in links()
            for skips in product((False, True), repeat=NODES)
            if not all(skips) and is_normalised(link, skips)
        ]
        kinds = (OUTPUT, INPUT, *(3 if one == SKIP else 2 for one in range(len(OPERATIONS))))
        return ListedShapes.of([_graph(*tree) for tree in trees], kinds)


@cache
def _keys() -> np.ndarray:
    """All official keys, ascending; they take a second."""
    spelled = [
        key
        for key in range(ALL_SKIP)
        if "9" not in str(key) and canonical_key(*from_key(key)) == key
    ]
    return np.array(spelled)


def _edges(link: Numbers) -> list[tuple[int, int]]:
    """Edges of the graph of a link: the tree, and from its leaves to the output."""
    leaves = [node for node in range(1, NODES + 1) if node not in link]
    tree = [(taken, node) for node, taken in enumerate(link, start=1)]
    return [*tree, *((leaf, NODES + 1) for leaf in leaves)]


def _graph(link: Numbers, operations: Numbers) -> ArchitectureGraph:
    types = (INPUT, *(one + 2 for one in operations), OUTPUT)
    return ArchitectureGraph(types, tuple(_edges(link)))


def _tree(graph: ArchitectureGraph) -> tuple[Numbers, Numbers]:
    """Link and operations of a graph whose operations have one edge into each."""
    taken = {target: source for source, target in graph.edges}
    return (
        tuple(taken[node] for node in range(1, NODES + 1)),
        tuple(kind - 2 for kind in graph.types[1:-1]),
    )


def _trees(batch: GraphBatch) -> tuple[list[list[int]], list[list[int]]]:
    """Links and operations of members."""
    inner = slice(1, NODES + 1)
    sources = batch.adjacency[:, :, inner].long().argmax(dim=1)
    return sources.tolist(), (batch.types[:, inner] - 2).tolist()


def _one_changed(operations: Numbers) -> Iterator[Numbers]:
    """The numbers of all operations that differ in one place."""
    for place, other in product(range(NODES), range(len(OPERATIONS))):
        if other != operations[place]:
            yield (*operations[:place], other, *operations[place + 1 :])


def _padded(key: int) -> str:
    return str(key).zfill(_DIGITS)
