"""What every searcher promises, whoever adds it to the registry."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from estimators.evaluations import InThisProcess
from estimators.measurement import Measurement
from experiment.errors import InputError
from searchers.domain import Candidates, WholeSpace
from searchers.loop import Asked, Budget, SearchLoop
from searchers.methods import SEARCHERS, make_searcher
from searchers.recommendation import Recommends, recommended

EVERY = pytest.mark.parametrize("name", list(SEARCHERS))
GUIDED = pytest.mark.parametrize("name", [name for name in SEARCHERS if name != "random"])
CHEAP = pytest.mark.usefixtures("cheap_models")


class Events:
    """Keeps what happens."""

    def __init__(self) -> None:
        self.all: list[Asked | Measurement] = []

    def asked(self, batch: Asked) -> None:
        self.all.append(batch)

    def measured(self, step: Any) -> None:
        self.all.append(step.measurement)


def search(name: str, domain: Any, estimator: Any, budget: Budget, **more: Any) -> SearchLoop:
    initial, seed = more.pop("initial", 5), more.pop("seed", 0)
    searcher = make_searcher(name, domain, seed, initial)
    loop = SearchLoop(searcher, InThisProcess(estimator), budget, **more)
    loop.run()
    return loop


@EVERY
@CHEAP
@pytest.mark.parametrize("batch", [1, 4])
def test_asks_for_new_members_in_canonical_form(
    name: str, batch: int, cells: Candidates, formula: Any
) -> None:
    estimator, events = formula(cells.space), Events()
    search(name, cells, estimator, Budget(10, batch), listeners=[events])
    assert len(estimator.asked) == len(set(estimator.asked)) == 10
    assert all(cells.holds(one) for one in estimator.asked)
    batches = [one for one in events.all if isinstance(one, Asked)]
    assert {len(one.architectures) for one in batches[:-1]} == {batch}
    for one in batches:
        for graph, called in zip(one.architectures, one.names, strict=True):
            assert cells.space.canonical(graph) == graph
            assert cells.space.hash(graph) == called


@EVERY
@CHEAP
def test_depends_on_its_seed_and_on_nothing_else(
    name: str, cells: Candidates, formula: Any
) -> None:
    asked = []
    for seed in (3, 3, 4):
        np.random.default_rng().random()
        estimator = formula(cells.space)
        search(name, cells, estimator, Budget(8), seed=seed)
        asked.append(estimator.asked)
    assert asked[0] == asked[1] != asked[2]


@EVERY
@CHEAP
@pytest.mark.parametrize(("batch", "at_once"), [(1, 1), (4, 1), (1, 3)])
def test_goes_on_where_it_was_killed(
    name: str, batch: int, at_once: int, cells: Candidates, formula: Any
) -> None:
    budget = Budget(10, batch, at_once)
    estimator, events = formula(cells.space), Events()
    search(name, cells, estimator, budget, listeners=[events])
    for killed in (len(events.all) // 2 - 1, len(events.all) - 2):
        again = formula(cells.space)
        loop = SearchLoop(make_searcher(name, cells, 0, 5), InThisProcess(again), budget)
        loop.replay(events.all[:killed])
        loop.run()
        done = sum(isinstance(one, Measurement) for one in events.all[:killed])
        assert again.asked == estimator.asked[done:]
        assert [step.measurement.hash for step in loop.account.steps] == estimator.asked


@EVERY
@CHEAP
def test_ends_when_everything_is_known_and_has_found_the_optimum(
    name: str, few: Candidates, formula: Any
) -> None:
    estimator = formula(few.space)
    best = max(estimator.value(graph) for graph in few.graphs)
    loop = search(name, few, estimator, Budget(100, batch=3))
    assert sorted(estimator.asked) == sorted(few.hashes.tolist())
    assert loop.account.incumbent is not None
    assert loop.account.incumbent.value == best


@GUIDED
def test_asks_for_better_ones_once_it_has_learnt(
    name: str, cells: Candidates, formula: Any
) -> None:
    account = search(name, cells, formula(cells.space), Budget(40, 6), initial=10).account
    values = np.array([step.measurement.validation for step in account.steps])
    formula_of = formula(cells.space).value
    usual = np.mean([formula_of(graph) for graph in cells.graphs])
    assert values[25:].mean() > usual + 0.02


@EVERY
@CHEAP
@pytest.mark.parametrize(
    "answers",
    [
        {"validation": 0.5},
        {"validation": lambda number, _: float("nan") if number % 3 else 0.4 + number / 100},
        {"status": lambda number, _: "failed" if number % 2 else "ok"},
    ],
    ids=["constant", "not a number", "failing"],
)
def test_lives_with_what_teaches_little(
    name: str, answers: dict[str, Any], cells: Candidates, formula: Any
) -> None:
    estimator = formula(cells.space, **answers)
    loop = search(name, cells, estimator, Budget(10, batch=2))
    assert loop.account.queries == len(set(estimator.asked)) == 10


@EVERY
@CHEAP
def test_what_is_not_in_the_table_costs_no_query(
    name: str, cells: Candidates, formula: Any
) -> None:
    estimator = formula(cells.space, status=lambda number, _: "unknown" if number % 2 else "ok")
    account = search(name, cells, estimator, Budget(7)).account
    assert (account.queries, account.unknown) == (7, 7)
    assert account.share_known == 0.5
    assert account.simulated_seconds == 14.0
    assert len(account.incumbents()) == 7


@EVERY
@CHEAP
def test_learns_of_what_it_did_not_ask_for(name: str, cells: Candidates, formula: Any) -> None:
    estimator = formula(cells.space)
    others = [cells.graphs.graph(row) for row in range(0, 200, 10)]
    searcher = make_searcher(name, cells, 0, 5)
    searcher.tell(list(estimator.measure(others)))
    assert len(searcher.succeeded) == 20
    asked = {cells.space.hash(graph) for graph in searcher.ask(6)}
    assert len(asked) == 6
    assert not asked & set(estimator.asked)


@EVERY
@CHEAP
def test_a_recommendation_is_something_observed(name: str, cells: Candidates, formula: Any) -> None:
    loop = search(name, cells, formula(cells.space), Budget(8))
    if isinstance(loop.searcher, Recommends):
        best = loop.searcher.recommend()
        assert best in loop.searcher.observations
    else:
        assert recommended(loop.searcher, {}, None) is None


@pytest.mark.parametrize("name", ["random", "evolution", "local_search"])
def test_searches_a_space_that_is_no_list(name: str, cells: Candidates, formula: Any) -> None:
    estimator = formula(cells.space)
    search(name, WholeSpace(cells.space), estimator, Budget(20))
    assert len(set(estimator.asked)) == 20


@pytest.mark.parametrize("name", ["evolution", "local_search"])
def test_climbs_to_the_optimum(name: str, cells: Candidates, formula: Any) -> None:
    """Three 3×3 convolutions and the most edges that a cell of five nodes can have."""
    estimator = formula(cells.space)
    best = max(estimator.value(graph) for graph in cells.graphs)
    for seed in range(3):
        loop = search(name, cells, formula(cells.space), Budget(150), seed=seed)
        assert loop.account.incumbent is not None
        assert loop.account.incumbent.value == best


def test_children_are_neighbours_of_young_members(cells: Candidates, formula: Any) -> None:
    events = Events()
    search("evolution", cells, formula(cells.space), Budget(45), listeners=[events])
    told = [one for one in events.all if isinstance(one, Measurement)]
    near = {
        one.hash: {cells.space.hash(other) for other in cells.space.neighbours(one.architecture)}
        for one in told
    }
    for number, child in enumerate(told[5:], start=5):
        young = told[max(0, number - 30) : number]
        assert any(child.hash in near[parent.hash] for parent in young)


def test_local_search_asks_for_neighbours_of_the_best(cells: Candidates, formula: Any) -> None:
    events = Events()
    search("local_search", cells, formula(cells.space), Budget(40), listeners=[events])
    told = [one for one in events.all if isinstance(one, Measurement)]
    asked: set[str] = {one.hash for one in told[:5]}
    for number, one in enumerate(told[5:], start=5):
        for centre in sorted(told[:number], key=lambda each: -(each.validation or 0)):
            near = {cells.space.hash(g) for g in cells.neighbours(centre.architecture)}
            if near - asked:
                break
        assert one.hash in near
        asked.add(one.hash)


def test_refuses_a_name_that_is_none(cells: Candidates) -> None:
    with pytest.raises(InputError, match="did you mean 'evolution'"):
        make_searcher("evolutoin", cells)
