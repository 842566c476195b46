"""The published protocol of searches by vectors: a table, and a budget of simulated seconds."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch

from experiment.errors import InputError
from searchers.embedded.dngo import DNGOSettings, best_rows
from searchers.embedded.policy import PUBLISHED_POLICY, Policy, PolicySettings, Trainer, Walk
from searchers.embedded.traces import EmbeddedTable, improve_tables, walk_table
from searchers.embedded.walks import UnvisitedByRun, walk_tables

PUBLISHED = replace(PUBLISHED_POLICY, hidden=8, episode=3)


def small_table() -> EmbeddedTable:
    vectors = torch.tensor([[0.0], [1.0], [2.0], [3.0]])
    validation, test = np.array([0.5, 0.7, 0.7, 0.9]), np.array([0.4, 0.6, 0.65, 0.8])
    return EmbeddedTable(vectors, validation, test, np.array([10.0, 20, 30, 40]), (0.95, 0.85))


def test_a_trace_keeps_the_first_of_equal_ones_and_the_time() -> None:
    trace = small_table().trace([1, 2, 0, 3])
    np.testing.assert_allclose(trace.regret_validation, [0.25, 0.25, 0.25, 0.05])
    np.testing.assert_allclose(trace.regret_test, [0.25, 0.25, 0.25, 0.05])
    np.testing.assert_allclose(trace.runtime, [20, 50, 60, 100])


def test_a_walk_ends_with_the_budget_and_says_what_cannot_be_done() -> None:
    def walk(budget: float) -> np.ndarray:
        policy = Policy.seeded(1, 4, seed=0)
        start, trainer = Walk(small_table().vectors, 2), Trainer(policy, PolicySettings(episode=2))
        start.visit(0)
        noise = torch.zeros(9, 1)
        return walk_table(small_table(), start, trainer, noise, budget).chosen

    seconds = np.cumsum(small_table().seconds[walk(45)])
    assert seconds[-2] < 45 <= seconds[-1]
    assert len(walk(90)) == 3
    with pytest.raises(InputError, match="shorter than one query"):
        walk(9)
    with pytest.raises(InputError, match="all 4 architectures are visited"):
        walk(1000)


@pytest.mark.parametrize("settings", [PolicySettings(8, 4), PUBLISHED])
def test_walks_side_by_side_are_those_of_each_run_alone(settings: PolicySettings) -> None:
    table, width = made_up_table(5_000, 3), 3  # in more than one chunk
    starts = [7, 2_500, 7]
    noise = torch.randn(3, 60, width, generator=torch.Generator().manual_seed(1))
    policies = [Policy.seeded(width, settings.hidden, seed) for seed in (0, 1, 1)]
    found = walk_tables(table, table.vectors, policies, settings, starts, list(noise), 380)
    for run, trace in enumerate(found):
        walk, trainer = Walk(table.vectors, settings.episode), Trainer(policies[run], settings)
        walk.visit(starts[run])
        alone = walk_table(table, walk, trainer, noise[run], 380)
        assert len(trainer.updates) > 5
        assert trace.chosen.tolist() == alone.chosen.tolist()
        np.testing.assert_array_equal(trace.regret_test, alone.regret_test)
    assert found[0].chosen.tolist() != found[1].chosen.tolist()


def test_walks_side_by_side_visit_nothing_twice_and_end_where_nothing_is_left() -> None:
    table = made_up_table(40, 2)
    policies = [Policy.seeded(2, 4, seed) for seed in range(2)]
    noise = torch.zeros(2, 60, 2)

    def walk(budget: float) -> list[list[int]]:
        found = walk_tables(
            table, table.vectors, policies, PolicySettings(4, 4), [0, 1], list(noise), budget
        )
        return [each.chosen.tolist() for each in found]

    everything = walk(float(table.seconds.sum() - table.seconds[:2].max()))
    assert [0 in rows for rows in everything] == [False, True]
    assert all(len(set(rows)) == len(rows) for rows in everything)
    with pytest.raises(InputError, match="all 40 architectures are visited"):
        walk(10_000)
    with pytest.raises(InputError, match="shorter than one query"):
        walk(1)
    unvisited = UnvisitedByRun(table.vectors, 2)
    for row in range(40):
        unvisited.visit(torch.tensor([row, 0]))
    _, there = unvisited.nearest(torch.zeros(2, 2))
    assert there.tolist() == [False, True]


def made_up_table(count: int, width: int) -> EmbeddedTable:
    """Accuracies that rise along the first coordinate, and trainings of 5 to 15 seconds."""
    generator = np.random.default_rng(0)
    vectors = torch.from_numpy(generator.normal(size=(count, width)).astype(np.float32))
    accuracies = 0.9 + 0.01 * torch.tanh(vectors[:, 0]).double().numpy()
    seconds = generator.uniform(5, 15, count)
    return EmbeddedTable(vectors, accuracies, accuracies, seconds, (0.95, 0.95))


def test_dngo_chooses_rounds_from_a_table_within_a_budget() -> None:
    table = replace(made_up_table(200, 3), seconds=np.full(200, 10.0))
    choose = partial(best_rows, table.vectors, DNGOSettings())

    def improve(seeds: list[int], budget: float, initial: int = 8, batch: int = 4) -> list[Any]:
        generators = [np.random.default_rng(seed) for seed in seeds]
        return improve_tables(table, choose, generators, budget, initial=initial, batch=batch)

    both = improve([1, 2], 300)
    for seed, found in zip((1, 2), both, strict=True):
        assert len(found.chosen) == len(set(found.chosen.tolist())) == 32
        assert table.validation[found.chosen[8:]].mean() > table.validation.mean() + 0.005
        assert found.chosen.tolist() == improve([seed], 300)[0].chosen.tolist()
    with pytest.raises(InputError, match="all 200 architectures of the table are measured"):
        improve([1], 3_000, initial=190, batch=50)
    with pytest.raises(InputError, match="shorter than one query"):
        improve([1], 9)
