"""Scores on other data sets as features, and the prior that is fitted to them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import kendalltau

from datasets import get_benchmark, get_space
from datasets.benchmark import Benchmark
from datasets.graph import ArchitectureError
from datasets.registry import measured_on, other_datasets
from experiment.errors import InputError
from predictors import transfer
from predictors.features import describe, make_features
from predictors.features.background import background_tables, table_on
from predictors.methods import make_predictor
from predictors.processes.conditioning import log_marginal_likelihood
from predictors.processes.hyperparameters import Adam
from predictors.processes.matern import AdditiveMatern
from predictors.processes.trend import condition_about_trend
from predictors.regressor import NormalScores

SPACE = "NAS_BENCH_GRAPH"
FEATURES = ("statistics", "other_datasets:citeseer")


@pytest.fixture(autouse=True)
def cheap_prior(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A fit to few labels, which no other test sees."""
    monkeypatch.setattr(transfer, "LABELS", 40)
    monkeypatch.setattr(transfer, "OPTIMISER", Adam(25, rate=0.1))
    transfer._fitted.cache_clear()
    yield
    transfer._fitted.cache_clear()


@pytest.fixture(scope="module")
def citeseer() -> Benchmark:
    return table_on(SPACE, "citeseer")


def test_a_column_ranks_the_architectures_of_one_other_data_set(citeseer: Benchmark) -> None:
    features = make_features("other_datasets:citeseer", citeseer.space)
    rows = describe(features, citeseer.graphs[:200])
    names = other_datasets(SPACE, "citeseer")
    assert "citeseer" not in names
    assert rows.shape == (200, len(names)) == (200, 8)
    arxiv = table_on(SPACE, "arxiv")
    of_all = np.mean(
        [NormalScores(v)(v) for v in (arxiv.metric(m).mean() for m in ("validation", "test"))],
        axis=0,
    )
    at = arxiv.rows(citeseer.hashes[:200])
    np.testing.assert_allclose(rows[:, names.index("arxiv")], of_all[at])


def test_an_unknown_score_is_the_mean_of_the_known_ones(citeseer: Benchmark) -> None:
    rows = describe(make_features("other_datasets:citeseer", citeseer.space), citeseer.graphs)
    place = other_datasets(SPACE, "citeseer").index("proteins")
    unknown = table_on(SPACE, "proteins").rows(citeseer.hashes) < 0
    assert unknown.sum() == 26_206 - 2_021
    others = np.delete(rows, place, axis=1).mean(1)
    np.testing.assert_allclose(rows[unknown, place], others[unknown])
    assert not np.allclose(rows[~unknown, place], others[~unknown])


def test_no_protocol_on_the_same_images_is_read() -> None:
    assert other_datasets("NB201", "cifar10-valid") == ["cifar100", "ImageNet16-120"]
    assert other_datasets("NB201", "cifar100") == ["cifar10", "ImageNet16-120"]
    assert len(other_datasets(SPACE, None)) == len(measured_on(SPACE)) == 9


@pytest.mark.parametrize(
    ("space", "name", "message"),
    [
        (SPACE, "other_datasets", "write other_datasets:cora if it is cora"),
        (SPACE, "other_datasets:Cora", "was not measured on 'Cora': choose one of cora"),
        ("NB101", "other_datasets:new", "measured on one data set alone"),
        (SPACE, "statistics:cora", "no features are called 'statistics:cora'"),
    ],
)
def test_refuses(space: str, name: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        make_features(name, get_space(space))


def test_transfer_needs_the_other_data_sets() -> None:
    with pytest.raises(InputError, match="add other_datasets:cora"):
        make_predictor(get_space(SPACE), "transfer", ["statistics"])


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.linspace(0.5, 0.9, 7), "20 architectures and 7 labels"),
        (np.full(20, 0.5), "all 20 labels are 0.5: there is nothing to learn"),
        (
            np.array([*np.linspace(0.5, 0.9, 19), np.nan]),
            "label 19 is nan, expected a finite number",
        ),
    ],
)
def test_labels_that_teach_nothing_are_refused(
    citeseer: Benchmark, values: np.ndarray, message: str
) -> None:
    predictor = make_predictor(citeseer.space, "transfer", FEATURES)
    with pytest.raises(InputError, match=message):
        predictor.fit(citeseer.graphs[:20], values)
    with pytest.raises(InputError, match=r"call fit\(\) first"):
        predictor.predict(citeseer.graphs[:20])


