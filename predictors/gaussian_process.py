"""An exact Gaussian process on several descriptions of architectures at once.

The kernel is a sum of Matérn-5/2 kernels, one a description (Duvenaud et al. 2011, *Additive
Gaussian Processes*), each with an amplitude of its own: what no description explains is noise. A
description whose numbers are quantities of their own has a length scale for each of them; the
others have one. Hyperparameters maximise the marginal likelihood under weak priors
(Rasmussen & Williams 2006, chapter 5).
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

import gpytorch
import numpy as np
import torch
from gpytorch.constraints import GreaterThan
from gpytorch.kernels import AdditiveKernel, MaternKernel, ScaleKernel
from gpytorch.priors import LogNormalPrior
from linear_operator.utils.errors import NanError, NotPSDError
from scipy.stats import norm
from torch import Tensor

from experiment.errors import InputError
from predictors.regressor import Description, NormalScores, Scale, check_targets

LEAST_LABELS = 5
FITTED = 600
"""Labels that hyperparameters are fitted to; with more, a random part of them."""
STEPS, RATE = 120, 0.05
ONE_DEVIATION = float(norm.cdf(1) - norm.cdf(-1))
PORTION = 4096
"""Architectures that are predicted at once."""
LEAST_NOISE, FIRST_NOISE = 1e-4, 0.1
"""Variances, of targets whose variance is 1."""


class GaussianProcess:
    """A :class:`~predictors.regressor.Regressor`.

    Args:
        scale: what the targets are: ranks of the values, or the values.
        seed: of the choice of labels for the hyperparameters.
    """

    def __init__(self, scale: type[Scale] = NormalScores, seed: int = 0) -> None:
        self.make_scale = scale
        self.seed = seed
        self._model: _SumOfKernels | None = None

    def fit(self, inputs: Sequence[Description], values: np.ndarray) -> None:
        """Learn from measured architectures.

        Raises:
            InputError: too few, constant or missing values, or descriptions that never vary.
        """
        values = check_targets(values, LEAST_LABELS)
        self.scale = self.make_scale(values)
        self._standard = [_Standard(each.rows) for each in inputs]
        if not any(standard.width for standard in self._standard):
            raise InputError(
                "all labelled architectures have the same description: "
                "label others, or describe them by other features"
            )
        rows = self._rows(inputs)
        targets = torch.from_numpy(self.scale(values))
        widths = [standard.width for standard in self._standard]
        model = _SumOfKernels([each.numeric for each in inputs], widths)
        order = np.random.default_rng(self.seed).permutation(len(values))[:FITTED]
        part = torch.from_numpy(np.sort(order))
        try:
            _maximise(model, rows[part], targets[part])
            model.condition(rows, targets)
        except (NotPSDError, NanError) as error:
            raise InputError(
                "the covariance of the labels has no Cholesky factor: "
                "leave out repeated architectures, or describe them by other features"
            ) from error
        self._model = model
        self._surprises = model.leave_one_out().abs().numpy()

    def predict(self, inputs: Sequence[Description]) -> tuple[np.ndarray, np.ndarray]:
        """Mean and deviation of the value of each architecture. **Shape** (B,) each.

        The deviation is half of the :meth:`interval` that holds as much as a normal distribution
        has within one deviation.
        """
        mean, _ = self.scores(inputs)
        low, high = self.interval(inputs, ONE_DEVIATION)
        return self.scale.back(mean), (high - low) / 2

    def interval(
        self, inputs: Sequence[Description], share: float
    ) -> tuple[np.ndarray, np.ndarray]:
        """Ends of the interval that holds the value with probability ``share``. **Shape** (B,).

        How many deviations it reaches is learnt from the labels, each predicted from the others
        (Barber et al. 2021, *Predictive inference with the jackknife+*, arXiv:1905.02928).
        """
        mean, deviation = self.scores(inputs)
        reach = np.quantile(self._surprises, share) * deviation
        return self.scale.back(mean - reach), self.scale.back(mean + reach)

    def scores(self, inputs: Sequence[Description]) -> tuple[np.ndarray, np.ndarray]:
        """Mean and deviation on the scale of the targets, noise included. **Shape** (B,) each."""
        if self._model is None:
            raise InputError("this Gaussian process was not fitted: call fit() first")
        rows = self._rows(inputs)
        parts = [self._model.posterior(part) for part in rows.split(PORTION)]
        mean, variance = (torch.cat(each).numpy() for each in zip(*parts, strict=True))
        return mean, np.sqrt(variance)

    def _rows(self, inputs: Sequence[Description]) -> Tensor:
        """All descriptions side by side, to scale. **Shape** (B, sum of F)."""
        scaled = zip(self._standard, inputs, strict=True)
        return torch.cat([scale(each.rows) for scale, each in scaled], dim=1)


class _Standard:
    """Scales the columns that vary to mean 0 and deviation 1, and drops the others."""

    def __init__(self, rows: np.ndarray) -> None:
        deviation = rows.std(axis=0)
        self._kept = np.flatnonzero(deviation > 0)
        self._mean, self._deviation = rows.mean(axis=0)[self._kept], deviation[self._kept]
        self.width = len(self._kept)

    def __call__(self, rows: np.ndarray) -> Tensor:
        return torch.from_numpy((rows[:, self._kept] - self._mean) / self._deviation)


class _SumOfKernels(gpytorch.models.ExactGP):
    """Matérn kernels, each on its own columns of the inputs.

    Args:
        numeric: for each description, whether every column has a length scale of its own.
        widths: columns of each description.
    """

    def __init__(self, numeric: Sequence[bool], widths: Sequence[int]) -> None:
        likelihood = gpytorch.likelihoods.GaussianLikelihood(
            noise_prior=LogNormalPrior(-2.0, 2.0), noise_constraint=GreaterThan(LEAST_NOISE)
        )
        super().__init__(None, None, likelihood)
        self.mean_module = gpytorch.means.ZeroMean()
        kernels, begin = [], 0
        for own, width in zip(numeric, widths, strict=True):
            if width:
                kernels.append(_matern(own, range(begin, begin + width)))
            begin += width
        self.covar_module = AdditiveKernel(*kernels)
        self.double()
        likelihood.noise = FIRST_NOISE

    def forward(self, inputs: Tensor) -> gpytorch.distributions.MultivariateNormal:
        """Prior of the values at some inputs. **Shape** (B, F)."""
        return gpytorch.distributions.MultivariateNormal(
            self.mean_module(inputs), self.covar_module(inputs)
        )

    def condition(self, inputs: Tensor, targets: Tensor) -> None:
        """Take these labels as known."""
        self.set_train_data(inputs, targets, strict=False)
        self.eval()

    @torch.no_grad()
    def leave_one_out(self) -> Tensor:
        """Each target's distance, in deviations, from what the others predict. **Shape** (n,).

        Rasmussen & Williams 2006, equations 5.12: with the inverse P of the targets' covariance
        the error is [P y] / diag P, its variance 1 / diag P.
        """
        inputs, targets = self.train_inputs[0], self.train_targets
        covariance = self.covar_module(inputs).to_dense()
        covariance = covariance + self.likelihood.noise * torch.eye(len(targets)).double()
        precision = torch.cholesky_inverse(torch.linalg.cholesky(covariance))
        return (precision @ targets) / precision.diagonal().sqrt()

    @torch.no_grad()
    def posterior(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and variance of what would be measured. **Shape** (B,) each."""
        with _exact():
            predicted = self.likelihood(self(inputs))
            return predicted.mean, predicted.variance


