"""The models of info-NAS: agreement with the fixtures, sizes from shapes, vectors, refusals."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from datasets import get_space
from experiment.errors import InputError
from models import MODELS, ModelError, Objective, load_vae
from models.checkpoints import model_from_state
from models.io_models import IO_MODELS, ImageModel, IOAccuracy, IOConcat, IODense, IOModel
from models.io_sizes import AccuracySizes, ConcatSizes, DenseSizes, IOSizes
from Training_VAE.verify_checkpoint import compare

VAE: dict[str, Any] = {"num_types": 5, "max_nodes": 7, "node_width": 12, "graph_width": 4}
SMALL: list[IOSizes] = [
    DenseSizes(**VAE, start_channels=3, dense_size=6, out_channels=9),
    DenseSizes(
        **VAE,
        rounds=2,
        mlp_layers=1,
        z_hidden=5,
        in_channels=1,
        start_channels=2,
        n_steps=3,
        n_convs=1,
        out_channels=4,
        dense_size=7,
        n_dense=3,
        dense_dropout=None,
        vae="arch2vec_directed",
    ),
    ConcatSizes(**VAE, start_channels=3, out_channels=9),
    ConcatSizes(**VAE, z_hidden=3, in_channels=1, start_channels=2, use_3x3_for_z=True),
    AccuracySizes(**VAE, n_hidden=6, vae="arch2vec_masked"),
]
CLASSES: dict[type[IOSizes], Callable[[IOSizes], IOModel]] = {
    DenseSizes: IODense,
    ConcatSizes: IOConcat,
    AccuracySizes: IOAccuracy,
}


def made(sizes: IOSizes) -> IOModel:
    torch.manual_seed(0)
    return CLASSES[type(sizes)](sizes).eval()


def images(sizes: IOSizes, count: int) -> Tensor:
    channels = getattr(sizes, "in_channels", 1)
    return torch.randn(count, channels, 8, 8, generator=torch.Generator().manual_seed(0))


def test_the_published_checkpoints_give_the_published_outputs(fixtures_root: Path) -> None:
    found = compare(fixtures_root / "infonas_NB101")
    assert len(found) > 100
    assert [each for each in found if not each.passed] == []


def test_the_published_sizes_are_the_default() -> None:
    model = IODense(DenseSizes(5, 7))
    own = sum(weight.numel() for weight in model.parameters())
    of_vae = sum(weight.numel() for weight in model.vae_model.parameters())
    assert (of_vae, own - of_vae) == (122_617, 3_016_337)


@pytest.mark.parametrize("sizes", SMALL)
def test_a_state_dict_says_whose_it_is_and_how_large(sizes: IOSizes) -> None:
    original = made(sizes)
    state = original.state_dict()
    assert [each for each in MODELS.values() if each.recognises(state)] == [type(original)]
    again = model_from_state(state, 7)
    assert again.sizes == sizes
    assert type(original).max_nodes_of(state) == 7


@pytest.mark.parametrize("sizes", SMALL)
def test_it_encodes_and_decodes_as_its_autoencoder(sizes: IOSizes) -> None:
    model, cells = made(sizes), get_space("NB101").sample_batch(6, np.random.default_rng(0))
    latent, own = model.encode_all(cells), model.vae_model.encode_all(cells)
    assert torch.equal(latent.mean, own.mean)
    assert torch.equal(
        model.decode_greedily(latent.flat).adjacency,
        model.vae_model.decode_greedily(latent.flat).adjacency,
    )
    assert torch.equal(
        model.loss(cells, Objective()).total, model.vae_model.loss(cells, Objective()).total
    )
    torch.nn.init.constant_(model.get_parameter("process_z.process_z.1.bias"), -0.5)
    vector = model.graph_vector(latent)
    assert vector.shape == (6, sizes.z_hidden)
    assert (vector < 0).any()
    assert torch.equal(vector.relu(), model.process_z(latent.mean))


@pytest.mark.parametrize("sizes", [each for each in SMALL if not isinstance(each, AccuracySizes)])
def test_all_pairs_give_what_each_gives_alone(
    sizes: IOSizes, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, seen = made(sizes), images(sizes, 3)
    assert isinstance(model, ImageModel)
    z = torch.randn(5, 7, 4)
    monkeypatch.setattr("models.io_models.PAIRS", 7)  # two architectures at a time
    together = torch.cat(list(model.outputs_of_all(z, seen)))
    for row in range(5):
        alone = model.outputs(z[row].expand(3, 7, 4), seen)
        torch.testing.assert_close(together[row], alone)
    assert not torch.allclose(together[0], together[1])
    assert not torch.allclose(together[:, 0], together[:, 1])


def test_options_that_no_weight_tells_come_from_the_file(tmp_path: Path) -> None:
    """The accuracy model is published under the class and options of ``dense``."""
    stored = {"activation": "sigmoid", "dropout": 0.25, "n_steps": 2}
    for number, sizes in enumerate(SMALL):
        model = made(sizes)
        path = tmp_path / f"model_dense_epoch-{number}.pt"
        content = {
            "epoch": number,
            "model_state": model.state_dict(),
            "model_class": "dense",
            "model_kwargs": stored,
        }
        torch.save(content, path)
        loaded = load_vae(path)
        assert isinstance(loaded, IOModel)
        z = torch.randn(4, 7, 4)
        inputs = [images(sizes, 4)] if loaded.sees_images else []
        wanted = model.outputs(z, *inputs)
        found = loaded.outputs(z, *inputs)
        assert torch.equal(found, wanted.sigmoid() if loaded.sees_images else wanted)
        if isinstance(loaded, IODense) and number == 0:
            assert {layer.p for layer in loaded.dense_list if hasattr(layer, "p")} == {0.25}
            assert loaded.model_kwargs == {"activation": "sigmoid", "dropout": 0.25}


def without(key: str) -> Callable[[dict[str, Tensor]], None]:
    def change(state: dict[str, Tensor]) -> None:
        del state[key]

    return change


def having(key: str, *shape: int) -> Callable[[dict[str, Tensor]], None]:
    def change(state: dict[str, Tensor]) -> None:
        state[key] = torch.zeros(shape)

    return change


FIRST = "first_conv.conv_bn_relu.0.weight"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (without(FIRST), f"lacks {FIRST}"),
        (having(FIRST, 3, 3), "expected a convolution's"),
        (having(FIRST, 3, 0, 3, 3), "in_channels of a model is 0"),
        (without("conv_list.1.conv_bn_relu.0.weight"), r"lacks conv_list\.1"),
        (having("conv_list.0.conv_bn_relu.0.weight", 6, 3, 3, 3), "expected equally many"),
        (having("conv_list.1.conv_bn_relu.0.weight", 6, 3, 1, 1), "another search space or width"),
        (without("process_z.process_z.1.weight"), "lacks process_z"),
        (having("process_z.process_z.1.weight", 16, 27), "another search space"),
        (without("vae_model.fc1.weight"), "are those of none of arch2vec"),
        (without("vae_model.batch_norms.0.running_mean"), r"no weight vae_model\.batch_norms"),
        (having("dense_list.5.weight", 9), "expected a matrix"),
        (having("extra", 1), "a weight extra that this model lacks"),
    ],
)
def test_a_broken_state_dict_is_refused(
    change: Callable[[dict[str, Tensor]], None], words: str
) -> None:
    state = dict(made(SMALL[0]).state_dict())
    change(state)
    with pytest.raises(ModelError, match=words):
        model_from_state(state, 7)


@pytest.mark.parametrize("number", [0, 2])
def test_every_missing_weight_and_every_other_shape_is_refused(number: int) -> None:
    state = made(SMALL[number]).state_dict()
    for key, value in state.items():
        for changed in ({}, {key: value.new_zeros(*value.shape, 2)}, {key: value.new_zeros(0)}):
            with pytest.raises(ModelError):
                model_from_state({**{k: v for k, v in state.items() if k != key}, **changed}, 7)


def test_damaged_files_are_refused_or_read(tmp_path: Path) -> None:
    path = tmp_path / "model_dense_epoch-0.pt"
    torch.save({"model_state": made(SMALL[0]).state_dict(), "model_kwargs": {}}, path)
    whole, generator = path.read_bytes(), np.random.default_rng(0)
    refused = 0
    for number in range(60):
        damaged = bytearray(whole[: generator.integers(len(whole))] if number % 3 == 0 else whole)
        for place in generator.integers(len(damaged), size=4 * (number % 3)):
            damaged[place] = generator.integers(256)
        path.write_bytes(damaged)
        try:
            assert isinstance(load_vae(path), IOModel)
        except ModelError:
            refused += 1
    assert refused >= 20


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"activation": "tanh"}, "activation is 'tanh'"),
        ({"activation": ["linear"]}, "the activation is"),
        ({"dropout": 1.5}, "dropout is 1.5"),
        ({"dropout": "much"}, "dropout is 'much'"),
        ([1], "model_kwargs that are a list"),
    ],
)
def test_options_that_cannot_be_are_refused(tmp_path: Path, options: object, words: str) -> None:
    content = {"model_state": made(SMALL[0]).state_dict(), "model_kwargs": options}
    torch.save(content, tmp_path / "model_dense_epoch-0.pt")
    with pytest.raises(ModelError, match=words):
        load_vae(tmp_path / "model_dense_epoch-0.pt")


def test_images_and_sizes_that_do_not_fit_are_refused() -> None:
    model = made(SMALL[0])
    for shape in ((2, 1, 8, 8), (2, 3, 8)):
        with pytest.raises(ModelError, match=r"expected \(B, 3, height, width\)"):
            model.outputs(torch.zeros(2, 7, 4), torch.zeros(shape))
    with pytest.raises(ModelError, match="io_dense is made of DenseSizes"):
        IODense(SMALL[2])
    with pytest.raises(ModelError, match="z_hidden of a model is 0"):
        AccuracySizes(**VAE, z_hidden=0)
    with pytest.raises(ModelError, match="autoencoder is 'SVGE'"):
        AccuracySizes(**VAE, vae="SVGE")
    assert list(IO_MODELS) == ["io_dense", "io_concat", "io_accuracy"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda content: content.pop("inputs"), "there is no 'inputs'"),
        (lambda content: content["dense"].pop("checkpoint"), "there is no 'checkpoint'"),
        (
            lambda content: content["dense"].update(checkpoint="model_concat_epoch-9.pt"),
            "weights of",
        ),
        (lambda content: content["dense"].update(model_kwargs=3), "is no object"),
        (
            lambda content: content["dense"]["expected"].pop("outputs"),
            "lacks expected.dense.outputs",
        ),
        (
            lambda content: [content.pop(name) for name in ("dense", "concat", "accuracy")],
            "no model",
        ),
    ],
)
def test_expected_outputs_that_do_not_fit_are_refused(
    fixtures_root: Path, tmp_path: Path, change: Callable[[Any], object], words: str
) -> None:
    source = fixtures_root / "infonas_NB101"
    content = json.loads((source / "expected.json").read_text())
    change(content)
    for file in source.glob("*.pt"):
        (tmp_path / file.name).symlink_to(file)
    (tmp_path / "expected.json").write_text(json.dumps(content))
    with pytest.raises(InputError, match=words):
        compare(tmp_path)
