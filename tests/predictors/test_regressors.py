"""Sparse Gaussian process, trees and ridge against what they should agree with."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from linear_operator.utils.cholesky import psd_safe_cholesky
from scipy.stats import multivariate_normal

from experiment.errors import InputError
from predictors.linear import STRENGTHS, Ridge
from predictors.processes import sparse
from predictors.processes.hyperparameters import Adam, Hyperparameters, cholesky_errors
from predictors.processes.matern import AdditiveMatern
from predictors.processes.regressors import GaussianProcess, SparseGaussianProcess
from predictors.regressor import FeatureMatrix, Standardised
from predictors.standardised_features import StandardisedFeatures
from predictors.trees import FOLDS, BoostedTrees


def made_up(count: int, seed: int = 0) -> tuple[list[FeatureMatrix], np.ndarray]:
    """A smooth function of one of two descriptions, with a little noise."""
    generator = np.random.default_rng(seed)
    first, second = generator.normal(size=(count, 3)), generator.normal(size=(count, 4))
    values = np.sin(first[:, 0]) + 0.5 * first[:, 1] + 0.1 * generator.normal(size=count)
    return [FeatureMatrix(first, ard=True), FeatureMatrix(second)], values


def labelled(count: int) -> tuple[AdditiveMatern, torch.Tensor, torch.Tensor, torch.Tensor]:
    """A kernel, a variance of the noise, rows and targets."""
    inputs, values = made_up(count)
    joined = StandardisedFeatures(inputs)
    hyperparameters = Hyperparameters(joined.widths, joined.ard)
    return *hyperparameters(), torch.from_numpy(joined(inputs)), torch.from_numpy(values)


def approximate_covariance(
    kernel: AdditiveMatern, points: torch.Tensor, rows: torch.Tensor
) -> np.ndarray:
    """K_fu K_uu⁻¹ K_uf, by NumPy."""
    with torch.no_grad():
        own, across = kernel(points, points).numpy(), kernel(rows, points).numpy()
    own = own + sparse.JITTER * own.diagonal().mean() * np.eye(len(own))
    return across @ np.linalg.solve(own, across.T)


def test_the_bound_is_that_of_titsias() -> None:
    kernel, noise, rows, targets = labelled(30)
    rough = approximate_covariance(kernel, rows[:8], rows)
    likelihood = multivariate_normal.logpdf(targets.numpy(), cov=rough + noise.item() * np.eye(30))
    left_out = kernel.variance.item() - rough.diagonal()
    expected = likelihood - left_out.sum() / (2 * noise.item())
    bound = sparse.collapsed_bound(kernel, noise, rows[:8], rows, targets)
    assert bound.item() == pytest.approx(expected)
    assert math.isfinite(expected)


def test_fitting_raises_the_bound_and_moves_the_inducing_points() -> None:
    inputs, values = made_up(60)
    joined = StandardisedFeatures(inputs)
    rows, targets = torch.from_numpy(joined(inputs)), torch.from_numpy(values)
    hyperparameters = Hyperparameters(joined.widths, joined.ard)
    points = torch.nn.Parameter(rows[:8].clone())

    def bound() -> float:
        kernel, noise = hyperparameters()
        return sparse.collapsed_bound(kernel, noise, points, rows, targets).item()

    before = bound()
    sparse.fit(hyperparameters, points, rows, targets, Adam(20, 0.1))
    assert bound() > before + 1
    assert (points - rows[:8]).abs().max() > 0.1


@torch.no_grad()
def test_each_label_is_expected_as_without_it() -> None:
    kernel, noise, rows, targets = labelled(25)
    process = sparse.condition(kernel, noise.item(), rows[:6], rows, targets)
    mean, std = sparse.leave_one_out(process, targets)
    for left_out in (0, 9, 24):
        rest = np.arange(25) != left_out
        part = sparse.condition(kernel, noise.item(), rows[:6], rows[rest], targets[rest])
        expected, variance = part.mean_and_variance(rows[~rest])
        assert mean[left_out].item() == pytest.approx(expected.item())
        noisy = variance.item() + noise.item()
        assert std[left_out].item() ** 2 == pytest.approx(noisy, rel=2e-4)


def test_with_all_labels_as_inducing_points_it_is_nearly_the_exact_process() -> None:
    train, values = made_up(60)
    test, _ = made_up(40, seed=1)
    exact, rough = GaussianProcess(Standardised), SparseGaussianProcess(Standardised)
    for model in (exact, rough):
        model.fit(train, values)
    first, second = exact.forecast(test), rough.forecast(test)
    assert np.abs(first.scores - second.scores).mean() < 0.1
    assert np.corrcoef(first.scores, second.scores)[0, 1] > 0.99


def test_few_inducing_points_know_many_labels() -> None:
    train, values = made_up(600)
    test, truth = made_up(200, seed=1)
    few = SparseGaussianProcess(Standardised, inducing=30)
    few.fit(train, values)
    mean, _ = few.predict(test)
    assert np.corrcoef(mean, truth)[0, 1] > 0.97


def test_ridge_chooses_the_strength_that_predicts_left_out_labels_best() -> None:
    from sklearn.linear_model import Ridge as Plain

    inputs, values = made_up(30)
    model = Ridge(Standardised)
    expected, std = model.learn(inputs, values)
    rows = StandardisedFeatures(inputs)(inputs)
    errors = {}
    for strength in STRENGTHS:
        left_out = [
            Plain(strength).fit(rows[keep], values[keep]).predict(rows[~keep])[0]
            for keep in (np.arange(30) != i for i in range(30))
        ]
        errors[strength] = np.mean((np.array(left_out) - values) ** 2)
    assert errors[model._model.alpha_] == pytest.approx(min(errors.values()))
    assert std[0] ** 2 == pytest.approx(min(errors.values()))
    assert np.mean((expected - values) ** 2) == pytest.approx(min(errors.values()))


def test_trees_expect_labels_that_they_have_not_seen() -> None:
    """Targets of pure noise cannot be expected, though trees learn them by heart."""
    inputs, _ = made_up(100)
    noise = np.random.default_rng(3).normal(size=100)
    model = BoostedTrees(Standardised)
    expected, std = model.learn(inputs, noise)
    assert np.corrcoef(expected, noise)[0, 1] < 0.3
    assert std[0] > 0.9 * noise.std()
    assert np.corrcoef(model.scores(inputs)[0], noise)[0, 1] > 0.7
    assert len(model._models) == FOLDS


def test_columns_that_vary_by_rounding_only_are_left_out() -> None:
    rows = np.random.default_rng(0).normal(size=(20, 2))
    rows[:, 1] = 3.0 + 1e-14 * rows[:, 1]
    assert StandardisedFeatures([FeatureMatrix(rows)]).widths == [1]


def test_numbers_that_are_not_finite_are_refused() -> None:
    rows = np.random.default_rng(0).normal(size=(20, 2))
    joined = StandardisedFeatures([FeatureMatrix(rows)])
    rows[4, 1] = np.nan
    with pytest.raises(InputError, match="a feature of architecture 4 is not finite"):
        joined([FeatureMatrix(rows)])
    with pytest.raises(InputError, match="a feature of architecture 0 is not finite"):
        StandardisedFeatures([FeatureMatrix(rows)])([FeatureMatrix(rows)])


@pytest.mark.filterwarnings("ignore:A not p.d.")
def test_a_covariance_without_a_factor_is_one_sentence() -> None:
    with pytest.raises(InputError, match="no Cholesky factor: leave out"), cholesky_errors():
        psd_safe_cholesky(-torch.eye(3))
    with pytest.raises(InputError, match="no Cholesky factor: leave out"), cholesky_errors():
        psd_safe_cholesky(torch.full((3, 3), torch.nan))
