"""Successive halving and ASHA: who is promoted when, by values worked out by hand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from estimators.evaluations import Evaluations
from estimators.measurement import Measurement
from experiment.errors import InputError
from searchers.domain import Candidates
from searchers.halving import ASHA, Halving, SuccessiveHalving
from searchers.loop import Budget, SearchLoop
from searchers.random_search import RandomSearch
from searchers.testing import CHECKS

EPOCHS = (1, 2, 4)
BOTH = pytest.mark.parametrize("kind", [ASHA, SuccessiveHalving])


@BOTH
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_keeps_a_promise(kind: Callable[..., Halving], check: Any, cells: Candidates) -> None:
    check(lambda domain, seed, _: kind(domain, EPOCHS, eta=2, seed=seed), cells)


class Played:
    """Asks a searcher and tells it values; architectures are numbered as they are drawn."""

    def __init__(self, searcher: Halving, values: Sequence[float | None]) -> None:
        self.searcher = searcher
        self.values = values
        self.numbers: dict[str, int] = {}

    def ask(self, n: int = 1) -> list[tuple[int, int]]:
        """What is asked for: numbers and epochs."""
        hashes = [self.searcher.space.hash(each) for each in self.searcher.ask(n)]
        for hash in hashes:
            self.numbers.setdefault(hash, len(self.numbers))
        return [(self.numbers[hash], self.searcher.fidelity(hash) or 0) for hash in hashes]

    def tell(self, *numbers: int) -> None:
        """Measure architectures at the fidelity that they were requested."""
        pending = {self.searcher.space.hash(each): each for each in self.searcher.pending}
        hashes = list(self.numbers)
        for number in numbers:
            hash, value = hashes[number], self.values[number]
            found = Measurement(
                pending[hash],
                hash,
                "failed" if value is None else "ok",
                validation=value,
                fidelity=self.searcher.fidelity(hash),
            )
            self.searcher.tell([found])

    def play(self, steps: int) -> list[tuple[int, int]]:
        """Ask for one and measure it, so many times."""
        asked = []
        for _ in range(steps):
            asked += self.ask()
            self.tell(asked[-1][0])
        return asked


def test_asha_promotes_the_best_of_a_rung_as_soon_as_it_is_one(cells: Candidates) -> None:
    """Algorithm 2 of Li et al. 2020, from the highest rung down."""
    played = Played(ASHA(cells, EPOCHS, eta=2), [0.5, 0.7, 0.9, 0.1, 0.8, 0.6, 0.0])
    assert played.play(11) == [
        (0, 1),  # one in the rung: half of it is none
        (1, 1),
        (1, 2),  # the better of two
        (2, 1),  # the best of three was promoted already: a new one
        (2, 2),  # the best of three is now another
        (2, 4),  # the better of two at 2 epochs
        (3, 1),
        (4, 1),  # two of four, 2 and 1, were promoted
        (4, 2),  # two of five are 2 and 4
        (5, 1),  # one of three at 2 epochs, 2, was promoted
        (6, 1),  # three of six, 2, 4 and 1, were promoted
    ]


def test_asha_waits_for_nobody(cells: Candidates) -> None:
    played = Played(ASHA(cells, EPOCHS, eta=2), [0.1, 0.2, 0.3, 0.4, 0.5, 0.6])
    assert played.ask(4) == [(0, 1), (1, 1), (2, 1), (3, 1)]
    played.tell(1, 0)
    assert played.ask(2) == [(1, 2), (4, 1)]  # 2 and 3 are still being trained
    played.tell(3, 2)
    assert played.ask(3) == [(3, 2), (2, 2), (5, 1)]  # the better two of four; 1 was too early


def test_successive_halving_promotes_when_a_rung_is_complete(cells: Candidates) -> None:
    """Four, two, one; then the next four."""
    played = Played(SuccessiveHalving(cells, EPOCHS, eta=2), [0.3, 0.1, 0.4, 0.2, 0.0, 0.0])
    assert played.play(9) == [
        *[(0, 1), (1, 1), (2, 1), (3, 1)],
        *[(2, 2), (0, 2)],  # the best first
        (2, 4),
        *[(4, 1), (5, 1)],
    ]


def test_successive_halving_begins_another_bracket_in_place_of_waiting(cells: Candidates) -> None:
    values = [0.3, 0.1, 0.4, 0.2, 0.9, 0.8, 0.7, 0.6]
    played = Played(SuccessiveHalving(cells, EPOCHS, eta=2), values)
    played.ask(6)
    played.tell(0, 1, 4, 3)
    assert played.ask() == [(6, 1)]  # of the first four, 2 is still being trained
    played.tell(2)
    assert played.ask(3) == [(2, 2), (0, 2), (7, 1)]  # whatever the others have reached


def test_what_failed_is_not_promoted(cells: Candidates) -> None:
    halving = Played(SuccessiveHalving(cells, EPOCHS, eta=2), [None, None, None, 0.2, None])
    assert halving.play(6)[4:] == [(3, 2), (3, 4)]
    asha = Played(ASHA(cells, EPOCHS, eta=2), [None, None, 0.1, None, 0.2, 0.0])
    assert asha.play(6) == [(0, 1), (1, 1), (2, 1), (3, 1), (4, 1), (4, 2)]


def test_longer_trainings_count_for_more_than_better_values(cells: Candidates) -> None:
    searcher = ASHA(cells, EPOCHS, eta=2)
    first, second = searcher.ask(2)
    told = [
        Measurement(each, cells.space.hash(each), "ok", validation=value, fidelity=1)
        for each, value in ((first, 0.9), (second, 0.8))
    ]
    searcher.tell([*told, replace(told[1], validation=0.7, fidelity=2)])
    best = searcher.incumbent
    assert best is not None
    assert (best.hash, best.value, best.fidelity) == (told[1].hash, 0.7, 2)


@BOTH
@pytest.mark.parametrize(
    ("epochs", "eta", "message"),
    [
        ((4, 2), 3, "expected each to be more than the one before"),
        ((4, 4), 3, "expected each to be more than the one before"),
        ((4,), 3, "expected two numbers of epochs at least"),
        ((0, 4), 3, "fidelity"),
        ("4 12", 3, "expected numbers of epochs"),
        (4, 3, "expected numbers of epochs"),
        ((1, 2), 1, "eta is 1, expected 2 at least"),
        ((1, 2), 2.5, "eta"),
    ],
)
def test_refuses_what_makes_no_rungs(
    kind: Any, epochs: Any, eta: Any, message: str, cells: Candidates
) -> None:
    with pytest.raises(InputError, match=message) as caught:
        kind(cells, epochs, eta=eta)
    assert "\n" not in str(caught.value)


@BOTH
def test_refuses_a_fidelity_that_is_none_of_its_own(kind: Any, cells: Candidates) -> None:
    searcher = kind(cells, EPOCHS)
    (cell,) = searcher.ask()
    found = Measurement(cell, cells.space.hash(cell), "ok", validation=0.5, fidelity=3)
    for wrong in (partial(searcher.tell, [found]), partial(searcher.expect, [cell], [3])):
        with pytest.raises(InputError, match="3 epochs are none of the fidelities"):
            wrong()
    assert searcher.observations == []
    assert searcher.pending == [cell]


def test_what_measures_once_refuses_fidelities(cells: Candidates, formula: Any) -> None:
    loop = SearchLoop(ASHA(cells, EPOCHS), Evaluations(formula(cells.space)), Budget(5))
    with pytest.raises(InputError, match=r"give it ByFidelity\(\{epochs: estimator"):
        loop.run()


def test_a_search_without_fidelities_says_nothing_of_them(cells: Candidates, formula: Any) -> None:
    loop = SearchLoop(RandomSearch(cells), Evaluations(formula(cells.space)), Budget(3))
    for step in loop.steps():
        assert "fidelity" not in step.measurement.figures()
    assert loop.searcher.fidelities == ()
