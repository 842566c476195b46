"""Canonical form and hash of any architecture graph, up to isomorphism.

Nodes are put into classes by level and type, and the classes are refined until all nodes of a
class have the same numbers of neighbours in every class (colour refinement). Mostly that leaves
one node a class, and the order of the classes is the canonical order. Ties are broken by trying
every node of the first class with several and taking the smallest graph that comes out
(individualisation and refinement: McKay and Piperno, *Practical graph isomorphism II*, 2014);
symmetries that are found on the way spare the search what they make equal.
"""

from __future__ import annotations

import hashlib

import numpy as np

from datasets.batch import GraphBatch, as_batch
from datasets.graph import INPUT, OUTPUT, ArchitectureGraph, as_graph

Ranks = list[int]
"""Class of each node, written as the number of nodes in smaller classes."""


def canonical_form(graph: ArchitectureGraph) -> ArchitectureGraph:
    """The same graph for all graphs that are isomorphic to ``graph`` (types and directions kept).

    The nodes stand in a topological order. Inputs without in-edges come first and outputs
    without out-edges last.
    """
    graph = as_graph(graph)
    sources: list[list[int]] = [[] for _ in graph.types]
    targets: list[list[int]] = [[] for _ in graph.types]
    for i, j in graph.edges:
        sources[j].append(i)
        targets[i].append(j)
    search = _Search(graph, sources, targets)
    search.explore(search.refine(_ranked(_levels(graph, sources, targets))), ())
    return search.best


def canonical_hash(graph: ArchitectureGraph) -> str:
    """32 hexadecimal digits, equal for isomorphic graphs and, up to collisions, only for them."""
    form = canonical_form(graph)
    return _digest(form.types, form.edges)


def canonical_hashes(batch: GraphBatch) -> list[str]:
    """:func:`canonical_hash` of every graph; a graph that occurs again is not computed again."""
    batch = as_batch(batch)
    cpu = batch.to("cpu")
    real = cpu.node_mask().numpy()
    types = np.where(real, cpu.types.numpy(), 0)
    edges = cpu.adjacency.numpy() & real[:, None, :]
    columns = [cpu.num_nodes.numpy()[:, None], types, edges.reshape(len(cpu), batch.max_nodes**2)]
    keys = [row.tobytes() for row in np.concatenate(columns, axis=1).astype(np.int16)]
    first = {key: row for row, key in reversed(list(enumerate(keys)))}
    # Where every node feeds the next there is one topological order only, the canonical one.
    steps = np.arange(batch.max_nodes - 1)
    chain = (edges[:, steps, steps + 1] | ~real[:, 1:]).all(axis=1)
    hashes = {
        key: _hash_in_order(types[row], edges[row], int(cpu.num_nodes[row]))
        if chain[row]
        else canonical_hash(cpu.graph(row))
        for key, row in first.items()
    }
    return [hashes[key] for key in keys]


def _hash_in_order(types: np.ndarray, edges: np.ndarray, num_nodes: int) -> str:
    """Hash of a graph whose nodes stand in their canonical order. **Shape** (N,), (N, N)."""
    pairs = tuple(map(tuple, np.argwhere(edges).tolist()))
    return _digest(tuple(types[:num_nodes].tolist()), pairs)


def _digest(types: tuple[int, ...], edges: tuple[tuple[int, ...], ...]) -> str:
    return hashlib.blake2b(repr((types, edges)).encode(), digest_size=16).hexdigest()


