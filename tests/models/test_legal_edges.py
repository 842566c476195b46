"""A mask that is asked from the first node on leaves the same edges from the last node back."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from torch import Tensor

from datasets import get_space
from datasets.batch import GraphBatch, LegalityMask
from models import ModelError
from models.legal_edges import legal_edges


def reached(mask: LegalityMask, graphs: GraphBatch, n: int, order: range) -> set[tuple[int, ...]]:
    """Every set of edges into node n of each graph, by its row and bits."""
    types, adjacency = graphs.types[:, :n], graphs.adjacency[:, :n, :n]
    legal = legal_edges(mask, types, adjacency, graphs.types[:, n], order)
    row = torch.arange(len(graphs))
    drawn = torch.zeros(len(graphs), n, dtype=torch.bool)
    for source in order:
        kept, edge = legal.allowed(row, source, drawn).nonzero(as_tuple=True)
        row, drawn = row[kept], drawn[kept]
        drawn[:, source] = edge.bool()
    return set(map(tuple, torch.cat([row[:, None], drawn.long()], 1).tolist()))


@pytest.mark.parametrize("name", ["ENAS", "NB101", "NB201"])
def test_both_orders_reach_the_same_sets(name: str) -> None:
    space = get_space(name)
    mask = space.legality_mask()
    drawn = GraphBatch.from_graphs(space.sample(40, np.random.default_rng(0)), space.max_nodes)
    for n in range(1, space.max_nodes):
        graphs = drawn[drawn.num_nodes > n]
        ascending = reached(mask, graphs, n, range(n))
        assert ascending == reached(mask, graphs, n, range(n - 1, -1, -1))
        own = torch.cat([torch.arange(len(graphs))[:, None], graphs.adjacency[:, :n, n].long()], 1)
        if name != "NB101":  # whose samples have nodes that a mask would not leave dangling
            assert set(map(tuple, own.tolist())) <= ascending


class FewOrMany:
    """Either no edge, or two at least."""

    def allowed_types(self, types: Tensor, adjacency: Tensor) -> Tensor:
        return torch.ones(len(types), 4, dtype=torch.bool)

    def allowed_edges(
        self, types: Tensor, adjacency: Tensor, new_types: Tensor, drawn: Tensor
    ) -> Tensor:
        one, last = drawn.sum(1) == 1, drawn.shape[1] == types.shape[1] - 1
        absent = torch.ones(len(types), dtype=torch.bool) & ~(one & last)
        present = torch.ones_like(absent) & ((drawn.sum(1) > 0) | torch.tensor(not last))
        return torch.stack([absent, present], 1)


def graphs_of(nodes: int) -> GraphBatch:
    return GraphBatch(
        torch.full((1, nodes), 2),
        torch.zeros(1, nodes, nodes, dtype=torch.bool),
        torch.tensor([nodes]),
    )


def test_sets_are_completed() -> None:
    wanted = {bits for bits in itertools.product((0, 1), repeat=4) if sum(bits) != 1}
    found = reached(FewOrMany(), graphs_of(5), 4, range(3, -1, -1))
    assert {each[1:] for each in found} == wanted


def test_too_many_nodes_are_refused() -> None:
    with pytest.raises(ModelError, match="up to node 14, this is node 20"):
        reached(FewOrMany(), graphs_of(21), 20, range(19, -1, -1))


def test_a_mask_that_leaves_nothing_is_refused() -> None:
    class Nothing(FewOrMany):
        def allowed_edges(self, *arguments: Tensor) -> Tensor:
            return torch.zeros(len(arguments[0]), 2, dtype=torch.bool)

    graphs = graphs_of(3)
    for order in (range(2), range(1, -1, -1)):
        prefix = (graphs.types[:, :2], graphs.adjacency[:, :2, :2], graphs.types[:, 2])
        legal = legal_edges(Nothing(), *prefix, order)
        with pytest.raises(ModelError, match="forbids both to draw and to leave out"):
            legal.restrict(
                torch.zeros(1), torch.tensor([0]), order[0], torch.zeros(1, 2, dtype=torch.bool)
            )
