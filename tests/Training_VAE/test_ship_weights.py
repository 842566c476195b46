"""Shipping a training's weights: what is written, what is measured, what is refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch

from datasets import get_space
from experiment.errors import InputError
from experiment.files import sha256
from experiment.paths import REPOSITORY_ROOT
from models import MODELS, ModelError, Sizes, build_model, checkpoints, load_vae
from models.checkpoints import checkpoint_path, read_state_dict
from models.shipped import read_manifest
from Training_VAE import evaluation, ship_weights, train_svge, training_command
from Training_VAE.data import load_architectures
from Training_VAE.model_card import DESCRIPTIONS, model_card
from Training_VAE.ship_weights import main as ship
from Training_VAE.shipping import FinishedRun, portable_command

FLAGS = ["--data_search_space", "NB101", "--device", "cpu", "--threads", "1"]


pytestmark = pytest.mark.usefixtures("small_evaluation")


@pytest.fixture(scope="module")
def finished(
    tiny_settings: str, tmp_path_factory: pytest.TempPathFactory, small_evaluation: None
) -> Path:
    """The folder of a finished training: three epochs on the cells of at most four nodes."""
    folder = tmp_path_factory.mktemp("finished")
    preset = folder / "tiny.toml"
    preset.write_text(tiny_settings)
    train_svge.main(
        [*FLAGS, "--config", str(preset), "--log_dir", str(folder), "--save_interval", "1"]
    )
    return folder / "SVGE_NB101"


@pytest.fixture
def run(finished: Path, tmp_path: Path) -> Path:
    """A copy of the finished training that a test may change."""
    return Path(shutil.copytree(finished, tmp_path / "run" / "SVGE_NB101"))


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fewer prior points: what is counted there is tested elsewhere."""
    small = evaluation.Protocol(prior_points=5, sampled_graphs=3)
    monkeypatch.setattr(ship_weights, "Protocol", lambda **changed: small)


def arguments(run: Path, out: Path, *more: str) -> list[str]:
    return ["--run", str(run), "--out", str(out), "--device", "cpu", "--threads", "1", *more]


