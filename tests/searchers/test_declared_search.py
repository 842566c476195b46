"""What a declared search leaves, how it ends, and how it resumes."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest

from analysis.report.report import ReportRequest, write_report
from experiment.errors import InputError
from experiment.files import read_json
from searchers.declared import results
from searchers.declared.problem import NASProblem
from searchers.declared.run import run_problem
from searchers.summary import result_lines

FIRST = 'GINE with {"hidden": 8, "learning_rate": 0.01}'


def rows_of(run: Path) -> list[dict[str, str]]:
    """The rows of ``results.csv`` without times."""
    with (run / results.RESULTS).open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return [{k: v for k, v in row.items() if not k.startswith("timestamp")} for row in rows]


def test_networks_beyond_the_memory_are_failures(tables: dict[str, Any], tmp_path: Path) -> None:
    sizes = {"hidden": {"choices": [4, 2**40, 2**62]}, "learning_rate": 0.01}
    changed = {"hyperparameters": {**tables["hyperparameters"], **sizes}}
    rest = {"budget": {"evaluations": 3}, "top_k": {"k": 1, "repeats": 1}}
    problem = NASProblem.read({**tables, **changed, **rest})
    found = run_problem(problem, tmp_path / "run")
    rows = {row["hidden"]: row["status"] for row in rows_of(tmp_path / "run")}
    assert rows == {"4": "ok", str(2**40): "failed", str(2**62): "failed"}
    assert found.top_k[0]["hidden"] == 4


def test_a_search_resumes_to_the_same_numbers(
    tables: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    problem = NASProblem.read(tables)
    whole = run_problem(problem, tmp_path / "whole")
    rows = rows_of(tmp_path / "whole")
    assert list(rows[0])[:5] == ["arch_seq", "hidden", "learning_rate", "job_id", "objective"]
    assert len(rows) == 5
    best = max(float(row["objective"]) for row in rows)
    assert -whole.summary["best_observed"]["value"] == best

    def interrupt(self: results.ResultsFile, step: Any) -> None:
        self.write()
        if step.query == 2:
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(results.ResultsFile, "measured", interrupt)
        with pytest.raises(KeyboardInterrupt):
            run_problem(problem, tmp_path / "killed")
    assert len(rows_of(tmp_path / "killed")) == 2
    resumed = run_problem(problem, tmp_path / "killed", resume=True)
    assert rows_of(tmp_path / "killed") == rows
    keys = ("validation", "test", "validation_std", "hidden", "learning_rate")
    assert [[row[key] for key in keys] for row in resumed.top_k] == [
        [row[key] for key in keys] for row in whole.top_k
    ]


def test_a_search_begins_with_what_is_given(tables: dict[str, Any], tmp_path: Path) -> None:
    search = {**tables["search"], "start": [FIRST]}
    given = {**tables, "search": search, "top_k": {"k": 0}}
    problem = NASProblem.read(given)
    assert "tournament 2, 1 given to begin with, seed 1" in str(problem)
    two = {**search, "start": [FIRST, FIRST.replace("8", "4")]}
    few = NASProblem.read({**given, "search": two, "budget": {"evaluations": 1}})
    with pytest.raises(InputError, match="starts from 2 architectures and may measure 1"):
        run_problem(few, tmp_path / "none")
    assert not (tmp_path / "none").exists()
    run_problem(problem, tmp_path / "run")
    rows = rows_of(tmp_path / "run")
    assert (rows[0]["hidden"], rows[0]["learning_rate"]) == ("8", "0.01")
    assert len(rows) == 5
    other = {**search, "start": ['GINE with {"hidden": 4, "learning_rate": 0.01}']}
    with pytest.raises(InputError, match="start"):
        run_problem(NASProblem.read({**given, "search": other}), tmp_path / "run", resume=True)


def test_the_best_are_trained_fully_and_tested(tables: dict[str, Any], tmp_path: Path) -> None:
    found = run_problem(NASProblem.read({**tables, "budget": {"evaluations": 3}}), tmp_path / "run")
    assert [row["rank"] for row in found.top_k] == [1, 2]
    assert all(row["trainings"] == 2 and row["test"] > 0 for row in found.top_k)
    chosen = found.top_k[found.summary["chosen"] - 1]
    assert chosen["validation"] == min(row["validation"] for row in found.top_k)
    training = read_json(tmp_path / "run" / "top_k" / "1" / "repeat_1" / "config.json")
    assert (training["seed"], training["recipe"]["epochs"]) == (1, 2)
    assert 0 < found.summary["utilisation"] <= 1
    assert (tmp_path / "run" / "figures" / "workers.png").is_file()
    assert (tmp_path / "run" / "top_k" / "1" / "repeat_1" / "figures" / "predictions.png").is_file()
    write_report(ReportRequest([tmp_path / "run"], tmp_path / "report.html"))
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    for title in (
        "Learning curves of the search",
        "The best, trained fully",
        "Learning curves of the best, trained fully",
        "Predicted against true",
        "Workers at work",
        "of the time",
    ):
        assert title in page


def test_a_search_ends_by_its_patience(tables: dict[str, Any], tmp_path: Path) -> None:
    worse = {"n": 0}

    def objective(history: dict[str, list[float]]) -> float:
        worse["n"] -= 1
        return worse["n"]

    problem = NASProblem.read(
        {
            **tables,
            "objective": objective,
            "budget": {"evaluations": 30},
            "top_k": {"k": 0},
            "callbacks": {"search_patience": 2, "log": False},
        }
    )
    assert run_problem(problem, tmp_path / "run").summary["queries"] == 3


def test_minutes_end_a_search(tables: dict[str, Any], tmp_path: Path) -> None:
    budget = {"budget": {"minutes": 1e-6}, "top_k": {"k": 0}}
    problem = NASProblem.read({**tables, **budget})
    found = run_problem(problem, tmp_path / "run")
    assert found.summary["queries"] == 0
    assert "nothing was measured: the budget was spent before" in result_lines(
        found.summary, found.run.config
    )
