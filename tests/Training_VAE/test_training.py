"""The training command: files, resuming after a kill, flags of the published script, bad input."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from datasets.latent_files import load_latents
from experiment import precision
from experiment.errors import InputError
from experiment.paths import REPOSITORY_ROOT
from experiment.precision import Choice
from models import Sizes, build_model, load_vae
from models.checkpoints import checkpoint_path
from Training_VAE import train_svge
from Training_VAE.extract_latents import main as extract

Command = Callable[..., tuple[int, str, str]]
pytestmark = pytest.mark.usefixtures("small_evaluation")


def arguments(tiny: Path, log_dir: Path, *more: str) -> list[str]:
    flags = ["--model", "SVGE", "--data_search_space", "NB101", "--device", "cpu"]
    return [*flags, "--config", str(tiny), "--log_dir", str(log_dir), "--threads", "1", *more]


def refused(said: tuple[int, str, str]) -> str:
    """The one sentence of a command that refused its input."""
    code, _, err = said
    assert code == 2, err
    lines = err.strip().splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("error: ")
    return lines[0]


def numbers(folder: Path) -> list[dict[str, Any]]:
    timed = ("seconds", "graphs_per_second")
    lines = (folder / "metrics.jsonl").read_text().splitlines()
    return [{k: v for k, v in json.loads(line).items() if k not in timed} for line in lines]


def test_run_leaves_all_its_files(
    tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train_svge.main(arguments(tiny, tmp_path / "out", "--save-interval", "2"))
    folder = tmp_path / "out" / "SVGE_NB101"
    names = {path.name for path in folder.iterdir()}
    assert {
        "config.json",
        "command.txt",
        "environment.json",
        "metrics.jsonl",
        "result.json",
        "split.json",
        "model_checkpoint2.obj",
        "model_checkpoint3.obj",
    } <= names
    result = json.loads((folder / "result.json").read_text())
    assert result["prior"]["masked"]["validity"] == 1.0
    assert 0 <= result["reconstruction"]["greedy"]["union"] <= 1
    assert result["held_out_graphs"] + result["training_graphs"] == 91
    assert len(numbers(folder)) == 3
    assert load_vae(folder).sizes.node_width == 12
    printed = capsys.readouterr().out
    assert "epoch   3/3" in printed
    assert "greedy decoding of the mean, union" in printed


def test_killed_process_resumes_to_identical_weights_and_metrics(
    tiny: Path, tmp_path: Path, killed_after: Callable[..., None]
) -> None:
    tiny.write_text(tiny.read_text().replace("epochs = 3", "epochs = 6"))
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    train_svge.main(arguments(tiny, whole))
    script = REPOSITORY_ROOT / "Training_VAE" / "train_svge.py"
    killed_after(3, script, *arguments(tiny, killed))
    assert len(numbers(killed / "SVGE_NB101")) == 3
    assert not (killed / "SVGE_NB101" / "result.json").exists()

    train_svge.main(arguments(tiny, killed, "--resume"))
    assert numbers(killed / "SVGE_NB101") == numbers(whole / "SVGE_NB101")
    ours, theirs = (load_vae(path / "SVGE_NB101").state_dict() for path in (whole, killed))
    assert all(torch.equal(ours[key], theirs[key]) for key in ours)


def test_same_seed_gives_the_same_weights_and_another_seed_others(
    tiny: Path, tmp_path: Path
) -> None:
    states = []
    for name, seed in (("a", "1"), ("b", "1"), ("c", "2")):
        train_svge.main(arguments(tiny, tmp_path / name, "--seed", seed, "--epochs", "1"))
        states.append(load_vae(tmp_path / name / "SVGE_NB101").state_dict())
    key = "Decoder.generator.nodeAdd.f_an_2.weight"
    assert all(torch.equal(states[0][k], states[1][k]) for k in states[0])
    assert not torch.equal(states[0][key], states[2][key])


def table(printed: str) -> list[str]:
    """Lines of the evaluation's table."""
    lines = [line for line in printed.splitlines() if line.startswith(("exact", "valid", "unique"))]
    assert len(lines) >= 9
    return lines


