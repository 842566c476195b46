"""A Gaussian process that knows its labels through a few hundred inducing points.

The collapsed bound of Titsias 2009, *Variational Learning of Inducing Variables in Sparse Gaussian
Processes*. With K the covariance, u the inducing points, L Lᵀ = K_uu, A = L⁻¹ K_uf / σ and
B = 1 + A Aᵀ, the targets are taken as normal with covariance K_fu K_uu⁻¹ K_uf + σ², and the bound
pays for what the inducing points leave out, tr(K_ff) / σ² − tr(A Aᵀ). The kernel is that of
:mod:`predictors.processes.kernels`. D-VAE (Zhang et al. 2019, arXiv:1904.11088) judges latent
spaces by such a process with 500 inducing points.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch
from linear_operator.utils.cholesky import psd_safe_cholesky
from torch import Tensor

from experiment.errors import InputError
from predictors.joined import Joined
from predictors.processes.kernels import (
    PORTION,
    cholesky_errors,
    log_priors,
    matern_sum,
    maximise,
    noise,
)
from predictors.regressor import Description, NormalScores, Regressor, Scale

INDUCING = 500
FITTED = 4_000
"""Labels that kernel and inducing points are fitted to; with more, a random part of them."""
STEPS, RATE = 60, 0.1
JITTER = 1e-6
"""Added to the variance of the inducing points, which are known without noise."""


class SparseGaussianProcess(Regressor):
    """A :class:`~predictors.regressor.Regressor` whose work grows in proportion to the labels.

    Args:
        scale: what the targets are: ranks of the values, or the values.
        seed: of the choice of labels that are fitted to, and that inducing points begin at.
        inducing: the most inducing points.
        parameters: the :attr:`parameters` of an earlier fit to the same labels. They are kept, and
            fitting only conditions on the labels: a fraction of a second instead of many.

    Raises:
        InputError: on fitting, if ``parameters`` are those of other features.
    """

    def __init__(
        self,
        scale: type[Scale] = NormalScores,
        seed: int = 0,
        inducing: int = INDUCING,
        parameters: Mapping[str, np.ndarray] | None = None,
    ) -> None:
        super().__init__(scale, seed)
        self.inducing = inducing
        self._earlier = parameters

    @property
    def parameters(self) -> dict[str, np.ndarray]:
        """Hyperparameters and inducing points of the fitted process, float64, by their names."""
        return {name: each.detach().numpy() for name, each in self._model.named_parameters()}

    def learn(
        self, inputs: Sequence[Description], targets: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Fit hyperparameters and inducing points, and condition on all labels."""
        self._joined = Joined(inputs)
        rows, known = torch.from_numpy(self._joined(inputs)), torch.from_numpy(targets)
        order = torch.from_numpy(np.random.default_rng(self.seed).permutation(len(targets)))
        self._model = _Inducing(self._joined, rows[order[: self.inducing]].clone())
        part = order[:FITTED]
        with cholesky_errors():
            if self._earlier is not None:
                self._model.take(self._earlier)
            else:
                maximise(
                    self._model.parameters(),
                    lambda: self._model.bound(rows[part], known[part]),
                    STEPS,
                    RATE,
                )
            self._model.condition(rows, known)
            mean, deviation = self._model.leave_one_out(rows, known)
        return mean.numpy(), deviation.numpy()

    def scores(self, inputs: Sequence[Description]) -> tuple[np.ndarray, np.ndarray]:
        """What the posterior says, noise included. **Shape** (B,) each."""
        rows = torch.from_numpy(self._joined(inputs))
        parts = [self._model.posterior(part) for part in rows.split(PORTION)]
        mean, variance = (torch.cat(each).numpy() for each in zip(*parts, strict=True))
        return mean, np.sqrt(variance)


class _Factors(NamedTuple):
    """What the module's docstring calls L, A, a factor of B, and c = factor⁻¹ A y / σ."""

    prior: Tensor  # (M, M)
    seen: Tensor  # (M, n)
    posterior: Tensor  # (M, M)
    weights: Tensor  # (M, 1)


