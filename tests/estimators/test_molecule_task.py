"""Regression of molecules through the estimators: training, stopping, resuming, refusals."""

from __future__ import annotations

import dataclasses
import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from datasets.fixed_network import FixedNetwork
from datasets.molecules import MoleculeSource
from estimators import recorded
from estimators.evaluations import sweep
from estimators.from_scratch import FromScratch
from estimators.networks import GINEDesign
from estimators.recipe import Recipe
from estimators.recorded import RecordedTraining
from estimators.store import Store
from estimators.tasks.molecules import MoleculeRecipe, MoleculeTask, PreparedMolecules
from estimators.tasks.task import Task
from experiment.engine import Processes
from experiment.errors import InputError
from experiment.loop import DivergedError

SPACE = FixedNetwork("GINE")
DESIGN = GINEDesign(layers=2, hidden=8)
RECIPE = MoleculeRecipe(12, 8, 0.01, "adam", "cosine", 0.0, gradient_clip=5.0, patience=4)
CHAINS = [
    f"{start}{'C' * n}{end}"
    for start in ("", "O", "N", "F")
    for n in range(1, 9)
    for end in ("", "O", "C#N")
]
RINGS = ["C1CC1", "C1CCC1", "C1CCCC1", "C1CCOC1", "c1ccccc1", "c1ccncc1", "C1CO1", "C1CNC1"]
SMILES = CHAINS + [f"{chain}{ring}" for ring in RINGS for chain in ("", "C", "CC")]


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> MoleculeSource:
    """Chains and rings of n heavy atoms with n + 0.02 n², which is called electron volts."""
    path = tmp_path_factory.mktemp("molecules") / "chains.csv"
    heavy = [sum(map(str.isalpha, text)) for text in SMILES]
    rows = (f"{text},{n + 0.02 * n**2}" for text, n in zip(SMILES, heavy, strict=True))
    path.write_text("\n".join(["smiles,value", *rows]))
    return MoleculeSource("chains", (str(path),), ("value",), "eV", metric="mae")


def prepared(source: MoleculeSource, recipe: MoleculeRecipe = RECIPE, **task: Any) -> Any:
    return MoleculeTask(source, **task).prepare(recipe, "cpu")


def estimator(source: MoleculeSource, recipe: Any = RECIPE, **more: Any) -> FromScratch:
    return FromScratch(SPACE, MoleculeTask(source), DESIGN, recipe, **more)


def test_a_network_is_trained_measured_and_kept(source: MoleculeSource, tmp_path: Path) -> None:
    store = Store(tmp_path / "store.sqlite")
    (found,) = estimator(source, store=store).measure([SPACE.member])
    assert found.ok
    task = prepared(source)
    assert isinstance(MoleculeTask(source), Task)
    assert (task.objective.name, task.objective.unit, task.objective.maximise) == (
        "mae", "eV", False,
    )  # fmt: skip
    mean = task.split.data.targets[task.split.parts["train"]].mean()
    guesses = np.abs(task.split.data.targets[task.split.parts["test"]] - mean).mean()
    assert found.test is not None
    assert found.test < 0.8 * guesses
    assert {"test_rmse", "validation_r2", "validation_loss"} < set(found.values)
    assert found.values["best_epoch"] <= found.values["epochs"] <= 12
    assert list(estimator(source, store=store).measure([SPACE.member])) == [found]
    settings = estimator(source).settings
    assert (settings["molecules"], len(settings["molecules_sha256"])) == ("chains", 64)
    assert pickle.loads(pickle.dumps(MoleculeTask(source))) == MoleculeTask(source)


@pytest.mark.slow
def test_workers_get_the_same_numbers(source: MoleculeSource) -> None:
    (here,) = estimator(source).measure([SPACE.member])
    with Processes(1) as engine:
        (there,) = sweep(estimator(source), [SPACE.member], engine)
    assert there.values == here.values


def run(source: MoleculeSource, folder: Path, resume: bool = False, **recipe: Any) -> Any:
    task = prepared(source, dataclasses.replace(RECIPE, **recipe))
    training = RecordedTraining(SPACE, task, DESIGN, torch.device("cpu"))
    return training.train(SPACE.member, 1, folder, resume)


def without_seconds(measurement: Any) -> Any:
    return dataclasses.replace(measurement, cost_seconds=None)