class _Search:
    """Search for the smallest graph among the node orders that refinement leaves open.

    Args:
        graph: the graph.
        sources: in-neighbours of each node.
        targets: out-neighbours of each node.
    """

    def __init__(
        self, graph: ArchitectureGraph, sources: list[list[int]], targets: list[list[int]]
    ) -> None:
        self._graph, self._sources, self._targets = graph, sources, targets
        self._seen: dict[tuple[tuple[int, int], ...], tuple[Ranks, tuple[int, ...]]] = {}
        self._symmetries: list[list[int]] = []

    @property
    def best(self) -> ArchitectureGraph:
        """The smallest graph found."""
        edges = min(self._seen)
        types = [0] * self._graph.num_nodes
        places, _ = self._seen[edges]
        for node, place in enumerate(places):
            types[place] = self._graph.types[node]
        return ArchitectureGraph(tuple(types), edges)

    def refine(self, ranks: Ranks) -> Ranks:
        """Split classes until all nodes of one have the same neighbours, class by class."""
        classes = len(set(ranks))
        while classes < len(ranks):
            ranks = _ranked(
                [
                    (
                        ranks[node],
                        sorted([ranks[k] for k in self._sources[node]]),
                        sorted([ranks[k] for k in self._targets[node]]),
                    )
                    for node in range(len(ranks))
                ]
            )
            before, classes = classes, len(set(ranks))
            if classes == before:
                break
        return ranks

    def explore(self, ranks: Ranks, fixed: tuple[int, ...]) -> int:
        """Try every way to order the nodes of a class; ``fixed`` are the nodes chosen so far.

        Returns:
            How many of the choices to keep: fewer than there are when the last of them turned
            out to be the image of an earlier one, whose graphs have all been seen.
        """
        tied = min((rank for rank in ranks if ranks.count(rank) > 1), default=None)
        if tied is None:
            return self._record(ranks, fixed)
        tried: list[int] = []
        for node in [k for k, rank in enumerate(ranks) if rank == tied]:
            if self._same_as_one_of(tried, node, fixed):
                continue
            tried.append(node)
            split = [rank + (rank == tied and k != node) for k, rank in enumerate(ranks)]
            keep = self.explore(self.refine(split), (*fixed, node))
            if keep < len(fixed):
                return keep
        return len(fixed)

    def _record(self, places: Ranks, fixed: tuple[int, ...]) -> int:
        edges = tuple(sorted((places[i], places[j]) for i, j in self._graph.edges))
        if edges not in self._seen:
            self._seen[edges] = places, fixed
            return len(fixed)
        twin, choices = self._seen[edges]
        node_at = {place: node for node, place in enumerate(twin)}
        self._symmetries.append([node_at[place] for place in places])
        return next(k for k, (a, b) in enumerate(zip(fixed, choices, strict=False)) if a != b)

    def _same_as_one_of(self, tried: list[int], node: int, fixed: tuple[int, ...]) -> bool:
        """Whether a symmetry that keeps ``fixed`` in place takes ``node`` to one of ``tried``."""
        if not tried:
            return False
        if any(
            self._sources[node] == self._sources[k] and self._targets[node] == self._targets[k]
            for k in tried
        ):
            return True
        moves = [move for move in self._symmetries if all(move[k] == k for k in fixed)]
        orbit, edge = {node}, [node]
        while edge:
            edge = [move[k] for k in edge for move in moves if move[k] not in orbit]
            orbit.update(edge)
        return not orbit.isdisjoint(tried)


def _levels(
    graph: ArchitectureGraph, sources: list[list[int]], targets: list[list[int]]
) -> list[tuple[int, int]]:
    """(level, type) of each node: sorted by level the nodes stand in a topological order."""
    depth = [0] * graph.num_nodes
    for node, into in enumerate(sources):
        depth[node] = 1 + max((depth[k] for k in into), default=0)
    keys = []
    for node, kind in enumerate(graph.types):
        if kind == INPUT and not sources[node]:
            depth[node] = 0
        if kind == OUTPUT and not targets[node]:
            depth[node] = graph.num_nodes + 1
        keys.append((depth[node], kind))
    return keys


def _ranked(keys: list) -> Ranks:
    """How many keys are smaller than each key."""
    order = sorted(keys)
    return [order.index(key) for key in keys]
