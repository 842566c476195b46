"""D-VAE's sparse process: against formulas written in another way, and what its fit does."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import multivariate_normal, norm

from experiment.errors import InputError
from predictors.processes.dvae_sparse import DVAESparseGP, inverse, log_expected_improvement


def problem(count: int = 60) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    points = torch.randn(count, 3, dtype=torch.float64, generator=generator)
    return points, (points[:, 0].sin() + 0.3 * points[:, 1]) / 0.7


def process(count: int = 60) -> DVAESparseGP:
    points, targets = problem(count)
    rows = torch.arange(8)
    factor = torch.randn(8, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    return DVAESparseGP.start(points, targets, rows, factor, count)


def test_predictions_are_those_of_a_joint_normal() -> None:
    """The posterior's likelihood is normal in the inducing values: the joint is written out."""
    found, points = process(), problem()[0][50:]
    inducing = found.inducing
    lengths = found.log_lengths.exp().numpy()
    all_points = torch.cat([inducing, points]).numpy()
    squares = (((all_points[:, None] - all_points) ** 2) / lengths).sum(-1)
    prior = math.exp(found.log_variance) * np.exp(-squares / 2)
    k = prior[:8, :8] + 1e-3 * math.exp(found.log_variance) * np.eye(8)
    evidence = (found.factor @ found.factor.T).numpy()
    sigma = np.linalg.inv(np.linalg.inv(k) + evidence)
    gain = prior[8:, :8] @ np.linalg.inv(k)
    wanted_mean = gain @ sigma @ found.shift.numpy()
    wanted = prior[8:, 8:] - gain @ k @ gain.T + gain @ sigma @ gain.T
    mean, variance = found.predict(points)
    np.testing.assert_allclose(mean, wanted_mean, atol=1e-9)
    np.testing.assert_allclose(variance, np.diag(wanted) + 1.0, atol=1e-9)  # noise of variance 1


def test_log_normalisers_are_densities_at_zero() -> None:
    found = process()
    prior = found.prior()[0]
    state = found.posterior(prior, 0.7)
    density = multivariate_normal(state.mean.numpy(), state.covariance.numpy()).logpdf(np.zeros(8))
    assert float(state.log_normaliser) == pytest.approx(-density)


def test_the_improvement_is_the_expected_one_and_stays_finite_far_below() -> None:
    gain = torch.tensor([1.0, 0.0, -2.0, -5.0], dtype=torch.float64)
    std = torch.tensor([0.5, 1.0, 1.0, 0.6], dtype=torch.float64)
    q = (gain / std).numpy()
    wanted = np.log(std.numpy() * (q * norm.cdf(q) + norm.pdf(q)))
    np.testing.assert_allclose(log_expected_improvement(gain, std), wanted, rtol=1e-9)
    near = log_expected_improvement(
        torch.tensor([-9.999, -10.001]).double(), torch.ones(2).double()
    )
    assert float(near.diff()) == pytest.approx(-0.0204, abs=2e-3)  # where the series takes over
    far = log_expected_improvement(torch.tensor([-60.0]).double(), torch.ones(1).double())
    assert float(far) == pytest.approx(-0.5 * 3600 - 0.919 - 2 * math.log(60), abs=0.01)


def test_a_chosen_point_is_improved_less() -> None:
    found, points = process(), problem()[0][50:]
    before = found.log_improvement(points, 0.0)
    after = found.log_improvement(points, 0.0, points[:1])
    assert after[0] < before[0]
    assert torch.isfinite(after).all()


def test_the_fit_repeats_and_predicts() -> None:
    points, targets = problem(200)
    first, second = (
        DVAESparseGP.fit(
            points[:150], targets[:150], 3, inducing=20, epochs=60, batch=50, rate=0.02
        )
        for _ in range(2)
    )
    for name, value in first.parameters().items():
        assert torch.equal(value, second.parameters()[name])
        assert not value.requires_grad
    mean, variance = first.predict(points[150:])
    error = (mean - targets[150:]).square().mean().sqrt()
    assert float(error) < 0.3
    assert (variance > 0).all()


def test_shapes_that_do_not_fit_are_refused() -> None:
    found = process()
    with pytest.raises(InputError, match=r"shift of a sparse process has the shape \(7,\)"):
        DVAESparseGP(**{**vars(found), "shift": found.shift[:7]})
    with pytest.raises(InputError, match="1 training points"):
        DVAESparseGP(**{**vars(found), "training_points": 1})


def bad(values: torch.Tensor, number: float) -> torch.Tensor:
    found = values.clone()
    found[3] = number
    return found


POINTS, TARGETS = problem()


@pytest.mark.parametrize(
    ("points", "targets", "refusal"),
    [
        (bad(POINTS, math.nan), TARGETS, "the points have a value that is not finite"),
        (POINTS, bad(TARGETS, math.inf), "the targets have a value that is not finite"),
        (POINTS, TARGETS[1:], "60 points, 59 targets do not fit together"),
        (POINTS[:, 0], TARGETS, r"the points have shape \(60,\), expected \(n, m\)"),
        (POINTS, TARGETS[:, None], r"the targets have shape \(60, 1\), expected \(n,\)"),
        ("abc", TARGETS, r"the points are a str \('abc'\), expected numbers"),
        (POINTS[:1], TARGETS[:1], "fitted to 1 points, expected two at least"),
    ],
)
def test_what_cannot_be_fitted_is_refused(points: Any, targets: Any, refusal: str) -> None:
    with pytest.raises(InputError, match=refusal):
        DVAESparseGP.fit(points, targets, 0, inducing=4, epochs=1)


def test_points_of_another_width_are_not_predicted() -> None:
    found = process()
    for predict in (found.predict, found.cavity, lambda points: found.log_improvement(points, 0)):
        with pytest.raises(InputError, match="the points have 2 numbers each, expected 3"):
            predict(POINTS[:, :2])
        with pytest.raises(InputError, match="not finite"):
            predict(bad(POINTS, math.nan))
    with pytest.raises(InputError, match="the points have 2 numbers each, expected 3"):
        found.log_improvement(POINTS, 0, POINTS[:2, :2])


def test_arrays_and_other_types_are_fitted_alike() -> None:
    """Numbers that float32 holds exactly."""
    points, targets = POINTS.float(), TARGETS.float()
    first, *others = (
        DVAESparseGP.fit(some, values, 0, inducing=4, epochs=1).predict(some)
        for some, values in (
            (points.double(), targets.double()),
            (points, targets.double()),
            (points.numpy(), targets.numpy()),
        )
    )
    for other in others:
        assert all(map(torch.equal, first, other))


def test_inverse_and_determinant_have_the_gradients_of_torch() -> None:
    generator = torch.Generator().manual_seed(0)
    root = torch.randn(6, 6, dtype=torch.float64, generator=generator, requires_grad=True)
    weights = torch.randn(6, 6, dtype=torch.float64, generator=generator)

    def gradient(inverted: torch.Tensor, log_determinant: torch.Tensor) -> torch.Tensor:
        return torch.autograd.grad((inverted * weights).sum() + 3 * log_determinant, root)[0]

    matrix = root @ root.T + torch.eye(6)
    expected = gradient(torch.linalg.inv(matrix), torch.linalg.slogdet(matrix)[1])
    torch.testing.assert_close(gradient(*inverse(root @ root.T + torch.eye(6))), expected)
