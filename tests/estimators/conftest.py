"""Shared by the tests of estimators: cells and trainings that are small enough for hundreds."""

from __future__ import annotations

import importlib
import os
import time
from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from datasets.graph import ArchitectureGraph
from datasets.registry import get_space
from datasets.space import SearchSpace
from estimators import digits101_table
from estimators.from_scratch import FromScratch, ImageSource
from estimators.networks import NB101Design
from estimators.recipe import Recipe
from estimators.workers import ThisProcess, Workers

DESIGN = NB101Design(stem_channels=4, stacks=2, cells=1, batch_norm_momentum=0.1)
RECIPE = Recipe(
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

    def make(recipe: Recipe = RECIPE, design: Any = DESIGN, **more: Any) -> FromScratch:
        return FromScratch(more.pop("space", space), ImageSource("digits"), design, recipe, **more)

    return make


class Counting:
    """Workers that remember what they were given."""

    def __init__(self, workers: Workers | None = None) -> None:
        self.workers = workers or ThisProcess()
        self.items: list[Any] = []

    def run(
        self, function: Callable[[Any], Any], items: Sequence[Any]
    ) -> Generator[tuple[int, Any], None, None]:
        self.items += items
        return self.workers.run(function, items)


@pytest.fixture(scope="session")
def counting() -> type[Counting]:
    return Counting


@pytest.fixture(scope="session")
def pieces() -> Generator[ModuleType, None, None]:
    """The functions of ``pieces_of_work.py``, which spawned processes can import, too."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(Path(__file__).parent))
        yield importlib.import_module("pieces_of_work")


@pytest.fixture(scope="session")
def wait_until() -> Callable[..., None]:
    """Wait for something to come true; the seconds are far more than it takes."""

    def wait(condition: Callable[[], bool], seconds: float = 600) -> None:
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, "it did not come true"
            time.sleep(0.02)

    return wait


@pytest.fixture(scope="session")
def is_alive() -> Callable[[int], bool]:
    """Whether a process runs: zombies, whom nobody has reaped yet, do not."""

    def alive(pid: int) -> bool:
        try:
            os.kill(pid, 0)
            state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
        except (ProcessLookupError, FileNotFoundError):
            return False
        return state.rpartition(")")[2].split()[0] != "Z"

    return alive


@pytest.fixture(scope="session")
def small_table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Table of the first six cells of DIGITS101 with one seed, beside its store."""
    folder = tmp_path_factory.mktemp("small_table")
    digits101_table.main(
        ["--out", str(folder / "table.npz"), "--store", str(folder / "store.sqlite"),
         "--limit", "6", "--seeds", "1", "--workers", "1"]
    )  # fmt: skip
    return folder / "table.npz"
