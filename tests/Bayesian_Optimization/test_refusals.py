"""Searchers refuse domains, counts and measurements of another kind, and keep what they knew."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pytest

from datasets import get_space
from datasets.batch import GraphBatch
from datasets.graph import ArchitectureError
from estimators.measurement import Measurement
from experiment.errors import InputError
from searchers.domain import Candidates, WholeSpace
from searchers.loop import Budget
from searchers.methods import make_searcher

SPACE = get_space("DIGITS101")
CELLS = SPACE.sample(12, np.random.default_rng(0))
FOREIGN = get_space("NB201").sample(2, np.random.default_rng(0))
METHODS = ("random", "evolution", "local_search", "bo")


def refuse(call: Callable[[], object], message: str | None = None) -> None:
    with pytest.raises((InputError, ArchitectureError), match=message) as caught:
        call()
    assert "\n" not in str(caught.value)


@pytest.fixture
def domain() -> Candidates:
    return Candidates(SPACE, GraphBatch.from_graphs(CELLS))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    "wrong", [SPACE, "DIGITS101", None, CELLS], ids=["space", "name", "None", "graphs"]
)
def test_a_domain_is_one(method: str, wrong: Any) -> None:
    refuse(lambda: make_searcher(method, wrong), r"Candidates\(space, graphs\)|list of candidates")


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("seed", [-1, 0.5, "1", None], ids=str)
def test_a_seed_is_a_whole_number(method: str, domain: Candidates, seed: Any) -> None:
    refuse(lambda: make_searcher(method, domain, seed=seed), "seed")


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("initial", [0, -1, 2.5, "3"], ids=str)
def test_a_search_begins_with_some(method: str, domain: Candidates, initial: Any) -> None:
    refuse(lambda: make_searcher(method, domain, initial=initial))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("n", [-1, 1.5, "2", None, True], ids=str)
def test_a_number_to_propose_is_a_whole_number(method: str, domain: Candidates, n: Any) -> None:
    refuse(lambda: make_searcher(method, domain).ask(n), "to propose")


def test_nothing_is_asked_for_where_nothing_is_wanted(domain: Candidates) -> None:
    assert make_searcher("random", domain).ask(0) == []


@pytest.mark.parametrize("method", METHODS)
def test_only_measurements_are_told(method: str, domain: Candidates) -> None:
    """One that is wrong leaves the searcher as it was: nothing of its list is learnt."""
    searcher = make_searcher(method, domain)
    (cell,) = searcher.ask()
    good = Measurement(cell, SPACE.hash(cell), "ok", validation=0.5)
    elsewhere = Measurement(FOREIGN[0], "abc", "ok", validation=0.5)
    text: Any = "0.5"
    refused: list[Any] = [[good, "x"], [good, {}], good, "x", {}, None, [good, elsewhere]]
    for wrong in refused:
        refuse(partial(searcher.tell, wrong))
    refuse(lambda: searcher.tell([good, replace(good, validation=text)]))
    assert searcher.observations == []
    assert searcher.pending == [cell]
    searcher.tell([good])
    assert searcher.incumbent is not None


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, None], ids=str)
def test_a_value_that_is_no_number_is_a_failure(domain: Candidates, value: Any) -> None:
    searcher = make_searcher("evolution", domain, initial=1)
    (cell,) = searcher.ask()
    searcher.tell([Measurement(cell, SPACE.hash(cell), "ok", validation=value)])
    assert searcher.succeeded == []
    assert len(searcher.ask()) == 1


def test_candidates_are_architectures_of_the_space() -> None:
    refused: list[Any] = [
        "ab",
        ["ab"],
        {},
        None,
        3,
        get_space("NB201").sample(2, np.random.default_rng(0)),
    ]
    for wrong in refused:
        refuse(partial(Candidates, SPACE, wrong))
    graphs: Any = CELLS
    assert len(Candidates(SPACE, graphs)) == len({SPACE.hash(cell) for cell in CELLS})
    refuse(lambda: Candidates(SPACE, GraphBatch.from_graphs([])), "no architecture")
    refuse(lambda: Candidates(SPACE, graphs, np.array(["ab"])), "one hash for each")
    name: Any = "DIGITS101"
    refuse(lambda: Candidates(name, graphs), "get_space")
    refuse(lambda: WholeSpace(name), "get_space")


def test_only_architectures_are_expected(domain: Candidates) -> None:
    searcher = make_searcher("random", domain)
    refused: list[Any] = [
        "ab",
        ["ab"],
        CELLS[0],
        None,
        get_space("NB201").sample(1, np.random.default_rng(0)),
    ]
    for wrong in refused:
        refuse(partial(searcher.expect, wrong))


@pytest.mark.parametrize("wrong", [0, -1, 2.5, "3", None, True], ids=str)
@pytest.mark.parametrize("name", ["queries", "batch", "at_once"])
def test_a_budget_is_counted_in_whole_numbers(name: str, wrong: Any) -> None:
    refuse(lambda: Budget(**{"queries": 5, name: wrong}), name)


@pytest.mark.parametrize("name", ["nothing", "", 3, None, ["bo"]], ids=str)
def test_a_searcher_is_named(domain: Candidates, name: Any) -> None:
    refuse(lambda: make_searcher(name, domain), "no search is called")
