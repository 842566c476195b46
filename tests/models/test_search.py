"""The most probable graphs: equal to the best of all that there are, with honest proofs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from datasets import get_space
from datasets.batch import GraphBatch, Legality
from datasets.graph import INPUT, OUTPUT
from models import SVGE, GraphVAE, ModelError, Sizes
from models.decoding import decode_greedily
from models.likelihood import log_probability
from models.ranking import best_first, rank_within
from models.search import most_probable, most_probable_in_direction
from models.vae import GRAPH_VAES

Build = Callable[[str], GraphVAE]
Points = Callable[[int], torch.Tensor]


def close(found: torch.Tensor, expected: torch.Tensor) -> None:
    """Equal up to the rounding of float32 networks."""
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)


def ranked_by_hand(
    model: GraphVAE, z: torch.Tensor, graphs: GraphBatch, legality: Legality | None = None
) -> tuple[torch.Tensor, list[Any]]:
    """All log-probabilities of one latent, joint ones last, and the graphs."""
    values = log_probability(model, z.expand(len(graphs), -1), graphs, legality)
    return torch.cat([values, values.sum(0, keepdim=True)]), list(graphs)


@pytest.mark.parametrize("k", [1, 2, 7])
@pytest.mark.parametrize("name", list(GRAPH_VAES))
def test_the_k_best_are_those_of_an_exhaustive_search(
    name: str, k: int, tiny_model: Build, points: Points, every_graph: GraphBatch
) -> None:
    model, z = tiny_model(name), points(12)
    found = most_probable(model, z, k)
    assert found.proved.all()
    for row in range(12):
        values, graphs = ranked_by_hand(model, z[row : row + 1], every_graph)
        best = values[-1].sort(descending=True)
        close(found.log_probability[row], best.values[:k])
        expected = [graphs[int(place)] for place in best.indices[:k]]
        assert list(found.graphs[row * k : (row + 1) * k]) == expected


@pytest.mark.parametrize(("start_type", "place"), [(INPUT, 0), (OUTPUT, 1)])
def test_each_direction_alone_is_exhaustive_too(
    start_type: int, place: int, tiny_model: Build, points: Points, every_graph: GraphBatch
) -> None:
    model, z = tiny_model("SVGE"), points(12)
    found = most_probable_in_direction(model, z, start_type, 5)
    for row in range(12):
        values, _ = ranked_by_hand(model, z[row : row + 1], every_graph)
        best = values[place].sort(descending=True).values[:5]
        close(found.log_probability[row], best)


def test_masked_search_is_exhaustive_over_what_the_mask_allows(
    tiny_model: Build, points: Points, every_graph: GraphBatch, few_edges: Any
) -> None:
    model, z = tiny_model("SVGE"), points(6)
    legality = Legality(few_edges(OUTPUT), few_edges(INPUT), lambda _: None, lambda _: None)  # type: ignore[arg-type, return-value]
    found = most_probable(model, z, 6, legality)
    assert found.proved.all()
    for row in range(6):
        values, _ = ranked_by_hand(model, z[row : row + 1], every_graph, legality)
        best = values[-1].sort(descending=True).values[:6]
        close(found.log_probability[row], best)
        assert int(found.log_probability[row].isfinite().sum()) == 4
    assert (found.graphs.num_nodes.view(6, 6)[:, 4:] == 0).all()


def test_a_search_without_room_claims_no_more_than_it_can_prove() -> None:
    space = get_space("NB101")
    torch.manual_seed(0)
    model = SVGE(Sizes(len(space.types), space.max_nodes, node_width=12, graph_width=8)).eval()
    z = torch.randn(20, 8)
    found = most_probable_in_direction(model, z, INPUT, widest=1)
    assert not found.proved.all()
    wide = most_probable_in_direction(model, z, INPUT)
    assert wide.proved.all()
    assert (wide.log_probability >= found.log_probability - 1e-5).all()
    close(wide.log_probability[found.proved], found.log_probability[found.proved])


@pytest.mark.parametrize("name", list(GRAPH_VAES))
def test_no_graph_is_less_probable_than_the_greedy_one(
    name: str, tiny_model: Build, points: Points
) -> None:
    model, z = tiny_model(name), points(40)
    greedy = log_probability(model, z, decode_greedily(model, z)).sum(0)
    found = most_probable(model, z).log_probability[:, 0]
    assert (found >= greedy - 1e-6).all()
    assert (found > greedy + 1e-6).any()  # and the search is worth its while


def test_masked_results_are_members_of_the_space() -> None:
    space = get_space("NB101")
    torch.manual_seed(0)
    model = SVGE(Sizes(len(space.types), space.max_nodes, node_width=12, graph_width=8)).eval()
    found = most_probable(model, torch.randn(3, 8), 2, space.legality(), widest=64)
    there = found.graphs.num_nodes > 0
    assert there.any()
    assert space.legal(found.graphs[there]).all()


def test_no_latents_and_bad_numbers(tiny_model: Build, points: Points) -> None:
    model = tiny_model("SVGE")
    assert len(most_probable(model, points(3)[:0], 2).graphs) == 0
    with pytest.raises(ModelError, match="at least"):
        most_probable(model, points(1), 0)
    with pytest.raises(ModelError, match="finite"):
        most_probable(model, torch.full((1, 8), torch.inf))


def test_order_and_rank_of_rows() -> None:
    weight = torch.tensor([0.1, 0.9, 0.5, 0.7, 0.3])
    latent = torch.tensor([1, 0, 1, 0, 2])
    order = best_first(weight, latent)
    assert order.tolist() == [1, 3, 2, 0, 4]
    assert rank_within(latent[order]).tolist() == [0, 1, 0, 1, 0]
