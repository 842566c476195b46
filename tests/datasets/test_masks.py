"""Legality masks: everything legal passes, and whatever is built under a mask is legal.

More walks than ``datasets.testing`` takes, and the order of nodes; NB101's rule is besides
compared with brute force over all completions.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from itertools import combinations, product

import numpy as np
import pytest
import torch

from datasets import get_space
from datasets.batch import GraphBatch
from datasets.graph import INPUT, OUTPUT, ArchitectureGraph
from datasets.space import SearchSpace
from datasets.spaces.nb101 import NB101
from datasets.testing import assert_lets_pass, walk

SPACES: dict[str, SearchSpace] = {
    name: get_space(name) for name in ("ENAS", "ENAS12", "NB101", "NB201")
}
EDGE_CHOICES: dict[str, float] = {"all edges": 1.0, "no edges": 0.0, "random": 0.5}
END_WEIGHT = {"late": 0.05, "early": 3.0}


@pytest.mark.parametrize("end_weight", END_WEIGHT.values(), ids=END_WEIGHT)
@pytest.mark.parametrize("edge_share", EDGE_CHOICES.values(), ids=EDGE_CHOICES)
@pytest.mark.parametrize("reverse", [False, True], ids=["forward", "reverse"])
@pytest.mark.parametrize("name", SPACES)
def test_every_walk_ends_in_a_member(
    name: str, reverse: bool, edge_share: float, end_weight: float
) -> None:
    space = SPACES[name]
    mask = space.legality_mask(reverse=reverse)
    start = OUTPUT if reverse else INPUT
    generator = torch.Generator().manual_seed(0)
    graphs = walk(mask, start, space.max_nodes, edge_share, end_weight, 2000, generator)
    assert len(graphs) == 2000
    graphs = graphs.reversed() if reverse else graphs
    assert space.legal(graphs).all()
    if isinstance(space, NB101):
        assert (space.prune_batch(graphs).num_nodes == graphs.num_nodes).all()
        assert len(graphs.num_nodes.unique()) >= (3 if edge_share == 1 else 5)


@pytest.mark.parametrize("reverse", [False, True], ids=["forward", "reverse"])
@pytest.mark.parametrize("name", SPACES)
def test_every_member_passes(name: str, reverse: bool, relabel: Callable) -> None:
    generator = np.random.default_rng(0)
    space = SPACES[name]
    graphs = space.sample(400, generator)
    if isinstance(space, NB101):
        graphs += [graph for batch in space.enumerate(5) for graph in batch]
        graphs += [relabel(graph, generator) for graph in graphs]
    mask = space.legality_mask(reverse=reverse)
    batch = GraphBatch.from_graphs(graphs, space.max_nodes)
    batch = batch.reversed() if reverse else batch
    for n in batch.num_nodes.unique():
        assert_lets_pass(mask, batch[batch.num_nodes == n])


Edges = tuple[tuple[int, int], ...]


def completable(nodes: int, edges: Edges, finished: bool) -> bool:
    """Whether some further operations, then the output, make an NB101 cell without dangling nodes.

    A graph is a cell when all but the first node have an edge into them and all but the last an
    edge out of them.
    """
    if len({j for _, j in edges}) < nodes - 1:
        return False
    sinks = frozenset(range(nodes)) - {i for i, _ in edges}
    return can_be_finished(nodes, sinks, len(edges), finished)


@cache
def can_be_finished(nodes: int, sinks: frozenset[int], edges: int, finished: bool) -> bool:
    """Try every way to add one more node; ``sinks`` are the nodes without an edge out of them."""
    if nodes > 7 or edges > 9:
        return False
    if finished:
        return len(sinks) == 1
    return any(
        can_be_finished(nodes + 1, (sinks - set(into)) | {nodes}, edges + len(into), last)
        for last in (True, False)
        for size in range(1, nodes + 1)
        for into in combinations(range(nodes), size)
    )


def test_nb101_mask_is_exact() -> None:
    """Half-built cells of up to 5 nodes: a type is offered just when it can be completed."""
    space = SPACES["NB101"]
    mask = space.legality_mask()
    generator = np.random.default_rng(1)
    refused = 0
    for _ in range(300):
        n = int(generator.integers(3, 6))
        columns = [generator.random(j) < 0.7 for j in range(1, n)]
        edges = tuple((i, j) for j, c in enumerate(columns, 1) for i in range(j) if c[i])
        if not completable(n, edges, False):
            continue
        graph = ArchitectureGraph((1, *(2,) * (n - 1)), edges)
        batch = GraphBatch.from_graphs([graph])
        offered = mask.allowed_types(batch.types, batch.adjacency)[0].tolist()
        possible = any(
            completable(n + 1, edges + tuple((i, n) for i in range(n) if bits >> i & 1), False)
            for bits in range(1, 2**n)
        )
        refused += not possible
        assert offered == [True, False, possible, possible, possible]
    assert refused > 5


def extensible(n: int, edges: Edges, kind: int, bits: tuple[bool, ...]) -> bool:
    """Whether node n, of type ``kind``, can have first edges ``bits`` in a cell."""
    return any(
        completable(
            n + 1, edges + tuple((i, n) for i, there in enumerate(bits + rest) if there), kind == 0
        )
        for rest in product((False, True), repeat=n - len(bits))
        if any(bits + rest)
    )


def test_nb101_edges_are_exact() -> None:
    """With the first edges of a new node drawn, an edge is offered just when it can be had."""
    mask = SPACES["NB101"].legality_mask()
    generator = np.random.default_rng(2)
    seen = set()
    for _ in range(300):
        n = int(generator.integers(2, 6))
        columns = [generator.random(j) < 0.7 for j in range(1, n)]
        edges = tuple((i, j) for j, c in enumerate(columns, 1) for i in range(j) if c[i])
        kind = int(generator.choice([OUTPUT, 2]))
        k = int(generator.integers(0, n))
        drawn = tuple(bool(bit) for bit in generator.random(k) < 0.5)

        if not extensible(n, edges, kind, drawn):
            continue
        batch = GraphBatch.from_graphs([ArchitectureGraph((1, *(2,) * (n - 1)), edges)])
        allowed = mask.allowed_edges(
            batch.types,
            batch.adjacency,
            torch.tensor([kind]),
            torch.tensor([drawn], dtype=torch.bool).reshape(1, k),
        )[0].tolist()
        expected = [extensible(n, edges, kind, (*drawn, bit)) for bit in (False, True)]
        assert allowed == expected
        seen.add(tuple(expected))
    assert seen == {(True, True), (True, False), (False, True)}
