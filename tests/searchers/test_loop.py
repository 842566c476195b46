"""The loop: budget, batches, accounts, and when it gives up."""

from __future__ import annotations

from typing import Any

import pytest

from datasets import get_benchmark
from datasets.benchmark import Benchmark
from estimators.evaluations import Evaluations
from experiment.errors import InputError
from searchers.domain import Candidates
from searchers.history import TableTruth, incumbent_record
from searchers.loop import Asked, Budget, SearchLoop
from searchers.problem import known_rows, table_problem
from searchers.random_search import RandomSearch


class Backwards(Evaluations):
    """Finishes what was submitted last first, as a fast worker may."""

    def __init__(self, estimator: Any) -> None:
        super().__init__(estimator)
        self.submitted: list[Any] = []

    def submit(self, architectures: Any, fidelities: Any = ()) -> None:
        self.submitted += architectures

    def next_result(self) -> Any:
        super().submit([self.submitted.pop()])
        return super().next_result()


class Told(RandomSearch):
    """Remembers in which pieces it was told."""

    def tell(self, measurements: Any) -> None:
        self.pieces = [*getattr(self, "pieces", []), [one.hash for one in measurements]]
        super().tell(measurements)


def test_a_batch_is_told_together_in_the_order_of_asking(cells: Candidates, formula: Any) -> None:
    searcher = Told(cells)
    batches: list[Asked] = []

    class Listener:
        def asked(self, batch: Asked) -> None:
            batches.append(batch)

        def measured(self, step: Any) -> None: ...

    loop = SearchLoop(
        searcher, Backwards(formula(cells.space)), Budget(10, batch=4), listeners=[Listener()]
    )
    loop.run()
    assert [len(piece) for piece in searcher.pieces] == [4, 4, 2]
    assert searcher.pieces == [list(batch.hashes) for batch in batches]


def test_an_asynchronous_search_asks_as_soon_as_one_is_done(
    cells: Candidates, formula: Any
) -> None:
    searcher = Told(cells)
    pending: list[int] = []

    class Listener:
        def asked(self, batch: Asked) -> None: ...

        def measured(self, step: Any) -> None:
            pending.append(len(searcher.pending))

    loop = SearchLoop(
        searcher, Backwards(formula(cells.space)), Budget(9, at_once=3), listeners=[Listener()]
    )
    loop.run()
    assert pending == [3] * 7 + [2, 1]
    assert [len(piece) for piece in searcher.pieces] == [1] * 9


def test_begins_with_the_architectures_it_is_given(cells: Candidates, formula: Any) -> None:
    estimator = formula(cells.space)
    start = [cells.graphs.graph(row) for row in (2000, 7, 300)]
    loop = SearchLoop(
        RandomSearch(cells, initial=5), Evaluations(estimator), Budget(8), start=start
    )
    loop.run()
    assert estimator.asked[:3] == [cells.space.hash(graph) for graph in start]
    assert len(set(estimator.asked)) == 8


def test_refuses_to_begin_with_more_than_it_may_measure(cells: Candidates, formula: Any) -> None:
    start = [cells.graphs.graph(row) for row in range(3)]
    with pytest.raises(InputError, match="starts from 3 architectures and may measure 2"):
        SearchLoop(RandomSearch(cells), Evaluations(formula(cells.space)), Budget(2), start=start)


@pytest.mark.parametrize("queries", [5, 60])
def test_gives_up_where_everything_fails(queries: int, cells: Candidates, formula: Any) -> None:
    estimator = formula(cells.space, status="failed")
    loop = SearchLoop(RandomSearch(cells), Evaluations(estimator), Budget(queries))
    with pytest.raises(InputError, match="because: it was so decided"):
        loop.run()
    assert len(estimator.asked) == min(queries, 20)


def test_gives_up_where_nothing_is_in_the_table(cells: Candidates, formula: Any) -> None:
    estimator = formula(cells.space, status="unknown")
    loop = SearchLoop(RandomSearch(cells), Evaluations(estimator), Budget(5))
    with pytest.raises(InputError, match="the last 2,000 architectures are not in the table"):
        loop.run()


def test_a_failure_costs_a_query_and_no_value_that_is_no_number_wins(
    cells: Candidates, formula: Any
) -> None:
    estimator = formula(
        cells.space, validation=lambda number, _: float("inf") if number == 2 else 0.1 * number
    )
    loop = SearchLoop(RandomSearch(cells), Evaluations(estimator), Budget(4))
    history = loop.run()
    assert [step.measurement.status for step in history.steps] == ["ok", "failed", "ok", "ok"]
    assert "inf" in history.steps[1].measurement.reason
    assert [one and one.query for one in history.incumbents()] == [1, 1, 3, 4]


@pytest.mark.parametrize("wrong", [{"queries": 0}, {"batch": 0}, {"at_once": 0}])
def test_a_budget_of_nothing_is_none(wrong: dict[str, int]) -> None:
    with pytest.raises(InputError, match="expected at least 1"):
        Budget(**{"queries": 5, **wrong})


@pytest.fixture(scope="module")
def digits() -> Benchmark:
    return get_benchmark("DIGITS101")


def test_truth_is_the_mean_over_the_trials(digits: Benchmark) -> None:
    truth = TableTruth(digits)
    values = digits.metric("validation").values[77]
    found = truth.of(str(digits.hashes[77]))
    assert found["true_validation"] == pytest.approx(values.mean())
    assert truth.of("0" * 32) == {"true_validation": None, "true_test": None}
    best = digits.metric("validation").values.mean(axis=1)
    tests = digits.metric("test").values.mean(axis=1)
    assert truth.optimum() == {
        "validation": pytest.approx(best.max()),
        "test": pytest.approx(tests.max()),
        "test_of_best_validation": pytest.approx(tests[best.argmax()]),
    }


def test_a_search_by_one_trial_is_shown_that_trial(digits: Benchmark) -> None:
    problem = table_problem(digits, known_rows(digits, 1), trial=1)
    loop = SearchLoop(RandomSearch(problem.domain), Evaluations(problem.estimator), Budget(20))
    history = loop.run()
    shown = digits.metric("validation").trial(1)
    for step in history.steps:
        assert step.measurement.validation == shown[digits.row(step.measurement.hash)]
    told = incumbent_record(history.incumbent, problem.truth)
    assert told is not None
    assert told["validation"] == max(step.measurement.validation or 0 for step in history.steps)
    assert told["true_validation"] != told["validation"]