def test_what_is_no_architecture_has_no_scores(citeseer: Benchmark) -> None:
    features = make_features("other_datasets:citeseer", citeseer.space)
    foreign = get_space("NB201").sample_batch(3, np.random.default_rng(0))
    refused: list[Any] = [["a"], {}, None, 3, np.zeros((3, 6, 6)), foreign]
    for wrong in refused:
        with pytest.raises((InputError, ArchitectureError)):
            describe(features, wrong)


def test_the_tables_that_are_read_are_recorded() -> None:
    tables = background_tables(FEATURES, get_space(SPACE))
    assert [table.dataset for table in tables] == other_datasets(SPACE, "citeseer")


def test_ten_labels_and_eight_tables_rank_the_rest(citeseer: Benchmark) -> None:
    values = citeseer.metric("validation").mean()
    order = np.random.default_rng(0).permutation(len(values))
    known, rest = order[:10], order[10:1_010]
    predictor = make_predictor(citeseer.space, "transfer", FEATURES)
    predictor.fit(citeseer.graphs[torch.from_numpy(known)], values[known])
    forecast = predictor.forecast(citeseer.graphs[torch.from_numpy(rest)])
    assert kendalltau(forecast.scores, values[rest]).statistic > 0.45
    low, high = forecast.interval(0.9)
    assert 0.6 < np.mean((values[rest] >= low) & (values[rest] <= high)) <= 1


def test_the_prior_knows_nothing_of_the_target(
    citeseer: Benchmark, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = transfer.transfer_prior(citeseer.space, FEATURES)
    read: list[str] = []

    def watched(space: str, dataset: str) -> Benchmark:
        read.append(dataset)
        return table_on(space, dataset)

    monkeypatch.setattr(transfer, "table_on", watched)
    transfer._fitted.cache_clear()
    again = transfer.transfer_prior(citeseer.space, FEATURES)
    assert "citeseer" not in read
    assert len(read) == 8
    assert (again.slope, again.noise) == (first.slope, first.noise)


def test_the_units_of_the_targets_maximise_the_likelihood() -> None:
    generator = torch.Generator().manual_seed(0)
    rows = torch.randn(20, 3, generator=generator, dtype=torch.float64)
    targets = torch.randn(20, generator=generator, dtype=torch.float64) + rows[:, -1] / 3
    one = torch.ones(1, dtype=torch.float64)
    kernel = AdditiveMatern((slice(0, 2),), (one,), one / 2)

    def likelihood(unit: float) -> float:
        scaled = AdditiveMatern((slice(0, 2),), (one,), one / 2 * unit**2)
        trend = unit * 0.7 * (rows[:, -1] - rows[:, -1].mean())
        left = targets - targets.mean() - trend
        return float(log_marginal_likelihood(scaled, torch.tensor(0.2) * unit**2, rows, left))

    process = condition_about_trend(kernel, 0.2, 0.7, rows, targets)
    unit = process.slope / 0.7
    assert process.noise == pytest.approx(0.2 * unit**2)
    assert likelihood(unit) >= max(likelihood(unit * factor) for factor in (0.9, 0.99, 1.01, 1.1))


def test_nine_tables_predict_a_tenth_data_set() -> None:
    space = get_benchmark(SPACE).space
    predictor = make_predictor(space, "transfer", ["other_datasets:new"])
    graphs = space.sample(8, np.random.default_rng(0))
    predictor.fit(graphs, np.arange(8) / 10)
    assert np.isfinite(predictor.predict(graphs)[0]).all()
