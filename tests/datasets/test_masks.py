"""Legality masks: everything legal passes, and whatever is built under a mask is legal.

The walker below builds batches as a decoder does, with choices of its own where a mask leaves
one; NB101's rule is besides compared with brute force over all completions.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from itertools import combinations, product

import numpy as np
import pytest
import torch
from torch import Tensor

from datasets import get_space
from datasets.batch import GraphBatch, LegalityMask
from datasets.graph import INPUT, OUTPUT, ArchitectureGraph
from datasets.space import SearchSpace
from datasets.spaces.enas import ENAS
from datasets.spaces.nb101 import NB101

SPACES: dict[str, SearchSpace] = {
    **{name: get_space(name) for name in ("ENAS", "NB101", "NB201")},
    "ENAS12": ENAS(12),
}
EDGE_CHOICES: dict[str, float] = {"all edges": 1.0, "no edges": 0.0, "random": 0.5}
END_WEIGHT = {"late": 0.05, "early": 3.0}


def assert_lets_through(mask: LegalityMask, graphs: GraphBatch) -> None:
    """Teacher-force graphs that all have the same number of nodes."""
    size = int(graphs.num_nodes[0])
    for n in range(1, size):
        types, adjacency = graphs.types[:, :n], graphs.adjacency[:, :n, :n]
        new_types = graphs.types[:, n]
        assert mask.allowed_types(types, adjacency).gather(1, new_types[:, None]).all()
        for k in range(n):
            drawn = graphs.adjacency[:, :k, n]
            allowed = mask.allowed_edges(types, adjacency, new_types, drawn)
            taken = graphs.adjacency[:, k, n].long()
            assert allowed.gather(1, taken[:, None]).all()


def walk(
    mask: LegalityMask, start: int, max_nodes: int, edge_share: float, end_weight: float, size: int
) -> GraphBatch:
    """Build ``size`` graphs under ``mask``; each stops at its end node."""
    end = INPUT + OUTPUT - start
    finished = []
    types = torch.full((size, 1), start)
    adjacency = torch.zeros(size, 1, 1, dtype=torch.bool)
    while len(types):
        n = types.shape[1]
        assert n < max_nodes, "not ended at the last place"
        allowed = mask.allowed_types(types, adjacency)
        assert allowed.any(dim=1).all()
        weights = allowed.float()
        weights[:, end] *= end_weight
        new_types = torch.multinomial(weights, 1)[:, 0]
        drawn = torch.zeros(len(types), 0, dtype=torch.bool)
        for _ in range(n):
            drawn = torch.cat(
                [drawn, draw_edge(mask, types, adjacency, new_types, drawn, edge_share)], 1
            )
        types = torch.cat([types, new_types[:, None]], dim=1)
        adjacency = torch.nn.functional.pad(adjacency, (0, 1, 0, 1))
        adjacency[:, :n, n] = drawn
        ended = new_types == end
        count = int(ended.sum())
        finished.append(GraphBatch(types[ended], adjacency[ended], torch.full((count,), n + 1)))
        types, adjacency = types[~ended], adjacency[~ended]
    return GraphBatch.cat(finished)


def draw_edge(
    mask: LegalityMask,
    types: Tensor,
    adjacency: Tensor,
    new_types: Tensor,
    drawn: Tensor,
    share: float,
) -> Tensor:
    allowed = mask.allowed_edges(types, adjacency, new_types, drawn)
    assert allowed.shape == (len(types), 2)
    assert allowed.any(dim=1).all()
    wish = torch.rand(len(types)) < share
    return torch.where(wish, allowed[:, 1], ~allowed[:, 0])[:, None]


@pytest.mark.parametrize("end_weight", END_WEIGHT.values(), ids=END_WEIGHT)
@pytest.mark.parametrize("edge_share", EDGE_CHOICES.values(), ids=EDGE_CHOICES)
@pytest.mark.parametrize("reverse", [False, True], ids=["forward", "reverse"])
@pytest.mark.parametrize("name", SPACES)
def test_every_walk_ends_in_a_member(
    name: str, reverse: bool, edge_share: float, end_weight: float
) -> None:
    torch.manual_seed(0)
    space = SPACES[name]
    mask = space.legality_mask(reverse=reverse)
    start = OUTPUT if reverse else INPUT
    graphs = walk(mask, start, space.max_nodes, edge_share, end_weight, size=2000)
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
        assert_lets_through(mask, batch[batch.num_nodes == n])


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
