"""The comparison with other packages: what counts as a query, and where searches start."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from benchmarks import other_searchers
from datasets import get_benchmark, get_space
from searchers.adapters import parameters_of
from searchers.domain import Candidates

NEEDS = {"Optuna": "optuna", "Syne": "syne_tune", "CatCMAwM": "cmaes"}


class Listed:
    """Proposes the cells of some rows of DIGITS101, then the last of them for ever."""

    def __init__(self, rows: list[int]) -> None:
        table = get_benchmark("DIGITS101")
        parameters = parameters_of(table.space)
        cells = [parameters.configuration(table.graphs.graph(row)) for row in rows]
        self.proposals: Iterator[other_searchers.Configuration] = iter(cells)
        self.last = cells[-1]
        self.received: list[float] = []

    def ask(self) -> other_searchers.Configuration:
        return next(self.proposals, self.last)

    def tell(self, value: float) -> None:
        self.received.append(value)


def test_a_query_is_the_first_look_up_of_an_architecture() -> None:
    table = get_benchmark("DIGITS101")
    values, tests = (table.metric(name).mean() for name in ("validation", "test"))
    order = np.argsort(values)
    poor, good, best = int(order[0]), int(order[-2]), int(order[-1])
    proposer = Listed([poor, poor, good, poor, good, best])
    found = other_searchers.search(table, proposer, queries=10)
    assert found["queries"] == 3
    assert found["proposals"] == len(proposer.received) == 10 * other_searchers.PROPOSALS
    assert proposer.received[:6] == pytest.approx(values[[poor, poor, good, poor, good, best]])
    assert found["hit"] == 3
    assert found["validation"] == {"10": pytest.approx(values[best])}
    assert found["test"] == {"10": pytest.approx(tests[best])}
    missed = other_searchers.search(table, Listed([poor, good]), queries=2)
    assert missed["hit"] is None


@pytest.mark.parametrize("method", other_searchers.METHODS)
def test_every_searcher_proposes_cells_and_begins_where_ours_begin(method: str) -> None:
    package = NEEDS[method.split()[0]]
    pytest.importorskip(package, reason=f"{package} is not installed")
    space = get_space("NB201")
    parameters = parameters_of(space)
    start = [parameters.configuration(graph) for graph in space.sample(3, np.random.default_rng(0))]
    proposer = other_searchers.METHODS[method](parameters, 0, start)
    asked = []
    for number in range(12 if method == "CatCMAwM" else 5):
        asked.append(proposer.ask())
        assert space.is_legal(parameters.decode(parameters.check(asked[-1])))
        proposer.tell(0.5 + number / 100)
    if method != "CatCMAwM":
        assert asked[:3] == start


def test_the_start_is_that_of_our_searches(monkeypatch: pytest.MonkeyPatch) -> None:
    from searchers.methods import make_searcher

    table = get_benchmark("DIGITS101")
    domain = Candidates(table.space, table.graphs[:200], table.hashes[:200])
    monkeypatch.setattr(other_searchers, "known_rows", lambda _: domain)
    ours = make_searcher("evolution", domain, seed=4, initial=10)
    first = [ours.ask()[0] for _ in range(10)]
    parameters = parameters_of(table.space)
    started = other_searchers.first_architectures(table, seed=4)
    assert [parameters.architecture(each) for each in started] == first