def _matern(own_lengths: bool, columns: range) -> ScaleKernel:
    """A Matérn-5/2 kernel on some columns, with an amplitude; lengths begin at √(columns)."""
    width = len(columns)
    prior = LogNormalPrior(float(np.log(width) / 2), 1.0)
    kernel = MaternKernel(
        2.5,
        ard_num_dims=width if own_lengths else None,
        active_dims=tuple(columns),
        lengthscale_prior=prior,
    )
    kernel.lengthscale = width**0.5
    scaled = ScaleKernel(kernel, outputscale_prior=LogNormalPrior(0.0, 2.0))
    scaled.outputscale = 1.0
    return scaled


def _maximise(model: _SumOfKernels, inputs: Tensor, targets: Tensor) -> None:
    """Fit the hyperparameters to the marginal likelihood."""
    model.set_train_data(inputs, targets, strict=False)
    model.train()
    likelihood = gpytorch.mlls.ExactMarginalLogLikelihood(model.likelihood, model)
    optimiser = torch.optim.Adam(model.parameters(), lr=RATE)
    for _ in range(STEPS):
        optimiser.zero_grad()
        with _exact():
            loss = -likelihood(model(inputs), targets)
        loss.backward()
        optimiser.step()


def _exact() -> contextlib.ExitStack:
    """Cholesky factors whatever the size, instead of iterations that end early."""
    stack = contextlib.ExitStack()
    stack.enter_context(gpytorch.settings.fast_computations(False, False, False))
    stack.enter_context(gpytorch.settings.max_cholesky_size(10**6))
    stack.enter_context(gpytorch.settings.debug(False))  # to predict the labels is no mistake
    return stack
