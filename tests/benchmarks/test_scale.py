"""The simulated searches: what is counted, kept and drawn."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks import scale
from datasets import get_benchmark
from datasets.benchmark import Benchmark
from searchers.methods import make_searcher
from searchers.problem import Problem, known_rows, table_problem


def free() -> float:
    """A driver's clock that stands still."""
    return 0.0


@pytest.fixture(scope="module")
def digits() -> Benchmark:
    return get_benchmark("DIGITS101")


@pytest.fixture(scope="module")
def problem(digits: Benchmark) -> Problem:
    return table_problem(digits, known_rows(digits), 0)


def test_a_search_is_counted_as_its_trainings_say(problem: Problem) -> None:
    found = [
        scale.simulate(problem, make_searcher("evolution", problem.domain, 1), 40, workers, free)
        for workers in (1, 1, 8)
    ]
    assert found[0] == found[1]
    assert found[0]["utilisation"] == 1
    alone, together = found[0], found[2]
    assert alone["hours"] / 8 < together["hours"] < alone["hours"]
    assert together["utilisation_to_last_start"] == pytest.approx(1)
    assert together["utilisation"] < 1  # the last ones end when others have nothing to do
    assert list(alone["driver_seconds_after"]) == ["1", "2", "4", "8", "16", "32"]
    best = together["incumbents"]
    assert [one["validation"] for one in best] == sorted({one["validation"] for one in best})
    assert [one["hours"] for one in best] == sorted(one["hours"] for one in best)
    assert best[-1]["hours"] <= together["hours"]


def test_a_killed_benchmark_repeats_nothing(
    digits: Benchmark, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    simulated: list[int] = []

    def simulate(problem: Problem, searcher: Any, queries: int, workers: int) -> dict[str, Any]:
        if len(simulated) == 2:
            raise KeyboardInterrupt
        simulated.append(workers)
        return {"queries": queries, "workers": workers}

    monkeypatch.setattr(scale, "get_benchmark", lambda name, root: digits)
    monkeypatch.setattr(scale, "simulate", simulate)
    file = tmp_path / "scale.json"
    words = ["run", "--methods", "random", "--workers", "1", "2", "4", "--results", str(file)]
    with pytest.raises(KeyboardInterrupt):
        scale.main(words)
    assert list(json.loads(file.read_text())["results"]["random"]["4096"]) == ["1", "2"]
    simulated.pop(0)
    scale.main(words)
    assert simulated == [2, 4]
    kept = json.loads(file.read_text())["results"]["random"]["4096"]
    assert {workers: runs["0"]["workers"] for workers, runs in kept.items()} == {
        "1": 1,
        "2": 2,
        "4": 4,
    }


SEARCH: dict[str, Any] = {
    "queries": 8,
    "hours": 4.0,
    "utilisation": 0.5,
    "utilisation_to_last_start": 0.75,
    "decisions_a_second": 200.0,
    "incumbents": [{"hours": 1.0, "true_test": 0.5}, {"hours": 3.0, "true_test": 0.75}],
}


def test_incumbents_of_several_searches_are_averaged_at_equal_hours() -> None:
    other = {**SEARCH, "hours": 5.0, "incumbents": [{"hours": 2.0, "true_test": 1.0}]}
    hours, errors = scale.mean_error([SEARCH, other])
    assert hours.tolist() == [2.0, 3.0, 5.0]
    assert errors.tolist() == [25.0, 12.5, 12.5]


def test_the_table_and_the_figure_say_what_is_kept(tmp_path: Path) -> None:
    results = {"evolution": {"8": {"2": {"0": SEARCH}, "4": {"0": SEARCH, "1": SEARCH}}}}
    assert scale.mean_training(results) == pytest.approx(np.mean([1, 2, 2]) * 1800)
    lines = list(scale.table_lines(results))
    assert lines[2].startswith("| evolution, 8 queries | 2 | 75.00% | 50.0% | 200 | 4 |")
    assert len(lines) == 4
    scale.draw(results, tmp_path / "scale.png")
    assert (tmp_path / "scale.png").stat().st_size > 10_000


@pytest.mark.parametrize(("measured", "between"), [(250, 10), (1000, 64), (4000, 256)])
def test_a_choice_of_hyperparameters_is_shared_by_the_queries_up_to_the_next(
    measured: int, between: int
) -> None:
    assert scale.refits(measured, 512) == between
    assert scale.refits(measured, 10_000) == 10