@pytest.mark.parametrize("epoch", [3, -1])
def test_killed_it_resumes_to_the_same_numbers(
    source: MoleculeSource, tmp_path: Path, epoch: int
) -> None:
    """Also after the last epoch of a training that ended early."""
    settings: dict[str, Any] = {
        "epochs": 30,
        "learning_rate": 0.05,
        "schedule": "constant",
        "patience": 2,
    }
    whole = run(source, tmp_path / "whole", **settings)
    curve = [json.loads(line) for line in (tmp_path / "whole/metrics.jsonl").open()]
    assert len(curve) == whole.values["epochs"] < 30
    stand_in: Any
    if epoch > 0:
        report = recorded.report_epoch

        def die(entry: dict[str, Any], task: Any) -> None:
            report(entry, task)
            if entry["epoch"] == epoch:
                raise KeyboardInterrupt

        place, stand_in = "report_epoch", die
    else:  # after the checkpoint of the last epoch, before the result
        measure = recorded.measure

        def die_at_the_end(network: Any, task: Any, parts: Any = None) -> Any:
            if parts is None:
                raise KeyboardInterrupt
            return measure(network, task, parts)

        place, stand_in = "measure", die_at_the_end
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recorded, place, stand_in)
        with pytest.raises(KeyboardInterrupt):
            run(source, tmp_path / "killed", **settings)
    again = run(source, tmp_path / "killed", resume=True, **settings)
    assert without_seconds(again) == without_seconds(whole)
    assert len((tmp_path / "killed/metrics.jsonl").read_text().splitlines()) == len(curve)


def test_the_best_weights_are_measured_and_kept(source: MoleculeSource, tmp_path: Path) -> None:
    settings: dict[str, Any] = {
        "epochs": 30,
        "learning_rate": 0.05,
        "schedule": "constant",
        "patience": 3,
    }
    found = run(source, tmp_path / "run", **settings)
    curve = [json.loads(line)["validation"] for line in (tmp_path / "run/metrics.jsonl").open()]
    assert found.validation == min(curve) == found.values["best_validation"]
    assert curve.index(min(curve)) + 1 == found.values["best_epoch"] == len(curve) - 3
    recipe = dataclasses.replace(RECIPE, **settings)
    (other,) = estimator(source, recipe, seed=1).measure([SPACE.member])
    assert (other.validation, other.test) == (found.validation, found.test)
    assert other.values["best_epoch"] == found.values["best_epoch"]


def test_the_order_of_atoms_does_not_matter(source: MoleculeSource) -> None:
    from rdkit import Chem

    network = DESIGN.build(SPACE.member, prepared(source).dimensions).eval()
    text = "CC(=O)Nc1ccccc1C#N"
    molecule = Chem.MolFromSmiles(text)
    orders = [np.random.default_rng(k).permutation(molecule.GetNumAtoms()) for k in range(3)]
    texts = [
        Chem.MolToSmiles(Chem.RenumberAtoms(molecule, order.tolist()), canonical=False)
        for order in orders
    ]
    assert len({text, *texts}) == 4
    values = prepared(source).predict(network, [text, *texts])
    assert values == pytest.approx(values[0], rel=1e-5)
    assert prepared(source).predict(network, ["C"]).shape == (1,)  # no bond, one atom


@pytest.mark.parametrize(
    ("smiles", "said"),
    [
        (["C", "CC", "C1CC", "xx"], r"smiles\[2\], 'C1CC', is unreadable \(no SMILES\): mend it"),
        ("CCO", r"the SMILES are a str \('CCO'\), expected a list of texts: give \[text\]"),
        (["CCO", None], r"smiles\[1\] is a NoneType, expected a text"),
        ([float("nan"), "C"], r"smiles\[0\] is a float \(nan\), expected a text"),
    ],
)
def test_what_cannot_be_predicted_is_named(source: MoleculeSource, smiles: Any, said: str) -> None:
    task = prepared(source)
    network = DESIGN.build(SPACE.member, task.dimensions)
    with pytest.raises(InputError, match=said):
        task.predict(network, smiles)
    assert task.predict(network, np.array(["C", "CC"])).shape == (2,)


