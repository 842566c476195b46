"""Spaces of decisions: fixed nodes, each with types of its own, and edges that may be chosen.

DeepHyper (Balaprakash et al., SC 2019), AutoGL and others describe a space by *variable nodes*,
at which something is decided, *constant nodes*, and choices of what is joined. Such a space is
data here: a :class:`Kind` for each node, fixed edges, optional edges, and groups of edges of which
one is taken. ``examples/own_decisions.py`` makes one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import product
from math import prod

import numpy as np
import torch

from datasets.batch import GraphBatch, LegalityMask
from datasets.graph import INPUT, OUTPUT, ArchitectureError, ArchitectureGraph
from datasets.space import ENUMERABLE, SearchSpace
from datasets.spaces.exchanges import exchanges
from datasets.spaces.kinds import Decision, Kind
from datasets.spaces.notation import excerpt, read_arch
from datasets.spaces.skeleton import Edge, Skeleton
from experiment.errors import InputError

_BATCH = 16_384
_EDGE = re.compile(r"([0-9]{1,3}):([0-9]{1,3})")


class DecisionSpace(SearchSpace):
    """All combinations of some decisions, each a graph with the same nodes.

    Node 0 is the input, nodes 1 to n are of the given kinds, and node n + 1 is the output. A *row*
    has the number of the chosen option for each decision: those of the nodes in their order, then
    the optional edges, then the alternatives. Rows that make isomorphic graphs are the same
    architecture: the canonical graph is that of the first row among them.

    Args:
        name: of the space.
        nodes: the kind of each node between input and output.
        edges: that every architecture has, pairs (from, to) with from < to.
        optional: edges that are there or not.
        alternatives: groups of edges into one node, of which exactly one is there.

    Attributes:
        decisions: in the order of a row.

    Raises:
        InputError: two kinds have a type of the same name, or an edge is given twice, leads
            nowhere or backwards; or nothing is decided.
    """

    def __init__(
        self,
        name: str,
        nodes: Sequence[Kind],
        edges: Sequence[Edge],
        *,
        optional: Sequence[Edge] = (),
        alternatives: Sequence[Sequence[Edge]] = (),
    ) -> None:
        self.name = name
        self.nodes = tuple(nodes)
        self.max_nodes = len(nodes) + 2
        self._optional = tuple(map(_edge, optional))
        self._alternatives = tuple(tuple(map(_edge, group)) for group in alternatives)
        fixed = tuple(map(_edge, edges))
        self._check_edges(fixed)
        kinds = {kind.name: kind for kind in nodes}
        starts = {}
        types = ["output", "input"]
        for kind in kinds.values():
            starts[kind.name] = len(types)
            types += kind.types
        self.types = tuple(types)
        for node, kind in enumerate(nodes, start=1):
            if kinds[kind.name].types != kind.types:
                raise InputError(f"node {node} is of another kind {kind.name!r} than one before it")
        if twice := [one for one in types if types.count(one) > 1]:
            raise InputError(f"two types of {name} are called {twice[0]!r}: give one another name")
        self._starts = [starts[kind.name] for kind in nodes]
        self._sizes = [tuple(map(len, kind.decisions.values())) for kind in nodes]
        self.decisions = self._all_decisions()
        if not self.decisions:
            raise InputError(
                f"nothing is decided in {name}: expected a decision or an edge to choose"
            )
        self._radices = [len(decision.options) for decision in self.decisions]
        self._skeleton = self._make_skeleton(fixed)

    @cached_property
    def size(self) -> int:  # type: ignore[override]
        """Number of architectures.

        Where two rows can make one architecture, and there are more than a million rows, it is the
        number of rows.
        """
        rows = prod(self._radices)
        if not self._exchanges or rows > ENUMERABLE:
            return rows
        return sum(len(batch) for batch in self.enumerate())

    def why_illegal(self, graph: ArchitectureGraph) -> str | None:
        """The reason why ``graph`` is no member, in one sentence; ``None`` for a member."""
        if graph.num_nodes != self.max_nodes:
            return f"it has {graph.num_nodes} nodes, all have {self.max_nodes}"
        for node, kind in enumerate(graph.types):
            known = np.flatnonzero(self._skeleton.types[node])
            if kind not in known:
                found = repr(self.types[kind]) if kind < len(self.types) else "which is unknown"
                first, last = self.types[known[0]], self.types[known[-1]]
                expected = repr(first) if first == last else f"one from {first!r} to {last!r}"
                return f"its node {node} has type {kind}, {found}, expected {expected}"
        there = set(graph.edges)
        for source, target in np.argwhere(self._skeleton.required).tolist():
            if (source, target) not in there:
                return f"the edge {source}→{target}, which all have, is missing"
        for source, target in graph.edges:
            if not self._skeleton.allowed[source, target]:
                return f"the edge {source}→{target} is not among those that can be chosen"
        for group in self._alternatives:
            if (count := len(there.intersection(group))) != 1:
                edges = ", ".join(f"{source}→{target}" for source, target in group)
                return f"it has {count} of the edges {edges}, expected exactly one"
        return None

    def legal(self, batch: GraphBatch) -> np.ndarray:
        """Vectorised :meth:`is_legal`. **Shape** (B,), bool."""
        return self._skeleton.legal(batch)

    def of_kind(self, batch: GraphBatch) -> np.ndarray:
        """Members alone: there is no larger form. **Shape** (B,), bool."""
        return self.legal(batch)

    def canonical(self, graph: ArchitectureGraph) -> ArchitectureGraph:
        """The member whose row comes first, among those that are isomorphic to ``graph``."""
        self.check(graph)
        if not self._exchanges:
            return graph
        return self._batch(self._first_rows(GraphBatch.from_graphs([graph]))).graph(0)

    def sample(self, n: int, generator: np.random.Generator) -> list[ArchitectureGraph]:
        """``n`` architectures, every decision uniform: uniform over the rows."""
        return list(self.sample_batch(n, generator))

    def sample_batch(self, n: int, generator: np.random.Generator) -> GraphBatch:
        """:meth:`sample` as a batch."""
        return self._batch(generator.integers(self._radices, size=(n, len(self._radices))))

    def neighbours(self, graph: ArchitectureGraph) -> list[ArchitectureGraph]:
        """Every architecture with one decision changed."""
        own = np.array(self.to_row(graph))
        places = [
            (place, option)
            for place, radix in enumerate(self._radices)
            for option in range(radix)
            if option != own[place]
        ]
        rows = np.repeat(own[None], len(places), axis=0)
        if places:
            rows[np.arange(len(places)), [place for place, _ in places]] = [o for _, o in places]
        changed = self._batch(rows)
        if self._exchanges:
            own, rows = (
                self._first_rows(GraphBatch.from_graphs([graph]))[0],
                self._first_rows(changed),
            )
            rows = np.unique(rows, axis=0)
            changed = self._batch(rows[(rows != own).any(axis=1)])
        return list(changed)

    def enumerate(self) -> Iterator[GraphBatch]:
        """Every architecture once, rows in lexicographic order, made lazily."""
        split = len(self._radices)
        while split > 0 and prod(self._radices[split - 1 :]) <= _BATCH:
            split -= 1
        ranges = [range(radix) for radix in self._radices]
        tails = np.array(list(product(*ranges[split:]))).reshape(-1, len(self._radices) - split)
        for head in product(*ranges[:split]):
            heads = np.broadcast_to(np.array(head, dtype=int), (len(tails), split))
            rows = np.concatenate([heads, tails], axis=1)
            batch = self._batch(rows)
            if self._exchanges:
                batch = batch[(self._first_rows(batch) == rows).all(axis=1)]
            yield batch

    def rows_to_batch(self, rows: np.ndarray) -> GraphBatch:
        """Graphs of rows. **Shape** (B, D) integers → batch of B.

        Raises:
            ArchitectureError: a row has another length, or a number that is no option.
        """
        try:
            rows = np.asarray(rows)
        except ValueError:  # lists of different lengths
            rows = np.empty(0)
        if rows.ndim != 2 or rows.shape[1] != len(self.decisions) or rows.dtype.kind not in "iu":
            raise ArchitectureError(
                f"rows of {rows.dtype} and shape {rows.shape} are no {self.name} architectures: "
                f"expected whole numbers, {len(self.decisions)} a row"
            )
        for row, place in np.argwhere((rows < 0) | (rows >= self._radices)).tolist():
            decision = self.decisions[place]
            raise ArchitectureError(
                f"{decision.name} is {rows[row, place]} in row {row}, expected 0 to "
                f"{len(decision.options) - 1}"
            )
        return self._batch(rows)

    def batch_to_rows(self, batch: GraphBatch) -> np.ndarray:
        """Rows of members: the inverse of :meth:`rows_to_batch`. **Shape** (B, D), int64.

        Raises:
            ArchitectureError: a graph is no member.
        """
        for wrong in np.flatnonzero(~self.legal(batch)):
            raise ArchitectureError(f"graph {wrong} of the batch is no {self.name} architecture")
        types, edges = batch.types.cpu().numpy(), batch.adjacency.cpu().numpy()
        columns = [
            column
            for node, sizes in enumerate(self._sizes)
            if sizes
            for column in np.unravel_index(types[:, node + 1] - self._starts[node], sizes)
        ]
        columns += [edges[:, source, target] for source, target in self._optional]
        columns += [
            edges[:, [source for source, _ in group], group[0][1]].argmax(axis=1)
            for group in self._alternatives
        ]
        return np.stack(columns, axis=1).astype(np.int64)

    def to_row(self, graph: ArchitectureGraph) -> list[int]:
        """The number of the chosen option for each decision.

        Raises:
            ArchitectureError: ``graph`` is no member.
        """
        batch = GraphBatch.from_graphs([self.check(graph)])
        return self.batch_to_rows(batch)[0].tolist()

    def parse(self, text: str) -> ArchitectureGraph:
        """Read the types of the nodes and the chosen edges, or the JSON object with ``arch``.

        Raises:
            ArchitectureError: the text is no member of the space; the message says what is wrong.
        """
        words = read_arch(text.strip(), "option,option … from:to …").split()
        variable = self._variable
        if len(words) < len(variable):
            raise ArchitectureError(
                f"{excerpt(text.strip())} has {len(words)} words, a {self.name} architecture has "
                f"one for each of {len(variable)} nodes, then an edge a word (0:3)"
            )
        types = [INPUT, *self._starts, OUTPUT]
        for node, word in zip(variable, words, strict=False):
            names = self.nodes[node - 1].types
            if word not in names:
                raise ArchitectureError(
                    f"node {node} is {excerpt(word)}, expected one of {len(names)} from "
                    f"{names[0]} to {names[-1]}"
                )
            types[node] += names.index(word)
        edges = [(i, j) for i, j in np.argwhere(self._skeleton.required).tolist()]
        edges += [self._read_edge(word) for word in words[len(variable) :]]
        return self.check(ArchitectureGraph(tuple(types), tuple(edges)))

    def format(self, graph: ArchitectureGraph) -> str:
        """The types of the nodes at which something is decided, then the edges that were chosen.

        ``gat,4 mean,gru,2 16,relu … 0:3``: options of a node are joined by commas, an edge is
        written from:to.
        """
        self.check(graph)
        words = [self.types[graph.types[node]] for node in self._variable]
        chosen = [edge for edge in graph.edges if not self._skeleton.required[edge]]
        return " ".join([*words, *(f"{source}:{target}" for source, target in chosen)])

    def legality_mask(self, *, reverse: bool = False) -> LegalityMask:
        """Mask for a decoder: by the place of a node, and one edge of each group."""
        return self._skeleton.mask(reverse=reverse)

    @cached_property
    def _variable(self) -> list[int]:
        """The nodes that are no constants."""
        return [node for node, kind in enumerate(self.nodes, start=1) if kind.decisions]

    @cached_property
    def _exchanges(self) -> list[tuple[int, ...]]:
        return exchanges(self._skeleton)

    def _first_rows(self, batch: GraphBatch) -> np.ndarray:
        """The first row of the members that are isomorphic to each. **Shape** → (B, D)."""
        first = self.batch_to_rows(batch)
        for places in self._exchanges:
            order = torch.tensor(places).argsort()  # the node that goes to each place
            edges = batch.adjacency[:, order][:, :, order]
            other = GraphBatch(batch.types[:, order], edges, batch.num_nodes)
            member = np.flatnonzero(self.legal(other))
            rows = self.batch_to_rows(other[torch.from_numpy(member)])
            differ = rows != first[member]
            place = differ.argmax(axis=1)[:, None]  # the first that differs, if one does
            smaller = np.take_along_axis(rows < first[member], place, axis=1)[:, 0]
            first[member[smaller]] = rows[smaller]
        return first

    def _batch(self, rows: np.ndarray) -> GraphBatch:
        """Graphs of rows that are known to be some. **Shape** (B, D)."""
        types = np.zeros((len(rows), self.max_nodes), dtype=np.int64)
        types[:, 0], types[:, -1] = INPUT, OUTPUT
        at = 0
        for node, sizes in enumerate(self._sizes):
            chosen = rows[:, at : at + len(sizes)].T
            types[:, node + 1] = self._starts[node]
            if sizes:
                types[:, node + 1] += np.ravel_multi_index(tuple(chosen), sizes)
            at += len(sizes)
        edges = np.repeat(self._skeleton.required[None], len(rows), axis=0)
        for source, target in self._optional:
            edges[:, source, target] = rows[:, at] == 1
            at += 1
        for group in self._alternatives:
            sources = np.array([source for source, _ in group])
            edges[np.arange(len(rows)), sources[rows[:, at]], group[0][1]] = True
            at += 1
        nodes = torch.full((len(rows),), self.max_nodes)
        return GraphBatch(torch.from_numpy(types), torch.from_numpy(edges), nodes)

    def _all_decisions(self) -> tuple[Decision, ...]:
        decisions = [
            Decision(f"{name}_{node}", tuple(options))
            for node, kind in enumerate(self.nodes, start=1)
            for name, options in kind.decisions.items()
        ]
        decisions += [Decision(f"edge_{i}_{j}", (0, 1)) for i, j in self._optional]
        decisions += [
            Decision(f"into_{group[0][1]}", tuple(source for source, _ in group))
            for group in self._alternatives
        ]
        return tuple(decisions)

    def _make_skeleton(self, edges: Sequence[Edge]) -> Skeleton:
        required = np.zeros((self.max_nodes, self.max_nodes), dtype=bool)
        for edge in edges:
            required[edge] = True
        allowed = required.copy()
        for edge in (*self._optional, *(edge for group in self._alternatives for edge in group)):
            allowed[edge] = True
        types = np.zeros((self.max_nodes, len(self.types)), dtype=bool)
        types[0, INPUT] = types[-1, OUTPUT] = True
        for node, (start, sizes) in enumerate(zip(self._starts, self._sizes, strict=True), start=1):
            types[node, start : start + prod(sizes)] = True
        return Skeleton(required, allowed, types, self._alternatives)

    def _check_edges(self, edges: Sequence[Edge]) -> None:
        every = [*edges, *self._optional, *(edge for one in self._alternatives for edge in one)]
        for i, j in every:
            if not 0 <= i < j < self.max_nodes:
                raise InputError(
                    f"the edge {i}→{j} of {self.name} does not lead from a lower to a higher of "
                    f"{self.max_nodes} nodes, the input (0) and the output "
                    f"({self.max_nodes - 1}) included"
                )
        if twice := [edge for edge in every if every.count(edge) > 1]:
            raise InputError(f"the edge {twice[0][0]}→{twice[0][1]} of {self.name} is given twice")
        for group in self._alternatives:
            if len({target for _, target in group}) != 1:
                raise InputError(
                    f"the alternatives {excerpt(str(list(group)))} of {self.name} lead into "
                    "different nodes, or are none: expected edges into one node"
                )

    def _read_edge(self, word: str) -> Edge:
        found = _EDGE.fullmatch(word)
        if found is None:
            raise ArchitectureError(f"{excerpt(word)} is no edge, expected two numbers as in 0:3")
        return int(found[1]), int(found[2])


def _edge(pair: Sequence[int]) -> Edge:
    source, target = pair
    return int(source), int(target)
