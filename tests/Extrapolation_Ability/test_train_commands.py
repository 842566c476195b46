"""The commands that train cells and macro networks, from their flags to their files."""

from __future__ import annotations

import errno
import json
import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from Bayesian_Optimization import fully_train_ENAS, fully_train_ENAS12
from datasets import get_space
from datasets.architecture_files import NAMED
from datasets.graph import ArchitectureGraph
from datasets.images import cifar10, imagenet16
from datasets.spaces.enas import ENAS
from estimators import recorded
from estimators.from_scratch import FromScratch, ImageSource
from estimators.networks import load_design
from estimators.recipe import load_recipe
from experiment import files
from experiment.checkpoint import load_checkpoint
from experiment.errors import run_command
from experiment.paths import REPOSITORY_ROOT
from Extrapolation_Ability.cell_training import train_cell, train_enas

Command = Callable[[list[str]], int]

CELL = (
    '{"matrix": [[0,1,1,0],[0,0,0,1],[0,0,0,1],[0,0,0,0]], "ops": ["input", "OP", "OP", "output"]}'
)
CONV = CELL.replace("OP", "conv3x3-bn-relu")
POOL = CELL.replace("OP", "maxpool3x3")
CONV3 = "nor_conv_3x3"
SIX = "1 0 1 2 0 1 3 1 0 0 4 0 0 1 0 5 1 0 1 0 1"
TWELVE = " ".join(str((7 * k) % 2) for k in range(78))

TINY = """
[network]
[network.NB101]
stem_channels = 4
stacks = 2
cells = 1
batch_norm_momentum = 0.1
[network.NB201]
channels = 4
cells = 1
[network.ENAS]
filters = 4
[recipe]
epochs = 1
batch_size = 100
learning_rate = 0.05
optimiser = "sgd"
schedule = "cosine"
weight_decay = 1e-3
padding = 1
flip = true
cutout_length = 2
precision = "float32"
"""


@pytest.fixture
def tiny(tmp_path: Path) -> list[str]:
    """Flags of a training of a fraction of a second, on the digits."""
    (tmp_path / "tiny.toml").write_text(TINY)
    return flags(tmp_path)


def flags(folder: Path) -> list[str]:
    return [
        *("--data_set", "digits", "--device", "cpu", "--config", str(folder / "tiny.toml")),
        *("--log_dir", str(folder / "runs"), "--name", "test"),
    ]


def results(folder: Path) -> dict[str, dict[str, Any]]:
    """``result.json`` by the name of its run."""
    found = sorted((folder / "runs" / "test").glob("*/result.json"))
    return {path.parent.name: json.loads(path.read_text()) for path in found}


def measurements(folder: Path) -> list[dict[str, Any]]:
    text = (folder / "runs" / "test" / "measurements.jsonl").read_text()
    return [json.loads(line) for line in text.splitlines()]


def config(folder: Path) -> dict[str, Any]:
    (found,) = (folder / "runs" / "test").glob("*/config.json")
    return json.loads(found.read_text())


def ended(command: Command, arguments: list[str]) -> int:
    """Exit code of the command as a process of its own would have it."""
    with pytest.raises(SystemExit) as caught:
        run_command(lambda _: command(arguments))
    return int(caught.value.code or 0)


def one_sentence(capsys: pytest.CaptureFixture[str]) -> str:
    """What is on standard error, one line."""
    error = capsys.readouterr().err
    assert error.count("\n") == 1, error
    assert error.startswith("error: ")
    return error


# --- what a training leaves -------------------------------------------------------------------


