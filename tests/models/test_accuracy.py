"""The accuracy head: its joint loss, and the loss of orders."""

from __future__ import annotations

import math
from itertools import permutations

import pytest
import torch
from torch.nn import functional as F

from datasets.batch import GraphBatch
from datasets.spaces.nb101 import NB101
from models import MODELS, PUBLISHED, AccuracyModel, Sizes
from models.accuracy import ranking_loss


@pytest.fixture
def batch() -> GraphBatch:
    return GraphBatch.cat(NB101().enumerate(max_nodes=4))[10:18]


@pytest.fixture(params=list(MODELS))
def model(request: pytest.FixtureRequest) -> AccuracyModel:
    torch.manual_seed(0)
    return AccuracyModel(MODELS[request.param](Sizes(5, 7, node_width=12, graph_width=8))).eval()


def test_the_published_loss_is_a_tenth_the_vae_and_the_rest_squared_error(
    model: AccuracyModel, batch: GraphBatch
) -> None:
    targets = torch.linspace(0.1, 0.9, len(batch))
    found = model.loss(batch, targets, PUBLISHED)
    assert found.vae is not None
    torch.testing.assert_close(found.vae.total, model.vae.loss(batch, PUBLISHED).total)
    torch.testing.assert_close(found.error, F.mse_loss(model(batch), targets))
    torch.testing.assert_close(found.total, 0.1 * found.vae.total + 0.9 * found.error)


def test_without_a_share_the_decoder_learns_nothing(
    model: AccuracyModel, batch: GraphBatch
) -> None:
    found = model.loss(batch, torch.ones(len(batch)), PUBLISHED, vae_share=0)
    assert found.vae is None
    found.total.backward()
    assert all(parameter.grad is None for parameter in model.Decoder.parameters())
    assert all(p.grad is not None for p in model.Encoder.NodeEmb.parameters())


def test_ranking_loss_is_the_mean_over_the_ordered_pairs() -> None:
    generator = torch.Generator().manual_seed(0)
    predicted = torch.randn(7, generator=generator)
    targets = torch.tensor([0.3, 0.1, 0.3, 0.9, 0.5, 0.1, 0.2])
    pairs = [
        math.log1p(math.exp(float(predicted[j] - predicted[i])))
        for i, j in permutations(range(7), 2)
        if targets[i] > targets[j]
    ]
    assert len(pairs) == 21 - 2
    assert float(ranking_loss(predicted, targets)) == pytest.approx(sum(pairs) / len(pairs))
    assert float(ranking_loss(predicted, torch.ones(7))) == 0


def test_ranking_loss_prefers_the_right_order() -> None:
    targets = torch.arange(5.0)
    right, wrong = ranking_loss(targets, targets), ranking_loss(-targets, targets)
    assert right < math.log(2) < wrong
