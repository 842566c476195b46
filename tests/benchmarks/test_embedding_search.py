"""The benchmark of searches by vectors: every method spends the same budget on the same cells."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks import embedding_search
from benchmarks.embedding_search import METHODS, PROTOCOLS, Setup, run, summarise
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
    table = EmbeddedTable(vectors, validation, test, seconds, best)
    return Setup(benchmark, domain, table, "", PROTOCOLS["NB101"], 60.0)


@pytest.mark.parametrize("name", [name for name in METHODS if name not in ("bo", "latent_bo")])
def test_every_method_spends_the_budget(name: str, setup: Setup) -> None:
    search, budget = METHODS[name].search, 60.0
    if name.startswith("supervised"):  # an encoder is trained for each choice
        setup, budget = replace(setup, budget=18.0), 18.0
    first, other = search(setup, [0, 1])
    assert np.array_equal(first.chosen, search(setup, [0])[0].chosen)
    assert not np.array_equal(first.chosen, other.chosen)
    assert len(set(first.chosen.tolist())) == len(first.chosen)
    assert first.runtime[-1] >= budget
    assert len(first.chosen) > 16
    assert (np.diff(first.regret_validation) <= 0).all()
    assert first.regret_validation[-1] >= 0
    assert first.runtime[-1] == pytest.approx(setup.table.seconds[first.chosen].sum())


def test_without_times_a_query_costs_one(setup: Setup) -> None:
    table = replace(setup.table, seconds=np.ones(len(setup.domain)))
    counted = replace(setup, table=table, protocol=PROTOCOLS["NB201"], budget=30)
    found = {name: run(counted, name, [3])["3"] for name in ("reinforce, published", "dngo")}
    assert {each["queries"] for each in found.values()} == {30}


def test_regrets_are_those_of_the_queries_that_have_ended() -> None:
    runtime = np.array([60_000.0, 100_000.0, 950_000.0, 1_000_001.0])
    trace = Trace(np.arange(4), np.array([0.4, 0.3, 0.2, 0.1]), np.array([8.0, 7, 6, 5]), runtime)
    found = summarise(trace, 1e6)
    assert found["queries"] == 3
    assert found["validation"] == [None] + [0.3] * 17 + [0.2] * 2
    assert found["test"] == [None] + [7.0] * 17 + [6.0] * 2


def test_the_command_adds_runs_to_what_is_kept_and_refuses_budgets(
    setup: Setup, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    command: Callable[..., tuple[int, str, str]],
) -> None:  # fmt: skip
    monkeypatch.setattr(embedding_search, "get_benchmark", lambda *_, **__: setup.benchmark)
    monkeypatch.setitem(PROTOCOLS, "DIGITS101", replace(PROTOCOLS["NB101"], budget=60.0))
    monkeypatch.setattr(embedding_search, "embedding_vectors", lambda *_: setup.table.vectors)
    monkeypatch.setitem(METHODS, "random", replace(METHODS["random"], at_once=2))
    file = tmp_path / "kept.json"
    flags = ["--methods", "random", "--results", file]
    assert command(embedding_search.main, *flags, "--runs", 1, "--budget", 60)[0] == 0
    first = embedding_search.kept(file)["results"]["random"]
    code, out, _ = command(embedding_search.main, *flags, "--runs", 4, "--budget", 60)
    assert (code, out.count("4 runs")) == (0, 1)
    runs = embedding_search.kept(file)["results"]["random"]
    assert list(runs) == ["0", "1", "2", "3"]
    assert runs["0"] == first["0"]
    code, _, error = command(embedding_search.main, *flags, "--budget", 50)
    assert (code, error.count("\n")) == (2, 1)
    assert "a budget of 60, not of 50" in error
    none = tmp_path / "none.json"
    code, _, error = command(embedding_search.main, "--results", none, "--budget", 0.001)
    assert (code, error.count("\n")) == (2, 1)
    assert "shorter than one query" in error
    assert not none.exists()
