"""Searches that choose among fidelities, by the command: folders, resuming, bad input."""

from __future__ import annotations

import csv
import json
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from Bayesian_Optimization import search
from tests.Bayesian_Optimization.test_search import lines, without_times


def test_every_measurement_says_after_how_many_epochs(tmp_path: Path, command: Any) -> None:
    code, out, err = command(
        search.main, "--method", "asha", "--queries", 60, "--log_dir", tmp_path, "--name", "run"
    )
    assert (code, err) == (0, "")
    folder = tmp_path / "run"
    measured = [one for one in lines(folder) if one["event"] == "measured"]
    counts = Counter(str(one["fidelity"]) for one in measured)
    result = json.loads((folder / "result.json").read_text())
    assert result["fidelities"] == counts
    assert set(counts) == {"2", "4"}
    assert f"{counts['2']} after 2, {counts['4']} after 4 epochs" in out
    best = max((one["fidelity"], one["validation"]) for one in measured)
    found = result["best_observed"]
    assert (found["fidelity"], found["validation"]) == best
    rows = list(csv.DictReader((folder / "queries.csv").open()))
    assert [row["fidelity"] for row in rows] == [str(one["fidelity"]) for one in measured]
    config = json.loads((folder / "config.json").read_text())
    assert config["fidelities"] == [2, 4]


@pytest.mark.parametrize(
    "more",
    [("--method", "asha", "--asynchronous", 3), ("--method", "successive_halving", "--batch", 4)],
    ids=["asha", "successive_halving"],
)
def test_goes_on_in_the_middle(tmp_path: Path, command: Any, more: tuple[Any, ...]) -> None:
    flags = ("--eta", 2, "--queries", 18, "--seed", 3, "--log_dir", tmp_path, *more)
    command(search.main, *flags, "--name", "whole")
    whole = lines(tmp_path / "whole")
    folder = shutil.copytree(tmp_path / "whole", tmp_path / "cut")
    content = (folder / "metrics.jsonl").read_text().splitlines(keepends=True)
    kept = len(content) // 2
    (folder / "metrics.jsonl").write_text("".join(content[:kept]) + '{"event": "mea')
    code, _, err = command(search.main, *flags, "--name", "cut", "--resume")
    assert (code, err.count("\n")) == (0, 1)
    assert "of 18 queries are there already" in err
    assert without_times(lines(folder)) == without_times(whole)
    code, _, err = command(search.main, *flags, "--name", "whole", "--resume", "--eta", 3)
    assert (code, err.count("\n")) == (2, 1)


def test_trains_for_as_long_as_it_chooses(tmp_path: Path, command: Any) -> None:
    code, _, _ = command(
        search.main, "--estimator", "train", "--method", "asha", "--eta", 2, "--fidelity", 1, 2,
        "--queries", 3, "--log_dir", tmp_path, "--name", "run",
    )  # fmt: skip
    assert code == 0
    folder = tmp_path / "run"
    measured = [one for one in lines(folder) if one["event"] == "measured"]
    assert [one["fidelity"] for one in measured] == [1, 1, 2]
    assert len(list((folder / "trainings_checkpoints").rglob("*.pt"))) == 3
    best = json.loads((folder / "result.json").read_text())["best_observed"]
    assert "stem_channels=8" in best["network"]  # of the size that was trained


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ("--method asha --fidelity 2 3", "DIGITS101 was measured for 2, 4 epochs, not for 3"),
        ("--method asha --fidelity 4 2", "expected each to be more than the one before"),
        ("--method asha --fidelity 4", "expected two numbers of epochs at least"),
        ("--method asha --eta 1", "eta is 1, expected 2 at least"),
        ("--method evolution --fidelity 2 4", "--fidelity belongs to --method successive_halving"),
        ("--method bo --eta 3", "--eta belongs to --method"),
        ("--fidelity 2 4", "--fidelity belongs to --method"),
        ("--method asha --weights SVGE_NB101", "the search 'asha' reads no weights"),
        ("--method asha --initial 5", "draws at random throughout"),
        ("--method asha --estimator surrogate", "needs --estimator table or train"),
        ("--method asha --objective a:b", "needs --estimator table or train"),
        ("--method asha --estimator train --fidelity 4 8", "the recipe trains for 4 epochs"),
        ("--method asha --queries 6000", "more than the 5064 architectures"),
        ("--space ENAS --method asha", "ENAS was measured for one number of epochs"),
    ],
)
def test_what_does_not_fit_is_one_sentence(
    tmp_path: Path, command: Any, flags: str, message: str
) -> None:
    code, out, err = command(search.main, *flags.split(), "--log_dir", tmp_path)
    assert (code, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []
