"""Searchers over decisions: aging evolution and Bayesian optimisation."""

from __future__ import annotations

import numpy as np
import pytest

from datasets.hyperparameters import among, between
from datasets.registry import get_space
from datasets.spaces.configured import ConfiguredSpace, parts_of
from experiment.errors import InputError
from predictors.processes.hyperparameters import Adam
from searchers import decision_bo, testing
from searchers.adapters.parameters import parameters_of
from searchers.aging import AgingEvolution
from searchers.decision_bo import DecisionBO
from searchers.domain import Candidates, WholeSpace
from searchers.searcher import Searcher
from searchers.testing import Formula, check_searcher

JOINT = ConfiguredSpace(
    get_space("NB201"),
    {"learning_rate": between(1e-4, 1e-2, log=True), "optimiser": among("adam", "sgd")},
)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decision_bo, "OPTIMISER", Adam(3))


def test_aging_evolution_keeps_the_promises_of_a_searcher() -> None:
    check_searcher(lambda domain, seed, initial: AgingEvolution(domain, seed, initial, 3))


@pytest.mark.usefixtures("quick")
def test_decision_bo_keeps_the_promises_of_a_searcher(cells: Candidates) -> None:
    for check in (testing.check_proposals, testing.check_told, testing.check_unknown):
        check(DecisionBO, cells)


def search(searcher: Searcher, proposals: int) -> list[dict[str, object]]:
    """Configurations in the order of proposal; a rate near 1e-3 and an operation are worth most."""
    parameters, found = parameters_of(JOINT), []
    formula = Formula(JOINT)
    for _ in range(proposals):
        (graph,) = searcher.ask(1)
        _, plain, values = parts_of(JOINT, graph)
        value = formula.value(plain) - abs(np.log10(values["learning_rate"]) + 3)
        (measured,) = Formula(JOINT, validation=value).measure([graph])
        searcher.tell([measured])
        found.append({**parameters.configuration(graph), "value": value})
    return found


def test_aging_evolution_changes_one_decision_of_a_member() -> None:
    population = 6
    made = search(AgingEvolution(WholeSpace(JOINT), 0, population, 3), 40)
    decisions = [{k: v for k, v in one.items() if k != "value"} for one in made]
    for number, child in enumerate(decisions[population:], population):
        queue = decisions[number - population : number]
        changes = [sum(child[name] != parent[name] for name in child) for parent in queue]
        assert min(changes) == 1, "a child differs from all of the queue in more"
    changed = {
        name
        for before, after in zip(decisions[population:], decisions[population + 1 :], strict=False)
        for name in before
        if before[name] != after[name]
    }
    assert {"learning_rate", "optimiser"} <= changed


def test_a_tournament_larger_than_the_population_is_refused() -> None:
    with pytest.raises(InputError, match="at most as many"):
        AgingEvolution(WholeSpace(JOINT), 0, population=3, tournament=4)


@pytest.mark.usefixtures("quick")
def test_decision_bo_learns_from_the_decisions() -> None:
    made = search(DecisionBO(WholeSpace(JOINT), 0, initial=10), 22)
    values = [float(str(one["value"])) for one in made]
    assert np.mean(values[-8:]) > np.mean(values[:10]) + 0.2


@pytest.mark.usefixtures("quick")
def test_decision_bo_resumes_to_the_same_proposals() -> None:
    first, second = (DecisionBO(WholeSpace(JOINT), 3, initial=4) for _ in range(2))
    formula = Formula(JOINT)
    for _ in range(6):
        asked = first.ask(1)
        first.tell(list(formula.measure(asked)))
        second.expect(asked)
        second.tell(list(formula.measure(asked)))
    assert first.ask(2) == second.ask(2)
