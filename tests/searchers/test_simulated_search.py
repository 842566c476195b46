"""Searches by simulated workers: equal to sequential ones, reproducible, resumable."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from estimators.evaluations import Evaluations
from estimators.measurement import Measurement, recorded_seconds
from experiment.errors import InputError
from experiment.simulated_engine import Account, Simulated
from searchers.domain import Candidates
from searchers.history import Step
from searchers.loop import Asked, Budget, SearchLoop
from searchers.methods import make_searcher
from searchers.testing import Events, Formula

QUERIES = 40


def free() -> float:
    """A driver's clock that stands still."""
    return 0.0


class Timed(Formula):
    """Trainings whose time depends on the architecture."""

    def __init__(self, space: Any) -> None:
        super().__init__(space, cost_seconds=lambda _, graph: 2.0 * len(graph.edges))


class Saved(Events):
    """Keeps the events of a search, and the account as it is saved after every measurement."""

    def __init__(self, engine: Simulated) -> None:
        super().__init__()
        self.engine = engine
        self.accounts: list[Account] = []

    def asked(self, batch: Asked) -> None:
        super().asked(batch)
        unsaved = Account(self.engine.account.workers)
        self.accounts.append(self.accounts[-1] if self.accounts else unsaved)

    def measured(self, step: Step) -> None:
        super().measured(step)
        self.accounts.append(deepcopy(self.engine.account))


def search(
    cells: Candidates,
    method: str,
    workers: int,
    events: list[Asked | Measurement] | None = None,
    account: Account | None = None,
) -> Saved:
    """Search to the end, from the beginning or from where another was killed."""
    engine = Simulated(workers, recorded_seconds, free, deepcopy(account))
    saved = Saved(engine)
    budget = Budget(QUERIES, at_once=workers)
    evaluations = Evaluations(Timed(cells.space), engine)
    loop = SearchLoop(make_searcher(method, cells, 3), evaluations, budget, listeners=[saved])
    loop.replay(events or [])
    with engine:
        loop.run()
    return saved


def measured(saved: Saved, events: int | None = None) -> list[str]:
    """Hashes of what was measured; default: by all events."""
    return [one.hash for one in saved.all[:events] if isinstance(one, Measurement)]


@pytest.mark.parametrize("method", ["random", "evolution"])
def test_one_worker_is_the_sequential_search(method: str, cells: Candidates) -> None:
    estimator = Timed(cells.space)
    loop = SearchLoop(make_searcher(method, cells, 3), Evaluations(estimator), Budget(QUERIES))
    history = loop.run()
    saved = search(cells, method, 1)
    assert measured(saved) == estimator.asked
    assert saved.engine.now == history.simulated_seconds
    assert saved.engine.account.utilisation() == 1


def test_many_workers_search_the_same_every_time_and_keep_the_order_of_ends(
    cells: Candidates,
) -> None:
    one, other = search(cells, "evolution", 7), search(cells, "evolution", 7)
    assert measured(one) == measured(other)
    account = one.engine.account
    assert account == other.engine.account
    ends = [account.jobs[number].end for number in account.received]
    assert ends == sorted(ends)
    assert len(ends) == QUERIES
    starts = [job.start for job in account.jobs]
    for moment in ends:
        assert sum(job.start <= moment < job.end for job in account.jobs) <= 7
    assert account.utilisation(max(starts)) == 1  # decisions take no time, so nobody waits
    assert account.makespan == pytest.approx(
        sum(j.end - j.start for j in account.jobs) / 7, rel=0.2
    )


def test_a_killed_search_resumes_to_the_same_account(cells: Candidates) -> None:
    whole = search(cells, "evolution", 7)
    for killed in (1, 5, 30, 31, 60, len(whole.all) - 1):
        again = search(cells, "evolution", 7, whole.all[:killed], whole.accounts[killed - 1])
        assert [*measured(whole, killed), *measured(again)] == measured(whole)
        assert again.engine.account == whole.engine.account


def test_a_table_without_times_is_refused(cells: Candidates) -> None:
    estimator = Formula(cells.space, cost_seconds=None)
    with Simulated(2, recorded_seconds, free) as engine:
        loop = SearchLoop(make_searcher("random", cells), Evaluations(estimator, engine), Budget(5))
        with pytest.raises(InputError, match="no training time is recorded of architecture"):
            loop.run()


def test_what_is_not_in_the_table_takes_no_time(cells: Candidates) -> None:
    estimator = Formula(cells.space, status=lambda number, _: "unknown" if number % 2 else "ok")
    with Simulated(2, recorded_seconds, free) as engine:
        loop = SearchLoop(
            make_searcher("random", cells), Evaluations(estimator, engine), Budget(6, at_once=2)
        )
        loop.run()
    assert engine.now == 6.0
    assert engine.account.utilisation() == 1
