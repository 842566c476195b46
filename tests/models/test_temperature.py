"""Temperature: what it does to the decoder's distributions, and what it leaves alone."""

from __future__ import annotations

import pytest
import torch

from datasets.spaces.nb201 import NB201
from models import ModelError, Sizes, build_model
from models.decoding import Greedy, decode_directions
from models.sampling import decode_many
from models.temperature import tempered
from models.vae import GraphVAE, as_graph_vae


@pytest.fixture
def model() -> GraphVAE:
    torch.manual_seed(0)
    built = as_graph_vae(build_model("SVGE", Sizes(7, 8, 12, 8, 1))).eval()
    with torch.no_grad():  # fresh weights are unsure of everything
        built.generator.nodeAdd.f_an_2.weight *= 20
        built.generator.nodes.f_s_2.weight *= 20
    return built


def test_all_logits_are_divided(model: GraphVAE) -> None:
    graphs = next(iter(NB201().enumerate()))[:20]
    z = torch.randn(20, 8, generator=torch.Generator().manual_seed(1))
    before = model.decoder_steps(z, graphs)
    after = tempered(model, 2.5).decoder_steps(z, graphs)
    assert before.types.abs().max() > 1
    torch.testing.assert_close(after.types, before.types / 2.5)
    torch.testing.assert_close(after.edges, before.edges / 2.5)


def test_model_and_encodings_stay_as_they_are(model: GraphVAE) -> None:
    state = {key: value.clone() for key, value in model.state_dict().items()}
    graphs = next(iter(NB201().enumerate()))[:20]
    copied = tempered(model, 3.0)
    assert all(torch.equal(value, state[key]) for key, value in model.state_dict().items())
    assert torch.equal(copied.encode(graphs).mean, model.encode(graphs).mean)
    assert not copied.training


def test_samples_vary_more_and_greedy_decodings_stay(model: GraphVAE) -> None:
    z = torch.randn(50, 8, generator=torch.Generator().manual_seed(2))
    distinct = []
    for temperature in (0.01, 0.5, 1.0, 2.0):
        copied = tempered(model, temperature)
        for ours, theirs in zip(
            decode_directions(copied, z, Greedy()),
            decode_directions(model, z, Greedy()),
            strict=True,
        ):
            assert torch.equal(ours.types, theirs.types)
            assert torch.equal(ours.adjacency, theirs.adjacency)
        decoded = decode_many(copied, z, 20, None, torch.Generator().manual_seed(3))
        distinct.append(len(decoded.graphs))
    assert distinct == sorted(set(distinct))
    assert distinct[0] < 2 * len(z)


@pytest.mark.parametrize("temperature", [0.0, -1.0, float("nan"), float("inf")])
def test_only_positive_temperatures(model: GraphVAE, temperature: float) -> None:
    with pytest.raises(ModelError, match="positive number"):
        tempered(model, temperature)
