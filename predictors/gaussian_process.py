"""An exact Gaussian process on several descriptions of architectures at once.

Its kernel is that of :mod:`predictors.kernels`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

import gpytorch
import numpy as np
import torch
from linear_operator.utils.cholesky import psd_safe_cholesky
from torch import Tensor

from predictors.joined import Joined
from predictors.kernels import PORTION, cholesky_errors, matern_sum, maximise, noise
from predictors.regressor import Description, Regressor

FITTED = 600
"""Labels that hyperparameters are fitted to; with more, a random part of them."""
STEPS, RATE = 120, 0.05


class GaussianProcess(Regressor):
    """A :class:`~predictors.regressor.Regressor` whose work grows with the labels cubed.

    Args:
        scale: what the targets are: ranks of the values, or the values.
        seed: of the choice of labels for the hyperparameters.
    """

    def learn(
        self, inputs: Sequence[Description], targets: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Fit the hyperparameters, and condition on all labels."""
        self._joined = Joined(inputs)
        rows, known = torch.from_numpy(self._joined(inputs)), torch.from_numpy(targets)
        self._model = _SumOfKernels(self._joined)
        order = np.random.default_rng(self.seed).permutation(len(targets))[:FITTED]
        part = torch.from_numpy(np.sort(order))
        with cholesky_errors():
            self._model.fit_hyperparameters(rows[part], known[part])
            self._model.condition(rows, known)
            mean, deviation = self._model.leave_one_out()
        return mean.numpy(), deviation.numpy()

    def scores(self, inputs: Sequence[Description]) -> tuple[np.ndarray, np.ndarray]:
        """What the posterior says, noise included. **Shape** (B,) each."""
        rows = torch.from_numpy(self._joined(inputs))
        parts = [self._model.posterior(part) for part in rows.split(PORTION)]
        mean, variance = (torch.cat(each).numpy() for each in zip(*parts, strict=True))
        return mean, np.sqrt(variance)


class _SumOfKernels(gpytorch.models.ExactGP):
    """The model in GPyTorch's terms, of the descriptions that were joined."""

    def __init__(self, joined: Joined) -> None:
        super().__init__(None, None, noise())
        self.mean_module = gpytorch.means.ZeroMean()
        self.covar_module = matern_sum(joined.numeric, joined.widths)

    def forward(self, inputs: Tensor) -> gpytorch.distributions.MultivariateNormal:
        """Prior of the values at some inputs. **Shape** (B, F)."""
        return gpytorch.distributions.MultivariateNormal(
            self.mean_module(inputs), self.covar_module(inputs)
        )

    def fit_hyperparameters(self, inputs: Tensor, targets: Tensor) -> None:
        """Maximise the marginal likelihood of some labels."""
        self.set_train_data(inputs, targets, strict=False)
        self.train()
        likelihood = gpytorch.mlls.ExactMarginalLogLikelihood(self.likelihood, self)

        def objective() -> Tensor:
            with _exact():
                return likelihood(self(inputs), targets)

        maximise(self.parameters(), objective, STEPS, RATE)

    def condition(self, inputs: Tensor, targets: Tensor) -> None:
        """Take these labels as known."""
        self.set_train_data(inputs, targets, strict=False)
        self.eval()

    @torch.no_grad()
    def leave_one_out(self) -> tuple[Tensor, Tensor]:
        """Mean and deviation of each target, as the others make expect. **Shape** (n,) each.

        Rasmussen & Williams 2006, equations 5.12: with the inverse P of the targets' covariance
        the mean is y − [P y] / diag P, the variance 1 / diag P.
        """
        inputs, targets = self.train_inputs[0], self.train_targets
        covariance = self.covar_module(inputs).to_dense()
        covariance = covariance + self.likelihood.noise * torch.eye(len(targets)).double()
        precision = torch.cholesky_inverse(psd_safe_cholesky(covariance))
        own = precision.diagonal()
        return targets - precision @ targets / own, own.rsqrt()

    @torch.no_grad()
    def posterior(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and variance of what would be measured. **Shape** (B,) each."""
        with _exact():
            predicted = self.likelihood(self(inputs))
            return predicted.mean, predicted.variance


def _exact() -> contextlib.ExitStack:
    """Cholesky factors whatever the size, instead of iterations that end early."""
    stack = contextlib.ExitStack()
    stack.enter_context(gpytorch.settings.fast_computations(False, False, False))
    stack.enter_context(gpytorch.settings.max_cholesky_size(10**6))
    stack.enter_context(gpytorch.settings.debug(False))  # to predict the labels is no mistake
    return stack
