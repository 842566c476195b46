"""Decoding that checks itself: never farther from the latent than greedy decoding."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from datasets import get_space
from datasets.batch import GraphBatch
from models import GraphVAE, ModelError, Sizes
from models.decoding import decode_greedily
from models.nearest import decode_to_nearest
from models.vae import GRAPH_VAES

Build = Callable[[str], GraphVAE]
Points = Callable[[int], torch.Tensor]


def distance(model: GraphVAE, graphs: GraphBatch, z: torch.Tensor) -> torch.Tensor:
    return (model.encode_all(graphs).mean - z).norm(dim=1)


@pytest.mark.parametrize("name", list(GRAPH_VAES))
def test_an_untrained_model_finds_its_own_graphs(
    name: str, tiny_model: Build, every_graph: GraphBatch
) -> None:
    model = tiny_model(name)
    joined = every_graph.adjacency[:, 0, 1] & (every_graph.types[:, 1:3] > 1).all(1)
    graphs = every_graph[joined & (every_graph.num_nodes == 4)]
    graphs = graphs[graphs.adjacency[:, 2, 3]]
    z = model.encode_all(graphs).mean
    found = decode_to_nearest(model, z, k=500, widest=2000)
    assert (distance(model, found, z) < 1e-5 * z.norm(dim=1)).all()
    greedy = decode_greedily(model, z)
    assert (distance(model, greedy, z) > 1e-5 * z.norm(dim=1)).any()


@pytest.mark.parametrize("name", list(GRAPH_VAES))
def test_it_is_the_nearest_of_the_candidates(name: str, tiny_model: Build, points: Points) -> None:
    model, z = tiny_model(name), points(20)
    near = decode_to_nearest(model, z, k=4)
    nearer = decode_to_nearest(model, z, k=40)
    greedy = distance(model, decode_greedily(model, z), z)
    assert (distance(model, near, z) <= greedy + 1e-6).all()
    assert (distance(model, nearer, z) <= distance(model, near, z) + 1e-6).all()
    assert (distance(model, nearer, z) < greedy - 1e-3).any()


def test_masked_ones_are_members() -> None:
    space = get_space("NB101")
    torch.manual_seed(0)
    model = GRAPH_VAES["SVGE"](Sizes(len(space.types), 7, node_width=12, graph_width=8)).eval()
    found = decode_to_nearest(model, torch.randn(4, 8), 3, space.legality(), widest=16)
    assert space.legal(found).all()


def test_no_latents_and_bad_ones(tiny_model: Build, points: Points) -> None:
    model = tiny_model("SVGE")
    assert len(decode_to_nearest(model, points(2)[:0])) == 0
    with pytest.raises(ModelError, match="finite"):
        decode_to_nearest(model, torch.full((1, 8), torch.nan))
    with pytest.raises(ModelError, match="do not fit"):
        decode_to_nearest(model, torch.zeros(1, 3))
