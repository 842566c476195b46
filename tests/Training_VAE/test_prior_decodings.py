"""What is counted of decodings of prior points: how it hangs together, and the flags for it."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from datasets import get_space
from models import Embedding, Sizes, build_model
from Training_VAE.data import Architectures, load_architectures
from Training_VAE.evaluation import Protocol, evaluate, prior_decodings
from Training_VAE.training_command import SVGE, make_parser, protocol_of

PROTOCOL = Protocol(prior_points=60, decodings=5, sampled_graphs=3, encodings=2)


@pytest.fixture(scope="module")
def architectures() -> Architectures:
    return load_architectures(get_space("NB201"), None, seed=1)


@pytest.fixture(scope="module")
def model() -> Embedding:
    torch.manual_seed(0)
    return build_model("SVGE", Sizes(7, 8, 12, 8, 1)).eval()


def counted(model: Embedding, architectures: Architectures, protocol: Protocol = PROTOCOL) -> dict:
    legality = architectures.space.legality()
    generator = torch.Generator().manual_seed(4)
    return prior_decodings(model, architectures, protocol, legality, generator)


def test_a_decoder_that_is_sure_gives_one_architecture_a_point(
    model: Embedding, architectures: Architectures
) -> None:
    """Then uniqueness cannot exceed one in as many decodings as a point has."""
    sure = counted(model.tempered(1e-4), architectures)
    assert sure["agreement"] > 0.99
    assert sure["uniqueness"] == pytest.approx(sure["distinct_points"] / 5, rel=0.1)
    unsure = counted(model.tempered(1e4), architectures)
    assert unsure["agreement"] < 0.3
    assert unsure["uniqueness"] > 0.9
    assert 1 / 60 <= sure["distinct_points"] <= 1


def test_points_that_lie_together_have_one_architecture(
    model: Embedding, architectures: Architectures
) -> None:
    together = Protocol(prior_points=60, decodings=5, prior_scale=1e-6)
    found = counted(model.tempered(1e-4), architectures, together)
    assert found["distinct_points"] == pytest.approx(1 / 60)
    assert found["prior_scale"] == 1e-6


def test_evaluation_measures_the_tempered_model(
    model: Embedding, architectures: Architectures
) -> None:
    plain = Protocol(
        prior_points=20,
        decodings=2,
        encodings=1,
        sampled_graphs=2,
        prior="standard",
        prior_scale=2.0,
    )
    hot = dataclasses.replace(plain, temperature=5.0)
    graphs = architectures.test[:5]
    result = evaluate(model, architectures, hot, 1, graphs)
    expected = evaluate(model.tempered(5.0), architectures, plain, 1, graphs)
    assert result == {**expected, "temperature": 5.0}
    assert result["prior"] != evaluate(model, architectures, plain, 1, graphs)["prior"]
    part = result["prior"]["unmasked"]
    assert (part["prior"], part["prior_scale"]) == ("standard", 2.0)


def test_command_hands_the_flags_on() -> None:
    flags = ["--prior", "box", "--prior-scale", "0.5", "--temperature", "2"]
    given = make_parser(SVGE).parse_args([*flags, "--sampled_graphs", "7"])
    wanted = Protocol(prior="box", prior_scale=0.5, temperature=2.0, sampled_graphs=7)
    assert protocol_of(given) == wanted
    assert protocol_of(make_parser(SVGE).parse_args([])) == Protocol()
