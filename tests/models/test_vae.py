"""SVGE and DGMG: sizes, the published outputs, and what the loss may not depend on."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from datasets.batch import GraphBatch
from datasets.graph import ArchitectureGraph
from datasets.spaces.nb101 import NB101
from models import DGMG, PUBLISHED, SVGE, ModelError, Objective, Sizes, WithHeads
from models.checkpoints import stored_state
from models.latent import Latent
from models.loss import divergence_per_graph
from models.vae import GRAPH_VAES, GraphVAE, as_graph_vae
from Training_VAE.verify_checkpoint import TOLERANCE, differences

SMALL = Sizes(num_types=5, max_nodes=7, node_width=12, graph_width=8)


@pytest.fixture
def batch() -> GraphBatch:
    cells = GraphBatch.cat(NB101().enumerate(max_nodes=5))
    rows = np.random.default_rng(0).choice(len(cells), 6, replace=False)
    return cells[torch.from_numpy(rows)].padded(7)


@pytest.fixture(params=list(GRAPH_VAES))
def model(request: pytest.FixtureRequest) -> GraphVAE:
    torch.manual_seed(0)
    return as_graph_vae(GRAPH_VAES[request.param](SMALL)).eval()


@pytest.mark.parametrize("space", ["ENAS", "NB101", "NB201"])
@pytest.mark.parametrize("name", ["SVGE", "DGMG"])
def test_published_outputs_are_met(fixtures_root: Path, name: str, space: str) -> None:
    found = differences(fixtures_root / f"{name}_acc_{space}")
    assert {"mean", "log_variance", "loss", "predicted_accuracy"} <= set(found)
    assert max(found.values()) <= TOLERANCE


@pytest.mark.parametrize(
    ("types", "nodes", "parameters"),
    [(5, 7, 2_245_121), (7, 8, 2_245_985), (8, 8, 2_246_417)],
)
def test_number_of_parameters_is_the_published_one(types: int, nodes: int, parameters: int) -> None:
    model = SVGE(Sizes(types, nodes))
    assert sum(p.numel() for p in model.parameters()) == parameters
    head = WithHeads.fresh(model).heads["accuracy"]
    assert sum(p.numel() for p in head.parameters()) == 2_115


def test_encoding_ignores_padding_and_the_other_graphs(model: GraphVAE, batch: GraphBatch) -> None:
    together = model.encode(batch.padded(9)).mean
    alone = [model.encode(GraphBatch.from_graphs([graph])).mean[0] for graph in batch]
    torch.testing.assert_close(together, torch.stack(alone))


@pytest.mark.parametrize("objective", [Objective(), PUBLISHED])
def test_reconstruction_ignores_padding_and_the_other_graphs(
    model: GraphVAE, batch: GraphBatch, objective: Objective
) -> None:
    z = model.encode(batch).mean
    together = model.reconstruction(z, batch.padded(9), objective)
    for k, graph in enumerate(batch):
        alone = model.reconstruction(z[k : k + 1], GraphBatch.from_graphs([graph]), objective)
        torch.testing.assert_close(together[k : k + 1], alone)


def test_sum_over_edges_is_the_negative_log_likelihood(batch: GraphBatch) -> None:
    """With α = ½ and the sum, a direction's loss is −log p of its decisions, one by one."""
    torch.manual_seed(1)
    model = DGMG(SMALL).eval()
    z = model.encode(batch).mean
    logits = model.decoder_steps(z, batch)
    for k, graph in enumerate(batch):
        expected = torch.zeros(())
        for new in range(1, graph.num_nodes):
            expected -= logits.types[k, new - 1].log_softmax(-1)[graph.types[new]]
            for old in range(new if new > 1 else 0):
                logit = logits.edges[k, new - 1, old]
                drawn = graph.adjacency[old, new]
                expected -= torch.nn.functional.logsigmoid(logit if drawn else -logit)
        loss = model.reconstruction(z[k : k + 1], batch[k : k + 1], Objective())
        torch.testing.assert_close(loss[0], expected)


