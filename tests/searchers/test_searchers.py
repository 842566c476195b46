"""What every searcher promises, whoever adds it to the registry."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest

from estimators.evaluations import Evaluations
from estimators.measurement import Measurement
from experiment.errors import InputError
from searchers.domain import Candidates, WholeSpace
from searchers.loop import Budget, SearchLoop
from searchers.methods import SEARCHERS, make_searcher
from searchers.recommendation import Recommends, recommended
from searchers.searcher import Searcher
from searchers.testing import CHECKS, Events, check_searcher

EVERY = pytest.mark.parametrize("name", list(SEARCHERS))
LOCAL = ("random", "gradient_ascent", "reinforce", "scalarised_ascent", "rl", "graphnas_rl")
"""No model, one that is followed from where the best happen to lie, a policy that was updated
a few times, or a search for what is cheap as well: a few queries say little."""
GUIDED = pytest.mark.parametrize("name", [name for name in SEARCHERS if name not in LOCAL])
CHEAP = pytest.mark.usefixtures("cheap_models")


def search(name: str, domain: Any, estimator: Any, budget: Budget, **more: Any) -> SearchLoop:
    initial, seed = more.pop("initial", 5), more.pop("seed", 0)
    searcher = make_searcher(name, domain, seed, initial)
    loop = SearchLoop(searcher, Evaluations(estimator), budget, **more)
    loop.run()
    return loop


@EVERY
@CHEAP
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_keeps_a_promise(name: str, check: Any, cells: Candidates) -> None:
    check(partial(make_searcher, name), cells)


class Careless(Searcher):
    """Breaks promises: its proposals hang on a counter that a new searcher does not have."""

    calls = 0

    def propose(self, n: int, generator: np.random.Generator) -> list[Any]:
        Careless.calls += 1
        return self.domain.sample(2 * n, np.random.default_rng(Careless.calls))


def test_a_broken_promise_is_found(cells: Candidates) -> None:
    with pytest.raises(AssertionError, match="equal seeds propose different architectures"):
        check_searcher(Careless, cells)


class Forgetful(Searcher):
    """Proposes what it was given."""

    given: Any = None

    def propose(self, n: int, generator: np.random.Generator) -> Any:
        return self.given


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (None, "Forgetful.propose returned None, expected a list of architectures"),
        (7, r"Forgetful.propose returned an int \(7\)"),
        ("none", "Forgetful.propose returned a str"),
        (["none"], r"Forgetful.propose proposed a str \('none'\), expected an ArchitectureGraph"),
    ],
)
def test_proposals_that_are_none_are_refused(
    given: Any, expected: str, cells: Candidates, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Forgetful, "given", given)
    with pytest.raises(InputError, match=expected):
        check_searcher(Forgetful, cells)


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda domain: None, r"searcher cannot be called \(too many positional arguments\)"),
        (lambda domain, seed, initial: None, "searcher made a NoneType, expected a Searcher"),
        ("random", r"a str \('random'\) makes no searcher: expected a Searcher class"),
    ],
)
def test_what_makes_no_searcher_is_refused(make: Any, expected: str, cells: Candidates) -> None:
    with pytest.raises(InputError, match=expected):
        check_searcher(make, cells)


class Poor(Searcher):
    """Ends before the domain does."""

    def ask(self, n: int = 1) -> list[Any]:
        return super().ask(n) if len(self.observations) < 7 else []

    def propose(self, n: int, generator: np.random.Generator) -> list[Any]:
        return []


def test_a_search_that_ends_early_is_found(cells: Candidates) -> None:
    with pytest.raises(AssertionError, match="fewer were proposed than there are queries"):
        check_searcher(Poor, cells)


@GUIDED
def test_asks_for_better_ones_once_it_has_learnt(
    name: str, cells: Candidates, formula: Any
) -> None:
    history = search(name, cells, formula(cells.space), Budget(40, 6), initial=10).history
    values = np.array([step.measurement.validation for step in history.steps])
    formula_of = formula(cells.space).value
    usual = np.mean([formula_of(graph) for graph in cells.graphs])
    assert values[25:].mean() > usual + 0.02


@EVERY
@CHEAP
def test_what_recommends_nothing_has_no_recommendation(
    name: str, cells: Candidates, formula: Any
) -> None:
    loop = search(name, cells, formula(cells.space), Budget(8))
    advised = recommended(loop.searcher, {}, None)
    assert (advised is None) != isinstance(loop.searcher, Recommends)


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
        assert loop.history.incumbent is not None
        assert loop.history.incumbent.value == best


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
