"""Small trainings in folders: shared by their tests."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from datasets import get_space
from datasets.graph import ArchitectureGraph
from datasets.images import ImageData, LabelledImages
from estimators.measurement import Measurement
from estimators.networks import NB101Design
from estimators.recorded import RecordedTraining
from estimators.tasks.images import ImageRecipe, PreparedImages
from experiment.checkpoint import load_checkpoint

CPU = torch.device("cpu")
CELL = ArchitectureGraph((1, 3, 2, 0), ((0, 1), (0, 2), (1, 3), (2, 3)))
TIMES = ("seconds", "images_per_second")
RECIPE = ImageRecipe(
    epochs=3,
    batch_size=20,
    learning_rate=0.05,
    optimiser="sgd",
    schedule="constant",
    weight_decay=1e-3,
    padding=1,
    flip=True,
    cutout_length=3,
    precision="float32",
)


def images(validation: int = 30) -> ImageData:
    """Noise whose brightness tells its class."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(4, (100 + validation,), generator=generator)
    noise = torch.randint(100, (len(labels), 3, 8, 8), generator=generator)
    everything = LabelledImages((noise + 50 * labels[:, None, None, None]).to(torch.uint8), labels)
    train, held_out, test = (
        everything.subset(rows) for rows in torch.arange(len(labels)).split([60, validation, 40])
    )
    scale = torch.full((3,), 100.0)
    return ImageData("brightness", 4, scale, scale, train, held_out, test)


def training(
    recipe: ImageRecipe = RECIPE, data: ImageData | None = None, **changed: Any
) -> RecordedTraining:
    fixed: dict[str, Any] = {
        "space": get_space("NB101"),
        "task": PreparedImages(data or images(), recipe),
        "design": NB101Design(stem_channels=4, stacks=2, cells=1, batch_norm_momentum=0.1),
        "device": CPU,
    }
    return RecordedTraining(**{**fixed, **changed})


def lines(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def without_times(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{key: value for key, value in one.items() if key not in TIMES} for one in entries]


def weights(folder: Path, name: str) -> dict[str, torch.Tensor]:
    return load_checkpoint(folder / "checkpoints" / name)


def same(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> bool:
    return first.keys() == second.keys() and all(
        torch.equal(first[name], second[name]) for name in first
    )


class Killed(BaseException):
    """Stands for a kill: nothing of ours may catch it."""


def die_at(count: int, function: Callable[..., Any]) -> Callable[..., Any]:
    """``function``, which dies when it is called for the ``count``-th time."""
    calls = 0

    def dying(*given: Any, **named: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == count:
            raise Killed
        return function(*given, **named)

    return dying


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Measurement]:
    """A run that nothing disturbed, and what it gave."""
    folder = tmp_path_factory.mktemp("finished") / "run"
    return folder, training().train(CELL, 1, folder, resume=False)
