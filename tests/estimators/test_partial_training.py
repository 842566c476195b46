"""Trainings that stop early: continued, they are the whole training; without a checkpoint, too."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from datasets.graph import ArchitectureGraph
from estimators.evaluations import Evaluations
from estimators.fidelity import ByFidelity
from estimators.from_scratch import FromScratch
from estimators.measurement import Measurement, TrainingEstimator
from estimators.partial_training import halves, train_partly
from estimators.store import Store
from experiment.errors import InputError
from experiment.loop import TrainingLoop
from experiment.seeding import random_state
from tests.estimators.conftest import RECIPE

Make = Callable[..., FromScratch]
FOUR = replace(RECIPE, epochs=4)


@pytest.fixture
def epochs(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Every epoch that is trained, counted from 0."""
    trained: list[int] = []
    run = TrainingLoop._run_epoch

    def counted(loop: TrainingLoop, after_step: Any) -> None:
        trained.append(loop.epoch)
        run(loop, after_step)

    monkeypatch.setattr(TrainingLoop, "_run_epoch", counted)
    return trained


def measured(estimator: ByFidelity, cell: ArchitectureGraph, fidelity: int) -> Measurement:
    evaluations = Evaluations(estimator)
    evaluations.submit([cell], [fidelity])
    return evaluations.next_result()


def test_a_longer_training_continues_the_shorter_one(
    from_scratch: Make,
    cells: dict[str, ArchitectureGraph],
    epochs: list[int],
    tmp_path: Path,
) -> None:
    whole = from_scratch(FOUR)
    (once,) = whole.measure([cells["first"]])
    assert epochs == [0, 1, 2, 3]
    partly = train_partly(whole).with_store(Store(tmp_path / "store.sqlite"))
    assert isinstance(partly, TrainingEstimator)
    before = random_state()
    for fidelity, trained in ((1, [0]), (2, [1]), (4, [2, 3])):
        epochs.clear()
        found = measured(partly, cells["first"], fidelity)
        assert epochs == trained
        assert found.fidelity == fidelity
    assert (found.validation, found.test) == (once.validation, once.test)
    after = random_state()
    assert torch.equal(after["torch"], before["torch"])
    assert torch.equal(after["python"]["words"], before["python"]["words"])
    epochs.clear()
    again = measured(partly, cells["same"], 2)  # from the store, of an isomorphic cell
    assert epochs == []
    assert again.fidelity == 2


def test_without_a_checkpoint_it_trains_anew(
    from_scratch: Make, cells: dict[str, ArchitectureGraph], epochs: list[int]
) -> None:
    partly = train_partly(from_scratch(FOUR), (2, 4))
    first = measured(partly, cells["second"], 2)
    assert epochs == [0, 1]
    second = measured(partly, cells["second"], 4)
    assert epochs == [0, 1, 0, 1, 2, 3]
    (once,) = from_scratch(FOUR).measure([cells["second"]])
    assert second.validation == once.validation
    assert first.validation == once.details["halfway_validation"]


def test_a_store_tells_apart_where_a_training_may_have_started(
    from_scratch: Make, cells: dict[str, ArchitectureGraph], epochs: list[int], tmp_path: Path
) -> None:
    """What a measurement has cost depends on it."""
    store = Store(tmp_path / "store.sqlite")
    for fidelities in ((2, 4), (1, 4)):
        partly = train_partly(from_scratch(FOUR), fidelities).with_store(store)
        for fidelity in fidelities:
            measured(partly, cells["third"], fidelity)
    assert epochs == [0, 1, 2, 3, 0, 1, 2, 3]


def test_fidelities_are_epochs_of_the_recipe(from_scratch: Make) -> None:
    assert halves(12) == (3, 6, 12)
    assert train_partly(from_scratch(FOUR)).fidelities == (1, 2, 4)
    with pytest.raises(InputError, match="the recipe trains for 4 epochs, and 8 are asked for"):
        train_partly(from_scratch(FOUR), (2, 8))


def test_a_fidelity_that_nothing_measures_is_refused(
    from_scratch: Make, cells: dict[str, ArchitectureGraph]
) -> None:
    partly = train_partly(from_scratch(FOUR), (2, 4))
    with pytest.raises(InputError, match="nothing measures at 3 epochs: choose from 2, 4"):
        Evaluations(partly).submit([cells["first"]], [3])
