"""Shared by the tests of estimators: cells and trainings that are small enough for hundreds."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest

from datasets.graph import ArchitectureGraph
from datasets.registry import get_space
from datasets.space import SearchSpace
from estimators.commands import digits101_table
from estimators.from_scratch import FromScratch
from estimators.networks import NB101Design
from estimators.tasks.images import ImageClassification, ImageRecipe
from experiment.engine import Engine, InThisProcess
from tests.estimators.small_trainings import finished

__all__ = ["finished"]

DESIGN = NB101Design(stem_channels=4, stacks=2, cells=1, batch_norm_momentum=0.1)
RECIPE = ImageRecipe(
    epochs=2,
    batch_size=200,
    learning_rate=0.02,
    optimiser="adamw",
    schedule="one_cycle",
    weight_decay=0.01,
    precision="float32",
)


@pytest.fixture(scope="session")
def space() -> SearchSpace:
    return get_space("DIGITS101")


@pytest.fixture(scope="session")
def cells() -> dict[str, ArchitectureGraph]:
    """By what they are for; ``same`` and ``dangling`` are ``first`` in another guise."""
    return {
        "first": ArchitectureGraph((1, 2, 3, 0), ((0, 1), (0, 2), (1, 3), (2, 3))),
        "same": ArchitectureGraph((1, 3, 2, 0), ((0, 1), (0, 2), (1, 3), (2, 3))),
        "dangling": ArchitectureGraph((1, 2, 3, 4, 0), ((0, 1), (0, 2), (0, 3), (1, 4), (2, 4))),
        "second": ArchitectureGraph((1, 4, 0), ((0, 1), (1, 2), (0, 2))),
        "third": ArchitectureGraph((1, 3, 0), ((0, 1), (1, 2))),
        "apart": ArchitectureGraph((1, 3, 0), ((0, 1),)),
    }


Make = Callable[..., FromScratch]


@pytest.fixture(scope="session")
def from_scratch(space: SearchSpace) -> Make:
    """An estimator of tiny networks on the digits; ``recipe`` and ``design`` may be replaced."""

    def make(recipe: ImageRecipe = RECIPE, design: Any = DESIGN, **more: Any) -> FromScratch:
        task = ImageClassification("digits")
        return FromScratch(more.pop("space", space), task, design, recipe, **more)

    return make


class Counting:
    """An engine that remembers what it was given."""

    def __init__(self, engine: Engine | None = None) -> None:
        self.engine = engine or InThisProcess()
        self.items: list[Any] = []
        self.futures: list[Future[Any]] = []

    def submit(self, function: Any, item: Any, /) -> Future[Any]:
        self.items.append(item)
        self.futures.append(self.engine.submit(function, item))
        return self.futures[-1]


@pytest.fixture(scope="session")
def counting() -> type[Counting]:
    return Counting


@pytest.fixture(scope="session")
def small_table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Table of the first six cells of DIGITS101 with one seed, beside its store."""
    folder = tmp_path_factory.mktemp("small_table")
    digits101_table.main(
        ["--out", str(folder / "table.npz"), "--store", str(folder / "store.sqlite"),
         "--limit", "6", "--seeds", "1", "--workers", "1"]
    )  # fmt: skip
    return folder / "table.npz"
