"""arch2vec: the published model agrees with its fixtures; ours masks padding and sees direction."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

import numpy as np
import pytest
import torch

from datasets import get_space
from datasets.batch import GraphBatch
from datasets.graph import ArchitectureGraph
from models import MODELS, ModelError, Objective, load_vae
from models.arch2vec import Arch2vec, Arch2vecDirected, Arch2vecMasked, GINSizes
from models.checkpoints import model_from_state
from models.embedding import Embedding
from models.registry import model_class
from models.vae import SVGE
from Training_VAE.verify_checkpoint import compare

MODELS_OF_THIS_KIND = (Arch2vec, Arch2vecMasked, Arch2vecDirected)
LIKELIHOOD = Objective(beta=0.01, noise_scale=1.0)
Model = TypeVar("Model", bound=Arch2vec)


def small(model: type[Model], space: str = "NB101", **sizes: int) -> Model:
    """A model with fresh weights whose batch statistics have seen some architectures."""
    torch.manual_seed(0)
    of = get_space(space)
    made = model(GINSizes(len(of.types), of.max_nodes, 24, 6, **sizes))
    made.train()
    batch = of.sample_batch(64, np.random.default_rng(1))
    with torch.no_grad():
        for _ in range(40):  # batch norms forget their first statistics
            made.encode(batch)
    return made.eval()


@pytest.mark.parametrize("space", ["NB101", "NB201"])
def test_the_published_checkpoint_gives_the_published_outputs(
    space: str, fixtures_root: Path
) -> None:
    found = compare(fixtures_root / f"arch2vec_{space}")
    assert len(found) > 80
    assert [each for each in found if not each.passed] == []


@pytest.mark.parametrize("model", MODELS_OF_THIS_KIND)
@pytest.mark.parametrize("depth", [{}, {"rounds": 2, "mlp_layers": 3}, {"mlp_layers": 1}])
def test_a_state_dict_says_whose_it_is_and_how_large(
    model: type[Arch2vec], depth: dict[str, int]
) -> None:
    original = small(model, "NB101", **depth)
    state = original.state_dict()
    assert [each for each in MODELS.values() if each.recognises(state)] == [model]
    again = model_from_state(state, 7)
    assert isinstance(again, Embedding)
    assert again.sizes == original.sizes
    batch = get_space("NB101").sample_batch(5, np.random.default_rng(0))
    assert torch.equal(again.encode(batch).mean, original.encode(batch).mean)


def test_a_file_with_an_optimiser_beside_the_weights_is_read(tmp_path: Path) -> None:
    model = small(Arch2vec)
    optimiser = torch.optim.Adam(model.parameters())
    content = {
        "epoch": 3,
        "loss": 0.5,
        "model_state": model.state_dict(),
        "optimizer_state": optimiser.state_dict(),
    }
    path = tmp_path / "model-nasbench101.pt"
    torch.save(content, path)
    loaded = load_vae(path, max_nodes=7)
    assert loaded.name == "arch2vec"
    with pytest.raises(ModelError, match="give max_nodes"):
        load_vae(path)


def test_padding_takes_no_part_in_the_masked_models() -> None:
    """More places change nothing, and neither do the other graphs of a batch, in training mode."""
    space = get_space("NB101")
    batch = space.sample_batch(40, np.random.default_rng(2))
    small_cells = batch[batch.num_nodes < 7]
    cut = int(small_cells.num_nodes.max())
    assert len(small_cells) > 3
    narrow = GraphBatch(
        small_cells.types[:, :cut], small_cells.adjacency[:, :cut, :cut], small_cells.num_nodes
    )
    for kind in (Arch2vecMasked, Arch2vecDirected):
        wide = small(kind)
        sizes = GINSizes(5, cut, 24, 6)
        state = dict(wide.state_dict())
        for name in {"positions.weight", "prior_mean", "prior_log_std"} & state.keys():
            state[name] = state[name][:cut]
        tight = kind.from_state(state, cut)
        assert tight.sizes == sizes
        wide.train().decoder.dropout = 0.0
        tight.train().decoder.dropout = 0.0
        mean, _log_variance = wide.encode(small_cells)
        torch.testing.assert_close(tight.encode(narrow).mean, mean[:, :cut])
        assert not mean[:, cut:].any()
        loss = wide.loss_at(mean, wide.encode(small_cells), small_cells, LIKELIHOOD).total
        tight_loss = tight.loss_at(mean[:, :cut], tight.encode(narrow), narrow, LIKELIHOOD).total
        torch.testing.assert_close(loss, tight_loss)
    published = small(Arch2vec).train()
    cut_off = Arch2vec.from_state(published.state_dict(), cut).train()
    assert not torch.allclose(
        published.encode(small_cells).mean[:, :cut], cut_off.encode(narrow).mean, atol=1e-3
    )


def test_the_masked_models_diverge_from_the_prior_of_each_position() -> None:
    batch = get_space("NB101").sample_batch(30, np.random.default_rng(3))
    kinds: tuple[type[Arch2vecMasked], ...] = (Arch2vecMasked, Arch2vecDirected)
    for kind in kinds:
        model = small(kind)
        with torch.no_grad():
            model.prior_mean.normal_()
            model.prior_log_std.normal_(std=0.3)
            latent = model.encode(batch)
            divergence = model.divergence(latent, batch).numpy()
        prior_mean, prior_std = (
            model.prior_mean.detach().numpy(),
            model.prior_log_std.detach().exp().numpy(),
        )
        for graph, nodes in enumerate(batch.num_nodes.tolist()):
            mean = latent.mean[graph, :nodes].numpy() - prior_mean[:nodes]
            std = np.exp(latent.log_variance[graph, :nodes].numpy() / 2)
            ratio = (std**2 + mean**2) / prior_std[:nodes] ** 2
            expected = (0.5 * (ratio - 1) + np.log(prior_std[:nodes] / std)).sum()
            assert divergence[graph] == pytest.approx(expected, rel=1e-4)


def test_equal_neighbourhoods_get_equal_means_unless_direction_is_seen() -> None:
    """Two unconnected 3×3 convolutions between input and output: the published bound."""
    cell = ArchitectureGraph((1, 3, 3, 0), ((0, 1), (0, 2), (1, 3), (2, 3)))
    batch = GraphBatch.from_graphs([cell])
    for kind in (Arch2vec, Arch2vecMasked):
        mean = small(kind).encode(batch).mean[0]
        torch.testing.assert_close(mean[1], mean[2])
    mean = small(Arch2vecDirected).encode(batch).mean[0]
    assert (mean[1] - mean[2]).abs().max() > 1e-3


@pytest.mark.parametrize("model", MODELS_OF_THIS_KIND)
@pytest.mark.parametrize("space", ["NB101", "NB201", "DIGITS101", "ENAS"])
def test_every_space_is_encoded_and_decoded(model: type[Arch2vec], space: str) -> None:
    of = get_space(space)
    vae = small(model, space)
    batch = of.sample_batch(9, np.random.default_rng(0))
    latent = vae.encode_all(batch)
    assert latent.mean.shape == (9, of.max_nodes, 6)
    assert vae.graph_vector(latent).shape == (9, 6)
    z = latent.flat
    assert len(vae.decode_greedily(z)) == 9
    legality = of.legality()
    members = vae.decode_greedily(z, legality)
    assert of.legal(members).all()
    generator = torch.Generator().manual_seed(0)
    assert of.legal(vae.decode_sampled(z, legality, generator)).all()
    found = vae.most_probable(z, 2, legality)
    assert found.proved.all()
    where_plain = torch.as_tensor(of.legal(vae.decode_greedily(z)))
    assert torch.equal(members.types[where_plain], found.best.types[where_plain])
    assert vae.decode_many(z, 4, legality, generator).count.sum() == 36


def test_graphs_and_latents_that_do_not_fit_are_refused() -> None:
    model = small(Arch2vec, "DIGITS101")
    cell = get_space("NB101").parse(
        '{"matrix": [[0,1,0,0,0,0,0],[0,0,1,0,0,0,0],[0,0,0,1,0,0,0],[0,0,0,0,1,0,0],'
        '[0,0,0,0,0,1,0],[0,0,0,0,0,0,1],[0,0,0,0,0,0,0]], "ops": ["input","conv1x1-bn-relu",'
        '"conv1x1-bn-relu","conv1x1-bn-relu","conv1x1-bn-relu","conv1x1-bn-relu","output"]}'
    )
    with pytest.raises(ModelError, match="a graph has 7 nodes, arch2vec was made for 5"):
        model.encode(GraphBatch.from_graphs([cell]))
    with pytest.raises(ModelError, match=r"expected \(B, 30\)"):
        model.decode_greedily(torch.zeros(2, 16))
    state = dict(model.state_dict())
    del state["batch_norms.0.running_mean"]
    with pytest.raises(ModelError, match=r"no weight batch_norms\.0\.running_mean"):
        model_from_state(state, 5)
    state = dict(model.state_dict())
    del state["mlps.1.linears.1.weight"]
    with pytest.raises(ModelError, match="equally many matrices in each"):
        model_from_state(state, 5)
    svge = MODELS["SVGE"]
    assert model_class(svge(svge.sizes_type(5, 7, 12, 8)).state_dict()) is SVGE
    with pytest.raises(ModelError, match="is made of GINSizes"):
        Arch2vec(svge.sizes_type(5, 7, 12, 8))


@pytest.mark.parametrize("model", MODELS_OF_THIS_KIND)
def test_training_lowers_the_loss(model: type[Arch2vec]) -> None:
    cells = get_space("NB101").sample_batch(50, np.random.default_rng(0))
    torch.manual_seed(0)
    vae = model(GINSizes(5, 7, 24, 6, dropout=0.0)).train()
    optimiser = torch.optim.Adam(vae.parameters(), lr=1e-2)
    losses = []
    for _ in range(40):
        optimiser.zero_grad()
        total = vae.loss(cells, Objective(beta=1e-3, noise_scale=0.1)).total
        total.backward()
        optimiser.step()
        losses.append(total.item())
    assert np.mean(losses[-5:]) < 0.75 * losses[0]
