"""Trainings of a fraction of a second, and what they leave: shared by tests of commands."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from datasets.images import cifar10
from experiment.errors import run_command

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


def write_cifar10(folder: Path, highest: int = 9) -> Path:
    """The official layout, 20 images a batch."""
    generator = np.random.default_rng(0)
    folder.mkdir()
    for name in (*cifar10.TRAIN_BATCHES, cifar10.TEST_BATCH):
        pixels = generator.integers(256, size=(20, 3072), dtype=np.uint8)
        labels = [highest, *(k % 10 for k in range(19))]
        (folder / name).write_bytes(pickle.dumps({b"data": pixels, b"labels": labels}))
    return folder
