"""A Gaussian process conditioned on labels, which can be conditioned on one more point at a time.

With basis points b, every conditioned Gaussian process here has

    mean(x) = k(x, b) w        cov(x, x') = k(x, x') − (R k(b, x))ᵀ (R k(b, x'))

for some weights w and a matrix R. For the exact process b are the labelled points, and RᵀR is the
inverse of their covariance (Rasmussen & Williams 2006, equations 2.25 and 2.26). For the sparse one
b are the inducing points (:mod:`predictors.processes.sparse`). Conditioning on one more point keeps
the form: it adds a basis point, a weight, and a row to R. So a kriging believer's sequence of n
points (Ginsbourger, Le Riche & Carraro 2010) costs n rows and no factorisation.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from predictors.processes.hyperparameters import Hyperparameters, Optimiser
from predictors.processes.matern import AdditiveMatern

PORTION = 4096
"""Rows that are predicted at once; more of them take more memory and no less time."""


class ConditionedGP:
    """A conditioned Gaussian process of prior mean 0.

    Args:
        kernel: prior covariance.
        noise: variance of the measurements about the process, > 0.
        basis: **shape** (M, F).
        weights: **shape** (M,).
        root: R of the module's docstring. **Shape** (K, M).
        known: rows that were measured, for acquisitions that look back at them. **Shape** (n, F).
        best: the value to improve on; default the highest mean at the known rows.
    """

    def __init__(
        self,
        kernel: AdditiveMatern,
        noise: float,
        basis: Tensor,
        weights: Tensor,
        root: Tensor,
        known: Tensor,
        best: float | None = None,
    ) -> None:
        self.kernel = kernel
        self.noise = noise
        self.basis = basis
        self.weights = weights
        self.root = root
        self.known = known
        self._best = best

    @property
    def best(self) -> float:
        """The value to improve on: that of the incumbent by its posterior mean.

        No lucky measurement raises it (plug-in expected improvement, Picheny, Wagner & Ginsbourger
        2013).
        """
        if self._best is None:
            self._best = float(self.mean(self.known).max())
        return self._best

    def mean(self, rows: Tensor) -> Tensor:
        """Posterior means. **Shape** (B, F) → (B,)."""
        return self.kernel(rows, self.basis) @ self.weights

    def marginals(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and variance of the process at each row. **Shape** (…, F) → (…) each."""
        mean, reduced = self.reduced(rows)
        return mean, self.kernel.variance - reduced.square().sum(-1)

    def joint(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Means and covariances of the process. **Shape** (…, q, F) → (…, q) and (…, q, q)."""
        mean, reduced = self.reduced(rows)
        return mean, self.kernel(rows, rows) - reduced @ reduced.mT

    def mean_and_variance(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Those of the process at many rows, without noise. **Shape** (B, F) → (B,) each."""
        means, variances = zip(*map(self.marginals, rows.split(PORTION)), strict=True)
        return torch.cat(means), torch.cat(variances).clamp(min=0)

    def reduced(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Means, and (R k(b, x))ᵀ. **Shape** (…, F) → (…), (…, K)."""
        across = self.kernel(rows.reshape(-1, rows.shape[-1]), self.basis)
        reduced = across @ self.root.T
        shape = rows.shape[:-1]
        return (across @ self.weights).view(shape), reduced.view(*shape, reduced.shape[-1])

    @torch.no_grad()
    def condition_on(self, row: Tensor, value: float) -> ConditionedGP:
        """The process once one more row was measured. **Shape** (F,)."""
        mean, std, new = self._new_row(row)
        residual = (value - mean) / std
        return self._grown(row, new, residual, None)

    @torch.no_grad()
    def fantasize_mean(self, rows: Iterable[Tensor]) -> ConditionedGP:
        """The process once some rows have their posterior means as fantasised values.

        A kriging believer: no mean changes, and the variance falls. **Shape** of each row (F,).
        """
        process = self
        for row in rows:
            mean, _, new = process._new_row(row)
            # No mean changes, so that the means at the other known rows need no second look.
            process = process._grown(row, new, 0.0, max(process.best, mean))
        return process

    def first_component(self) -> ConditionedGP:
        """The process of the kernel's first block alone (Duvenaud et al. 2011)."""
        block = self.kernel.blocks[0]
        basis, known = self.basis[:, block], self.known[:, block]
        return ConditionedGP(self.kernel.first, self.noise, basis, self.weights, self.root, known)

    def to(self, dtype: torch.dtype) -> ConditionedGP:
        """The process of rows of another precision."""
        return ConditionedGP(
            self.kernel.to(dtype),
            self.noise,
            self.basis.to(dtype),
            self.weights.to(dtype),
            self.root.to(dtype),
            self.known.to(dtype),
            self._best,
        )

    def _new_row(self, row: Tensor) -> tuple[float, Tensor, Tensor]:
        """Mean and standard deviation of a measurement, and the row of R once it is made.

        The row belongs to the covariance of the new point and x, given all points before it.
        **Shape** (F,) → (), (M + 1,).
        """
        mean, reduced = self.reduced(row[None])
        variance = self.kernel.variance - reduced.square().sum()
        std = (variance.clamp(min=0) + self.noise).sqrt()
        one = torch.ones(1, dtype=row.dtype)
        return float(mean), std, torch.cat([-(reduced @ self.root)[0], one]) / std

    def _grown(
        self, row: Tensor, new: Tensor, residual: Tensor | float, best: float | None
    ) -> ConditionedGP:
        """With one more basis point, whose row of R is ``new``."""
        none = torch.zeros(1, dtype=row.dtype)
        return ConditionedGP(
            self.kernel,
            self.noise,
            torch.cat([self.basis, row[None]]),
            torch.cat([self.weights, none]) + residual * new,
            torch.cat([torch.cat([self.root, none.expand(len(self.root), 1)], 1), new[None]]),
            torch.cat([self.known, row[None]]),
            best,
        )


@torch.no_grad()
def condition(kernel: AdditiveMatern, noise: float, rows: Tensor, targets: Tensor) -> ConditionedGP:
    """The exact process, given its labels. **Shape** (n, F) and (n,)."""
    factor = _factor(kernel, noise, rows)
    weights = torch.cholesky_solve(targets[:, None], factor)[:, 0]
    one = torch.eye(len(rows), dtype=rows.dtype)
    root = torch.linalg.solve_triangular(factor, one, upper=False)
    return ConditionedGP(kernel, noise, rows, weights, root, rows)


def fit(
    hyperparameters: Hyperparameters, rows: Tensor, targets: Tensor, optimiser: Optimiser
) -> None:
    """Maximise the marginal likelihood under the priors. **Shape** (n, F) and (n,)."""

    def likelihood(kernel: AdditiveMatern, noise: Tensor) -> Tensor:
        return log_marginal_likelihood(kernel, noise, rows, targets)

    hyperparameters.maximise(likelihood, len(rows), optimiser)


def log_marginal_likelihood(
    kernel: AdditiveMatern, noise: Tensor, rows: Tensor, targets: Tensor
) -> Tensor:
    """Rasmussen & Williams 2006, equation 2.30. **Shape** (n, F), (n,) → ()."""
    one = torch.eye(len(rows), dtype=rows.dtype)
    return _LogDensity.apply(kernel.within(rows) + noise * one, targets)


def leave_one_out(process: ConditionedGP, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of each target, given the others. **Shape** (n,) → (n,) each.

    Rasmussen & Williams 2006, equations 5.12: with the inverse P of the targets' covariance the
    mean is y − [P y] / diag P, the variance 1 / diag P.

    Args:
        process: the exact one of :func:`condition`.
        targets: that it was conditioned on.
    """
    own = process.root.square().sum(0)
    return targets - process.weights / own, own.rsqrt()


class _LogDensity(torch.autograd.Function):
    """Of a normal vector of mean 0 and covariance K at y, by both.

    The derivative by K is (α αᵀ − K⁻¹) / 2 with α = K⁻¹ y (Rasmussen & Williams 2006, equation
    5.9). Through the Cholesky factor automatic differentiation takes four times as long.
    """

    @staticmethod
    def forward(ctx: Any, covariance: Tensor, targets: Tensor) -> Tensor:
        from linear_operator.utils.cholesky import psd_safe_cholesky

        factor = psd_safe_cholesky(covariance)
        weights = torch.cholesky_solve(targets[:, None], factor)[:, 0]
        ctx.save_for_backward(factor, weights)
        volume = 2 * factor.diagonal().log().sum() + len(targets) * math.log(2 * math.pi)
        return -0.5 * (targets @ weights + volume)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor]:
        factor, weights = ctx.saved_tensors
        slope = torch.cholesky_inverse(factor).mT  # symmetric, and its rows are contiguous so
        slope.mul_(-gradient / 2).addr_(weights, gradient / 2 * weights)
        return slope, -gradient * weights


def _factor(kernel: AdditiveMatern, noise: float | Tensor, rows: Tensor) -> Tensor:
    """Cholesky factor of the targets' covariance. **Shape** (n, F) → (n, n)."""
    from linear_operator.utils.cholesky import psd_safe_cholesky

    one = torch.eye(len(rows), dtype=rows.dtype)
    return psd_safe_cholesky(kernel(rows, rows) + noise * one)