def content(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.mark.usefixtures("quick")
def test_what_is_shipped_is_what_was_trained(run: Path, tmp_path: Path) -> None:
    out = tmp_path / "state_dicts"
    assert ship(arguments(run, out, "--note", "Only an example.")) == 0
    folder = out / "SVGE_NB101"
    assert set(content(out)) == {
        "manifest.json",
        "SVGE_NB101/README.md",
        "SVGE_NB101/config.json",
        "SVGE_NB101/metrics.jsonl",
        "SVGE_NB101/model_checkpoint300.obj",
    }
    file = checkpoint_path(folder, 300)
    trained, stored = (read_state_dict(path) for path in (checkpoint_path(run, 3), file))
    assert trained.keys() == stored.keys()
    for key, weight in stored.items():
        assert weight.dtype == torch.float16
        assert torch.equal(weight, trained[key].half())

    (entry,) = read_manifest(out).values()
    assert entry["sha256"] == sha256(file)
    assert entry["bytes"] == file.stat().st_size
    assert entry["command"].startswith("python ")
    assert (entry["seed"], entry["trained_epochs"], entry["passes"]) == (1, 3, 3)
    config = json.loads((run / "config.json").read_text())
    assert entry["settings"] == config["settings"]
    assert entry["data"]["split"] == config["split"]
    assert (entry["data"]["training"], entry["data"]["held_out"]) == (82, 9)
    shipped = json.loads((folder / "config.json").read_text())
    assert {key: shipped[key] for key in config} == config
    assert shipped["shipped"] == {
        "epoch": 300,
        "trained_epochs": 3,
        "passes": 3,
        "stored_in": "float16",
        "evaluated_in": "float32",
    }
    curve = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    whole = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert [line["loss"] for line in curve] == pytest.approx([line["loss"] for line in whole], 1e-5)
    card = (folder / "README.md").read_text()
    assert card == model_card("SVGE_NB101", entry)
    for part in (entry["sha256"], entry["data"]["split"], "- Only an example.", "3 × 82 arch"):
        assert part in card


@pytest.mark.usefixtures("quick")
def test_metrics_are_those_of_the_stored_file(run: Path, tmp_path: Path) -> None:
    ship(arguments(run, tmp_path / "out"))
    (entry,) = read_manifest(tmp_path / "out").values()
    model = load_vae(tmp_path / "out" / "SVGE_NB101")
    architectures = load_architectures(get_space("NB101"), None, 1, cells_up_to=4)
    small = evaluation.Protocol(prior_points=5, sampled_graphs=3)
    measured = evaluation.evaluate(model, architectures, small, 1)
    assert {key: entry["metrics"][key] for key in measured} == measured


@pytest.mark.usefixtures("quick")
def test_nothing_is_replaced_unless_asked(run: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    ship(arguments(run, out))
    before = content(out)
    for more in ([], ["--as_epoch", "100"]):
        with pytest.raises(InputError, match="is there already: add --overwrite"):
            ship(arguments(run, out, *more))
    shutil.rmtree(out / "SVGE_NB101")
    with pytest.raises(InputError, match=r"manifest\.json: SVGE_NB101' is there already"):
        ship(arguments(run, out))
    (out / "SVGE_NB101").mkdir()
    (out / "SVGE_NB101" / "mine.npz").write_bytes(b"kept")
    ship(arguments(run, out, "--overwrite"))
    assert content(out) == {**before, "SVGE_NB101/mine.npz": b"kept"}


@pytest.mark.usefixtures("quick")
def test_an_earlier_epoch_brings_its_own_length_and_time(run: Path, tmp_path: Path) -> None:
    ship(arguments(run, tmp_path / "out", "--epoch", "2", "--as_epoch", "7"))
    (entry,) = read_manifest(tmp_path / "out").values()
    assert (entry["file"], entry["trained_epochs"]) == ("model_checkpoint7.obj", 2)
    assert len((tmp_path / "out/SVGE_NB101/metrics.jsonl").read_text().splitlines()) == 2
    stored = read_state_dict(tmp_path / "out" / "SVGE_NB101" / "model_checkpoint7.obj")
    trained = read_state_dict(checkpoint_path(run, 2))
    assert all(torch.equal(stored[key], trained[key].half()) for key in trained)


def test_counts_are_stored_as_they_are(run: Path) -> None:
    state = read_state_dict(checkpoint_path(run, 3))
    state["batches"] = torch.tensor(100_000)
    torch.save(state, checkpoint_path(run, 3))
    stored = FinishedRun.read(run).half_precision()
    assert stored["batches"].dtype == torch.int64
    assert int(stored["batches"]) == 100_000


def damage_weight(run: Path, value: float) -> None:
    state = read_state_dict(checkpoint_path(run, 3))
    state["Encoder.NodeEmb.NodeInit.weight"][0, 0] = value
    torch.save(state, checkpoint_path(run, 3))


def test_what_is_not_fit_to_be_shipped_is_refused(run: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"

    def refused(words: str, error: type[ValueError] = InputError, *more: str) -> None:
        with pytest.raises(error, match=words):
            ship(arguments(run, out, *more))
        assert not out.exists()

    refused(
        r"no checkpoint .*model_checkpoint9\.obj|nothing of epoch 9", ValueError, "--epoch", "9"
    )
    for value in (float("nan"), float("inf")):
        damage_weight(run, value)
        refused("NodeInit.weight in .* not finite")
    damage_weight(run, 1e5)
    refused("reaches 1e.05, more than half precision can hold")
    weights = checkpoint_path(run, 3)
    weights.write_bytes(weights.read_bytes()[:1000])
    refused("read safely", ModelError)
    result = (run / "result.json").read_bytes()
    (run / "result.json").unlink()
    refused("not finished, it has no result.json")
    (run / "result.json").write_bytes(result)
    config = json.loads((run / "config.json").read_text())
    (run / "config.json").write_text(json.dumps({**config, "space": "NB301"}))
    refused("holds no training of a VAE")
    (run / "config.json").unlink()
    refused("cannot read .*config.json")


@pytest.mark.usefixtures("quick")
def test_weights_of_another_split_are_not_measured(run: Path, tmp_path: Path) -> None:
    config = json.loads((run / "config.json").read_text())
    (run / "config.json").write_text(json.dumps({**config, "seed": 2}))
    with pytest.raises(InputError, match="training on other architectures"):
        ship(arguments(run, tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_commands_lose_what_they_say_of_a_machine() -> None:
    root = REPOSITORY_ROOT
    spoken = (
        f"/usr/bin/python3 {root}/Training_VAE/train_svge.py --data_root /home/me/data "
        f"--data-root=/home/me/data --log_dir {root}/runs/a --config=/home/me/own.toml --seed 3"
    )
    assert portable_command(spoken) == (
        "python Training_VAE/train_svge.py --log_dir runs/a --config=own.toml --seed 3"
    )


def test_every_model_has_its_description() -> None:
    assert DESCRIPTIONS.keys() == MODELS.keys()


@pytest.fixture
def shipped(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quick: None) -> Path:
    """A ``state_dicts/`` with the training's weights in it, found by name; ``runs/`` beside it."""
    out = tmp_path / "state_dicts"
    ship(arguments(run, out))
    monkeypatch.setattr(checkpoints, "STATE_DICTS", out)
    monkeypatch.setattr(checkpoints, "RUNS", tmp_path / "runs")
    monkeypatch.setattr(training_command, "RUNS", tmp_path / "runs")
    return out


def test_training_leaves_shipped_weights_alone(shipped: Path, tiny: Path, tmp_path: Path) -> None:
    """The published command trains, beside them; in their folder nothing is trained."""
    before = content(shipped)
    train = [*FLAGS, "--config", str(tiny), "--epochs", "1", "--sampled_graphs", "2"]
    for more in ([], ["--resume"]):
        with pytest.raises(ModelError, match=r"weights that are shipped.*leave out --log_dir"):
            train_svge.main([*train, "--log_dir", str(shipped), *more])
    assert train_svge.main(train) == 0
    assert content(shipped) == before
    assert checkpoint_path(tmp_path / "runs" / "SVGE_NB101", 1).exists()
    assert checkpoints.find_folder("SVGE_NB101") == shipped / "SVGE_NB101"
    assert train_svge.main([*train, "--model", "DGMG"]) == 0
    assert load_vae("DGMG_NB101").name == "DGMG"


def test_shipped_weights_are_measured_by_the_published_flags(
    shipped: Path, tiny: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = [*FLAGS, "--only_test_mode", "1", "--test_epoch", "300", "--sampled_graphs", "2"]
    capsys.readouterr()
    assert train_svge.main(flags) == 0
    own = capsys.readouterr().out
    assert f"weights: epoch 300 in {shipped / 'SVGE_NB101'}\n" in own
    assert "the 9 that a split with seed 1 holds out; 0 of them are in the training part" in own
    (entry,) = read_manifest(shipped).values()
    joint = entry["metrics"]["reconstruction"]["greedy"]["joint"]
    assert any("joint" in line and f"{joint:.2%}" in line for line in own.splitlines())

    assert train_svge.main([*flags, "--seed", "7"]) == 0
    assert "seed 1 holds out; 0 of them" in capsys.readouterr().out
    assert train_svge.main([*flags, "--split_seed", "7"]) == 0
    other = capsys.readouterr().out
    splits = [load_architectures(get_space("NB101"), None, s, cells_up_to=4).split for s in (1, 7)]
    seen = len(set(splits[0].train.tolist()) & set(splits[1].test.tolist()))
    assert seen
    assert f"the 9 that a split with seed 7 holds out; {seen} of them are in the train" in other
    with pytest.raises(InputError, match="--split_seed chooses graphs for --only_test_mode 1"):
        train_svge.main([*FLAGS, "--split_seed", "7"])


def test_graphs_of_weights_that_tell_nothing_are_said_to_be_unknown(
    tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "SVGE_NB201").mkdir()
    weights = build_model("SVGE", Sizes(7, 8, 12, 8, 1)).state_dict()
    torch.save(weights, checkpoint_path(tmp_path / "SVGE_NB201", 300))
    flags = ["--data_search_space", "NB201", "--log_dir", str(tmp_path), "--only_test_mode", "1"]
    train_svge.main([*flags, "--sampled_graphs", "2", "--seed", "4", "--device", "cpu"])
    printed = capsys.readouterr().out
    assert "the 1563 that a split with seed 4 holds out; which of them" in printed
