"""Controllers: what is published, by a slow reference; the search, and what it learns."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from datasets.hyperparameters import among
from datasets.registry import get_space
from datasets.space import SearchSpace
from datasets.spaces.configured import ConfiguredSpace
from datasets.spaces.decisions import DecisionSpace
from datasets.spaces.kinds import Kind
from estimators.evaluations import Evaluations
from examples.adding_a_space import Ladder
from experiment.errors import InputError
from searchers.adapters.parameters import parameters_of
from searchers.controllers.learning import (
    GRAPHNAS_RL,
    PUBLISHED_GRAPHNAS_RL,
    PUBLISHED_RL,
    RL,
    ControllerSettings,
    Learner,
    MovingBaseline,
    StandardisedAdvantage,
)
from searchers.controllers.search import ControllerSearch, Draws, rl
from searchers.domain import WholeSpace
from searchers.loop import Budget, SearchLoop
from searchers.testing import Formula

SIZES = (3, 1, 4, 2)
SETTINGS = {
    "rl": RL,
    "graphnas_rl": GRAPHNAS_RL,
    "published_rl": PUBLISHED_RL,
    "published_graphnas_rl": PUBLISHED_GRAPHNAS_RL,
}
EVERY = pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
CHAIN = DecisionSpace(
    "CHAIN",
    [Kind("op", {"op": ("gcn", "gat", "sage")}), Kind("op", {"op": ("gcn", "gat", "sage")})],
    [(0, 1), (1, 2), (2, 3)],
    optional=[(0, 3)],
)


def sigmoid(value: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-value))


def reference(
    weights: dict[str, np.ndarray], row: tuple[int, ...], settings: ControllerSettings
) -> tuple[float, float, list[np.ndarray]]:
    """Log-probability of a row, sum of the entropies, and the probabilities at each decision.

    Written from the description: an LSTM without biases (input, forget, cell, output gates), a
    linear layer for each choice, softmax(c · tanh(logits / t)), the option's embedding goes on.
    """
    hidden, cell = np.zeros(settings.hidden), np.zeros(settings.hidden)
    given, first = weights["start"], 0
    total, entropy, every, temperature = 0.0, 0.0, [], settings.temperature
    for size, option in zip(SIZES, row, strict=True):
        gates = weights["lstm.weight_ih"] @ given + weights["lstm.weight_hh"] @ hidden
        i, f, g, o = np.split(gates, 4)
        cell = sigmoid(f) * cell + sigmoid(i) * np.tanh(g)
        hidden = sigmoid(o) * np.tanh(cell)
        scores = [
            settings.tanh * np.tanh(weights["output.weight"][first + k] @ hidden / temperature)
            for k in range(size)
        ]
        probabilities = np.exp(scores) / np.exp(scores).sum()
        every.append(probabilities)
        total += np.log(probabilities[option])
        entropy -= (probabilities * np.log(probabilities)).sum()
        given = weights["embedding.weight"][first + option]
        first += size
    return total, entropy, every


def weights_of(learner: Learner) -> dict[str, np.ndarray]:
    state = learner.controller.state_dict()
    return {name: value.double().numpy() for name, value in state.items()}


@EVERY
def test_probabilities_are_those_of_the_reference(settings: ControllerSettings) -> None:
    learner = Learner(SIZES, settings, seed=1)
    rows = learner.controller.sample(20, np.random.default_rng(0))
    found = learner.controller(rows)
    for number, row in enumerate(rows.tolist()):
        log, entropy, _ = reference(weights_of(learner), tuple(row), settings)
        assert found.log_probabilities[number].sum().item() == pytest.approx(log, abs=1e-5)
        assert found.entropies[number].sum().item() == pytest.approx(entropy, abs=1e-5)


def test_rows_are_drawn_by_these_probabilities() -> None:
    learner = Learner(SIZES, replace(RL, tanh=3.0), seed=1)
    generator = torch.Generator().manual_seed(0)
    torch.nn.init.normal_(learner.controller.output.weight, generator=generator)
    rows = learner.controller.sample(4_000, np.random.default_rng(0))
    _, _, (first, *_) = reference(weights_of(learner), (0, 0, 0, 0), replace(RL, tanh=3.0))
    seen = np.bincount(rows[:, 0].numpy(), minlength=3) / 4_000
    assert seen == pytest.approx(first, abs=0.03)
    assert rows.max(0).values.tolist() == [2, 0, 3, 1]


def published_factors(
    rewards: list[float], entropies: list[float], settings: ControllerSettings
) -> list[float]:
    """The baseline as described: RL's 0.999 from 0, GraphNAS's 0.95, anew after 100 samples."""
    published, factors, baseline = settings.credit, [], 0.0
    assert isinstance(published, MovingBaseline)
    for number, (plain, entropy) in enumerate(zip(rewards, entropies, strict=True)):
        reward = plain + 1e-4 * entropy
        if settings.samples == 1 and number % 100 == 0:
            baseline = reward
        decay = 0.95 if settings.samples == 1 else 0.999
        baseline = decay * baseline + (1 - decay) * reward
        factors.append(reward - baseline)
    return factors


@pytest.mark.parametrize("settings", [PUBLISHED_RL, PUBLISHED_GRAPHNAS_RL])
def test_the_published_loss_is_that_of_the_reference(settings: ControllerSettings) -> None:
    learner = Learner(SIZES, settings, seed=2)
    generator = np.random.default_rng(0)
    rewards: list[float] = []
    entropies: list[float] = []
    for _ in range(240 // settings.samples if settings.samples > 1 else 103):
        weights = weights_of(learner)
        rows = learner.controller.sample(settings.samples, generator)
        values = generator.random(settings.samples)
        learner.learn(rows, torch.tensor(values, dtype=torch.float32))
        found = [reference(weights, tuple(row), settings) for row in rows.tolist()]
        rewards += values.tolist()
        entropies += [entropy for _, entropy, _ in found]
        factors = published_factors(rewards, entropies, settings)[-settings.samples :]
        loss = -np.mean([log * f for (log, _, _), f in zip(found, factors, strict=True)])
        assert learner.updates[-1].loss == pytest.approx(loss, abs=1e-4)


def test_the_start_vector_is_learnt_as_it_was_not_published() -> None:
    for settings in (RL, replace(RL, trains_start=False)):
        learner = Learner(SIZES, settings, seed=0)
        before = copy.deepcopy(learner.controller.start.data)
        learner.learn(torch.tensor([[0, 0, 0, 0], [1, 0, 2, 1]]), torch.tensor([0.0, 1.0]))
        assert bool((learner.controller.start == before).all()) is not settings.trains_start


def test_the_published_baseline_is_hardly_one_and_ours_is() -> None:
    """Rewards near 0.8: as published every draw becomes more probable, also the worst of all."""
    rewards = 0.8 + 0.01 * torch.randn(100, generator=torch.Generator().manual_seed(0))
    published, ours = PUBLISHED_RL.credit, RL.credit
    assert (published(rewards, torch.zeros(100), 20) > 0.7).all()
    factors = ours(rewards, torch.zeros(100), 20)
    assert -0.5 < factors.mean() < 0.5
    assert torch.allclose(ours(1_000 * rewards - 7, torch.zeros(100), 20), factors, atol=1e-2)


def test_our_baseline_does_not_depend_on_what_it_judges() -> None:
    credit = StandardisedAdvantage(decay=0.5)
    rewards = torch.tensor([1.0, 3.0, 2.0, 6.0])
    factors = credit(rewards, torch.zeros(4), 2)
    assert torch.allclose(factors * rewards.std(correction=0), torch.tensor([0.0, 4.0]))
    assert credit(torch.ones(4), torch.zeros(4), 2).tolist() == [0.0, 0.0]


class Additive(Formula):
    """A sum over the decisions: the options of one decision say nothing of another."""

    def value(self, graph: Any) -> float:
        configuration = parameters_of(self.space).configuration(graph)
        choices = parameters_of(self.space).choices
        return sum(choices[name].index(value) for name, value in configuration.items())


def searched(
    space: SearchSpace, queries: int, settings: ControllerSettings = RL, **more: Any
) -> tuple[ControllerSearch, list[float], Formula]:
    searcher = ControllerSearch(WholeSpace(space), settings=settings, **more)
    formula = Additive(space)
    loop = SearchLoop(searcher, Evaluations(formula), Budget(queries))
    loop.run()
    values = [step.measurement.validation for step in loop.history.steps]
    return searcher, [value for value in values if value is not None], formula


@pytest.mark.parametrize("settings", [RL, GRAPHNAS_RL], ids=["rl", "graphnas_rl"])
def test_the_policy_improves(settings: ControllerSettings) -> None:
    searcher, values, formula = searched(get_space("MPNN"), 100, settings)
    std = np.std(values[:30])
    assert np.mean(values[-20:]) > np.mean(values[:20]) + std
    assert len(set(formula.asked)) == 100
    assert len(searcher.updates) >= 90 // settings.samples


def test_what_is_drawn_again_is_learnt_from_and_not_measured_again() -> None:
    searcher, values, formula = searched(CHAIN, 18, replace(RL, samples=2), initial=1)
    assert len(values) == len(set(formula.asked)) == CHAIN.size == 18
    assert len(searcher.updates) > 18
    assert searcher.ask() == []


def test_a_failure_counts_as_the_worst() -> None:
    draws = Draws(Learner(SIZES, replace(RL, samples=3), 0), seed=0)
    for number, name in enumerate(("a", "b", "c")):
        draws.add((number, 0, 0, 0), name)
    for name, value in (("b", 0.5), ("a", None), ("elsewhere", 0.2), ("c", 0.7)):
        draws.receive(name, value)
    assert [each.rewards.tolist() for each in draws.learner.updates] == [
        pytest.approx([0.2, 0.5, 0.7])
    ]


def test_a_resumed_search_has_the_same_controller_to_the_bit() -> None:
    first, second = (ControllerSearch(WholeSpace(CHAIN), 3, initial=2) for _ in range(2))
    formula = Additive(CHAIN)
    for _ in range(7):
        asked = first.ask(2)
        first.tell(list(formula.measure(asked)))
        second.expect(asked)
        second.tell(list(formula.measure(asked)))
    weights = [each.draws.learner.controller.state_dict() for each in (first, second)]
    assert first.updates
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])
    assert first.ask(2) == second.ask(2)


def test_hyperparameters_are_decisions_too() -> None:
    joint = ConfiguredSpace(CHAIN, {"optimiser": among("adam", "sgd")})
    searcher = rl(WholeSpace(joint), 0, 2)
    assert len(searcher.ask(4)) == 4
    assert searcher.draws.learner.controller.sizes == (3, 3, 2, 2)


def test_the_links_of_nas_bench_graph_are_decisions() -> None:
    _, values, _ = searched(get_space("NAS_BENCH_GRAPH"), 14, initial=4)
    assert len(values) == 14


def test_a_space_without_decisions_is_refused() -> None:
    with pytest.raises(InputError, match="no decisions describe the architectures of Ladder"):
        rl(WholeSpace(Ladder()), 0, 10)
