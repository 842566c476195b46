"""Independent factors: what is read of them, drawn from them, and most probable under them."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from torch import Tensor

from datasets import get_space
from datasets.batch import GraphBatch
from datasets.graph import INPUT, OUTPUT
from datasets.space import SearchSpace
from models.errors import ModelError
from models.factor_search import most_probable
from models.factors import Factors, as_graphs, most_probable_values, sampled_members, sampled_values


def random_factors(space: SearchSpace, latents: int, seed: int, scale: float = 2.0) -> Factors:
    """Factors of no model, without any preference for members."""
    generator = torch.Generator().manual_seed(seed)
    n, types = space.max_nodes, len(space.types)
    logits = scale * torch.randn(latents, n, types, generator=generator, dtype=torch.float64)
    edges = scale * torch.randn(latents, n, n, generator=generator, dtype=torch.float64)
    return Factors(logits.log_softmax(-1), edges)


def log_probability(factors: Factors, graphs: GraphBatch) -> Tensor:
    """Of every graph under every latent's factors. **Shape** (B, M)."""
    mask = graphs.node_mask()
    types = factors.types[:, None].expand(-1, len(graphs), -1, -1)
    chosen = types.gather(-1, graphs.types[None, :, :, None].expand(len(types), -1, -1, 1))
    pairs = (mask[:, :, None] & mask[:, None, :]).triu(1)
    sign = torch.where(graphs.adjacency, 1.0, -1.0)
    by_edge = torch.nn.functional.logsigmoid(sign * factors.edges[:, None]) * pairs
    return (chosen.squeeze(-1) * mask).sum(-1) + by_edge.sum((-1, -2))


def ordered_cells(nodes: int) -> GraphBatch:
    """Every NB101 cell of that many nodes, in every order of its nodes, by trying all matrices."""
    space = get_space("NB101")
    pairs = list(itertools.combinations(range(nodes), 2))
    adjacency = torch.zeros(2 ** len(pairs), nodes, nodes, dtype=torch.bool)
    bits = torch.arange(len(adjacency))
    for place, (i, j) in enumerate(pairs):
        adjacency[:, i, j] = (bits >> place & 1).bool()
    parts = []
    for operations in itertools.product((2, 3, 4), repeat=nodes - 2):
        types = torch.tensor([INPUT, *operations, OUTPUT]).repeat(len(adjacency), 1)
        parts.append(GraphBatch(types, adjacency, torch.full((len(adjacency),), nodes)))
    graphs = GraphBatch.cat(parts)
    inner = (graphs.adjacency.any(1)[:, 1:].all(1)) & (graphs.adjacency.any(2)[:, :-1].all(1))
    graphs = graphs[inner & (graphs.adjacency.sum((1, 2)) <= 9)].padded(space.max_nodes)
    assert space.legal(graphs).all()
    return graphs


def test_graphs_end_at_their_first_output() -> None:
    types = torch.tensor([[INPUT, 2, OUTPUT, 3, OUTPUT], [INPUT, 2, 3, 2, 4]])
    graphs = as_graphs(types, torch.ones(2, 5, 5, dtype=torch.bool))
    assert graphs.num_nodes.tolist() == [3, 5]
    assert graphs.types[0].tolist() == [INPUT, 2, OUTPUT, 0, 0]
    assert graphs.graph(0).edges == ((0, 1), (0, 2), (1, 2))
    assert graphs.adjacency[1].sum() == 10


@pytest.mark.parametrize("k", [1, 3])
def test_the_search_finds_the_most_probable_members_of_nb101(k: int) -> None:
    """Compared with all cells of up to five nodes, in all orders of their nodes."""
    space = get_space("DIGITS101")
    factors = random_factors(space, 6, seed=k)
    cells = GraphBatch.cat([ordered_cells(n) for n in range(2, 6)])
    short = GraphBatch(cells.types[:, :5], cells.adjacency[:, :5, :5], cells.num_nodes)
    all_of_them = log_probability(factors, short)
    found = most_probable(factors, k, space.legality().forward)
    assert found.proved.all()
    torch.testing.assert_close(found.log_probability, all_of_them.topk(k, dim=1).values)
    assert space.legal(found.graphs).all()
    own = torch.stack(
        [log_probability(factors, found.graphs)[b, b * k : (b + 1) * k] for b in range(6)]
    )
    torch.testing.assert_close(own, found.log_probability)


@pytest.mark.parametrize("name", ["NB201", "ENAS", "NB101"])
def test_the_search_proves_its_result_on_whole_spaces(name: str) -> None:
    space = get_space(name)
    factors = random_factors(space, 20, seed=3)
    found = most_probable(factors, 1, space.legality().forward)
    assert found.proved.all()
    assert space.legal(found.graphs).all()
    others = space.sample_batch(300, np.random.default_rng(0))
    assert (log_probability(factors, others) <= found.log_probability + 1e-9).all()


def test_without_a_mask_every_value_is_the_most_probable_one() -> None:
    space = get_space("NB201")
    factors = random_factors(space, 50, seed=1)
    plain = most_probable_values(factors)
    whole = (plain.types[:, 0] == INPUT) & ((plain.types == OUTPUT) & plain.node_mask()).any(1)
    whole &= ~(plain.types[:, 1:] == INPUT).any(1)
    found = most_probable(factors)
    assert found.proved.all()
    value = log_probability(factors, plain).diagonal()
    assert whole.sum() >= 3
    # A shorter graph has fewer factors, and may be more probable than the one of all maxima.
    assert (found.log_probability[whole, 0] >= value[whole] - 1e-9).all()


@pytest.mark.parametrize("name", ["NB101", "NB201", "ENAS"])
def test_masked_samples_are_members_and_plain_ones_follow_their_factors(name: str) -> None:
    space = get_space(name)
    factors = random_factors(space, 200, seed=2)
    generator = torch.Generator().manual_seed(0)
    members = sampled_members(factors, space.legality().forward, generator)
    assert space.legal(members).all()
    one = Factors(factors.types[:1].expand(4000, -1, -1), factors.edges[:1].expand(4000, -1, -1))
    drawn = sampled_values(one, generator)
    shares = torch.bincount(drawn.types[:, 0], minlength=len(space.types)) / 4000
    torch.testing.assert_close(shares.double(), factors.types[0, 0].exp(), atol=0.03, rtol=0.0)


def test_bad_arguments_are_refused() -> None:
    factors = random_factors(get_space("NB201"), 1, seed=0)
    with pytest.raises(ModelError, match="0 most probable graphs were asked for"):
        most_probable(factors, 0)
    with pytest.raises(ModelError, match="another search space"):
        most_probable(factors, 1, get_space("NB101").legality().forward)
