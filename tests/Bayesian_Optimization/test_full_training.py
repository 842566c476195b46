"""``fully_train_ENAS*.py`` without an architecture train those of the newest finished run."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from Bayesian_Optimization import full_training, fully_train_ENAS, fully_train_ENAS12
from datasets.batch import GraphBatch
from datasets.graph import ArchitectureGraph
from datasets.spaces.enas import ENAS
from experiment.run import RunFolder
from Extrapolation_Ability.ranking import Ranking
from searchers import search

TINY = """
[network.ENAS]
filters = 2
[recipe]
epochs = 1
batch_size = 400
learning_rate = 0.02
optimiser = "adamw"
schedule = "one_cycle"
weight_decay = 0.01
precision = "float32"
"""


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of runs, empty, in place of the repository's."""
    monkeypatch.setattr(full_training, "RUNS", tmp_path / "runs")
    return tmp_path / "runs"


@pytest.fixture
def train(tmp_path: Path, command: Any) -> Callable[..., tuple[int, str, str]]:
    (tmp_path / "tiny.toml").write_text(TINY)

    def run(main: Any, *more: Any) -> tuple[int, str, str]:
        flags = ("--data_set", "digits", "--device", "cpu", "--config", tmp_path / "tiny.toml")
        found: tuple[int, str, str] = command(main, *flags, "--log_dir", tmp_path / "out", *more)
        return found

    return run


def trained(tmp_path: Path, name: str) -> list[str]:
    text = (tmp_path / "out" / name / "measurements.jsonl").read_text()
    return [json.loads(line)["hash"] for line in text.splitlines()]


def edges(graph: ArchitectureGraph) -> int:
    return len(graph.edges)


def ended(folder: Path | None, second: int) -> None:
    """Make a run seem to have ended then."""
    assert folder is not None
    os.utime(folder / "result.json", (second, second))


def test_the_best_queries_of_the_newest_search_are_trained(
    runs: Path, train: Any, tmp_path: Path
) -> None:
    old = search("ENAS", edges, 5, "random", run=runs / "search" / "old", seed=1)
    new = search("ENAS", edges, 8, "random", run=runs / "search" / "new", minimise=True)
    other = search(ENAS(4), edges, 5, "random", run=runs / "search" / "other")
    for second, result in enumerate((old, new, other)):
        ended(result.run, 1_000_000 + second)
    best = sorted(new.history, key=lambda each: each.value or 0.0)[:2]
    code, out, err = train(fully_train_ENAS.main, "--top", 2)
    assert (code, err) == (0, "")
    queries = ", ".join(str(each.query) for each in best)
    assert f"training queries {queries} of '{runs / 'search' / 'new' / 'queries.csv'}'" in out
    assert trained(tmp_path, "fully_train_ENAS") == [each.hash for each in best]


def test_the_first_of_a_ranking_are_trained(runs: Path, train: Any, tmp_path: Path) -> None:
    space = ENAS(12)
    graphs = GraphBatch.from_graphs(space.sample(5, np.random.default_rng(0)))
    ranking = Ranking.of(space, graphs, (np.array([0.1, 0.5, 0.3, 0.2, 0.4]), None))
    unfinished = runs / "extrapolation" / "unfinished"
    for place in (runs / "extrapolation" / "extrapol_ENAS", unfinished):
        run = RunFolder.start(place, {"space": space.name}, 0, False)
        ranking.write(run.path)
        if place != unfinished:
            run.save_result({"candidates": 5})
    (runs / "mine").mkdir()
    (runs / "mine" / "config.json").write_text("no run of ours")
    code, out, err = train(fully_train_ENAS12.main)
    assert (code, err) == (0, "")
    assert "training ranks 1, 2, 3 of '" in out
    assert "extrapol_ENAS/ranking.jsonl'" in out
    assert trained(tmp_path, "fully_train_ENAS12") == ranking.hashes[:3].tolist()


BAD: dict[str, tuple[tuple[Any, ...], str]] = {
    "nothing": ((), "make a run by python Extrapolation_Ability/eval_extrapolation.py"),
    "a form of nothing": (("--arch_form", "rows"), "--arch_form describes architectures"),
    "the first of what is named": ((" ".join("0" * 78), "--top", 2), "--top is of the newest run"),
}


@pytest.mark.parametrize(("flags", "expected"), BAD.values(), ids=BAD)
def test_refuses_bad_input_in_one_sentence(
    flags: tuple[Any, ...], expected: str, runs: Path, train: Any, tmp_path: Path
) -> None:
    code, out, err = train(fully_train_ENAS12.main, *flags)
    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert expected in err
    assert not (tmp_path / "out").exists()
