"""D-VAE and NGAE on disk, with and without heads, and the heads' outputs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from datasets import get_space
from models import (
    DVAE,
    MODELS,
    NGAE,
    DVAESizes,
    ModelError,
    Objective,
    WithHeads,
    checkpoint_path,
    load_model,
    load_vae,
    stored_state,
)
from models.checkpoints import latest_epoch, load_with_heads
from models.dvae_heads import COMPLEXITY
from models.heads import ACCURACY

SIZES = DVAESizes(8, 8, 10, 6)


def fresh(name: str) -> DVAE | WithHeads:
    torch.manual_seed(0)
    if name == "NGAE":
        return WithHeads.fresh(NGAE(SIZES), NGAE.own_heads).eval()
    model = DVAE(SIZES).eval()
    return model if name == "DVAE" else WithHeads.fresh(model).eval()


@pytest.mark.parametrize("name", ["DVAE", "DVAE_acc", "NGAE"])
@pytest.mark.parametrize("suffix", [".pth", ".obj"])
def test_weights_are_read_as_they_were_written(tmp_path: Path, name: str, suffix: str) -> None:
    model = fresh(name)
    state = stored_state(model)
    torch.save(state, tmp_path / f"model_checkpoint300{suffix}")
    torch.save({}, tmp_path / "optimizer_checkpoint400.pth")
    assert latest_epoch(tmp_path) == 300
    assert checkpoint_path(tmp_path, 300).suffix == suffix
    loaded = load_model(tmp_path)
    assert loaded.name == name
    assert stored_state(loaded).keys() == state.keys()
    assert all(torch.equal(value, state[key]) for key, value in stored_state(loaded).items())
    vae = load_vae(tmp_path)
    assert type(vae) is (NGAE if name == "NGAE" else DVAE)
    assert vae.sizes == SIZES
    assert [each for each in MODELS.values() if each.recognises(state)] == [type(vae)]


def test_the_heads_have_their_published_names_and_outputs() -> None:
    model = fresh("NGAE")
    assert isinstance(model, WithHeads)
    state = stored_state(model)
    mean = torch.randn(5, 6)
    for name, prefix in ((ACCURACY, "predictor"), (COMPLEXITY, "predictor_complexity")):
        weights = [
            state[f"{prefix}.{layer}.{part}"] for layer in (0, 2) for part in ("weight", "bias")
        ]
        hidden = (mean @ weights[0].T + weights[1]).tanh()
        value = (hidden @ weights[2].T + weights[3])[:, 0]
        torch.testing.assert_close(model.heads[name](mean), value.sigmoid())
        plain = WithHeads.fresh(DVAE(SIZES), [name]).heads[name]
        plain.load_state_dict(model.heads[name].state_dict())
        torch.testing.assert_close(plain(mean), value)


def test_both_heads_are_trained_with_the_embedding() -> None:
    model = fresh("NGAE")
    assert isinstance(model, WithHeads)
    batch = get_space("ENAS").sample_batch(6, np.random.default_rng(0))
    targets = torch.rand(6, 2)
    targets[0, 1] = torch.nan
    joint = model.loss(
        batch, targets, Objective(), weights={"embedding": 1.0, ACCURACY: 1.0, COMPLEXITY: 1.0}
    )
    assert joint.embedding is not None
    total = joint.embedding.total + sum(joint.errors.values())
    torch.testing.assert_close(joint.total, total)
    joint.total.backward()
    assert all(each.grad.any() for each in model.heads.parameters() if each.grad is not None)


def test_moments_are_matched_where_there_is_no_sigmoid() -> None:
    batch = get_space("ENAS").sample_batch(20, np.random.default_rng(0))
    targets = torch.rand(20, 1)
    model = WithHeads.fresh(DVAE(SIZES).eval())
    model.match_moments(batch, targets)
    found = model(batch)
    torch.testing.assert_close(found.mean(), targets.mean())
    torch.testing.assert_close(found.std(), targets.std())
    with pytest.raises(ModelError, match="end in a sigmoid"):
        WithHeads.fresh(NGAE(SIZES).eval()).match_moments(batch, targets)


def without(key: str) -> Callable[[dict[str, Tensor]], None]:
    return lambda state: state.__delitem__(key)


def shaped(key: str, *shape: int) -> Callable[[dict[str, Tensor]], None]:
    return lambda state: state.__setitem__(key, torch.zeros(shape))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (without("grud.bias_hh"), "no weight grud.bias_hh"),
        (without("fc1.weight"), "lacks fc1.weight"),
        (without("gate_forward.0.weight"), "lacks gate_forward.0.weight"),
        (without("hg_unify.0.bias"), "no weight hg_unify.0.bias"),
        (without("predictor.0.weight"), "of the head for accuracy, the checkpoint lacks 0.weight"),
        (shaped("fc3.weight", 11, 6), r"fc3.weight has shape \(11, 6\)"),
        (shaped("grue_forward.weight_ih", 30), "expected a matrix"),
        (shaped("predictor.0.weight", 10, 7), "makes 1 numbers of 7"),
        (shaped("extra.weight", 2), "a weight extra.weight that this model lacks"),
        (shaped("gate_forward.0.weight", 10, 10), "two nodes at least"),
    ],
)
def test_broken_checkpoints_are_refused(
    tmp_path: Path, change: Callable[[dict[str, Tensor]], None], message: str
) -> None:
    state = stored_state(fresh("NGAE"))
    change(state)
    torch.save(state, tmp_path / "model_checkpoint1.pth")
    with pytest.raises(ModelError, match=message):
        load_model(tmp_path)


def test_other_numbers_of_nodes_and_missing_heads_are_refused(tmp_path: Path) -> None:
    torch.save(stored_state(fresh("DVAE_acc")), tmp_path / "model_checkpoint1.pth")
    with pytest.raises(ModelError, match="up to 8 nodes, 7 were given"):
        load_model(tmp_path, max_nodes=7)
    with pytest.raises(ModelError, match="predicts no complexity"):
        load_with_heads(tmp_path, head=COMPLEXITY)
