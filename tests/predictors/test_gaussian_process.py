"""The Gaussian process: it learns order and uncertainty, and says what it cannot learn from."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import kendalltau, zscore

from datasets import get_space
from experiment.errors import InputError
from predictors.predictor import FeaturePredictor
from predictors.processes.regressors import GaussianProcess
from predictors.regressor import FeatureMatrix, NormalScores, Standardised, check_targets


def made_up(count: int, seed: int, noise: float = 0.0) -> tuple[list[FeatureMatrix], np.ndarray]:
    """A smooth function of one of two descriptions."""
    generator = np.random.default_rng(seed)
    first, second = generator.normal(size=(count, 3)), generator.normal(size=(count, 6))
    values = np.sin(first[:, 0]) + 0.5 * first[:, 1] + noise * generator.normal(size=count)
    return [FeatureMatrix(first, ard=True), FeatureMatrix(second)], np.exp(values)


def test_it_learns_an_order_and_how_sure_it_is() -> None:
    """Coverage is a mean over labellings: of one, 80 labels tell the quantiles no better."""
    covered: dict[float, list[float]] = {0.5: [], 0.9: []}
    for seed in range(4):
        train, values = made_up(80, seed, noise=0.1)
        test, truth = made_up(500, 100 + seed, noise=0.1)
        model = GaussianProcess()
        model.fit(train, values)
        mean, std = model.predict(test)
        assert kendalltau(mean, truth).statistic > 0.75
        assert (std > 0).all()
        for share, found in covered.items():
            low, high = model.interval(test, share)
            assert (low < high).all()
            found.append(float(((truth >= low) & (truth <= high)).mean()))
    for share, found in covered.items():
        assert np.mean(found) == pytest.approx(share, abs=0.1)


def test_uncertainty_grows_away_from_the_labels() -> None:
    train, values = made_up(40, seed=0)
    model = GaussianProcess()
    model.fit(train, values)
    far = [FeatureMatrix(each.rows + 30, each.ard) for each in train]
    assert model.forecast(far).stds.min() > 2 * model.forecast(train).stds.mean()


def test_same_labels_same_numbers_and_order_of_magnitude_kept() -> None:
    train, values = made_up(30, seed=2)
    found = []
    for _ in range(2):
        model = GaussianProcess(seed=1)
        model.fit(train, values)
        found.append(model.predict(train)[0])
    assert np.array_equal(found[0], found[1])
    assert np.abs(found[0] - values).mean() < 0.3 * values.std()


def test_it_predicts_architectures() -> None:
    space = get_space("NB201")
    cells = space.sample(150, np.random.default_rng(0))
    convolutions = np.array([sum(kind in (2, 3) for kind in cell.types) for cell in cells])
    model = FeaturePredictor(space, ["statistics"], GaussianProcess())
    model.fit(cells[:60], 0.5 + convolutions[:60] / 20)
    mean, std = model.predict(cells[60:])
    assert kendalltau(mean, convolutions[60:]).statistic > 0.7
    assert mean.shape == std.shape == (90,)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ([0.1, 0.2], "2 labels were given, this predictor needs at least 5"),
        ([0.3] * 8, "all 8 labels are 0.3: there is nothing to learn"),
        ([0.1, 0.2, float("nan"), 0.4, 0.5], "label 2 is nan, expected a finite number"),
    ],
)
def test_labels_that_teach_nothing_are_refused(values: list[float], words: str) -> None:
    rows = np.random.default_rng(0).normal(size=(len(values), 2))
    with pytest.raises(InputError, match=words):
        GaussianProcess().fit([FeatureMatrix(rows)], np.array(values))


def test_equal_descriptions_and_no_fit_are_refused() -> None:
    same = [FeatureMatrix(np.ones((6, 2)))]
    with pytest.raises(InputError, match="the same features"):
        GaussianProcess().fit(same, np.arange(6.0))
    with pytest.raises(InputError, match=r"call fit\(\) first"):
        GaussianProcess().predict(same)


def test_normal_scores_go_there_and_back() -> None:
    values = np.array([0.1, 0.9, 0.5, 0.5])
    scale = NormalScores(values)
    scores = scale(values)
    assert scores[2] == scores[3] == pytest.approx(0.0, abs=1e-12)
    assert scores[0] == pytest.approx(-scores[1])
    assert np.allclose(scale.back(scores), values)
    beyond = scale.back(np.array([-9.0, -3.0, 3.0, 9.0]))
    assert (np.diff(beyond) > 0).all()
    assert beyond[0] < 0.1
    assert beyond[-1] > 0.9


def test_targets_are_numbers() -> None:
    assert check_targets(np.array([1, 2, 3]), 2).dtype == np.float64


def test_scales_keep_the_order_and_lead_back() -> None:
    values = np.random.default_rng(3).gamma(2.0, size=40)
    points = np.sort(np.append(values, [values.min() - 1.0, values.max() + 1.0]))
    for kind in (NormalScores, Standardised):
        scale = kind(values)
        np.testing.assert_allclose(scale.back(scale(points)), points)
        assert (np.diff(scale(points)) > 0).all()
    np.testing.assert_allclose(Standardised(values)(values), zscore(values))


def test_learns_the_values_themselves() -> None:
    rows = np.random.default_rng(0).normal(size=(60, 3))
    values = 5.0 + 0.1 * rows[:, 0]
    model = GaussianProcess(Standardised)
    model.fit([FeatureMatrix(rows[:40], ard=True)], values[:40])
    mean, _ = model.predict([FeatureMatrix(rows[40:], ard=True)])
    assert np.sqrt(np.mean((mean - values[40:]) ** 2)) < 0.01
