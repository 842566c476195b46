"""``docs/problem.md``: its code runs, and its commands and keys are those that there are."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import pytest

from Bayesian_Optimization.search_problem import make_parser
from experiment.files import read_json
from experiment.paths import DATA_ROOT_VARIABLE, REPOSITORY_ROOT
from searchers.declared.problem import NASProblem

Blocks = Callable[[str, str], list[str]]
PAGE = "problem.md"


def test_code_of_the_page_runs(
    blocks: Blocks, data_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(DATA_ROOT_VARIABLE, str(data_root))
    monkeypatch.chdir(tmp_path)
    session: dict[str, object] = {}
    for block in blocks(PAGE, "python"):
        exec(block, session)
    found = session["found"]
    assert found.summary["queries"] == 4  # type: ignore[attr-defined]
    assert (tmp_path / "runs" / "freesolv" / "results.csv").is_file()


def test_commands_of_the_page_are_understood(blocks: Blocks) -> None:
    for line in "\n".join(blocks(PAGE, "bash")).splitlines():
        if "search_problem.py" in line:
            make_parser().parse_args(line.partition("#")[0].split()[2:])


def test_the_page_names_every_part_of_a_problem() -> None:
    text = (REPOSITORY_ROOT / "docs" / PAGE).read_text(encoding="utf-8")
    named = set(re.findall(r"`\[?(\w+)\]?`", text))
    assert {one.name for one in fields(NASProblem)} - {"data_root"} <= named


def test_the_tutorial_takes_minutes() -> None:
    problem = NASProblem.load(REPOSITORY_ROOT / "examples" / "search_qm7.toml")
    evaluations, best = problem.budget.evaluations, problem.top_k
    assert evaluations is not None
    epochs = evaluations * problem.epochs + best.k * best.repeats * problem.recipe.epochs
    networks = read_json(REPOSITORY_ROOT / "benchmarks" / "results" / "mpnn_speed.json")["networks"]
    text = (REPOSITORY_ROOT / "docs" / PAGE).read_text(encoding="utf-8")
    assert f"at most {epochs} epochs" in text
    for name in ("middle", "largest"):
        seconds = networks[name]["seconds"]
        minutes = epochs * seconds / 60 / (problem.engine.workers or 1)
        assert f"{minutes:.0f} minutes" in text
        assert f"{seconds} s" in text
        assert minutes < 15
    assert "4.41e+15 architectures" in str(problem)
