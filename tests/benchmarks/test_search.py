"""The benchmarks of searches: what they count, and the searcher that stands for plain BoTorch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import torch

from benchmarks import search, search_parts
from datasets import get_benchmark, get_space
from datasets.batch import GraphBatch
from experiment.errors import InputError
from predictors.regressor import FeatureMatrix
from searchers.candidate_bo import CandidateBO
from searchers.criteria import log_expected_improvement, upper_confidence_bound
from searchers.domain import Candidates
from searchers.loop import Budget
from searchers.methods import SEARCHERS, make_searcher
from searchers.problem import Problem, table_problem


@pytest.fixture(scope="module")
def problem() -> Problem:
    """The best cell of DIGITS101, and every twentieth."""
    table = get_benchmark("DIGITS101")
    best = int(table.metric("validation").mean().argmax())
    rows = sorted({best, *range(0, len(table), 20)})
    return table_problem(
        table, Candidates(table.space, table.graphs[torch.tensor(rows)], table.hashes[rows])
    )


def test_a_search_is_told_by_true_means(problem: Problem) -> None:
    found = search.search(problem, make_searcher("bo", problem.domain, 0, 10), Budget(30))
    assert len(found["test"]) == len(found["validation"]) == 30
    assert (np.diff(found["validation"]) >= 0).all()
    assert set(found["recommended"]) == {"30"}
    assert problem.truth is not None
    best = problem.truth.optimum()["validation"]
    reached = [query for query, value in enumerate(found["validation"], 1) if value == best]
    assert found["hit"] == (reached[0] if reached else None)


class Described(Candidates):
    """Cells whose features are known without being computed."""

    def describe(self, features: Sequence[str]) -> list[FeatureMatrix]:
        self.features = tuple(features)
        return [FeatureMatrix(np.arange(len(self))[:, None] % 7.0, True) for _ in features]


@pytest.fixture
def cells() -> Described:
    space = get_space("NB101")
    drawn = space.sample(40, np.random.default_rng(0))
    return Described(space, GraphBatch.from_graphs(drawn, space.max_nodes))


def test_every_searcher_is_compared_and_other_rows_know_what_they_say(cells: Described) -> None:
    assert set(SEARCHERS) <= set(search.METHODS)
    plain = search.METHODS["bo, no transfer"].make(cells, 0, 10)
    assert isinstance(plain, CandidateBO)
    assert "digits" not in cells.features
    assert plain.criterion is log_expected_improvement  # the rest is the space's own setting
    general = search.METHODS["bo, one setting"].make(cells, 0, 10)
    assert isinstance(general, CandidateBO)
    assert cells.features == ("statistics", "walks")
    assert general.criterion is upper_confidence_bound


def test_where_nothing_was_transferred_there_is_no_row_without_it(problem: Problem) -> None:
    with pytest.raises(InputError, match="bo reads no digits on DIGITS101"):
        search.METHODS["bo, no transfer"].make(problem.domain, 0, 10)


def test_a_start_by_digits_takes_the_highest_scores_first(cells: Described) -> None:
    assert search.METHODS["evolution"].start(cells) == []
    first = search.METHODS["evolution, started by digits"].start(cells)
    assert len(first) == search.INITIAL
    scores = np.arange(len(cells)) % 7
    expected = np.argsort(-scores, kind="stable")[: search.INITIAL]
    assert [cells.row_of[cells.space.hash(one)] for one in first] == expected.tolist()


def test_a_search_measures_its_start_first(problem: Problem) -> None:
    domain = problem.domain
    assert isinstance(domain, Candidates)
    start = [domain.graphs.graph(row) for row in (5, 3, 9)]
    searcher = make_searcher("evolution", domain, 0, 3)
    search.search(problem, searcher, Budget(6), start)
    hashes = [each.hash for each in searcher.observations]
    assert hashes[:3] == [str(domain.hashes[row]) for row in (5, 3, 9)]
    assert len(set(hashes)) == 6


def test_recommendations_are_told_where_every_run_has_one() -> None:
    curve = [0.5] * 50
    run = {"test": curve, "recommended": {"30": 0.9, "50": None}, "hit": None, "seconds": 1.0}
    assert list(search.recommendations({"0": run, "1": run})) == [30]
    assert search.recommendations({"0": run, "1": {"test": curve}}) == {}
    told = search.summary({"0": run, "1": {**run, "hit": 12}})
    assert "30: 50.000 ± 0.000" in told
    assert "by posterior mean 30: 90.000" in told
    assert "optimum found by 1 of 2, median > 50" in told


@pytest.mark.parametrize("batch", [1, 3])
def test_plain_botorch_asks_for_nothing_twice_and_learns(problem: Problem, batch: int) -> None:
    searcher = search_parts.plain(problem.domain, 0)
    found = search.search(problem, searcher, Budget(search.INITIAL + 6, batch))
    hashes = [each.hash for each in searcher.observations]
    assert len(set(hashes)) == len(hashes) == search.INITIAL + 6
    values = [each.value or 0.0 for each in searcher.observations]
    assert np.mean(values[search.INITIAL :]) > np.mean(values[: search.INITIAL])
    assert found["recommended"] == {}


def test_every_part_makes_a_searcher(problem: Problem) -> None:
    for part, (make, batch) in search_parts.PARTS.items():
        asked = [problem.domain.space.hash(graph) for graph in make(problem.domain, 1).ask(batch)]
        assert len(set(asked)) == batch, part
        assert all(problem.domain.holds(name) for name in asked), part


@pytest.mark.parametrize(
    ("name", "validation", "test"),
    [
        ("NB101", 95.055, 94.234),
        ("NB101_one_trial", 95.055, 94.234),
        ("NB201_cifar10", 91.607, 94.373),
        ("NB201_cifar100", 73.493, 73.513),
        ("NB201_ImageNet16-120", 46.733, 46.200),
    ],
)
def test_the_optimum_of_a_figure_is_that_of_the_table(
    name: str, validation: float, test: float
) -> None:
    assert 100 * (search.optimum(name, "validation") or 0) == pytest.approx(validation, abs=6e-4)
    assert 100 * (search.optimum(name, "test") or 0) == pytest.approx(test, abs=6e-4)
