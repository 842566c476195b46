"""Shipping a VAE that was fine-tuned with an accuracy head."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
import torch

from experiment.errors import InputError
from experiment.files import sha256
from models import Sizes, WithHeads, build_model, load_model
from models.checkpoints import checkpoint_path, read_state_dict
from models.shipped import read_manifest
from Performance_Prediction import train_surrogate_model
from predictors.fine_tuned import read_scale
from Training_VAE.ship_weights import main as ship
from Training_VAE.surrogate_card import surrogate_card


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished fine-tuning of small random weights to 40 labels of DIGITS101."""
    folder = tmp_path_factory.mktemp("surrogate")
    torch.manual_seed(0)
    sizes = Sizes(5, 8, node_width=12, graph_width=56)
    start = folder / "start"
    start.mkdir()
    torch.save(build_model("SVGE", sizes).state_dict(), checkpoint_path(start, 7))
    (start / "config.json").write_text(json.dumps({"sizes": dataclasses.asdict(sizes)}))
    flags = "--data_search_space DIGITS101 --device cpu --threads 1 --sample_amount 40 --epochs 3"
    places = ["--path_state_dict", str(start), "--log_dir", str(folder)]
    train_surrogate_model.main([*flags.split(), *places])
    return folder / "SVGE_acc_DIGITS101"


def flags(run: Path, out: Path) -> list[str]:
    return ["--run", str(run), "--out", str(out), "--device", "cpu", "--threads", "1"]


def test_a_surrogate_is_shipped_with_its_scale_card_and_quality(run: Path, tmp_path: Path) -> None:
    assert ship(flags(run, tmp_path)) == 0
    folder = tmp_path / "SVGE_acc_DIGITS101"
    assert {path.name for path in folder.iterdir()} == {
        "README.md",
        "config.json",
        "metrics.jsonl",
        "model_checkpoint100.obj",
        "targets.json",
    }
    file = checkpoint_path(folder, 100)
    (entry,) = read_manifest(tmp_path).values()
    assert (entry["sha256"], entry["bytes"]) == (sha256(file), file.stat().st_size)
    assert all(weight.dtype == torch.float16 for weight in read_state_dict(file).values())
    assert isinstance(load_model(folder), WithHeads)
    assert (folder / "README.md").read_text() == surrogate_card(folder.name, entry)

    trained = json.loads((run / "result.json").read_text())["held_out"]["test"]
    stored = entry["metrics"]["held_out"]["test"]
    assert stored["architectures"] == trained["architectures"]
    # Half precision, and quantiles in place of 40 labels.
    assert stored["kendall_tau"] == pytest.approx(trained["kendall_tau"], abs=0.01)
    assert stored["rmse"] == pytest.approx(trained["rmse"], rel=0.1)


def test_labels_are_not_shipped_and_their_order_is_kept(run: Path, tmp_path: Path) -> None:
    ship(flags(run, tmp_path))
    folder = tmp_path / "SVGE_acc_DIGITS101"
    labels = json.loads((run / "targets.json").read_text())["values"]
    kept = json.loads((folder / "targets.json").read_text())["values"]
    assert len(kept) == 100
    assert min(labels) <= min(kept) <= max(kept) <= max(labels)
    outputs = torch.linspace(-2, 2, 9).double().numpy()
    ours, theirs = read_scale(folder).back(outputs), read_scale(run).back(outputs)
    assert (ours[1:] >= ours[:-1]).all()
    assert ours == pytest.approx(theirs, abs=0.1 * (max(labels) - min(labels)))


def test_folders_of_the_machine_are_not_shipped(run: Path, tmp_path: Path) -> None:
    ship(flags(run, tmp_path))
    (source,) = json.loads((run / "config.json").read_text())["sources"]
    (shipped,) = json.loads((tmp_path / "SVGE_acc_DIGITS101" / "config.json").read_text())[
        "sources"
    ]
    assert Path(source["path"]).is_absolute()
    assert shipped == {**source, "path": Path(source["path"]).name}


def test_other_data_than_that_of_the_training_is_refused(run: Path, tmp_path: Path) -> None:
    config = json.loads((run / "config.json").read_text())
    other = tmp_path / "run" / run.name
    other.mkdir(parents=True)
    for path in run.iterdir():
        if path.is_file():
            (other / path.name).write_bytes(path.read_bytes())
    (other / "config.json").write_text(json.dumps({**config, "labels": "0" * 64}))
    with pytest.raises(InputError, match="does not hold the labels"):
        ship(flags(other, tmp_path / "out"))
    assert not (tmp_path / "out").exists()
