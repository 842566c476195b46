"""Checkpoints in the published layout: what loads, and how what does not is refused."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from models import DGMG, SVGE, Head, ModelError, Sizes, WithHeads, load_model, load_vae
from models.checkpoints import (
    checkpoint_path,
    latest_epoch,
    model_from_state,
    read_state_dict,
    split_heads,
    stored_state,
)
from models.registry import model_class
from models.state_dicts import load_weights
from models.vae import GraphVAE

SIZES = Sizes(num_types=5, max_nodes=7, node_width=12, graph_width=8, rounds=3)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    model = SVGE(SIZES)
    torch.save(model.state_dict(), checkpoint_path(tmp_path, 7))
    (tmp_path / "config.json").write_text(json.dumps({"sizes": {"max_nodes": 7}}))
    return tmp_path


@pytest.mark.parametrize("cls", [SVGE, DGMG])
@pytest.mark.parametrize("with_head", [False, True])
def test_state_dict_tells_model_and_sizes(cls: type[GraphVAE], with_head: bool) -> None:
    model = cls(SIZES)
    module = WithHeads.fresh(model) if with_head else model
    state, heads = split_heads(stored_state(module))
    assert list(heads) == (["accuracy"] if with_head else [])
    assert module.name == cls.name + ("_acc" if with_head else "")
    assert model_class(state) is cls
    assert cls.sizes_of(state, 7) == SIZES


def test_round_trip_through_a_folder(folder: Path) -> None:
    model = load_model(folder)
    saved = read_state_dict(checkpoint_path(folder, 7))
    assert model.sizes == SIZES
    assert all(torch.equal(value, saved[key]) for key, value in model.state_dict().items())
    assert not model.training


def test_half_precision_weights_load_as_float32(folder: Path) -> None:
    half = {key: value.half() for key, value in load_model(folder).state_dict().items()}
    torch.save(half, checkpoint_path(folder, 8))
    model = load_model(folder)
    assert latest_epoch(folder) == 8
    assert {p.dtype for p in model.parameters()} == {torch.float32}


def test_head_is_unwrapped_on_request(folder: Path) -> None:
    torch.save(stored_state(WithHeads.fresh(SVGE(SIZES))), checkpoint_path(folder, 9))
    assert isinstance(load_model(folder), WithHeads)
    assert isinstance(load_vae(folder), SVGE)


def test_checkpoint_of_another_width_or_space_is_named(folder: Path) -> None:
    state = read_state_dict(checkpoint_path(folder, 7))
    wider = SVGE(Sizes(num_types=5, max_nodes=7, node_width=14, graph_width=8, rounds=3))
    with pytest.raises(ModelError, match=r"Encoder.*has shape .* another search space or width"):
        load_weights(wider, state)
    other = SVGE(Sizes(num_types=8, max_nodes=8, node_width=12, graph_width=8, rounds=3))
    with pytest.raises(ModelError, match="another search space"):
        load_weights(other, state)
    with pytest.raises(ModelError, match="of another model"):
        load_weights(DGMG(SIZES), state)


def test_surplus_weight_is_named(folder: Path) -> None:
    state = read_state_dict(checkpoint_path(folder, 7)) | {"Extra.weight": torch.zeros(1)}
    with pytest.raises(ModelError, match=r"Extra\.weight"):
        load_weights(SVGE(SIZES), state)


@pytest.mark.parametrize("widths", [(8, 1), (8, 4, 1), (8, 3, 5, 2, 2, 1)])
def test_heads_of_any_depth_load(widths: tuple[int, ...]) -> None:
    saved = WithHeads(SVGE(SIZES), {"accuracy": Head(widths)})
    state = stored_state(saved)
    loaded = model_from_state(state, 7)
    assert isinstance(loaded, WithHeads)
    latents = torch.randn(3, 8)
    assert torch.equal(loaded.heads["accuracy"](latents), saved.heads["accuracy"](latents))


def test_a_head_that_does_not_fit_is_refused() -> None:
    state = stored_state(WithHeads.fresh(SVGE(SIZES)))
    last = "Accuracy.lin_layers.3.weight"
    for change, reason in (
        ({last: torch.zeros(2, 1)}, "makes 2 numbers of 8"),
        ({"Accuracy.lin_layers.0.weight": torch.zeros(4, 9)}, "makes 1 numbers of 9"),
        ({last: torch.zeros(1, 3)}, r"lin_layers\.3\.weight has shape \(1, 3\)"),
        ({last: torch.tensor(1.0)}, r"lin_layers\.3\.weight has shape \(\), expected a matrix"),
    ):
        with pytest.raises(ModelError, match=reason):
            model_from_state({**state, **change}, 7)


@pytest.mark.parametrize(
    "name", ["Encoder.GraphEmb_mean.f_m.weight", "Decoder.generator.nodeInit.NodeInits.weight"]
)
def test_weights_that_tell_no_size_are_refused(name: str) -> None:
    state = SVGE(SIZES).state_dict()
    for wrong in (torch.tensor(1.0), torch.zeros(8), torch.zeros(8, 12, 1)):
        with pytest.raises(ModelError, match=f"{name} has shape .*expected a matrix"):
            model_from_state({**state, name: wrong}, 7)
    del state[name]
    with pytest.raises(ModelError, match=f"lacks {name}"):
        model_from_state(state, 7)


@pytest.mark.parametrize("cls", [SVGE, DGMG])
def test_rounds_that_differ_are_refused(cls: type[GraphVAE]) -> None:
    state = cls(SIZES).state_dict()
    fewer = {
        key: value
        for key, value in state.items()
        if not (key.startswith("Decoder.generator.prop.NodeEmb") and ".2." in key)
    }
    with pytest.raises(ModelError, match=r"3 rounds .* encoder and 2 in its decoder"):
        model_from_state(fewer, 7)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b'"sizes"',
        b"\xff",
        b"[" * 100_000,
        b'{"sizes": 7}',
        b'{"sizes": {"max_nodes": "7"}}',
        b'{"sizes": {"max_nodes": Infinity}}',
        b'{"sizes": {"max_nodes": null}}',
    ],
)
def test_a_config_that_tells_no_size_is_refused(folder: Path, content: bytes) -> None:
    (folder / "config.json").write_bytes(content)
    with pytest.raises(ModelError, match="give max_nodes"):
        load_model(folder)


class Payload:
    """Pickled, it creates a file when it is read."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[str, str]]:
        return (open, (str(self.target), "w"))


