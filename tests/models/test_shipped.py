"""Shipped weights: which folder a name means, and how a file that is not the shipped one is met."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
import torch

from models import SVGE, ModelError, Sizes, checkpoints, load_model
from models.checkpoints import checkpoint_path, find_folder
from models.shipped import read_manifest, shipped_weights

SIZES = Sizes(num_types=5, max_nodes=7, node_width=12, graph_width=8, rounds=1)


def put_weights(folder: Path, epoch: int, seed: int) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(seed)
    half = {key: value.half() for key, value in SVGE(SIZES).state_dict().items()}
    torch.save(half, checkpoint_path(folder, epoch))
    (folder / "config.json").write_text(json.dumps({"sizes": {"max_nodes": 7}}))
    return checkpoint_path(folder, epoch)


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A ``state_dicts/`` with one shipped model, beside an empty ``runs/``, both found by name."""
    file = put_weights(tmp_path / "state_dicts" / "SVGE_NB101", 300, seed=0)
    content = file.read_bytes()
    entry = {
        "file": file.name,
        "sha256": hashlib.sha256(content).hexdigest(),
        "bytes": len(content),
    }
    manifest = tmp_path / "state_dicts" / "manifest.json"
    manifest.write_text(json.dumps({"weights": {"SVGE_NB101": entry}}))
    (tmp_path / "runs").mkdir()
    monkeypatch.setattr(checkpoints, "STATE_DICTS", tmp_path / "state_dicts")
    monkeypatch.setattr(checkpoints, "RUNS", tmp_path / "runs")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_shipped_weights_load_by_name_as_float32(places: Path) -> None:
    model = load_model("SVGE_NB101")
    torch.manual_seed(0)
    for key, value in SVGE(SIZES).state_dict().items():
        assert model.state_dict()[key].dtype == torch.float32
        assert torch.equal(model.state_dict()[key], value.half().float())


def test_a_name_means_the_shipped_weights_whatever_was_trained(places: Path) -> None:
    put_weights(places / "runs" / "SVGE_NB101", 16, seed=1)
    put_weights(places / "runs" / "DGMG_ENAS", 16, seed=1)
    assert find_folder("SVGE_NB101") == places / "state_dicts" / "SVGE_NB101"
    assert find_folder("DGMG_ENAS") == places / "runs" / "DGMG_ENAS"
    assert find_folder("runs/SVGE_NB101") == Path("runs/SVGE_NB101")
    with pytest.raises(ModelError, match=r"one of DGMG_ENAS, SVGE_NB101 in state_dicts/ and runs/"):
        find_folder("SVGE_NB301")


@pytest.mark.parametrize("damage", ["truncated", "another", "empty"])
def test_a_file_that_is_not_the_shipped_one_is_refused(places: Path, damage: str) -> None:
    file = checkpoint_path(places / "state_dicts" / "SVGE_NB101", 300)
    content = file.read_bytes()
    wanted = hashlib.sha256(content).hexdigest()
    if damage == "another":
        put_weights(file.parent, 300, seed=2)
    else:
        file.write_bytes(content[: len(content) // 2] if damage == "truncated" else b"")
    found = hashlib.sha256(file.read_bytes()).hexdigest()
    with pytest.raises(ModelError) as refusal:
        load_model("SVGE_NB101")
    sentence = str(refusal.value)
    for part in (found, wanted, f"({len(content)} bytes)"):
        assert part in sentence
    assert "git checkout -- state_dicts/SVGE_NB101/model_checkpoint300.obj" in sentence
    assert refusal.value.exit_code == 2

    # From within the folder, where the path does not show its name.
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(file.parent)
        with pytest.raises(ModelError, match="not the file that is shipped"):
            load_model(".")


def test_other_epochs_beside_shipped_weights_are_the_users_own(places: Path) -> None:
    folder = places / "state_dicts" / "SVGE_NB101"
    put_weights(folder, 50, seed=3)
    torch.manual_seed(3)
    expected = SVGE(SIZES).state_dict()["Encoder.NodeEmb.NodeInit.weight"].half().float()
    found = load_model("SVGE_NB101", epoch=50).state_dict()["Encoder.NodeEmb.NodeInit.weight"]
    assert torch.equal(found, expected)
    assert not torch.equal(
        load_model("SVGE_NB101").state_dict()["Encoder.NodeEmb.NodeInit.weight"], expected
    )


def test_what_is_not_in_a_manifest_is_not_shipped(places: Path) -> None:
    put_weights(places / "state_dicts" / "SVGE_NB201", 300, seed=4)
    assert shipped_weights(places / "state_dicts" / "SVGE_NB201") is None
    assert load_model("SVGE_NB201").sizes == SIZES
    assert read_manifest(places / "runs") == {}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"{}",
        b"[" * 100_000,
        b'{"weights": []}',
        b'{"weights": {"SVGE_NB101": 7}}',
        b'{"weights": {"SVGE_NB101": {"file": "model_checkpoint300.obj", "bytes": 1}}}',
        b'{"weights": {"SVGE_NB101": {"file": "a", "sha256": 7, "bytes": 1}}}',
    ],
)
def test_a_damaged_manifest_is_refused(places: Path, content: bytes) -> None:
    (places / "state_dicts" / "manifest.json").write_bytes(content)
    with pytest.raises(ModelError, match=r"manifest\.json is no list .*git checkout"):
        load_model("SVGE_NB101")