class _Inducing(torch.nn.Module):
    """Kernel, noise and inducing points, with the bound that they are fitted by.

    Args:
        joined: the descriptions.
        points: where the inducing points begin. **Shape** (M, F).
    """

    def __init__(self, joined: Joined, points: Tensor) -> None:
        super().__init__()
        self.kernel = matern_sum(joined.numeric, joined.widths)
        self.noise = noise()
        self.points = torch.nn.Parameter(points)

    @torch.no_grad()
    def take(self, parameters: Mapping[str, np.ndarray]) -> None:
        """Set kernel, noise and inducing points.

        Raises:
            InputError: they have other names or shapes.
        """
        own = dict(self.named_parameters())
        shapes = {name: tuple(each.shape) for name, each in own.items()}
        if {name: np.shape(each) for name, each in parameters.items()} != shapes:
            raise InputError(
                "the parameters of an earlier fit are those of other features: fit again"
            )
        for name, each in own.items():
            each.copy_(torch.from_numpy(np.asarray(parameters[name], dtype=np.float64)))

    def bound(self, rows: Tensor, targets: Tensor) -> Tensor:
        """Lower bound of the logarithm of the likelihood and the priors, a label.

        **Shape** (n, F) and (n,) → ().
        """
        factors = self._factors(rows, targets)
        variance = self.noise.noise.squeeze()
        explained = factors.seen.square().sum()
        left_out = self.kernel(rows, diag=True).sum() / variance - explained
        fit = targets @ targets / variance - factors.weights.square().sum()
        volume = factors.posterior.diagonal().log().sum() * 2 + len(rows) * torch.log(
            2 * math.pi * variance
        )
        priors = log_priors(self.kernel, self.noise)
        return (-0.5 * (volume + fit + left_out) + priors) / len(rows)

    @torch.no_grad()
    def condition(self, rows: Tensor, targets: Tensor) -> None:
        """Take these labels as known. **Shape** (n, F) and (n,)."""
        self._known = self._factors(rows, targets)

    @torch.no_grad()
    def posterior(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and variance of what would be measured. **Shape** (B, F) → (B,) each."""
        prior, _, posterior, weights = self._known
        before = _solve(prior, self._covariance(rows))
        after = _solve(posterior, before)
        variance = self.kernel(rows, diag=True) - before.square().sum(0) + after.square().sum(0)
        return (after.T @ weights)[:, 0], variance.clamp(min=0) + self.noise.noise

    @torch.no_grad()
    def leave_one_out(self, rows: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and deviation of each target, as the others make expect. **Shape** (n,) each.

        Rasmussen & Williams 2006, equations 5.12, with the inverse of the targets' covariance
        P = (1 − Aᵀ B⁻¹ A) / σ², which needs no matrix of all labels. The variance that the
        inducing points leave out is added, as for other architectures.
        """
        _, seen, posterior, weights = self._known
        variance = self.noise.noise.squeeze()
        inner = _solve(posterior, seen)  # (M, n)
        own = (1 - inner.square().sum(0)) / variance
        product = (targets - (inner.T @ weights)[:, 0] * variance.sqrt()) / variance
        left_out = self.kernel(rows, diag=True) - seen.square().sum(0) * variance
        return targets - product / own, (1 / own + left_out.clamp(min=0)).sqrt()

    def _covariance(self, rows: Tensor) -> Tensor:
        """Covariance of inducing points and architectures. **Shape** (M, B)."""
        return self.kernel(self.points, rows).to_dense()

    def _factors(self, rows: Tensor, targets: Tensor) -> _Factors:
        one = torch.eye(len(self.points)).double()
        deviation = self.noise.noise.sqrt()
        own = self.kernel(self.points).to_dense()
        prior = psd_safe_cholesky(own + JITTER * own.diagonal().mean() * one)
        seen = _solve(prior, self._covariance(rows)) / deviation
        posterior = psd_safe_cholesky(one + seen @ seen.T)
        weights = _solve(posterior, seen @ targets[:, None]) / deviation
        return _Factors(prior, seen, posterior, weights)


def _solve(factor: Tensor, right: Tensor) -> Tensor:
    """The lower triangular ``factor``, inverted, times ``right``."""
    return torch.linalg.solve_triangular(factor, right, upper=False)