def test_pickle_that_runs_code_is_refused(folder: Path, tmp_path: Path) -> None:
    target = tmp_path / "created"
    torch.save({"weight": Payload(target)}, checkpoint_path(folder, 8))
    with pytest.raises(ModelError, match="read safely"):
        load_model(folder)
    (folder / "model_checkpoint9.obj").write_bytes(pickle.dumps(Payload(target)))
    with pytest.raises(ModelError, match="read safely"):
        load_model(folder)
    assert not target.exists()


@pytest.mark.parametrize("damage", ["truncated", "garbage", "empty"])
def test_damaged_file_is_refused(folder: Path, damage: str) -> None:
    path = checkpoint_path(folder, 7)
    content = path.read_bytes()
    path.write_bytes(
        {"truncated": content[: len(content) // 2], "garbage": b"no weights", "empty": b""}[damage]
    )
    with pytest.raises(ModelError, match=r"model_checkpoint7\.obj"):
        load_model(folder)


def test_content_other_than_tensors_is_refused(folder: Path) -> None:
    torch.save({"epoch": 3}, checkpoint_path(folder, 8))
    with pytest.raises(ModelError, match="no state dict"):
        load_model(folder)
    torch.save({"weight": torch.zeros(2)}, checkpoint_path(folder, 8))
    with pytest.raises(ModelError, match="no model that is known here"):
        load_model(folder)


def test_what_is_absent_is_said(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no weights at"):
        load_model("SVGE_NOWHERE")
    with pytest.raises(ModelError, match=r"no checkpoint .*model_checkpoint3\.obj"):
        load_model(folder, epoch=3)
    (tmp_path / "empty").mkdir()
    with pytest.raises(ModelError, match="holds no model_checkpoint"):
        load_model(tmp_path / "empty", max_nodes=7)
    (folder / "config.json").unlink()
    with pytest.raises(ModelError, match="give max_nodes"):
        load_model(folder)
    assert load_model(folder, max_nodes=7).sizes == SIZES
