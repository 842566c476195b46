"""The benchmark of searches by vectors: every method spends the same budget on the same cells."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from benchmarks import embedding_search
from benchmarks.embedding_search import METHODS, Setup, summarise
from datasets import get_benchmark
from estimators.lookup import COST_METRIC
from searchers.embedded.traces import EmbeddedTable, Trace
from searchers.problem import known_rows


@pytest.fixture(scope="module")
def setup() -> Setup:
    """The cells of DIGITS101 with made-up vectors."""
    benchmark = get_benchmark("DIGITS101")
    domain = known_rows(benchmark)
    validation, test, seconds = (
        benchmark.metric(name).mean() for name in ("validation", "test", COST_METRIC)
    )
    vectors = torch.randn(len(domain), 3, generator=torch.Generator().manual_seed(0))
    best = (float(validation.max()), float(test[validation.argmax()]))
    return Setup(benchmark, domain, EmbeddedTable(vectors, validation, test, seconds, best), "")


@pytest.mark.parametrize("name", [name for name in METHODS if name not in ("bo", "latent_bo")])
def test_every_method_spends_the_budget(
    name: str, setup: Setup, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedding_search, "BUDGET", 60.0)
    first, again, other = (METHODS[name](setup, seed) for seed in (0, 0, 1))
    assert np.array_equal(first.chosen, again.chosen)
    assert not np.array_equal(first.chosen, other.chosen)
    assert len(set(first.chosen.tolist())) == len(first.chosen)
    assert first.runtime[-1] >= 60
    assert (np.diff(first.regret_validation) <= 0).all()
    assert first.regret_validation[-1] >= 0
    assert first.runtime[-1] == pytest.approx(setup.table.seconds[first.chosen].sum())


def test_regrets_are_those_of_the_queries_that_have_ended() -> None:
    runtime = np.array([60_000.0, 100_000.0, 950_000.0, 1_000_001.0])
    trace = Trace(np.arange(4), np.array([0.4, 0.3, 0.2, 0.1]), np.array([8.0, 7, 6, 5]), runtime)
    found = summarise(trace)
    assert found["queries"] == 3
    assert found["validation"] == [None] + [0.3] * 17 + [0.2] * 2
    assert found["test"] == [None] + [7.0] * 17 + [6.0] * 2
