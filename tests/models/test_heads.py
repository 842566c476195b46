"""Heads by name: their joint loss, targets that are unknown, weights on disk, orders."""

from __future__ import annotations

import math
from itertools import permutations

import pytest
import torch
from torch.nn import functional as F

from datasets.batch import GraphBatch
from datasets.spaces.nb101 import NB101
from models import PUBLISHED, SVGE, ModelError, Sizes, WithHeads
from models.checkpoints import model_from_state, stored_state
from models.heads import ranking_loss, shared_weights
from models.vae import GRAPH_VAES

SIZES = Sizes(5, 7, node_width=12, graph_width=8)


@pytest.fixture
def batch() -> GraphBatch:
    return GraphBatch.cat(NB101().enumerate(max_nodes=4))[10:18]


@pytest.fixture(params=list(GRAPH_VAES))
def model(request: pytest.FixtureRequest) -> WithHeads:
    torch.manual_seed(0)
    return WithHeads.fresh(GRAPH_VAES[request.param](SIZES)).eval()


def test_the_published_loss_is_a_tenth_the_vae_and_the_rest_squared_error(
    model: WithHeads, batch: GraphBatch
) -> None:
    targets = torch.linspace(0.1, 0.9, len(batch))[:, None]
    found = model.loss(batch, targets, PUBLISHED)
    assert found.embedding is not None
    vae, error = found.embedding.total, found.errors["accuracy"]
    torch.testing.assert_close(vae, model.embedding.loss(batch, PUBLISHED).total)
    torch.testing.assert_close(error, F.mse_loss(model(batch), targets))
    torch.testing.assert_close(found.total, 0.1 * vae + 0.9 * error)


def test_without_a_share_the_decoder_learns_nothing(model: WithHeads, batch: GraphBatch) -> None:
    weights = shared_weights(0, ["accuracy"])
    found = model.loss(batch, torch.ones(len(batch), 1), PUBLISHED, weights=weights)
    assert found.embedding is None
    found.total.backward()
    weights_of = dict(model.embedding.named_parameters())
    for name, parameter in weights_of.items():
        if name.startswith("Decoder."):
            assert parameter.grad is None
        elif name.startswith("Encoder.NodeEmb."):
            assert parameter.grad is not None


def two_heads(names: tuple[str, ...] = ("accuracy", "complexity")) -> WithHeads:
    torch.manual_seed(0)
    return WithHeads.fresh(SVGE(SIZES), names).eval()


def test_unknown_targets_count_for_nothing(batch: GraphBatch) -> None:
    model = two_heads()
    targets = torch.rand(len(batch), 2, generator=torch.Generator().manual_seed(0))
    targets[:3, 1] = torch.nan
    weights = {"embedding": 0.0, "accuracy": 2.0, "complexity": 0.5}
    found = model.loss(batch, targets, PUBLISHED, weights=weights)
    predicted = model(batch)
    accuracy = F.mse_loss(predicted[:, 0], targets[:, 0])
    complexity = F.mse_loss(predicted[3:, 1], targets[3:, 1])
    torch.testing.assert_close(found.errors, {"accuracy": accuracy, "complexity": complexity})
    torch.testing.assert_close(found.total, 2 * accuracy + 0.5 * complexity)

    targets[:, 1] = torch.nan
    found = model.loss(batch, targets, PUBLISHED, weights=weights)
    assert found.errors["complexity"].item() == 0
    found.total.backward()
    assert all(bool(p.grad.isfinite().all()) for p in model.parameters() if p.grad is not None)


def test_a_weight_is_given_for_every_loss(batch: GraphBatch) -> None:
    targets = torch.zeros(len(batch), 2)
    for weights in ({"accuracy": 1.0}, {"embedding": 1.0, "accuracy": 1.0, "size": 1.0}):
        with pytest.raises(ModelError, match="one for each of embedding, accuracy, complexity"):
            two_heads().loss(batch, targets, PUBLISHED, weights=weights)


def test_names_and_weights_of_heads_come_back_from_disk(batch: GraphBatch) -> None:
    model = two_heads()
    state = stored_state(model)
    assert {key.split(".")[0] for key in state} == {"Encoder", "Decoder", "Accuracy", "heads"}
    loaded = model_from_state(state, 7)
    assert isinstance(loaded, WithHeads)
    assert loaded.name == model.name == "SVGE_accuracy_complexity"
    assert list(loaded.heads) == ["accuracy", "complexity"]
    assert torch.equal(loaded(batch), model(batch))
    with torch.no_grad():
        torch.testing.assert_close(loaded.predict_all(batch, "complexity"), loaded(batch)[:, 1])
    with pytest.raises(ModelError, match="no head that predicts size: its heads are accuracy"):
        loaded.predict_all(batch, "size")


@pytest.mark.parametrize("names", [(), ("embedding",)], ids=str)
def test_heads_have_names_of_their_own(names: tuple[str, ...]) -> None:
    with pytest.raises(ModelError, match="heads are called"):
        two_heads(names)


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
