"""What a run's folder promises to those who read it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from experiment.errors import InputError
from experiment.run import RunFolder
from experiment.schema import CONFIGS, SCHEMA, Stage, check_config, check_result, stage_of

SEARCH: dict[str, Any] = {
    "stage": Stage.SEARCH,
    "space": "NB101",
    "method": "bo",
    "estimator": "table",
    "queries": 20,
    "initial": 10,
    "batch": 1,
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
    with pytest.raises(InputError, match=r"'best_observed' 0\.9, expected an object or nothing"):
        run.save_result({"queries": 3, "best_observed": 0.9})
    assert not run.has_result
    run.save_result({"queries": 3, "best_observed": None, "seconds": 1})
    assert run.has_result


def test_a_run_of_an_earlier_version_is_not_resumed(tmp_path: Path) -> None:
    run = RunFolder.start(tmp_path / "run", SEARCH, seed=0, resume=False)
    config = run.config
    del config["schema"]
    (run.path / "config.json").write_text(json.dumps(config))
    with pytest.raises(InputError, match="a run of an earlier version, which cannot be resumed"):
        RunFolder.start(tmp_path / "run", SEARCH, seed=0, resume=True)


def test_every_stage_has_settings() -> None:
    assert set(CONFIGS) == set(Stage)