def test_reductions_of_the_divergence(model: GraphVAE, batch: GraphBatch) -> None:
    mean = model.loss(batch, Objective(kl_reduction="mean"))
    total = model.loss(batch, Objective(kl_reduction="sum"))
    torch.testing.assert_close(total.divergence, mean.divergence * len(batch))
    torch.testing.assert_close(total.total, total.reconstruction + 0.005 * total.divergence)


def test_divergence_agrees_with_torch_distributions() -> None:
    latent = Latent(torch.randn(4, 8), torch.randn(4, 8))
    ours = divergence_per_graph(latent)
    gaussian = torch.distributions.Normal(latent.mean, (latent.log_variance / 2).exp())
    prior = torch.distributions.Normal(torch.zeros(4, 8), torch.ones(4, 8))
    expected = torch.distributions.kl_divergence(gaussian, prior).sum(-1)
    torch.testing.assert_close(ours, expected)


def test_noise_is_drawn_in_training_only(model: GraphVAE, batch: GraphBatch) -> None:
    model.eval()
    first, second = (model.loss(batch, Objective()).total for _ in range(2))
    assert first == second
    model.train()
    noisy = [
        model.loss(batch, Objective(noise_scale=1.0), torch.Generator().manual_seed(s)).total
        for s in (0, 0, 1)
    ]
    assert noisy[0] == noisy[1] != noisy[2]


def test_bfloat16_follows_float32(model: GraphVAE, batch: GraphBatch) -> None:
    exact = model.loss(batch, Objective()).total.item()
    model.compute_dtype = torch.bfloat16
    assert model.loss(batch, Objective()).total.item() == pytest.approx(exact, rel=0.02)


def test_svge_sees_the_reversed_graph_as_the_graph_seen_from_its_output(batch: GraphBatch) -> None:
    torch.manual_seed(0)
    model = SVGE(SMALL).eval()
    views = list(model.views(batch))
    assert views[: len(batch)] == list(batch)
    assert views[len(batch) :] == [graph.reversed() for graph in batch]


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_latents_that_are_no_numbers_are_refused(
    model: GraphVAE, batch: GraphBatch, value: float
) -> None:
    z = torch.zeros(len(batch), 8)
    z[0, 0] = value
    with pytest.raises(ModelError, match="not finite"):
        model.decoder_steps(z, batch)


def test_latents_of_another_width_are_refused(model: GraphVAE, batch: GraphBatch) -> None:
    with pytest.raises(ModelError, match=r"expected \(B, 8\)"):
        model.decoder_steps(torch.zeros(len(batch), 9), batch)


@pytest.mark.parametrize(
    "sizes", [{"node_width": 7}, {"rounds": 0}, {"graph_width": 0}, {"max_nodes": 1}]
)
def test_sizes_that_make_no_model_are_refused(sizes: dict[str, int]) -> None:
    with pytest.raises(ModelError):
        SVGE(Sizes(**{"num_types": 5, "max_nodes": 7, **sizes}))


def test_joint_loss_weighs_the_published_shares(model: GraphVAE, batch: GraphBatch) -> None:
    joint = WithHeads.fresh(model).eval()
    targets = torch.linspace(0, 1, len(batch))
    loss = joint.loss(batch, targets[:, None], PUBLISHED)
    assert loss.embedding is not None
    error = (joint(batch)[:, 0] - targets).square().mean()
    torch.testing.assert_close(loss.total, 0.1 * loss.embedding.total + 0.9 * error)
    assert set(stored_state(joint)) > set(model.state_dict())
    assert {key.split(".")[0] for key in stored_state(joint)} == {"Encoder", "Decoder", "Accuracy"}


def test_one_node_graph_is_encoded(model: GraphVAE) -> None:
    single = GraphBatch.from_graphs([ArchitectureGraph((1,), ())])
    assert torch.isfinite(model.encode(single).mean).all()


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("c++") is None, reason="compiling needs a C++ compiler")
def test_compiled_networks_compute_the_same(
    batch: GraphBatch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What was compiled for other kernels of this processor is not distinguished by PyTorch's cache.
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path))
    torch.manual_seed(0)
    model = SVGE(SMALL).eval()
    z = model.encode(batch).mean
    plain = model.reconstruction(z, batch, Objective())
    model.generator.compile_networks()
    torch.testing.assert_close(model.reconstruction(z, batch, Objective()), plain)
