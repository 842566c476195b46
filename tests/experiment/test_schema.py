"""What a run's folder promises to those who read it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from experiment.errors import InputError
from experiment.run import RunFolder
from experiment.schema import (
    CONFIGS,
    RESULTS,
    SCHEMA,
    Stage,
    check_config,
    check_result,
    stage_of,
)

OBJECTIVE = {"name": "validation", "maximise": True, "unit": "fraction", "dataset": "cifar10"}
SEARCH: dict[str, Any] = {
    "stage": Stage.SEARCH,
    "space": "NB101",
    "method": "bo",
    "estimator": "table",
    "objective": {**OBJECTIVE, "trial": None},
    "queries": 20,
    "initial": 10,
    "batch": 1,
}
RESULT: dict[str, Any] = {
    "queries": 3,
    "share_known": 1.0,
    "best_observed": {"hash": "a", "architecture": {"arch": "x"}, "notation": "x"},
    "recommended": None,
    "optimum": {"validation": 0.9, "test": None},
    "seconds": 1,
    "simulated_seconds": 0.0,
}


def test_a_run_is_written_with_stage_and_version(tmp_path: Path) -> None:
    RunFolder.start(tmp_path / "run", SEARCH, seed=3, resume=False)
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    assert (config["stage"], config["schema"], config["seed"]) == ("search", SCHEMA, 3)
    assert stage_of(config) is Stage.SEARCH
    check_config(config)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"queries": None}, "have 'queries' None, expected a whole number"),
        ({"queries": True}, "have 'queries' True, expected a whole number"),
        ({"candidates": "all"}, "'candidates' 'all', expected a whole number or nothing"),
        ({"objective": []}, r"'objective' \[\], expected an object"),
        ({"objective": OBJECTIVE}, "lack 'objective.trial'"),
        ({"objective": {**OBJECTIVE, "trial": "1"}}, "'objective.trial' '1', expected a whole"),
        ({"stage": "cook"}, "stage is 'cook', expected one of"),
    ],
)
def test_wrong_settings_are_refused_before_anything_is_written(
    tmp_path: Path, changed: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        RunFolder.start(tmp_path / "run", {**SEARCH, **changed}, seed=0, resume=False)
    assert not (tmp_path / "run").exists()


def test_what_is_lacking_is_named(tmp_path: Path) -> None:
    config = {key: value for key, value in SEARCH.items() if key != "method"}
    with pytest.raises(InputError, match="settings of the stage search lack 'method'"):
        RunFolder.start(tmp_path / "run", config, seed=0, resume=False)
    with pytest.raises(InputError, match="result of the stage search lack 'queries'"):
        check_result(Stage.SEARCH, {"best_observed": None})


def test_a_result_is_checked_by_the_run_s_stage(tmp_path: Path) -> None:
    run = RunFolder.start(tmp_path / "run", SEARCH, seed=0, resume=False)
    flat = {**RESULT["best_observed"], "architecture": "x"}
    for wrong, message in (
        ({"best_observed": 0.9}, r"'best_observed' 0\.9, expected an object or nothing"),
        ({"best_observed": flat}, "'best_observed.architecture' 'x', expected an object"),
        ({"optimum": {"test": "high"}}, "'optimum.test' 'high', expected a number or nothing"),
    ):
        with pytest.raises(InputError, match=message):
            run.save_result(RESULT | wrong)
    assert not run.has_result
    run.save_result({**RESULT, "further": [1]})
    assert run.has_result


def test_the_objects_of_a_list_are_checked() -> None:
    member = {"hash": "a", "architecture": {}, "validation": 0.9, "test": None, "cost": 3.0}
    front = {**RESULT, "front": [member], "cost": "flops", "hypervolume": 1.0}
    front["share_of_hypervolume"] = 0.5
    check_result(Stage.FRONT, front)
    with pytest.raises(InputError, match=r"have 'front\.1\.cost' None, expected a number"):
        check_result(Stage.FRONT, {**front, "front": [member, {**member, "cost": None}]})


@pytest.mark.parametrize("schema", [None, SCHEMA - 1])
def test_a_run_of_an_earlier_version_is_not_resumed(tmp_path: Path, schema: int | None) -> None:
    run = RunFolder.start(tmp_path / "run", SEARCH, seed=0, resume=False)
    config = {**run.config, "schema": schema}
    if schema is None:
        del config["schema"]
    (run.path / "config.json").write_text(json.dumps(config))
    with pytest.raises(InputError, match="a run of an earlier version, which cannot be resumed"):
        RunFolder.start(tmp_path / "run", SEARCH, seed=0, resume=True)


def test_every_stage_has_settings_and_results() -> None:
    assert set(CONFIGS) == set(RESULTS) == set(Stage)