def test_only_test_mode_repeats_the_evaluation_of_the_training(
    tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its settings, split and noise are told by the folder, not by flags or presets."""
    tiny.write_text(tiny.read_text().replace("noise_scale = 0.01", "noise_scale = 0.3"))
    train_svge.main(arguments(tiny, tmp_path, "--epochs", "1", "--seed", "5"))
    trained = table(capsys.readouterr().out)
    assert any("latent noise × 0.3 " in line for line in trained)
    folder = tmp_path / "SVGE_NB101"
    before = sorted(path.name for path in folder.iterdir())
    flags = arguments(tiny, tmp_path, "--only_test_mode", "1", "--test-epoch", "1", "--seed", "5")
    train_svge.main([*flags, "--config", "published"])
    assert table(capsys.readouterr().out) == trained
    assert sorted(path.name for path in folder.iterdir()) == before

    train_svge.main([*flags, "--noise_scale", "0"])
    assert any("latent noise × 0 " in line for line in table(capsys.readouterr().out))

    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "seed": 6}))
    with pytest.raises(InputError, match="training on other architectures"):
        train_svge.main(flags)


def test_only_test_mode_evaluates_a_published_layout(
    tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "SVGE_NB201").mkdir()
    weights = build_model("SVGE", Sizes(7, 8, 12, 8, 1)).state_dict()
    torch.save(weights, checkpoint_path(tmp_path / "SVGE_NB201", 300))
    flags = arguments(tiny, tmp_path, "--only_test_mode", "1", "--sampled_graphs", "2")
    flags[3] = "NB201"
    train_svge.main(flags)
    assert "of 1563 graphs" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("model", "types", "words"),
    [("SVGE", 8, "SVGE's for 8 node types"), ("DGMG", 5, "DGMG's, expected SVGE's")],
)
def test_only_test_mode_refuses_weights_of_another_model_or_space(
    tiny: Path, tmp_path: Path, model: str, types: int, words: str
) -> None:
    (tmp_path / "SVGE_NB101").mkdir()
    weights = build_model(model, Sizes(types, 8, 12, 8, 1)).state_dict()
    torch.save(weights, checkpoint_path(tmp_path / "SVGE_NB101", 300))
    with pytest.raises(InputError, match=words):
        train_svge.main(arguments(tiny, tmp_path, "--only_test_mode", "1"))


def test_resuming_without_a_checkpoint_logs_no_epoch_twice(tiny: Path, tmp_path: Path) -> None:
    """A run can be killed between the first epoch's entry and the first checkpoint."""
    train_svge.main(arguments(tiny, tmp_path))
    folder = tmp_path / "SVGE_NB101"
    before = numbers(folder)
    (folder / "checkpoints" / "last.pt").unlink()
    train_svge.main(arguments(tiny, tmp_path, "--resume"))
    assert numbers(folder) == before


def test_automatic_precision_is_stored_as_what_it_was(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flags = arguments(tiny, tmp_path, "--epochs", "1", "--precision", "auto")
    monkeypatch.setattr(precision, "automatic", lambda device: Choice("float32", "slow"))
    train_svge.main(flags)
    config = json.loads((tmp_path / "SVGE_NB101" / "config.json").read_text())
    assert config["settings"]["precision"] == "float32"
    monkeypatch.setattr(precision, "automatic", lambda device: Choice("bfloat16", "fast"))
    with pytest.raises(InputError, match="another experiment"):
        train_svge.main([*flags, "--resume"])


def test_fresh_graphs_of_a_part_of_a_space_are_refused(tiny: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"fresh_graphs .* cells_up_to \(4\)"):
        train_svge.main(arguments(tiny, tmp_path / "out", "--fresh_graphs"))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("model", ["SVGE", "DGMG"])
@pytest.mark.parametrize("space", ["NB101", "NB201", "ENAS"])
def test_every_model_trains_on_every_space(
    tiny: Path, tmp_path: Path, model: str, space: str, request: pytest.FixtureRequest
) -> None:
    tiny.write_text(
        tiny.read_text().replace("cells_up_to = 4\n", "limit = 16\n").replace("= 3", "= 1")
    )
    if space == "ENAS":
        root = request.getfixturevalue("data_root")
        extra = ["--data_root", str(root)]
    else:
        extra = ["--cells_up_to", "4"] if space == "NB101" else []
    flags = arguments(tiny, tmp_path, "--sampled_graphs", "2", *extra)
    flags[1], flags[3] = model, space
    train_svge.main(flags)
    result = json.loads((tmp_path / f"{model}_{space}" / "result.json").read_text())
    assert result["prior"]["masked"]["validity"] == 1.0


def test_fresh_graphs_never_show_a_held_out_one(tiny: Path) -> None:
    from datasets import get_space
    from Training_VAE.data import epoch_graphs, load_architectures
    from Training_VAE.settings import load_settings

    space = get_space("NB201")
    tiny.write_text(tiny.read_text().replace("cells_up_to = 4\n", ""))
    chosen = load_settings(str(tiny), "NB201", {"fresh_graphs": True})
    architectures = load_architectures(space, None, seed=1)
    graphs = epoch_graphs(architectures, chosen, 1, torch.device("cpu"))
    held_out = set(architectures.hashes[architectures.split.test].tolist())
    first, second = graphs(0), graphs(1)
    assert not held_out & set(space.hashes(first).tolist())
    assert space.legal(first).all()
    assert not torch.equal(first.types[:50], second.types[:50])
    assert torch.equal(first.types, graphs(0).types)


def test_latents_have_a_row_for_every_architecture(tiny: Path, tmp_path: Path) -> None:
    train_svge.main(arguments(tiny, tmp_path, "--epochs", "1", "--seed", "5"))
    folder = tmp_path / "SVGE_NB101"
    flags = ["--path_state_dict", str(folder), "--device", "cpu"]
    assert extract([*flags, "--mat"]) == 0
    latents = load_latents(folder / "NB101_latent_epoch1.npz")
    assert latents["mean"].shape == (91, 8)
    assert latents["split"].sum() == 9
    assert len(set(latents["hash"].tolist())) == 91
    split = json.loads((folder / "split.json").read_text())
    assert np.flatnonzero(latents["split"]).tolist() == split["test"]
    from scipy.io import loadmat

    published = loadmat(folder / "NB101_latent_epoch1.mat")
    assert published["Z_train"].shape == (82, 8)
    assert published["Z_test"].shape == (9, 8)
    with pytest.raises(ValueError, match="--overwrite"):
        extract(flags)


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--data_search_space", "NB301"], "NB301"),
        (["--model", "VAE"], "VAE"),
        (["--epochs", "-3"], "at least 1"),
        (["--config", "defualt"], "default"),
        (["--devcie", "cpu"], "--device"),
        (["--device", "cuda:99"], "cuda:99"),
        (["--data_search_space", "ENAS", "--data_root", "/nowhere/at/all"], "no folder"),
    ],
)
def test_bad_flags_are_refused_in_one_sentence(
    flags: list[str], words: str, tmp_path: Path, command: Command
) -> None:
    assert words in refused(command(train_svge.main, *flags, "--log_dir", tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_folder_of_another_run_is_not_overwritten(
    tiny: Path, tmp_path: Path, command: Command
) -> None:
    assert command(train_svge.main, *arguments(tiny, tmp_path, "--epochs", "1"))[0] == 0
    before = (tmp_path / "SVGE_NB101" / "model_checkpoint1.obj").read_bytes()
    again = command(train_svge.main, *arguments(tiny, tmp_path, "--epochs", "1"))
    assert "--resume" in refused(again)
    other = command(train_svge.main, *arguments(tiny, tmp_path, "--epochs", "2", "--resume"))
    assert "another experiment" in refused(other)
    assert (tmp_path / "SVGE_NB101" / "model_checkpoint1.obj").read_bytes() == before


def test_checkpoint_of_another_width_is_refused_by_extraction(
    tmp_path: Path, fixtures_root: Path
) -> None:
    folder = fixtures_root / "SVGE_acc_ENAS"
    with pytest.raises(ValueError, match="node types"):
        extract(["--path_state_dict", str(folder), "--out", str(tmp_path / "l.npz")])
    assert not list(tmp_path.iterdir())


def test_a_training_begins_at_given_weights(tiny: Path, tmp_path: Path) -> None:
    train_svge.main(arguments(tiny, tmp_path / "first", "--epochs", "1"))
    first = tmp_path / "first" / "SVGE_NB101"
    flags = ["--epochs", "1", "--learning_rate", "1e-12", "--start_from", str(first)]
    for name in ("SVGE", "SVGE_degrees"):
        train_svge.main([*arguments(tiny, tmp_path / "second", *flags), "--model", name])
        model = load_vae(tmp_path / "second" / f"{name}_NB101").state_dict()
        for key, value in load_vae(first).state_dict().items():
            torch.testing.assert_close(model[key], value, atol=1e-6, rtol=1e-6)
        config = json.loads((tmp_path / "second" / f"{name}_NB101" / "config.json").read_text())
        assert len(config["start_sha256"]) == 64


def test_weights_of_another_model_are_no_beginning(
    tiny: Path, tmp_path: Path, command: Command
) -> None:
    first_training = arguments(tiny, tmp_path / "first", "--epochs", "1")
    assert command(train_svge.main, *first_training)[0] == 0
    first = str(tmp_path / "first" / "SVGE_NB101")
    flags = arguments(tiny, tmp_path / "second", "--epochs", "1", "--start_from", first)
    assert "of another model" in refused(command(train_svge.main, *flags, "--model", "DGMG"))
    nothing = arguments(tiny, tmp_path, "--start_from", "SVGE_NOTHING")
    assert "no weights at SVGE_NOTHING" in refused(command(train_svge.main, *nothing))
