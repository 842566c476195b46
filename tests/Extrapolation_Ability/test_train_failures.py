"""What the training commands do with failures and bad input."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from Bayesian_Optimization import fully_train_ENAS, fully_train_ENAS12
from datasets import get_space
from datasets.graph import ArchitectureGraph
from datasets.images import cifar10
from estimators import recorded
from experiment import files
from Extrapolation_Ability.cell_training import train_cell, train_enas
from tests.Extrapolation_Ability.tiny_trainings import (
    CONV,
    SIX,
    TWELVE,
    Command,
    ended,
    measurements,
    one_sentence,
    results,
    write_cifar10,
)

# --- what goes wrong ---------------------------------------------------------------------------


def test_a_diverging_training_fails_and_the_others_go_on(
    tiny: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [*tiny, "--cell", CONV, "--seeds", "2", "--learning_rate", "1e30"]
    assert ended(train_cell.main, arguments) == 2
    kept = results(tmp_path)
    assert len(kept) == 2
    for result in kept.values():
        assert result["status"] == "failed"
        assert "the loss is nan" in result["reason"]
        assert "try a lower learning rate" in result["reason"]
    assert [one["status"] for one in measurements(tmp_path)] == ["failed", "failed"]
    assert capsys.readouterr().err.count("failed: ") == 2


def test_a_cell_that_fails_does_not_stop_the_next(
    tiny: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wide = ArchitectureGraph(
        (1, *[3] * 5, 0), tuple((0, k) for k in range(1, 6)) + tuple((k, 6) for k in range(1, 6))
    )
    text = get_space("NB101").format(wide)
    (tmp_path / "cells").write_text(f"{text}\n{CONV}\n")
    assert ended(train_cell.main, [*tiny, "--cell", str(tmp_path / "cells")]) == 2
    assert [one["status"] for one in measurements(tmp_path)] == ["failed", "ok"]
    assert "4 channels cannot be divided among the 5 vertices" in capsys.readouterr().err


def test_a_full_disk_ends_the_command(
    tiny: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    replace = os.replace

    def no_room(source: Path, target: Path) -> None:
        if Path(target).suffix == ".pt":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        replace(source, target)

    monkeypatch.setattr(files.os, "replace", no_room)
    assert ended(train_cell.main, [*tiny, "--cell", CONV]) == 2
    assert "No space left on device" in one_sentence(capsys)
    assert results(tmp_path) == {}
    assert not [path for path in tmp_path.rglob("*") if files.PARTIAL in path.name]
    monkeypatch.undo()
    assert train_cell.main([*tiny, "--cell", CONV, "--resume"]) == 0


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ([], "holds a run already: add --resume"),
        (["--epochs", "2", "--resume"], "holds another experiment: its 'recipe.epochs' is"),
        (["--size", "cells=2", "--resume"], "holds another experiment: its 'network."),
    ],
)
def test_a_folder_with_another_run(
    tiny: list[str],
    tmp_path: Path,
    change: list[str],
    why: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert train_cell.main([*tiny, "--cell", CONV]) == 0
    before = results(tmp_path), measurements(tmp_path)
    capsys.readouterr()
    assert ended(train_cell.main, [*tiny, "--cell", CONV, *change]) == 2
    assert why in one_sentence(capsys)
    assert (results(tmp_path), measurements(tmp_path)) == before


def test_a_finished_training_is_not_repeated(
    tiny: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert train_cell.main([*tiny, "--cell", CONV]) == 0

    def loops(*_: object, **__: object) -> None:
        raise AssertionError("it is trained again")

    monkeypatch.setattr(recorded, "training_loop", loops)
    assert train_cell.main([*tiny, "--cell", CONV, "--resume"]) == 0


@pytest.mark.parametrize(
    ("command", "arguments", "why"),
    [
        (train_cell.main, ["--cell", "nonsense"], "'nonsense' is no file, no hash"),
        (
            train_cell.main,
            ["--cell", CONV.replace("[0,0,0,1]", "[0,0,0,0]")],
            "no path leads from the first node to the last",
        ),
        (train_cell.main, ["--cell", CONV, "--size", "wide"], "is no size: expected NAME=VALUE"),
        (train_cell.main, ["--cell", CONV, "--size", "filters=2"], "unknown setting 'filters'"),
        (train_cell.main, ["--cell", CONV, "--config", "publish"], "did you mean 'published'"),
        (train_cell.main, ["--cell", CONV, "--device", "tpu"], "no device is called 'tpu'"),
        (train_cell.main, ["--cell", CONV, "--learning_rate_min", "1"], "final learning rate"),
        (
            train_cell.main,
            ["--cell", CONV, "--data_set", "cifar10", "--data", "/nowhere"],
            "there is no cifar-10-batches-py/",
        ),
        (train_enas.main, ["--arch", "1 2"], "2 numbers are no ENAS architecture"),
        (fully_train_ENAS.main, [TWELVE], "has 12 layers, expected 6"),
        (fully_train_ENAS12.main, [TWELVE, SIX], "has 6 layers, expected 12"),
    ],
)
def test_bad_input_is_one_sentence_and_leaves_nothing(
    tiny: list[str],
    tmp_path: Path,
    command: Command,
    arguments: list[str],
    why: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert ended(command, [*tiny, *arguments]) == 2
    assert why in one_sentence(capsys)
    assert not (tmp_path / "runs").exists()


def test_a_bad_line_of_a_file_is_named_before_anything_is_trained(
    tiny: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "cells").write_text(f"{CONV}\n{CONV.replace('conv3x3', 'conv7x7')}\n")
    assert ended(train_cell.main, [*tiny, "--cell", str(tmp_path / "cells")]) == 2
    assert "line 2 of" in one_sentence(capsys)
    assert not (tmp_path / "runs").exists()


def test_macros_of_two_lengths_are_refused(
    tiny: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "found").write_text(f"{SIX}\n{TWELVE}\n")
    assert ended(train_enas.main, [*tiny, "--arch", str(tmp_path / "found")]) == 2
    assert "has 12 layers, expected 6" in one_sentence(capsys)


def test_more_classes_than_there_should_be(
    tiny: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(cifar10, "BATCH_SIZE", 20)
    folder = write_cifar10(tmp_path / "images", highest=10)
    arguments = [*tiny, "--data_set", "cifar10", "--data", str(folder), "--cell", CONV]
    assert ended(train_cell.main, arguments) == 2
    assert "has the label 10, expected 0 to 9" in one_sentence(capsys)
    assert not (tmp_path / "runs").exists()


def test_a_file_in_the_place_of_measurements_is_left_alone(
    tiny: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "runs" / "test" / "measurements.jsonl"
    path.parent.mkdir(parents=True)
    path.write_text("my notes\n")
    assert ended(train_cell.main, [*tiny, "--cell", CONV]) == 2
    assert "holds no measurements" in one_sentence(capsys)
    assert path.read_text() == "my notes\n"
