"""The Gaussian process behind the acquisitions, against independent computations."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest
import torch
from linear_operator.utils.errors import NanError, NotPSDError
from scipy.stats import norm
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel
from torch import Tensor

from predictors.processes import sparse
from predictors.processes.botorch_model import ProcessModel
from predictors.processes.conditioning import (
    ConditionedGP,
    condition,
    fit,
    log_marginal_likelihood,
)
from predictors.processes.hyperparameters import (
    LBFGS,
    LOGARITHM,
    SOFTPLUS,
    Adam,
    Coordinates,
    Hyperparameters,
    Optimiser,
)
from predictors.processes.matern import AdditiveMatern
from searchers.latent.acquisition import (
    Acquisition,
    ConstantLiar,
    ExpectedImprovement,
    HighestMean,
    JointExpectedImprovement,
    Lie,
    NoisyExpectedImprovement,
    ThompsonSampling,
)
from searchers.latent.standardised import Box
from searchers.latent.trust_region import TrustRegion, WholeBox

ACQUISITIONS = (
    ExpectedImprovement,
    ConstantLiar,
    JointExpectedImprovement,
    NoisyExpectedImprovement,
    ThompsonSampling,
    HighestMean,
)
NOISE = 0.05
BOX = Box(torch.full((3,), -2.0).double(), torch.full((3,), 2.0).double())


def kernel() -> AdditiveMatern:
    length, variance = torch.tensor([1.5]).double(), torch.tensor([2.0]).double()
    return AdditiveMatern((slice(0, 3),), (length,), variance)


def data(n: int = 40) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    rows = BOX.uniform(n, generator)
    return rows, -(rows - 0.7).square().sum(1) / 3 + 1


@pytest.fixture
def model() -> ConditionedGP:
    return condition(kernel(), NOISE, *data())


def test_the_exact_process_is_that_of_scikit_learn(model: ConditionedGP) -> None:
    rows, targets = data()
    others = BOX.uniform(20, torch.Generator().manual_seed(1))
    reference = GaussianProcessRegressor(
        ConstantKernel(2.0) * Matern(1.5, nu=2.5) + WhiteKernel(NOISE), optimizer=None
    ).fit(rows.numpy(), targets.numpy())
    mean, std = reference.predict(others.numpy(), return_std=True)
    ours, variance = model.mean_and_variance(others)
    np.testing.assert_allclose(ours, mean, atol=1e-8)
    np.testing.assert_allclose((variance + NOISE).sqrt(), std, atol=1e-8)
    joint = ProcessModel(model).posterior(others)
    np.testing.assert_allclose(joint.variance[:, 0], variance, atol=1e-8)
    np.testing.assert_allclose(
        joint.distribution.covariance_matrix,
        reference.predict(others.numpy(), return_cov=True)[1] - NOISE * np.eye(20),
        atol=1e-8,
    )
    noisy = ProcessModel(model).posterior(others, observation_noise=True).variance[:, 0]
    np.testing.assert_allclose(noisy, variance + NOISE, atol=1e-8)


def test_the_sparse_process_with_all_labels_is_the_exact_one(model: ConditionedGP) -> None:
    rows, targets = data()
    others = BOX.uniform(20, torch.Generator().manual_seed(1))
    same = sparse.condition(kernel(), NOISE, rows, rows, targets)
    for ours, theirs in zip(
        same.mean_and_variance(others), model.mean_and_variance(others), strict=True
    ):
        np.testing.assert_allclose(ours, theirs, atol=1e-3)


def test_fewer_inducing_points_leave_more_uncertainty(model: ConditionedGP) -> None:
    rows, targets = data()
    others = BOX.uniform(50, torch.Generator().manual_seed(1))
    fewer = sparse.condition(kernel(), NOISE, rows[:10], rows, targets)
    assert (fewer.mean_and_variance(others)[1] > model.mean_and_variance(others)[1] - 1e-3).all()
    assert np.corrcoef(fewer.mean(others), model.mean(others))[0, 1] > 0.8


@pytest.mark.parametrize("value", [None, 1.7])
def test_conditioning_on_one_more_row_is_conditioning_on_all(
    model: ConditionedGP, value: float | None
) -> None:
    rows, targets = data()
    row = torch.tensor([0.3, -1.0, 1.9]).double()
    others = BOX.uniform(20, torch.Generator().manual_seed(1))
    told = model.mean(row[None]) if value is None else torch.tensor([value]).double()
    anew = condition(kernel(), NOISE, torch.cat([rows, row[None]]), torch.cat([targets, told]))
    grown = model.fantasize_mean([row]) if value is None else model.condition_on(row, value)
    for ours, theirs in zip(
        grown.mean_and_variance(others), anew.mean_and_variance(others), strict=True
    ):
        np.testing.assert_allclose(ours, theirs, atol=1e-8)
    assert grown.best == pytest.approx(anew.best, abs=1e-6)


def test_the_first_summand_is_a_process_of_its_own() -> None:
    both = AdditiveMatern(
        (slice(0, 2), slice(2, 3)),
        (torch.tensor([1.5]).double(), torch.tensor([0.5]).double()),
        torch.tensor([2.0, 1.0]).double(),
    )
    rows, targets = data()
    whole = condition(both, NOISE, rows, targets)
    part = whole.first_component()
    others = BOX.uniform(10, torch.Generator().manual_seed(1))
    covariance = both(rows, rows) + NOISE * torch.eye(len(rows)).double()
    across = both.first(others[:, :2], rows[:, :2])
    expected = across @ torch.linalg.solve(covariance, targets)
    np.testing.assert_allclose(part.mean(others[:, :2]), expected, atol=1e-8)
    explained = (across @ torch.linalg.solve(covariance, across.T)).diagonal()
    np.testing.assert_allclose(part.mean_and_variance(others[:, :2])[1], 2.0 - explained, atol=1e-8)


@pytest.mark.parametrize("optimiser", [LBFGS(20), Adam(120)], ids=["LBFGS", "Adam"])
@pytest.mark.parametrize("coordinates", [SOFTPLUS, LOGARITHM], ids=["softplus", "logarithm"])
def test_hyperparameters_make_the_labels_likelier_and_find_the_noise(
    coordinates: Coordinates, optimiser: Optimiser
) -> None:
    generator = torch.Generator().manual_seed(0)
    rows = BOX.uniform(150, generator)
    clean = (2 * rows[:, 0]).sin()
    targets = clean + 0.3 * torch.randn(150, generator=generator, dtype=torch.float64)
    targets = (targets - targets.mean()) / targets.std()
    fitted = Hyperparameters([3], [True], coordinates)
    kernel, first = fitted()
    before = log_marginal_likelihood(kernel, first, rows, targets)
    fit(fitted, rows, targets, optimiser)
    own, noise = fitted.fitted()
    after = log_marginal_likelihood(own, torch.tensor(noise), rows, targets)
    assert after > before + 1
    assert noise == pytest.approx(0.09 / (0.5 + 0.09), rel=0.4)
    assert own.lengths[0][0] < own.lengths[0][1:].min()
    assert not own.variances.requires_grad


@torch.no_grad()
def test_the_marginal_likelihood_is_the_log_density_of_the_labels() -> None:
    rows, targets = data()
    own, noise = Hyperparameters([3], [False])()
    covariance = own(rows, rows) + noise * torch.eye(len(rows)).double()
    normal = torch.distributions.MultivariateNormal(torch.zeros(len(rows)).double(), covariance)
    found = log_marginal_likelihood(own, noise, rows, targets)
    assert float(found) == pytest.approx(float(normal.log_prob(targets)))


def test_the_marginal_likelihood_has_the_slopes_of_automatic_differentiation() -> None:
    rows, targets = data()
    targets = targets.clone().requires_grad_()
    hyperparameters = Hyperparameters([1, 2], [False, True])
    own, noise = hyperparameters()
    covariance = own(rows, rows) + noise * torch.eye(len(rows)).double()
    normal = torch.distributions.MultivariateNormal(torch.zeros(len(rows)).double(), covariance)
    values = 3 * log_marginal_likelihood(own, noise, rows, targets), 3 * normal.log_prob(targets)
    parameters = [*hyperparameters.parameters(), targets]
    found, expected = (
        torch.autograd.grad(value, parameters, retain_graph=True) for value in values
    )
    torch.testing.assert_close(found, expected)


def test_the_priors_are_log_normal_and_the_objective_holds_them() -> None:
    """At the start all are at their medians, but for the noise."""
    hyperparameters = Hyperparameters([3, 0, 2], [False, True, True])
    own, noise = hyperparameters()
    assert noise.item() == pytest.approx(0.1)
    expected = torch.distributions.LogNormal(-2.0, 2.0).log_prob(noise)
    expected = expected + np.log(2.0) + np.log(2 * np.pi) / 2  # without the constants
    expected = expected - np.log(3) / 2 - 2 * np.log(2) / 2
    assert hyperparameters.log_prior(own, noise).item() == pytest.approx(expected.item())

    rows = BOX.uniform(20, torch.Generator().manual_seed(0))
    rows, targets = torch.cat([rows, rows[:, :2] + 1], 1), rows[:, 0]
    seen = []

    def watch(parameters: Sequence[torch.nn.Parameter], objective: Callable[[], Tensor]) -> None:
        seen.append(float(objective()))

    fit(hyperparameters, rows, targets, watch)
    likelihood = log_marginal_likelihood(own, noise, rows, targets)
    assert seen == [pytest.approx(float(likelihood + expected) / 20)]


def test_expected_improvement_is_the_formula(model: ConditionedGP) -> None:
    others = BOX.uniform(30, torch.Generator().manual_seed(2))
    mean, variance = (each.numpy() for each in model.mean_and_variance(others))
    std = np.sqrt(variance)
    z = (mean - model.best) / std
    improvement = std * (z * norm.cdf(z) + norm.pdf(z))
    value = ExpectedImprovement().value(model, None, 0)
    np.testing.assert_allclose(value(others[:, None]).exp(), improvement, rtol=1e-6)


@pytest.mark.parametrize("acquisition", ACQUISITIONS, ids=lambda kind: kind.__name__)
def test_an_acquisition_chooses_different_points_near_the_top(
    acquisition: type[Acquisition], model: ConditionedGP
) -> None:
    """The values fall with the distance from (0.7, 0.7, 0.7): the sign is right."""
    chosen = acquisition().in_box(model, BOX, 4, torch.Generator().manual_seed(0))
    again = acquisition().in_box(model, BOX, 4, torch.Generator().manual_seed(0))
    assert torch.equal(chosen, again)
    assert chosen.shape == (4, 3)
    assert BOX.holds(chosen).all()
    assert (chosen - 0.7).norm(dim=1).min() < (1.5 if acquisition is ThompsonSampling else 0.7)
    if acquisition is not HighestMean:
        assert torch.pdist(chosen).min() > 1e-3

    rows = BOX.uniform(60, torch.Generator().manual_seed(3))
    places = acquisition().among(model, rows, 5, torch.Generator().manual_seed(0))
    assert len(set(places)) == 5
    distance = (rows - 0.7).norm(dim=1)
    assert distance[places[0]] < distance.median()
    assert len(acquisition().among(model, rows[:3], 5, torch.Generator())) == 3


def test_climbs_end_where_no_point_of_a_fine_grid_is_better(model: ConditionedGP) -> None:
    line = torch.linspace(-2, 2, 33).double()
    grid = torch.cartesian_prod(line, line, line)
    (point,) = HighestMean().in_box(model, BOX, 1, torch.Generator().manual_seed(0))
    assert float(model.mean(point[None])) >= float(model.mean(grid).max()) - 1e-6


def test_a_believer_does_not_choose_twice_what_a_liar_may(model: ConditionedGP) -> None:
    (first,) = ExpectedImprovement().in_box(model, BOX, 1, torch.Generator().manual_seed(0))
    value = ExpectedImprovement().value(model, None, 0)(first[None, None])
    after = ExpectedImprovement().value(model.fantasize_mean([first]), None, 0)(first[None, None])
    assert after < value
    lowest = ConstantLiar(Lie.LOWEST).after(model, first)
    highest = ConstantLiar(Lie.HIGHEST).after(model, first)
    assert lowest.mean(first[None]) < model.mean(first[None])
    assert lowest.mean(first[None]) < highest.mean(first[None])
    assert highest.best > lowest.best


def test_thompson_draws_from_the_posterior(model: ConditionedGP) -> None:
    """Where two rows are all there is, each is chosen as often as it is the better one."""
    rows = torch.tensor([[0.4, 0.8, 0.5], [1.2, 0.3, 1.0]]).double()
    means, spread = model.joint(rows)
    mean = means[0] - means[1]
    std = (spread[0, 0] + spread[1, 1] - 2 * spread[0, 1]).sqrt()
    expected = norm.cdf(float(mean / std))
    generator = torch.Generator().manual_seed(0)
    firsts = [ThompsonSampling().among(model, rows, 1, generator)[0] for _ in range(400)]
    assert 0.02 < expected < 0.98
    assert firsts.count(0) / 400 == pytest.approx(expected, abs=0.08)


def test_a_trust_region_grows_shrinks_and_begins_anew() -> None:
    region = TrustRegion(successes=2, failures=3)
    assert region.length([0.5, 0.6], initial=2) == 0.8
    assert region.length([0.5, 0.6, 0.7, 0.8], initial=2) == 1.6
    assert region.length([0.5, 0.6, 0.1, 0.1, 0.1], initial=2) == 0.4
    assert region.length([0.5, 0.6, 0.1, 0.1, 0.7, 0.1, 0.1], initial=2) == 0.8
    assert region.length([0.6] + 18 * [0.1], initial=1) == 0.8 * 0.5**6
    assert region.length([0.6] + 21 * [0.1], initial=1) == 0.8


def test_a_trust_region_is_the_part_of_the_box_around_the_best() -> None:
    points = torch.tensor([[0.0, 0.0, 0.0], [1.0, -1.9, 0.0]]).double()
    values = torch.tensor([0.1, 0.2]).double()
    box = TrustRegion(first=0.5)(BOX, points, values, 2)
    np.testing.assert_allclose(box.lower, [0.0, -2.0, -1.0])
    np.testing.assert_allclose(box.upper, [2.0, -0.9, 1.0])
    assert WholeBox()(BOX, points, values, 2) is BOX


@pytest.mark.parametrize("error", [None, NotPSDError, NanError])
def test_a_step_to_where_nothing_can_be_computed_is_shortened(
    error: type[Exception] | None,
) -> None:
    """The objective rises for ever, and cannot be computed beyond 3."""
    number = torch.nn.Parameter(torch.zeros((), dtype=torch.float64))

    def objective() -> torch.Tensor:
        if number > 3:
            if error is not None:
                raise error("beyond")
            return number * torch.nan
        return number - 10

    LBFGS(20)([number], objective)
    assert 1 < number.item() <= 3


def test_a_start_where_nothing_can_be_computed_is_told() -> None:
    def objective() -> torch.Tensor:
        raise NotPSDError("everywhere")

    number = torch.nn.Parameter(torch.zeros((), dtype=torch.float64))
    with pytest.raises(NotPSDError):
        LBFGS(20)([number], objective)
