"""Weights, latents and expected outputs that are not arch2vec's are refused in one sentence."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from experiment.errors import InputError, run_command
from models import ModelError, Sizes, load_vae
from models.arch2vec import ARCH2VECS, Arch2vec, GINSizes
from models.vae import SVGE
from Training_VAE import train_arch2vec, verify_checkpoint

State = dict[str, Tensor]
CHECKPOINT = "model_checkpoint1.obj"
LATENTS = torch.zeros(3, 32)


def small(name: str, num_types: int = 7, max_nodes: int = 8) -> Arch2vec:
    torch.manual_seed(0)
    return ARCH2VECS[name](GINSizes(num_types, max_nodes, 8, 4, 2)).eval()


def without(key: str) -> Callable[[State], object]:
    return lambda state: state.pop(key)


def having(key: str, value: Tensor) -> Callable[[State], object]:
    return lambda state: state.update({key: value})


DAMAGED: dict[str, tuple[Callable[[State], object], str]] = {
    "no running mean": (without("batch_norms.1.running_mean"), "no weight batch_norms.1.running"),
    "no running variance": (without("mlps.0.batch_norms.0.running_var"), "no weight mlps.0.batch"),
    "no eps": (without("eps"), "no model that is known here"),
    "too few eps": (having("eps", torch.zeros(1)), r"2 layers .* eps of shape \(1,\)"),
    "another width": (having("decoder.weight.bias", torch.zeros(8)), "another .* space or width"),
    "not finite": (having("eps", torch.tensor([0.0, torch.nan])), "eps has a value that is not fi"),
    "infinite": (having("eps", torch.tensor([0.0, 1e300]).double()), "eps has a value that is not"),
    "whole numbers": (having("eps", torch.zeros(2, dtype=torch.int64)), "stored as torch.int64"),
    "complex": (having("eps", torch.zeros(2, dtype=torch.complex64)), "stored as torch.complex64"),
    "sparse": (having("eps", torch.ones(2).to_sparse()), "stored as torch.sparse_coo"),
    "a broken count": (having("batch_norms.0.num_batches_tracked", torch.tensor(2.5)), "int64"),
    "a surplus weight": (having("positional.weight", torch.zeros(2)), "positional.weight that"),
}


@pytest.mark.parametrize("name", list(ARCH2VECS))
@pytest.mark.parametrize(("change", "words"), DAMAGED.values(), ids=list(DAMAGED))
def test_damaged_weights_are_named_with_their_file(
    tmp_path: Path, name: str, change: Callable[[State], object], words: str
) -> None:
    state = dict(small(name).state_dict())
    change(state)
    torch.save(state, path := tmp_path / "weights.pt")
    with pytest.raises(ModelError, match=words) as caught:
        load_vae(path, max_nodes=8)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("share", [0.0, 0.2, 0.9])
def test_a_truncated_file_is_refused(tmp_path: Path, share: float) -> None:
    path = tmp_path / "weights.pt"
    torch.save({"epoch": 1, "model_state": small("arch2vec").state_dict()}, path)
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(ModelError, match=r"weights\.pt is not a checkpoint that can be read"):
        load_vae(path, max_nodes=8)


def svge() -> SVGE:
    return SVGE(Sizes(7, 8, 8, 4, 1))


OTHERS: dict[str, tuple[Callable[[], torch.nn.Module], str]] = {
    "SVGE's": (svge, "are SVGE's, expected arch2vec_masked's"),
    "the published model's": (lambda: small("arch2vec"), "are arch2vec's, expected arch2vec_mask"),
    "another space's": (lambda: small("arch2vec_masked", 5), "for 5 node types, NB201 has 7"),
}


@pytest.mark.parametrize(("make", "words"), OTHERS.values(), ids=list(OTHERS))
def test_an_evaluation_of_other_weights_ends_before_it_writes(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    make: Callable[[], torch.nn.Module],
    words: str,
) -> None:
    folder = tmp_path / "arch2vec_masked_NB201"
    folder.mkdir()
    torch.save(make().state_dict(), folder / CHECKPOINT)
    flags = ["--data_search_space", "NB201", "--only_test_mode", "1", "--log_dir", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", ["train_arch2vec.py", *flags])
    with pytest.raises(SystemExit) as ended:
        run_command(train_arch2vec.main)
    captured = capsys.readouterr()
    assert ended.value.code == 2
    assert words in captured.err
    assert captured.err.count("\n") == 1
    assert captured.out == ""
    assert [path.name for path in folder.iterdir()] == [CHECKPOINT]


NO_LATENTS: dict[str, Any] = {
    "array": np.zeros((3, 32), dtype=np.float32),
    "list": [[0.0] * 32],
    "double": LATENTS.double(),
    "width": torch.zeros(3, 31),
    "a latent a node": torch.zeros(3, 8, 4),
    "single": torch.zeros(32),
    "not a number": LATENTS + torch.nan,
    "None": None,
}


@pytest.mark.parametrize("wrong", NO_LATENTS.values(), ids=list(NO_LATENTS))
def test_only_flat_latents_are_decoded(wrong: Any) -> None:
    model = small("arch2vec_masked")
    for decode in (model.decode_greedily, model.decode_sampled, model.most_probable):
        with pytest.raises(ModelError, match="latent"):
            decode(wrong)
    with pytest.raises(ModelError, match="latent"):
        model.decode_many(wrong, 2)


def expected(folder: Path, columns: int, space: str) -> Path:
    """The beginning of an ``expected.json``, of one architecture of two nodes."""
    operations = torch.eye(columns)[:2].tolist()
    content = {
        "model": "arch2vec",
        "search_space": space,
        "checkpoint": "weights.pt",
        "inputs": {"adjacency": [[[0, 1], [0, 0]]], "operations": [operations]},
        "expected": {},
    }
    (folder / "expected.json").write_text(json.dumps(content))
    return folder


def test_outputs_of_another_space_or_system_are_not_compared(tmp_path: Path) -> None:
    torch.save(svge().state_dict(), tmp_path / "weights.pt")
    with pytest.raises(InputError, match=r"has weights of SVGE, .* outputs of arch2vec"):
        verify_checkpoint.compare(expected(tmp_path, 7, "NB201"))
    with pytest.raises(InputError, match=r"7 columns .* NB101, has 5 node types"):
        verify_checkpoint.compare(expected(tmp_path, 7, "NB101"))
    torch.save(small("arch2vec", 5).state_dict(), tmp_path / "weights.pt")
    with pytest.raises(InputError, match=r"7 columns .* the checkpoint knows 5"):
        verify_checkpoint.compare(expected(tmp_path, 7, "NB201"))


@pytest.mark.parametrize("name", ["prior_noise", "training_noise"])
@pytest.mark.parametrize(
    "wrong", ["abc", [[[np.nan] * 16] * 8] * 8], ids=["a text", "no finite numbers"]
)
def test_noise_that_does_not_fit_the_latents_is_named(
    fixtures_root: Path, tmp_path: Path, name: str, wrong: Any
) -> None:
    source = fixtures_root / "arch2vec_NB201"
    content = json.loads((source / "expected.json").read_text())
    content["inputs"][name] = wrong
    shutil.copyfile(source / content["checkpoint"], tmp_path / content["checkpoint"])
    (tmp_path / "expected.json").write_text(json.dumps(content))
    with pytest.raises(InputError, match=rf"inputs\.{name} in .* shape \(any, .*8, 16\)"):
        verify_checkpoint.compare(tmp_path)
