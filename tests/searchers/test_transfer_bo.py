"""The search that reads the tables of other data sets."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from Bayesian_Optimization import search
from datasets import get_benchmark
from datasets.objective import Objective
from estimators.lookup import LookUp
from experiment.errors import InputError
from experiment.files import read_json
from predictors import transfer
from predictors.processes.hyperparameters import Adam
from searchers.candidate_bo import FeatureSearcher
from searchers.domain import Candidates, Domain
from searchers.initial_design import INITIAL, initial_size
from searchers.methods import make_searcher
from searchers.searcher import Searcher
from searchers.testing import check_searcher
from searchers.transfer_bo import RANKED


@pytest.fixture(autouse=True)
def cheap_prior(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(transfer, "LABELS", 30)
    monkeypatch.setattr(transfer, "OPTIMISER", Adam(15, rate=0.1))
    transfer._fitted.cache_clear()
    yield
    transfer._fitted.cache_clear()


@pytest.fixture(scope="module")
def some() -> Candidates:
    table = get_benchmark("NAS_BENCH_GRAPH", dataset="cora")
    rows = np.random.default_rng(0).permutation(len(table))[:200]
    return Candidates(table.space, table.graphs[torch.from_numpy(rows)], table.hashes[rows])


def test_keeps_the_promises_of_a_searcher(some: Candidates) -> None:
    def make(domain: Domain, seed: int, initial: int) -> Searcher:
        return make_searcher("transfer_bo", domain, seed, initial)

    check_searcher(make, some)


def test_the_data_set_of_the_objective_is_left_out(some: Candidates) -> None:
    of_cora = Objective(unit="fraction", dataset="cora")
    searcher = make_searcher("transfer_bo", some, objective=of_cora)
    assert isinstance(searcher, FeatureSearcher)
    assert searcher.features == ("statistics", "other_datasets:cora")
    own = make_searcher("transfer_bo", some, objective=Objective(dataset="my graphs"))
    assert isinstance(own, FeatureSearcher)
    assert own.features == ("statistics", "other_datasets:new")


def test_refuses_to_minimise(some: Candidates) -> None:
    with pytest.raises(InputError, match="choose the method bo"):
        make_searcher("transfer_bo", some, objective=Objective(maximise=False))


def test_few_measurements_are_followed_by_what_ranks_first_elsewhere(some: Candidates) -> None:
    searcher = make_searcher("transfer_bo", some, initial=1, objective=Objective(dataset="cora"))
    assert isinstance(searcher, FeatureSearcher)
    table = get_benchmark("NAS_BENCH_GRAPH", dataset="cora")
    for _ in range(RANKED):
        searcher.tell(list(LookUp(table).measure(searcher.ask())))
    scores = searcher.feature_matrices[1].rows.mean(1)
    first, *ranked = (some.row_of[each.hash] for each in searcher.observations)
    best = [row for row in np.argsort(-scores).tolist() if row != first]
    assert ranked == best[: RANKED - 1]


def test_begins_with_fewer_random_architectures_unless_told() -> None:
    assert initial_size(None, 25, "transfer_bo") < initial_size(None, 25, "bo") == INITIAL
    assert initial_size(7, 25, "transfer_bo") == 7
    assert initial_size(None, 2, "transfer_bo") == 2


def test_the_command_records_what_it_read(tmp_path: Path) -> None:
    words = "--space NAS_BENCH_GRAPH --dataset proteins --method transfer_bo --queries 12"
    run = tmp_path / "run"
    assert search.main([*words.split(), "--name", "run", "--log_dir", str(tmp_path)]) == 0
    sources = read_json(run / "config.json")["sources"]
    assert len({source["dataset"] for source in sources}) == 9
    assert read_json(run / "result.json")["queries"] == 12