def test_atom_counts_are_fitted_to_the_training_part_alone(source: MoleculeSource) -> None:
    task = prepared(source, subtract_atom_counts=True)
    plain = prepared(source)
    assert task.fingerprint() != plain.fingerprint()
    rows = task.split.parts["train"].numpy()
    targets = task.split.targets.numpy()
    assert targets[rows].mean() == pytest.approx(0, abs=1e-5)
    assert targets[rows].std() == pytest.approx(1, abs=1e-4)
    assert task.split.scale.std < 0.2 * plain.split.scale.std
    restored = targets * task.split.scale.std + task.split.offsets
    assert restored == pytest.approx(task.split.data.targets, abs=1e-4)

    class Zero(nn.Module):
        def forward(self, x: Any, edges: Any, features: Any, batch: Any) -> torch.Tensor:
            return torch.zeros(int(batch[-1]) + 1, 1)

    test = task.split.parts["test"].numpy()
    errors = task.split.offsets[test] - task.split.data.targets[test]
    assert task.evaluate(Zero(), "test")["mae"] == pytest.approx(np.abs(errors).mean(), rel=1e-4)
    texts = [task.split.data.smiles[row] for row in test]
    assert task.predict(Zero(), texts) == pytest.approx(task.split.offsets[test])


@pytest.mark.parametrize("batch_size", [2, 3, 7, 5_000])
def test_no_batch_is_one_molecule_of_one_atom(source: MoleculeSource, batch_size: int) -> None:
    task: PreparedMolecules = prepared(source, dataclasses.replace(RECIPE, batch_size=batch_size))
    seen: set[int] = set()
    for epoch in range(3):
        examples = task.examples(0, epoch)
        for first in range(0, len(examples), batch_size):
            batch = examples[first : first + batch_size]
            assert len(batch) == min(batch_size, len(task.split.parts["train"]))
            assert len(batch.batch.unique()) == len(batch)
            seen |= set(batch.rows.tolist())
    assert seen == set(task.split.parts["train"].tolist())


def test_splits_seeds_and_readers_are_other_data(source: MoleculeSource) -> None:
    variants: list[dict[str, Any]] = [
        {},
        {"split_seed": 1},
        {"split": "scaffold"},
        {"subtract_atom_counts": True},
    ]
    prints = {prepared(source, **variant).fingerprint() for variant in variants}
    with pytest.warns(UserWarning, match="pysmiles"):
        prints.add(prepared(source, reader="pysmiles").fingerprint())
    assert len(prints) == 5
    assert prepared(source).fingerprint() == prepared(source).fingerprint()


def test_a_diverging_training_is_a_failed_measurement(source: MoleculeSource) -> None:
    recipe = dataclasses.replace(RECIPE, learning_rate=1e30, schedule="constant", optimiser="sgd")
    (found,) = estimator(source, recipe).measure([SPACE.member])
    assert (found.status, found.validation) == ("failed", None)
    assert "learning rate" in found.reason

    class Broken(nn.Module):
        def forward(self, x: Any, edges: Any, features: Any, batch: Any) -> torch.Tensor:
            return torch.full((int(batch[-1]) + 1, 1), torch.nan)

    with pytest.raises(DivergedError, match="a prediction on the test molecules is no finite"):
        prepared(source).evaluate(Broken(), "test")


def test_what_cannot_be_trained_is_refused(source: MoleculeSource, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="a Recipe is given to train on molecules, expected a Mol"):
        MoleculeTask(source).prepare(Recipe(1, 8, 0.1, "adam", "constant", 0.0), "cpu")
    for wrong, said in (
        ({"batch_size": 1}, "a batch size of at least 2"),
        ({"patience": 0}, "the patience is 0 epochs"),
        ({"loss": "rmse"}, "the loss is 'rmse', expected one of mse, mae, huber"),
        ({"precision": "bfloat16"}, "trained on in float32"),
    ):
        with pytest.raises(InputError, match=said):
            dataclasses.replace(RECIPE, **wrong)
    path = tmp_path / "same.csv"
    path.write_text("\n".join(["smiles,value", *(f"{text},1.5" for text in CHAINS)]))
    same = MoleculeSource("same", (str(path),), ("value",), None)
    with pytest.raises(InputError, match="all labels to train on are the same"):
        prepared(same)
    assert MoleculeRecipe.load("molecules", "qm7").loss == "mae"
    assert MoleculeRecipe.load("molecules", "esol").loss == "mse"
