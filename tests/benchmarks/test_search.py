"""The benchmarks of searches: what they count, and the searcher that stands for plain BoTorch."""

from __future__ import annotations

import numpy as np
import pytest

from Bayesian_Optimization.loop import Budget
from Bayesian_Optimization.methods import make_searcher
from Bayesian_Optimization.problem import Problem, known_rows, table_problem
from benchmarks import search, search_parts
from datasets import get_benchmark


@pytest.fixture(scope="module")
def problem() -> Problem:
    table = get_benchmark("DIGITS101")
    return table_problem(table, known_rows(table))


def test_a_search_is_told_by_true_means(problem: Problem) -> None:
    found = search.search(problem, make_searcher("bo", problem.domain, 0, 10), Budget(30))
    assert len(found["test"]) == len(found["validation"]) == 30
    assert (np.diff(found["validation"]) >= 0).all()
    assert set(found["recommended"]) == {"30"}
    assert problem.truth is not None
    best = problem.truth.optimum()["validation"]
    reached = [query for query, value in enumerate(found["validation"], 1) if value == best]
    assert found["hit"] == (reached[0] if reached else None)


def test_recommendations_are_told_where_every_run_has_one() -> None:
    curve = [0.5] * 50
    run = {"test": curve, "recommended": {"30": 0.9, "50": None}, "hit": None, "seconds": 1.0}
    assert list(search.recommendations({"0": run, "1": run})) == [30]
    assert search.recommendations({"0": run, "1": {"test": curve}}) == {}
    told = search.summary({"0": run, "1": {**run, "hit": 12}})
    assert "30: 50.000 ± 0.000" in told
    assert "by posterior mean 30: 90.000" in told
    assert "optimum met by 1 of 2" in told


@pytest.mark.parametrize("batch", [1, 3])
def test_plain_botorch_asks_for_nothing_twice_and_learns(problem: Problem, batch: int) -> None:
    searcher = search_parts.plain(problem.domain, 0)
    found = search.search(problem, searcher, Budget(22, batch))
    names = [each.hash for each in searcher.observations]
    assert len(set(names)) == 22
    values = [each.value or 0.0 for each in searcher.observations]
    assert np.mean(values[10:]) > np.mean(values[:10])
    assert found["recommended"] == {}


def test_every_part_makes_a_searcher(problem: Problem) -> None:
    for make, batch in search_parts.PARTS.values():
        assert len(make(problem.domain, 1).ask(batch)) == batch
