"""A Gaussian process that is conditioned on its labels through a few hundred inducing points.

The collapsed bound of Titsias 2009, *Variational Learning of Inducing Variables in Sparse Gaussian
Processes*. With K the covariance, u the inducing points, L Lᵀ = K_uu, A = L⁻¹ K_uf / σ and
B = 1 + A Aᵀ, the targets are taken as normal with covariance K_fu K_uu⁻¹ K_uf + σ², and the bound
pays for what the inducing points leave out, tr(K_ff) / σ² − tr(A Aᵀ). D-VAE (Zhang et al. 2019,
arXiv:1904.11088) judges latent spaces by such a process with 500 inducing points.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import Parameter

from predictors.processes.conditioning import ConditionedGP
from predictors.processes.hyperparameters import Hyperparameters, Optimiser
from predictors.processes.matern import AdditiveMatern

JITTER = 1e-6
"""Added to the variance of the inducing points, which are known without noise."""


@torch.no_grad()
def condition(
    kernel: AdditiveMatern, noise: float, points: Tensor, rows: Tensor, targets: Tensor
) -> ConditionedGP:
    """The process, given its labels through inducing points.

    It has the weights w = L⁻ᵀ B⁻¹ A y / σ and RᵀR = L⁻ᵀ (1 − B⁻¹) L⁻¹.

    Args:
        kernel: prior covariance.
        noise: σ².
        points: the inducing points. **Shape** (M, F).
        rows: what was measured. **Shape** (n, F).
        targets: **shape** (n,).
    """
    inverse, whitened = _whitened(kernel, noise, points, rows)
    values, vectors = torch.linalg.eigh(whitened @ whitened.T)
    values = values.clamp(min=0)
    rotated = vectors.T @ inverse
    weights = rotated.T @ ((vectors.T @ (whitened @ targets)) / (1 + values)) / noise**0.5
    root = (values / (1 + values)).sqrt()[:, None] * rotated
    return ConditionedGP(kernel, noise, points, weights, root, rows)


def fit(
    hyperparameters: Hyperparameters,
    points: Parameter,
    rows: Tensor,
    targets: Tensor,
    optimiser: Optimiser,
) -> None:
    """Maximise the bound under the priors, by the inducing points as well. **Shape** as above."""

    def bound(kernel: AdditiveMatern, noise: Tensor) -> Tensor:
        return collapsed_bound(kernel, noise, points, rows, targets)

    hyperparameters.maximise(bound, len(rows), optimiser, [points])


def collapsed_bound(
    kernel: AdditiveMatern, noise: Tensor, points: Tensor, rows: Tensor, targets: Tensor
) -> Tensor:
    """Lower bound of the logarithm of the marginal likelihood. **Shape** as above → ()."""
    _, whitened = _whitened(kernel, noise, points, rows)
    factor = _posterior_factor(whitened)
    inner = _solve(factor, whitened @ targets[:, None])
    left_out = len(rows) * kernel.variance / noise - whitened.square().sum()
    fit = (targets @ targets - inner.square().sum()) / noise
    volume = factor.diagonal().log().sum() * 2 + len(rows) * torch.log(2 * math.pi * noise)
    return -0.5 * (volume + fit + left_out)


@torch.no_grad()
def leave_one_out(process: ConditionedGP, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of each target, given the others. **Shape** (n,) → (n,) each.

    Rasmussen & Williams 2006, equations 5.12, with the inverse of the targets' covariance
    P = (1 − Aᵀ B⁻¹ A) / σ², which needs no matrix of all labels. The variance that the inducing
    points leave out is added, as for other architectures.

    Args:
        process: that of :func:`condition`.
        targets: that it was conditioned on.
    """
    kernel, noise, rows = process.kernel, process.noise, process.known
    _, whitened = _whitened(kernel, noise, process.basis, rows)
    inner = _solve(_posterior_factor(whitened), whitened)  # (M, n)
    own = (1 - inner.square().sum(0)) / noise
    product = (targets - process.mean(rows)) / noise
    left_out = kernel.variance - whitened.square().sum(0) * noise
    return targets - product / own, (1 / own + left_out.clamp(min=0)).sqrt()


def _whitened(
    kernel: AdditiveMatern, noise: float | Tensor, points: Tensor, rows: Tensor
) -> tuple[Tensor, Tensor]:
    """L⁻¹ and A of the module's docstring. **Shape** (M, M) and (M, n)."""
    from linear_operator.utils.cholesky import psd_safe_cholesky

    one = torch.eye(len(points), dtype=rows.dtype)
    own = kernel(points, points)
    factor = psd_safe_cholesky(own + JITTER * own.diagonal().mean() * one)
    inverse = _solve(factor, one)
    return inverse, inverse @ kernel(points, rows) / noise**0.5


def _posterior_factor(whitened: Tensor) -> Tensor:
    """The Cholesky factor of B. **Shape** (M, n) → (M, M)."""
    from linear_operator.utils.cholesky import psd_safe_cholesky

    return psd_safe_cholesky(torch.eye(len(whitened), dtype=whitened.dtype) + whitened @ whitened.T)


def _solve(factor: Tensor, right: Tensor) -> Tensor:
    """The lower triangular ``factor``, inverted, times ``right``."""
    return torch.linalg.solve_triangular(factor, right, upper=False)
