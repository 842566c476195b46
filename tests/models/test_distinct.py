"""Encoding with every node state computed once, against the encoder itself."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from datasets.batch import GraphBatch
from datasets.graph import ArchitectureGraph
from datasets.spaces.nb101 import NB101
from models import Sizes
from models.distinct import encode_distinct, group_rows
from models.vae import GRAPH_VAES, GraphVAE, as_graph_vae


@pytest.fixture(params=list(GRAPH_VAES))
def model(request: pytest.FixtureRequest) -> GraphVAE:
    torch.manual_seed(0)
    sizes = Sizes(num_types=5, max_nodes=10, node_width=12, graph_width=8, rounds=3)
    model = as_graph_vae(GRAPH_VAES[request.param](sizes))
    for table in model.Encoder.modules():
        if isinstance(table, nn.Embedding):
            nn.init.normal_(table.weight)
    return model.eval()


@pytest.fixture
def graphs() -> GraphBatch:
    """Cells, many of whose nodes know the same, and graphs of any kind: 3 to 10 nodes."""
    rng = np.random.default_rng(0)
    drawn = []
    for number in range(100):
        nodes = 3 + number % 8
        adjacency = np.triu(rng.random((nodes, nodes)) < 0.4, 1)
        drawn.append(ArchitectureGraph.from_adjacency(rng.integers(0, 5, nodes), adjacency))
    return GraphBatch.cat([NB101().sample_batch(400, rng), GraphBatch.from_graphs(drawn)])


@pytest.mark.parametrize("chunk", [7, 1000])
def test_latents_are_those_of_the_encoder(model: GraphVAE, graphs: GraphBatch, chunk: int) -> None:
    ours, expected = model.encode_all(graphs, chunk), model.encode(graphs)
    torch.testing.assert_close(ours.mean, expected.mean)
    torch.testing.assert_close(ours.log_variance, expected.log_variance)
    assert not ours.mean.requires_grad


def test_bfloat16_follows_float32(model: GraphVAE, graphs: GraphBatch) -> None:
    exact = model.encode(graphs).mean
    rounded = encode_distinct(model.Encoder, graphs, torch.bfloat16).mean
    assert rounded.dtype == torch.float32
    assert (rounded - exact).abs().max() < 0.03 * exact.abs().max()


def test_what_is_encoded_beside_a_graph_does_not_matter(
    model: GraphVAE, graphs: GraphBatch
) -> None:
    together = model.encode_all(graphs).mean[-3:]
    torch.testing.assert_close(together, model.encode_all(graphs[-3:].padded(13)).mean)


def test_nothing_is_encoded_to_nothing(model: GraphVAE) -> None:
    assert model.encode_all(GraphBatch.empty(7)).mean.shape == (0, 8)


def test_random_numbers_of_others_are_left_alone(model: GraphVAE, graphs: GraphBatch) -> None:
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    model.encode_all(graphs)
    assert torch.equal(torch.rand(1), expected)


def test_rows_are_grouped_as_numpy_groups_them() -> None:
    rows = torch.from_numpy(np.random.default_rng(0).integers(-1, 3, (2000, 4)))
    member, group = group_rows(rows)
    assert len(member) == len(np.unique(rows.numpy(), axis=0)) == 256
    assert torch.equal(rows[member[group]], rows)


def test_rows_that_one_form_confuses_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first form drawn is made to see the sum of a row only."""
    drawn = torch.randint
    calls: list[int] = []

    def first_poor(*arguments: int, **choices: torch.Generator) -> torch.Tensor:
        calls.append(1)
        form = drawn(*arguments, **choices)  # type: ignore[call-overload]
        return torch.ones_like(form) if len(calls) == 1 else form

    monkeypatch.setattr(torch, "randint", first_poor)
    member, group = group_rows(torch.tensor([[1, 2], [2, 1], [1, 2]]))
    assert len(calls) == 2
    assert len(member) == 2
    assert group[0] == group[2] != group[1]
