"""What a Gaussian process knows, as a BoTorch model that grows a point at a time.

With basis points b, every conditioned Gaussian process here has

    mean(x) = k(x, b) w        cov(x, x') = k(x, x') − (R k(b, x))ᵀ (R k(b, x'))

for some weights w and a matrix R. For the exact process b are the labelled points, and RᵀR is the
inverse of their covariance (Rasmussen & Williams 2006, equations 2.25 and 2.26). For the sparse one
b are the inducing points (Titsias 2009, equation 6). Conditioning on one more point keeps the form:
it adds a basis point, a weight, and a row to R. So a kriging believer's sequence of n points
(Ginsbourger, Le Riche & Carraro 2010) costs n rows and no factorisation.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from botorch.models.model import Model
from botorch.posteriors.gpytorch import GPyTorchPosterior
from gpytorch.distributions import MultivariateNormal
from linear_operator.operators import DiagLinearOperator, to_linear_operator
from linear_operator.utils.cholesky import psd_safe_cholesky
from torch import Tensor

from predictors.processes.matern import matern, squared_distances

JITTER = 1e-6
"""Added to the variance of inducing points, which are known without noise."""


@dataclass(frozen=True)
class MaternSum:
    """A sum of Matérn-5/2 kernels, each on its own columns of the rows.

    The covariance of :func:`predictors.processes.kernels.matern_sum`, written out: an acquisition
    asks for it thousands of times, for a few points each time, where GPyTorch's bookkeeping takes
    most of the time.

    Attributes:
        columns: those that each summand reads.
        lengths: its length scales. **Shape** of each (1,) or (columns,).
        variances: of each. **Shape** (summands,).
    """

    columns: tuple[slice, ...]
    lengths: tuple[Tensor, ...]
    variances: Tensor

    @property
    def variance(self) -> Tensor:
        """Of the process at any row. **Shape** ()."""
        return self.variances.sum()

    @property
    def first(self) -> MaternSum:
        """The first summand alone."""
        return MaternSum(self.columns[:1], self.lengths[:1], self.variances[:1])

    def __call__(self, rows: Tensor, others: Tensor) -> Tensor:
        """Covariances. **Shape** (…, n, F), (…, m, F) → (…, n, m)."""
        total = torch.zeros((), dtype=rows.dtype)
        for own, lengths, variance in zip(self.columns, self.lengths, self.variances, strict=True):
            squares = squared_distances(rows[..., own] / lengths, others[..., own] / lengths)
            total = total + variance * matern(squares)
        return total


class GaussianPosterior(Model):
    """A conditioned Gaussian process of mean 0 before it knew anything.

    Args:
        kernel: covariance before.
        noise: variance of what is measured about the process, > 0.
        basis: **shape** (M, F), float64.
        weights: **shape** (M,).
        root: R of the module's docstring. **Shape** (K, M).
        known: rows that were measured, for acquisitions that look back at them. **Shape** (n, F).
        best: the value to improve on; default the highest mean at the known rows.
    """

    def __init__(
        self,
        kernel: MaternSum,
        noise: float,
        basis: Tensor,
        weights: Tensor,
        root: Tensor,
        known: Tensor,
        best: float | None = None,
    ) -> None:
        super().__init__()
        self.kernel = kernel
        self.noise = noise
        self.basis = basis
        self.weights = weights
        self.root = root
        self.known = known
        self.best = float(self.mean(known).max()) if best is None else best

    @property
    def num_outputs(self) -> int:
        """One value."""
        return 1

    @property
    def batch_shape(self) -> torch.Size:
        """One process, no batch of them."""
        return torch.Size()

    def posterior(
        self,
        X: Tensor,
        output_indices: list[int] | None = None,
        observation_noise: bool | Tensor = False,
        posterior_transform: Callable[[Any], Any] | None = None,
    ) -> GPyTorchPosterior:
        """Joint distribution of the process at q points. **Shape** (…, q, F)."""
        mean, reduced = self._reduced(X)
        added = 0.0 if observation_noise is False else self.noise
        if X.shape[-2] == 1:  # as most acquisitions ask: nothing to factorise
            variance = self.kernel.variance + added - reduced.square().sum(-1)
            covariance = DiagLinearOperator(variance)
        else:
            one = torch.eye(X.shape[-2], dtype=X.dtype)
            joint = self.kernel(X, X) - reduced @ reduced.mT + added * one
            covariance = to_linear_operator(joint)
        posterior = GPyTorchPosterior(MultivariateNormal(mean, covariance))
        return posterior if posterior_transform is None else posterior_transform(posterior)

    def mean(self, rows: Tensor) -> Tensor:
        """What is expected at each row. **Shape** (B, F) → (B,)."""
        return self.kernel(rows, self.basis) @ self.weights

    def mean_and_variance(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Of the process at each row by itself, without noise. **Shape** (B, F) → (B,) each."""
        parts = []
        for part in rows.split(4096):
            mean, reduced = self._reduced(part)
            variance = self.kernel.variance - reduced.square().sum(-1)
            parts.append((mean, variance.clamp(min=0)))
        means, variances = zip(*parts, strict=True)
        return torch.cat(means), torch.cat(variances)

    @torch.no_grad()
    def having_seen(self, row: Tensor, value: float | None = None) -> GaussianPosterior:
        """The process once one more row was measured.

        Args:
            row: **shape** (F,).
            value: what came out; default what is expected, the kriging believer, which moves no
                mean and takes away doubt.
        """
        mean, reduced = self._reduced(row[None])
        variance = self.kernel.variance - reduced.square().sum()
        deviation = (variance.clamp(min=0) + self.noise).sqrt()
        surprise = 0.0 if value is None else (value - float(mean)) / deviation
        # The row of R that belongs to the new point: its covariance with x, given what is known.
        new = torch.cat([-(reduced @ self.root)[0], torch.ones(1, dtype=row.dtype)]) / deviation
        old = torch.cat([self.root, torch.zeros(len(self.root), 1, dtype=row.dtype)], 1)
        weights = torch.cat([self.weights, torch.zeros(1, dtype=row.dtype)])
        # A believer moves no mean, so that the means at all other rows need no second look.
        best = max(self.best, float(mean)) if value is None else None
        return GaussianPosterior(
            self.kernel,
            self.noise,
            torch.cat([self.basis, row[None]]),
            weights + surprise * new,
            torch.cat([old, new[None]]),
            torch.cat([self.known, row[None]]),
            best,
        )

    def first_component(self) -> GaussianPosterior:
        """The first summand of the process, which its kernel's is (Duvenaud et al. 2011)."""
        columns = self.kernel.columns[0]
        basis, known = self.basis[:, columns], self.known[:, columns]
        return GaussianPosterior(
            self.kernel.first, self.noise, basis, self.weights, self.root, known
        )

    def _reduced(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Mean, and (R k(b, x))ᵀ. **Shape** (…, F) → (…), (…, K)."""
        across = self.kernel(rows.reshape(-1, rows.shape[-1]), self.basis)
        reduced = across @ self.root.T
        shape = rows.shape[:-1]
        return (across @ self.weights).view(shape), reduced.view(*shape, reduced.shape[-1])


@torch.no_grad()
def exact(kernel: MaternSum, noise: float, rows: Tensor, targets: Tensor) -> GaussianPosterior:
    """The process that knows every label. **Shape** (n, F) and (n,)."""
    one = torch.eye(len(rows), dtype=rows.dtype)
    factor = psd_safe_cholesky(kernel(rows, rows) + noise * one)
    weights = torch.cholesky_solve(targets[:, None], factor)[:, 0]
    root = torch.linalg.solve_triangular(factor, one, upper=False)
    return GaussianPosterior(kernel, noise, rows, weights, root, rows)


@torch.no_grad()
def sparse(
    kernel: MaternSum, noise: float, points: Tensor, rows: Tensor, targets: Tensor
) -> GaussianPosterior:
    """The process that knows its labels through inducing points.

    With L Lᵀ = K_uu, A = L⁻¹ K_uf / σ and B = 1 + A Aᵀ it has w = L⁻ᵀ B⁻¹ A y / σ and
    RᵀR = L⁻ᵀ (1 − B⁻¹) L⁻¹.

    Args:
        kernel: covariance.
        noise: σ².
        points: the inducing points. **Shape** (M, F).
        rows: what was measured. **Shape** (n, F).
        targets: **shape** (n,).
    """
    one = torch.eye(len(points), dtype=rows.dtype)
    own = kernel(points, points)
    factor = psd_safe_cholesky(own + JITTER * own.diagonal().mean() * one)
    inverse = torch.linalg.solve_triangular(factor, one, upper=False)
    seen = inverse @ kernel(points, rows) / noise**0.5
    values, vectors = torch.linalg.eigh(seen @ seen.T)
    values = values.clamp(min=0)
    rotated = vectors.T @ inverse
    weights = rotated.T @ ((vectors.T @ (seen @ targets)) / (1 + values)) / noise**0.5
    root = (values / (1 + values)).sqrt()[:, None] * rotated
    return GaussianPosterior(kernel, noise, points, weights, root, rows)


def believing(model: GaussianPosterior, rows: Sequence[Tensor] | Tensor) -> GaussianPosterior:
    """The process, were what it expects of some rows measured. **Shape** of each row (F,)."""
    for row in rows:
        model = model.having_seen(row)
    return model
