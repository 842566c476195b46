"""Measuring by the learning curve: scores, files, hyper-parameters, failures."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from datasets.fixed_network import FixedNetwork
from datasets.hyperparameters import among
from datasets.molecules import MoleculeSource
from datasets.spaces.configured import ConfiguredSpace
from estimators.by_curve import ByCurve, CurveScore, Watch
from estimators.evaluations import Job
from estimators.networks import GINEDesign
from estimators.store import Store
from estimators.tasks.molecules import MoleculeRecipe, MoleculeTask
from experiment.checkpoint import load_checkpoint
from experiment.engine import WorkerDiedError
from experiment.files import read_json

GINE = FixedNetwork("GINE")
SPACE = ConfiguredSpace(GINE, {"hidden": among(4, 8), "learning_rate": among(0.01, 1e30)})
RECIPE = MoleculeRecipe(6, 8, 0.01, "adam", "constant", 0.0)


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory) -> MoleculeTask:
    place = tmp_path_factory.mktemp("molecules") / "chains.csv"
    smiles = [f"{first}{'C' * n}{last}" for first in "ONF" for n in range(1, 9) for last in "OS"]
    lines = [f"{one},{len(one) + one.count('O')}" for one in smiles]
    place.write_text("smiles,size\n" + "\n".join(lines) + "\n", encoding="utf-8")
    return MoleculeTask(MoleculeSource("chains", (str(place),), ("size",), None))


def estimator(task: MoleculeTask, score: Any = CurveScore("val_loss"), **more: Any) -> ByCurve:  # noqa: B008
    watch = more.pop("watch", Watch())
    return ByCurve(SPACE, task, GINEDesign(2, 8), RECIPE, score, watch, **more)


def candidate(rate: float = 0.01, hidden: int = 8) -> Any:
    return SPACE.configure(GINE.member, {"learning_rate": rate, "hidden": hidden})


def test_scores_are_numbers_of_the_curve() -> None:
    history = {"val_r2": [0.1, 0.5, 0.3]}
    assert [CurveScore("val_r2", of)(history) for of in ("last", "min", "max")] == [0.3, 0.1, 0.5]
    assert str(CurveScore("val_r2", "max")) == "val_r2__max"


def test_the_curve_is_kept_and_the_test_part_is_not_looked_at(
    task: MoleculeTask, tmp_path: Path
) -> None:
    watch = Watch(keeps_weights=True)
    kept = estimator(task, watch=watch).with_store(Store(tmp_path / "trainings.sqlite"))
    (found,) = kept.measure([candidate()])
    assert found.ok
    assert found.test is None
    history = read_json(tmp_path / "save" / "history" / f"{found.hash}.json")
    assert found.validation == history["val_loss"][-1]
    assert len(history["val_r2"]) == RECIPE.epochs
    config = read_json(tmp_path / "save" / "config" / f"{found.hash}.json")
    assert config == {"arch": "GINE", "hyperparameters": {"hidden": 8, "learning_rate": 0.01}}
    weights = load_checkpoint(tmp_path / "save" / "model" / f"{found.hash}.pt")
    GINEDesign(2, 8).build(GINE.member, task.prepare(RECIPE, "cpu").dimensions).load_state_dict(
        weights
    )
    assert list(kept.measure([candidate()])) == [found]  # of the store
    assert kept.settings != estimator(task, CurveScore("val_mae"), watch=watch).settings


def test_hyperparameters_decide_the_network_and_the_training(task: MoleculeTask) -> None:
    small, large = estimator(task).measure([candidate(hidden=4), candidate(hidden=8)])
    assert small.parameters is not None
    assert large.parameters is not None
    assert small.parameters < large.parameters
    session: dict[str, Any] = {}
    exec(estimator(task).module_lines(candidate(hidden=4)), session)
    built = sum(each.numel() for each in session["network"].parameters())
    assert built == small.parameters


def test_a_training_ends_early(task: MoleculeTask) -> None:
    watch = Watch("val_r2", maximise=True, patience=1)
    (found,) = estimator(task, CurveScore("val_r2", "max"), watch=watch).measure([candidate()])
    assert found.values["epochs"] - found.values["best_epoch"] in (0, 1)


@pytest.mark.parametrize(
    ("score", "reason"),
    [
        (lambda history: 1 / 0, "the objective raised ZeroDivisionError"),
        (lambda history: math.nan, "expected a finite number"),
        (lambda history: "good", "expected a finite number"),
    ],
)
def test_an_objective_that_fails_is_a_failure(task: MoleculeTask, score: Any, reason: str) -> None:
    (found,) = estimator(task, score).measure([candidate()])
    assert found.status == "failed"
    assert reason in found.reason


def test_a_training_that_diverges_is_a_failure(task: MoleculeTask) -> None:
    (found,) = estimator(task).measure([candidate(rate=1e30)])
    assert found.status == "failed"
    assert "try a lower learning rate" in found.reason


def test_a_worker_that_died_is_a_failure_and_is_not_kept(
    task: MoleculeTask, tmp_path: Path
) -> None:
    kept = estimator(task).with_store(Store(tmp_path / "trainings.sqlite"))
    (job,) = kept.jobs([candidate()])
    assert isinstance(job, Job)
    (found,) = kept.finish(job, WorkerDiedError())
    assert found.status == "failed"
    assert "worker process died" in found.reason
    assert isinstance(next(iter(kept.jobs([candidate()]))), Job)
