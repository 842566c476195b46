"""An exact Gaussian process on several descriptions of architectures at once.

Its kernel is that of :mod:`predictors.processes.kernels`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from linear_operator.utils.cholesky import psd_safe_cholesky
from torch import Tensor

from predictors.joined import Joined
from predictors.processes.kernels import (
    PORTION,
    cholesky_errors,
    log_priors,
    matern_sum,
    maximise,
    noise,
)
from predictors.regressor import Description, Regressor

STAGES = ((600, 120), (1_500, 40))
"""Labels that hyperparameters are fitted to, and steps: few first, then more if there are."""
RATE = 0.05


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
        self._model = AdditiveProcess(self._joined)
        order = np.random.default_rng(self.seed).permutation(len(targets))
        with cholesky_errors():
            fitted = 0
            for labels, steps in STAGES:
                if len(targets) > fitted:
                    part = torch.from_numpy(np.sort(order[:labels]))
                    self._model.fit(rows[part], known[part], steps)
                fitted = labels
            self._model.condition(rows, known)
            mean, deviation = self._model.leave_one_out()
        return mean.numpy(), deviation.numpy()

    def scores(self, inputs: Sequence[Description]) -> tuple[np.ndarray, np.ndarray]:
        """What the posterior says, noise included. **Shape** (B,) each."""
        rows = torch.from_numpy(self._joined(inputs))
        parts = [self._model.posterior(part) for part in rows.split(PORTION)]
        mean, variance = (torch.cat(each).numpy() for each in zip(*parts, strict=True))
        return mean, np.sqrt(variance)


class AdditiveProcess(torch.nn.Module):
    """Kernel and noise of the descriptions that were joined, and the labels that are known.

    Args:
        joined: the descriptions.

    Attributes:
        factor: Cholesky factor of the known targets' covariance. **Shape** (n, n).
        weights: the inverse of that covariance times the targets. **Shape** (n,).
    """

    def __init__(self, joined: Joined) -> None:
        super().__init__()
        self.kernel = matern_sum(joined.numeric, joined.widths)
        self.noise = noise()

    def fit(self, rows: Tensor, targets: Tensor, steps: int) -> None:
        """Move the hyperparameters towards the largest likelihood. **Shape** (n, F) and (n,)."""
        maximise(self.parameters(), lambda: self.likelihood(rows, targets), steps, RATE)

    def likelihood(self, rows: Tensor, targets: Tensor) -> Tensor:
        """Logarithm of the likelihood and the priors, a label. **Shape** (n, F), (n,) → ().

        Rasmussen & Williams 2006, equation 2.30.
        """
        factor = self._factor(rows)
        inner = torch.linalg.solve_triangular(factor, targets[:, None], upper=False)
        volume = 2 * factor.diagonal().log().sum() + len(rows) * math.log(2 * math.pi)
        priors = log_priors(self.kernel, self.noise)
        return (-0.5 * (inner.square().sum() + volume) + priors) / len(rows)

    def components(self) -> list[tuple[Tensor, Tensor]]:
        """Variance and length scales of the kernel of each description that has columns.

        **Shape** () and (1,) or (F,).
        """
        return [
            (part.outputscale.detach(), part.base_kernel.lengthscale.detach()[0])
            for part in self.kernel.kernels
        ]

    @torch.no_grad()
    def condition(self, rows: Tensor, targets: Tensor) -> None:
        """Take these labels as known. **Shape** (n, F) and (n,)."""
        self._rows, self._targets = rows, targets
        self.factor = self._factor(rows)
        self.weights = torch.cholesky_solve(targets[:, None], self.factor)[:, 0]

    @torch.no_grad()
    def leave_one_out(self) -> tuple[Tensor, Tensor]:
        """Mean and deviation of each target, as the others make expect. **Shape** (n,) each.

        Rasmussen & Williams 2006, equations 5.12: with the inverse P of the targets' covariance
        the mean is y − [P y] / diag P, the variance 1 / diag P.
        """
        own = torch.cholesky_inverse(self.factor).diagonal()
        return self._targets - self.weights / own, own.rsqrt()

    @torch.no_grad()
    def posterior(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and variance of what would be measured. **Shape** (B, F) → (B,) each."""
        across = self.kernel(self._rows, rows).to_dense()  # (n, B)
        explained = torch.linalg.solve_triangular(self.factor, across, upper=False)
        variance = self.kernel(rows, diag=True) - explained.square().sum(0)
        return across.T @ self.weights, variance.clamp(min=0) + self.noise.noise

    def _factor(self, rows: Tensor) -> Tensor:
        """Cholesky factor of the targets' covariance. **Shape** (n, n)."""
        one = torch.eye(len(rows)).double()
        return psd_safe_cholesky(self.kernel(rows).to_dense() + self.noise.noise * one)