def test_several_seeds_of_a_cell(
    tiny: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train_cell.main([*tiny, "--cell", CONV, "--seed", "5", "--seeds", "2"]) == 0
    name = get_space("NB101").hash(get_space("NB101").parse(CONV))
    assert list(results(tmp_path)) == [f"{name[:12]}_seed{seed}" for seed in (5, 6)]
    kept = measurements(tmp_path)
    assert [(one["hash"], one["seed"], one["status"]) for one in kept] == [
        (name, 5, "ok"),
        (name, 6, "ok"),
    ]
    assert kept[0]["test"] != kept[1]["test"]
    assert get_space("NB101").parse(json.dumps(kept[0])).num_nodes == 4
    out, err = capsys.readouterr()
    assert err == ""
    assert "(trainings: 2)" in out


def test_a_cell_by_file_hash_text_or_name_is_the_same_cell(tiny: list[str], tmp_path: Path) -> None:
    best = NAMED["nb101_cell"]["best_validation"]
    space = get_space("NB101")
    (tmp_path / "cells.jsonl").write_text(space.format(best) + "\n")
    assert train_cell.main([*tiny, "--cell", "best_validation"]) == 0
    for text in (str(tmp_path / "cells.jsonl"), space.hash(best), space.format(best)):
        assert train_cell.main([*tiny, "--cell", text, "--resume"]) == 0
    assert len(results(tmp_path)) == 1


def test_the_default_is_the_cell_of_eight_nodes(tiny: list[str], tmp_path: Path) -> None:
    assert train_cell.main(tiny) == 0
    assert measurements(tmp_path)[0]["ops"].count("conv3x3-bn-relu") == 5
    assert len(measurements(tmp_path)[0]["matrix"]) == 8


def test_isomorphic_cells_of_a_file_are_trained_once(tiny: list[str], tmp_path: Path) -> None:
    one = ArchitectureGraph((1, 2, 3, 0), ((0, 1), (0, 2), (1, 3), (2, 3)))
    two = ArchitectureGraph((1, 3, 2, 0), ((0, 1), (0, 2), (1, 3), (2, 3)))
    dangling = ArchitectureGraph((1, 3, 2, 4, 0), ((0, 1), (0, 2), (0, 3), (1, 4), (2, 4)))
    space = get_space("NB101")
    (tmp_path / "cells").write_text("\n".join(space.format(cell) for cell in (one, two, dangling)))
    assert train_cell.main([*tiny, "--cell", str(tmp_path / "cells")]) == 0
    assert len(results(tmp_path)) == len(measurements(tmp_path)) == 1


def test_nb201_cells_are_trained_too(tiny: list[str], tmp_path: Path) -> None:
    arch = "|nor_conv_3x3~0|+|none~0|skip_connect~1|+|skip_connect~0|avg_pool_3x3~1|none~2|"
    assert train_cell.main([*tiny, "--data_search_space", "NB201", "--cell", arch]) == 0
    assert measurements(tmp_path)[0]["status"] == "ok"


def test_a_later_command_adds_its_measurements(tiny: list[str], tmp_path: Path) -> None:
    assert train_cell.main([*tiny, "--cell", CONV]) == 0
    assert train_cell.main([*tiny, "--cell", POOL]) == 0
    first = measurements(tmp_path)
    assert len({one["hash"] for one in first}) == 2
    assert train_cell.main([*tiny, "--cell", CONV, "--resume"]) == 0
    assert sorted(map(str, measurements(tmp_path))) == sorted(map(str, first))


def test_the_digits_give_what_the_estimator_gives(tmp_path: Path) -> None:
    arguments = ["--cell", CONV, "--data_set", "digits", "--device", "cpu", "--seed", "1"]
    named = ["--name", "test", "--log_dir", str(tmp_path / "runs")]
    assert train_cell.main([*arguments, *named]) == 0
    space = get_space("DIGITS101")
    estimator = FromScratch(
        space,
        ImageSource("digits"),
        load_design("digits101", get_space("DIGITS101")),
        load_recipe("digits101"),
        seed=1,
    )
    (expected,) = estimator.measure([space.parse(CONV)])
    (found,) = measurements(tmp_path)
    for figure in ("validation", "test", "parameters", "flops"):
        assert found[figure] == getattr(expected, figure)


@pytest.mark.parametrize(
    ("command", "arguments", "layers"),
    [
        (train_enas.main, ["--arch", SIX], 6),
        (train_enas.main, ["--arch", TWELVE], 12),
        (fully_train_ENAS.main, [SIX], 6),
        (fully_train_ENAS12.main, [TWELVE], 12),
    ],
)
def test_macro_networks(
    tiny: list[str], tmp_path: Path, command: Command, arguments: list[str], layers: int
) -> None:
    assert command([*arguments, *tiny, "--size", "filters=2"]) == 0
    (record,) = measurements(tmp_path)
    assert ENAS(layers).parse(record["arch"]).num_nodes == layers + 2
    assert config(tmp_path)["network"]["filters"] == 2
    assert record["status"] == "ok"


@pytest.mark.parametrize(
    ("command", "arguments", "size"),
    [
        (train_cell.main, ["--cell", "svge_7_nodes"], {"stem_channels": 8, "cells": 1}),
        (
            train_cell.main,
            [
                "--data_search_space",
                "NB201",
                "--cell",
                f"|{CONV3}~0|+|{CONV3}~0|{CONV3}~1|+|{CONV3}~0|none~1|none~2|",
            ],
            {"channels": 8, "cells": 1},
        ),
        (train_enas.main, ["--arch", SIX], {"filters": 8}),
        (train_enas.main, ["--arch", TWELVE], {"filters": 8}),
    ],
)
def test_every_network_is_small_on_the_digits(
    tmp_path: Path, command: Command, arguments: list[str], size: dict[str, int]
) -> None:
    digits = [*flags(tmp_path)[:4], *flags(tmp_path)[6:], "--epochs", "1"]  # no --config
    assert command([*digits, *arguments]) == 0
    assert config(tmp_path)["network"].items() >= size.items()
    assert config(tmp_path)["recipe"]["optimiser"] == "adamw"


def test_macro_networks_from_files_and_texts(tiny: list[str], tmp_path: Path) -> None:
    other = SIX[:-1] + "0"
    (tmp_path / "found.txt").write_text(f"{SIX}\n{other}\n")
    third = "[[0],[0,0],[0,0,0],[0,0,0,0],[0,0,0,0,0],[0,0,0,0,0,0]]"
    command = [str(tmp_path / "found.txt"), third, *tiny, "--size", "filters=2"]
    assert fully_train_ENAS.main(command) == 0
    assert [one["arch"] for one in measurements(tmp_path)] == [SIX, other, " ".join("0" * 21)]


def write_cifar10(folder: Path, highest: int = 9) -> Path:
    """The official layout, 20 images a batch."""
    generator = np.random.default_rng(0)
    folder.mkdir()
    for name in (*cifar10.TRAIN_BATCHES, cifar10.TEST_BATCH):
        pixels = generator.integers(256, size=(20, 3072), dtype=np.uint8)
        labels = [highest, *(k % 10 for k in range(19))]
        (folder / name).write_bytes(pickle.dumps({b"data": pixels, b"labels": labels}))
    return folder


def test_the_published_command_on_cifar10(
    tiny: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cifar10, "BATCH_SIZE", 20)
    folder = write_cifar10(tmp_path / "images")
    published = (
        "--data_set cifar10 --batch_size 16 --learning_rate 0.2 --lr_decay_method COSINE_BY_STEP "
        "--learning_rate_min 0 --momentum 0.9 --weight_decay 1e-4 --report_freq 50 --device cpu "
        "--epochs 1 --cutout --cutout_length 16 --cutout_prob 1.0 --grad_clip 5 --val_portion 0.8 "
        "--seed 0"
    )
    ours = ["--config", "published", "--size", "stem_channels=4", "--size", "cells=1"]
    assert train_cell.main([*tiny, *published.split(), *ours, "--data", str(folder)]) == 0
    found = config(tmp_path)
    assert found["network"] == {
        "stem_channels": 4,
        "stacks": 3,
        "cells": 1,
        "batch_norm_momentum": 0.003,
        "batch_norm_epsilon": 1e-5,
    }
    recipe = found["recipe"]
    assert (recipe["optimiser"], recipe["epsilon"], recipe["cutout_length"]) == ("rmsprop", 1.0, 16)
    assert found["images"] == "cifar10"
    assert measurements(tmp_path)[0]["validation"] * 20 % 1 == pytest.approx(0)  # 20 % of 100


def test_the_published_command_on_imagenet16(
    tiny: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(imagenet16, "TRAIN_IMAGES", 40)
    monkeypatch.setattr(imagenet16, "TEST_IMAGES", 4)
    folder = tmp_path / "images"
    folder.mkdir()
    for name in (*imagenet16.TRAIN_BATCHES, imagenet16.TEST_BATCH):
        content = {"data": np.zeros((5, 768), dtype=np.uint8), "labels": [1, 120, 60, 2, 121]}
        (folder / name).write_bytes(pickle.dumps(content))
    split = {"xvalid": ["int", ["0", "2"]], "xtest": ["int", ["1", "3"]]}
    (folder / imagenet16.SPLIT_FILE).write_text(json.dumps(split))
    published = ["--data_set", "Imagenet16", "--data", str(folder), "--val_portion", "0.5"]
    ours = ["--batch_size", "20", "--cell", POOL]
    assert train_cell.main([*tiny, *published, *ours]) == 0
    assert "--val_portion changes nothing" in capsys.readouterr().out
    assert config(tmp_path)["images"] == "ImageNet16"
    assert measurements(tmp_path)[0]["status"] == "ok"


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
        (["--epochs", "2", "--resume"], "holds another experiment: its 'recipe' is"),
        (["--size", "cells=2", "--resume"], "holds another experiment: its 'network' is"),
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


# --- killed ------------------------------------------------------------------------------------

KILL_AND_RESUME = """
import itertools, json, os, signal, sys
root, trainings, moments = sys.argv[1:]
sys.path.insert(0, root)
from Extrapolation_Ability.cell_training import train_cell, train_enas
import torch
import torch._dynamo  # an optimiser's first step would load it, in every child again
from torch.optim.optimizer import register_optimizer_step_post_hook
torch.set_num_threads(1)
from datasets.images import get_images
from experiment import loop
get_images("digits")
loop.CHECKPOINT_SECONDS = -1.0  # after every batch, so that epochs are broken in the middle
commands = {"train_cell": train_cell.main, "train_enas": train_enas.main}

def die_at(count, function):
    calls = itertools.count(1)
    def dying(*given, **named):
        if next(calls) == count:
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*given, **named)
    return dying

def attempt(command, flags, moment=None):
    child = os.fork()
    if child == 0:
        code = 1
        if moment:
            event, count = moment
            if event == "step":
                register_optimizer_step_post_hook(die_at(count, lambda *_: None))
            else:
                setattr(os, event, die_at(count, getattr(os, event)))
        try:
            code = command([*flags, "--resume"])
        finally:
            sys.stderr.flush()
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

for name, flags in json.loads(trainings):
    for moment in json.loads(moments):
        print("\\nended by", attempt(commands[name], flags, moment), flush=True)
    if code := attempt(commands[name], flags):
        sys.exit(code)
"""
MOMENTS = [("step", 5), ("replace", 7), ("fsync", 9)]
"""Calls of the optimiser, and of what puts files on the disk, at which a training is killed."""
KILLED = [
    (train_cell.main, ["--cell", CONV, "--epochs", "2"]),
    # With dropout, whose random numbers are PyTorch's own, and an auxiliary head.
    (train_enas.main, ["--arch", "1 0 1 4 0 1", "--epochs", "2"]),
]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the children are forks")
def test_killed_again_and_again_they_end_with_the_same_numbers(tmp_path: Path) -> None:
    places = {}
    for command, arguments in KILLED:
        name = command.__module__.rpartition(".")[2]
        calm, shaken = places[name] = tmp_path / name / "calm", tmp_path / name / "shaken"
        for place in (calm, shaken):
            place.mkdir(parents=True)
            (place / "tiny.toml").write_text(TINY.replace("batch_size = 100", "batch_size = 200"))
        assert command([*arguments, *flags(calm)]) == 0
    trainings = [
        (name, [*arguments, *flags(shaken)])
        for (name, (_, shaken)), (_, arguments) in zip(places.items(), KILLED, strict=True)
    ]
    given = [str(REPOSITORY_ROOT), json.dumps(trainings), json.dumps(MOMENTS)]
    done = subprocess.run(
        [sys.executable, "-c", KILL_AND_RESUME, *given],
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        timeout=3600,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    ends = [line for line in done.stdout.splitlines() if line.startswith("ended by")]
    assert ends == [f"ended by {-signal.SIGKILL}"] * len(MOMENTS) * len(KILLED)
    for calm, shaken in places.values():
        assert without_times(measurements(calm)) == without_times(measurements(shaken))
        (run,) = (calm / "runs" / "test").glob("*_seed0")
        assert_same_run(run, shaken / "runs" / "test" / run.name)


def assert_same_run(first: Path, second: Path) -> None:
    curves = [
        without_times([json.loads(line) for line in (run / "metrics.jsonl").open()])
        for run in (first, second)
    ]
    assert curves[0] == curves[1]
    for name in ("best_weights.pt", "last_weights.pt"):
        one, two = (load_checkpoint(run / "checkpoints" / name) for run in (first, second))
        assert one.keys() == two.keys()
        assert all(torch.equal(one[key], two[key]) for key in one), name
    assert not [path for path in second.rglob("*") if files.PARTIAL in path.name]


def without_times(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    timed = ("seconds", "images_per_second", "cost_seconds")
    return [{key: value for key, value in one.items() if key not in timed} for one in entries]
