"""Declared problems: how they are read, and what they refuse."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from datasets.hyperparameters import among
from estimators.tasks.molecules import MoleculeTask
from experiment.errors import InputError
from searchers.declared.problem import NASProblem
from searchers.declared.run import run_problem, say_notes

FIRST = 'GINE with {"hidden": 8, "learning_rate": 0.01}'


def test_a_problem_is_printed_as_a_summary(tables: dict[str, Any]) -> None:
    text = str(NASProblem.read(tables))
    for line in (
        "    - task            : chains, split random, split_seed 0",
        "        * hidden: searched, 4, 8",
        "        * learning_rate: searched, 0.001 to 0.1, logarithmic",
        "    - objective       : -val_loss (minimised)",
        "    - fidelity        : 1 of 2 epochs",
        "        * EarlyStopping: val_loss, patience 3",
        "    - budget          : 5 evaluations",
        "    - search          : evolution, population 3, tournament 2, seed 1",
    ):
        assert line in text


def test_spaces_larger_than_any_float_are_printed(tables: dict[str, Any]) -> None:
    space = {"name": "MPNN", "layers": 80}
    sizes = {"epochs": 2, "learning_rate": 0.01}
    text = str(NASProblem.read({**tables, "space": space, "hyperparameters": sizes}))
    # 18,432 cells in each layer, 2^237 skip connections, 11 gathers
    assert "search space    : MPNN_80_3, 4.28e+413 architectures" in text


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"objectiv": "-val_loss"}, "did you mean 'objective'"),
        ({"objective": "-val_los"}, "no metric gives the objective"),
        ({"objective": "val_r2__mx"}, "did you mean 'max'"),
        ({"objective": "no_such_module:score"}, "no module"),
        ({"metrics": ["r3"]}, "no metric 'r3'"),
        ({"hyperparameters": {"loss": "mae"}}, r"twice, as loss \(mse\) .* \(mae\): leave one"),
        (
            {"loss": None, "hyperparameters": {"loss": {"choices": ["mse", "mae"]}}},
            r"searched \(mse, mae\), and the objective '-val_loss' .*, such as -val_mae$",
        ),
        (
            {
                "loss": None,
                "objective": "-loss__min",
                "hyperparameters": {"loss": {"choices": ["mse", "mae"]}},
            },
            "the objective '-loss__min' compares values of different losses",
        ),
        ({"loss": "msee"}, "did you mean 'mse'"),
        ({"budget": {}}, "give evaluations, minutes"),
        ({"budget": {"evaluation": 3}}, "did you mean 'evaluations'"),
        ({"budget": 3}, "expected a table"),
        ({"search": {"name": "evolutoin"}}, "did you mean 'evolution'"),
        ({"search": {"name": "local_search"}}, "for architectures alone"),
        ({"space": {"name": "GIN"}}, "did you mean 'GINE'"),
        ({"space": {"name": "GINE", "layers": 3}}, "no option 'layers'"),
        ({"hyperparameters": {"lerning_rate": 0.1}}, "did you mean 'learning_rate'"),
        ({"hyperparameters": {"learning_rate": {"low": 1.0, "high": 0.1}}}, "ends reversed"),
        ({"hyperparameters": {"batch_size": {"low": 1, "high": 4}}}, "at least 2"),
        ({"hyperparameters": {"optimiser": {"choices": ["adm", "sgd"]}}}, "did you mean 'adam'"),
        ({"hyperparameters": {"epochs": {"low": 1, "high": 4}}}, "the epochs are a range"),
        ({"fidelity": {"epochs": 90}}, "expected 1 to the 2"),
        ({"callbacks": {"early_stopping": {"patience": 3, "monitor": "val"}}}, "looks at 'val'"),
        ({"preprocessing": {"reder": "rdkit"}}, r"\[preprocessing\]: .* did you mean 'reader'"),
        ({"preprocessing": {"reader": "openbabel"}}, r"\[preprocessing\]: .* are rdkit, pysmiles$"),
        ({"preprocessing": {"reader": "pysmile"}}, "'reader' is 'pysmile': did you mean 'pysmiles"),
        ({"task": {"data": "mine.csv"}}, "no data are called 'mine.csv': .* needs 'file' and 'lab"),
        ({"task": {"data": "esol", "splt": 1}}, r"\[task\]: unknown setting 'splt': did you mean"),
        ({"task": {"data": "cora", "split": "scaffold"}}, r"\[task\]: .* valid are public, random"),
        (
            {"callbacks": {"early_stopping": {}}},
            r"\[callbacks.early_stopping\]: .* 'patience' has no value: give one$",
        ),
        (
            {"hyperparameters": {"learning_rate": {"low": 0.1, "high": 1.0, "lgo": True}}},
            "unknown key 'lgo' in the range of learning_rate: did you mean 'log'",
        ),
        (
            {"hyperparameters": {"learning_rate": {"choices": [0.1, 1.0], "log": True}}},
            "range of learning_rate has choices and 'log': give choices alone",
        ),
        ({"objective": 3}, "the objective is an int"),
        ({"objective": ["-val_loss"]}, "the objective is a list"),
        ({"loss": ["mse"]}, "the loss is a list of 1, expected a text"),
        ({"metrics": "r2"}, "expected a list of texts"),
        ({"metrics": [1]}, "expected a list of texts"),
        ({"space": {"name": ["GINE"]}}, "the name of the space is a list"),
        ({"space": {"name": 3}}, "the name of the space is an int"),
        ({"search": {"seed": 10**30}}, "'seed' is 10+, expected at most"),
        ({"callbacks": {"early_stopping": {"patience": 0}}}, "patience is 0, expected at least 1"),
        ({"callbacks": {"search_patience": -1}}, "search_patience is -1, expected at least 1"),
        ({"hyperparameters": {"hidden": 10**30}}, "'hidden' is 10+, expected at most"),
        ({"hyperparameters": {"hidden": {"low": 1, "high": 10**9}}}, "expected at most 1,000"),
        ({"hyperparameters": {"hidden": {"low": 1, "high": 10**30}}}, "expected a number below"),
        ({"hyperparameters": {"hidden": {"low": 1.0, "high": float("nan")}}}, "a number below"),
        ({"hyperparameters": {"hidden": {"low": 1, "high": 9, "levels": 10**9}}}, "most 1000"),
        ({"hyperparameters": {"hidden": {"low": 1, "high": 9, "log": "yes"}}}, "True or False"),
        ({"hyperparameters": {"hidden": -3}}, "hidden is -3, expected at least 1"),
        ({"hyperparameters": {"layers": 0}}, "layers is 0, expected at least 1"),
        ({"hyperparameters": {"hidden": {"low": 0, "high": 6}}}, "hidden is 0, expected at least"),
        ({"search": {"population": 0}}, "search.population is 0, expected at least 1"),
        ({"search": {"population": 5}}, "search.tournament is 10, more than search.population, 5"),
        ({"search": {"tournament": -1}}, "search.tournament is -1, expected at least 1"),
        ({"search": {"name": "bo", "initial": -1}}, "search.initial is -1, expected at least 1"),
        ({"search": {"start": FIRST}}, "'start' is .*, expected a list"),
        ({"search": {"start": ["GINE"]}}, "search.start: the hyper-parameters of 'GINE' are no"),
        (
            {"search": {"start": ['GINE with {"hiden": 4}']}},
            "search.start: .* hiden, expected hidden, learn",
        ),
        ({"search": {"start": [FIRST, FIRST]}}, "search.start has .* twice: give each candidate"),
        ({"engine": {"workers": -2}}, r"in the table \[engine\]: workers is -2, expected at least"),
        ({"engine": {"cpus_per_task": 2}}, r"\[engine\]: cpus_per_task belongs to the engine ray"),
        ({"engine": {"name": "ray", "gpus_per_task": 1.5}}, "gpus_per_task is .* a part of one"),
        ({"task": {"data": "esol", "split_seed": -1}}, "split_seed is -1, expected at least 0"),
        ({"task": {"data": "esol", "split_seed": 2**32}}, "expected at most 4294967295"),
        ({"task": {"data": "cora", "split_seed": -1}}, "split_seed is -1, expected at least 0"),
    ],
)
def test_wrong_problems_are_refused(
    tables: dict[str, Any], change: dict[str, Any], reason: str
) -> None:
    with pytest.raises(InputError, match=reason):
        NASProblem.read({**tables, **change})


@pytest.mark.parametrize(
    ("task", "reason"),
    [
        ({"file": "/"}, "the file of chains, '/', is a folder: give the path of a table"),
        ({"file": "/no/such.csv"}, "the file of chains, '/no/such.csv', is not there"),
        ({"labels": "smiles"}, "has the smiles 'OCO', expected a number"),
    ],
)
def test_wrong_data_are_refused_before_the_folder_is_made(
    tables: dict[str, Any], tmp_path: Path, task: dict[str, Any], reason: str
) -> None:
    problem = NASProblem.read({**tables, "task": {**tables["task"], **task}})
    with pytest.raises(InputError, match=reason):
        run_problem(problem, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_losses_are_searched_by_a_metric_that_all_share(tables: dict[str, Any]) -> None:
    searched = {"loss": {"choices": ["mse", "mae"]}}
    changed = {**tables, "loss": None, "hyperparameters": searched, "fidelity": {}}
    for objective in ("-val_mae", "val_r2__max", len):
        problem = NASProblem.read({**changed, "objective": objective})
        assert list(problem.ranges) == ["loss"]
    # Early stopping compares epochs of one training, which has one loss.
    assert problem.monitor == "val_loss"


@pytest.mark.parametrize(
    ("objective", "note"),
    [
        ("val_mae", "'val_mae' is maximised, though less is better of val_mae: '-val_mae' minim"),
        ("val_rmse__min", "less is better of val_rmse: '-val_rmse__min' minimises it"),
        ("-val_r2__max", "more is better of val_r2: 'val_r2__max' maximises it"),
        ("-val_loss", None),
        ("val_r2", None),
        (len, None),
    ],
)
def test_objectives_that_look_for_the_worst_are_said(
    tables: dict[str, Any], objective: Any, note: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    say_notes(NASProblem.read({**tables, "objective": objective}))
    said = capsys.readouterr().err
    assert said.count("\n") == (note is not None)
    assert (note or "") in said


def test_values_of_the_command_win_over_the_file(tmp_path: Path) -> None:
    place = tmp_path / "digits.toml"
    place.write_text(
        '\ufefftask = {data = "digits"}\nspace = "NB201"\nbudget = {minutes = 2}\n'
        'objective = "val_accuracy"\n[hyperparameters]\nchannels = {choices = [4, 8]}\n',
        encoding="utf-8",
    )
    changes = ["budget.evaluations=3", "search.name=bo", "hyperparameters.channels=4"]
    problem = NASProblem.load(place, changes)
    assert problem.budget.evaluations == 3
    assert problem.budget.minutes == 2
    assert problem.search.name == "bo"
    assert problem.design.channels == 4  # type: ignore[attr-defined]
    assert problem.searched is problem.space
    with pytest.raises(InputError, match=r"expected TABLE\.KEY=VALUE"):
        NASProblem.load(place, ["budget"])


@pytest.mark.parametrize(
    ("changes", "ends"),
    [
        (["learning_rate.low=1e-2"], (0.01, 0.1, True)),
        (["learning_rate.low=1e-4", "learning_rate.high=1"], (1e-4, 1, True)),
        (["learning_rate={low=0.2, high=0.4}"], (0.2, 0.4, False)),
        (["learning_rate.log=false"], (0.001, 0.1, False)),
        (["learning_rate.choices=[0.3, 0.2]"], (0.2, 0.3, False)),
        (["hidden={low=2, high=9}", "learning_rate.high=1"], (0.001, 1, True)),
    ],
)
def test_one_end_of_a_range_can_be_changed(
    tmp_path: Path, changes: list[str], ends: tuple[float, float, bool]
) -> None:
    place = tmp_path / "problem.toml"
    place.write_text(
        'task = {data = "freesolv"}\nspace = "GINE"\nbudget = {minutes = 2}\n[hyperparameters]\n'
        "hidden = {choices = [4, 8]}\nlearning_rate = {low = 1e-3, high = 1e-1, log = true}\n",
        encoding="utf-8",
    )
    ranges = NASProblem.load(place, [f"hyperparameters.{one}" for one in changes]).ranges
    found = ranges["learning_rate"]
    assert (found.values[0], found.values[-1], found.log) == ends
    with pytest.raises(InputError, match="'hidden': a range needs 'high'"):
        NASProblem.load(place, ["hyperparameters.hidden.low=3"])


@pytest.mark.parametrize("name", ["cora", "digits", "qm7", "chains"])
def test_a_file_is_a_table_of_molecules_whatever_its_name(
    tables: dict[str, Any], name: str
) -> None:
    changed = {**tables, "task": {**tables["task"], "data": name}}
    changed.pop("loss")
    problem = NASProblem.read(changed)
    task = problem.task.task(None)
    assert isinstance(task, MoleculeTask)
    assert str(task.name.files[0]) == tables["task"]["file"]  # type: ignore[union-attr]
    assert problem.recipe.loss == "mse"  # type: ignore[attr-defined]
    ours = NASProblem.read({**changed, "task": {"data": "qm7"}})
    assert ours.recipe.loss == "mae"  # type: ignore[attr-defined]


def test_nodes_of_graphs_have_problems_too() -> None:
    table = {"task": {"data": "cora"}, "budget": {"evaluations": 2}}
    made = NASProblem.read({**table, "space": "GCN", "hyperparameters": {"hidden": 8}})
    assert made.design.hidden == 8  # type: ignore[attr-defined]
    assert made.recipe.epochs == 200
    assert made.task.task(None).split == "public"  # type: ignore[union-attr]
    searched = NASProblem.read({**table, "space": "NAS_BENCH_GRAPH", "objective": "val_accuracy"})
    assert searched.design.hidden == 256  # type: ignore[attr-defined]
    assert searched.scored[1].maximise


def test_python_objects_take_ranges(tables: dict[str, Any]) -> None:
    read = NASProblem.read(tables)
    again = NASProblem(read.task, read.space, read.budget, {"hidden": among(4, 8), "epochs": 2})
    assert list(again.ranges) == ["hidden"]
    assert again.recipe.epochs == 2
