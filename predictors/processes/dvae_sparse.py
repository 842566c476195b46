r"""The sparse Gaussian process by which D-VAE judges latent spaces, exactly as it is published.

Zhang et al., NeurIPS 2019, arXiv:1904.11088, whose code fits it as Bui et al. 2016 (*Deep Gaussian
Processes for Regression using Approximate Expectation Propagation*) do. For comparisons with
published numbers; :mod:`predictors.processes.sparse` fits better. M inducing points Z have the
covariance K (the squared exponential, with 10⁻³ of its variance added), and

.. math:: Σ^{-1} = K^{-1} + c L L^T, \quad μ = c Σ m

with c = 1 in the posterior and c = (n − 1)/n, for n training points, in the cavity, which leaves
out one point. L is a full matrix.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Any, NamedTuple, Self

import numpy as np
import torch
from torch import Tensor
from torch.autograd import Function
from torch.distributions import Normal

from experiment.checks import equally_many, numbers
from experiment.errors import InputError

JITTER = 1e-3
"""Share of the prior variance that is added to that of inducing points."""

FAR = -10.0
"""Standardised improvements below this one are taken from a series, as published."""

EPOCHS, BATCH, RATE, INDUCING = 100, 1000, 5e-4, 500
"""The published passes, minibatch, learning rate of Adam, and number of inducing points."""


class Inverse(Function):
    """The inverse of a positive definite matrix, and the logarithm of its determinant."""

    @staticmethod
    def forward(ctx: Any, matrix: Tensor) -> tuple[Tensor, Tensor]:
        """Both by one Cholesky decomposition. **Shape** (M, M) → (M, M), ()."""
        root = torch.linalg.cholesky(matrix)
        found = torch.cholesky_inverse(root)
        ctx.save_for_backward(found)
        return found, 2 * root.diagonal().log().sum()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        """Two products; the determinant's gradient is the inverse itself."""
        (found,) = ctx.saved_tensors
        of_inverse, of_determinant = gradients
        return of_determinant * found - found @ of_inverse.T @ found


def inverse(matrix: Tensor) -> tuple[Tensor, Tensor]:
    """:class:`Inverse` of a matrix. **Shape** (M, M) → (M, M), ()."""
    found: tuple[Tensor, Tensor] = Inverse.apply(matrix)
    return found


class Gaussian(NamedTuple):
    """A normal distribution of the values at the inducing points.

    Attributes:
        mean: **shape** (M,).
        covariance: **shape** (M, M).
        log_normaliser: ``M/2·log 2π + ½ log|Σ| + ½ μᵀΣ⁻¹μ``.
    """

    mean: Tensor
    covariance: Tensor
    log_normaliser: Tensor

    @classmethod
    def of(cls, precision: Tensor, shift: Tensor) -> Gaussian:
        """By the precision Σ⁻¹ (M, M) and Σ⁻¹μ (M,)."""
        covariance, log_determinant = inverse(precision)
        mean = covariance @ shift
        volume = len(shift) * math.log(2 * math.pi) - log_determinant
        return cls(mean, covariance, (volume + shift @ mean) / 2)


@dataclass
class DVAESparseGP:
    """The process, by its parameters; all float64.

    Attributes:
        training_points: n.
        log_lengths: logarithms of the squared length scales ℓ. **Shape** (F,).
        log_variance: of the prior, a scalar.
        inducing: Z. **Shape** (M, F).
        shift: m. **Shape** (M,).
        factor: L. **Shape** (M, M).
        log_noise: logarithm of the variance of the noise, a scalar.

    Raises:
        InputError: the shapes do not fit together, or there are fewer than two training points.
    """

    training_points: int
    log_lengths: Tensor
    log_variance: Tensor
    inducing: Tensor
    shift: Tensor
    factor: Tensor
    log_noise: Tensor

    def __post_init__(self) -> None:
        points, width = self.inducing.shape if self.inducing.ndim == 2 else (0, 0)
        wanted = {
            "log_lengths": (width,),
            "log_variance": (),
            "shift": (points,),
            "factor": (points, points),
            "log_noise": (),
        }
        for name, shape in wanted.items():
            if (found := tuple(getattr(self, name).shape)) != shape:
                raise InputError(
                    f"{name} of a sparse process has the shape {found}, its inducing points "
                    f"{tuple(self.inducing.shape)} need {shape}"
                )
        if self.training_points < 2:
            raise InputError(
                f"a sparse process of {self.training_points} training points cannot leave one out"
            )

    @classmethod
    def start(
        cls, batch: Tensor, targets: Tensor, rows: Tensor, factor: Tensor, training_points: int
    ) -> Self:
        """The published start, by a minibatch.

        Args:
            batch: **shape** (b, F).
            targets: **shape** (b,).
            rows: those of the minibatch that are the inducing points. **Shape** (M,).
            factor: L, standard normal. **Shape** (M, M).
            training_points: n.
        """
        distances = np.median(torch.pdist(batch).square().numpy())
        length = torch.tensor((distances + 1e-3) / 2, dtype=batch.dtype).log()
        zero = torch.zeros((), dtype=batch.dtype)
        return cls(
            training_points,
            length.repeat(batch.shape[1]),
            zero,
            batch[rows].clone(),
            targets[rows].clone(),
            factor,
            zero.clone(),
        )

    @classmethod
    def fit(
        cls,
        points: Tensor | np.ndarray,
        targets: Tensor | np.ndarray,
        seed: int,
        *,
        inducing: int = INDUCING,
        epochs: int = EPOCHS,
        batch: int = BATCH,
        rate: float = RATE,
    ) -> Self:
        """Maximise the energy of shuffled minibatches by Adam, from :meth:`start`.

        Args:
            points: **shape** (n, F).
            targets: standardised. **Shape** (n,).
            seed: of the order of the points, the inducing points and L.
            inducing: how many inducing points, M.
            epochs: passes.
            batch: points of a minibatch.
            rate: of Adam.

        Raises:
            InputError: points and targets are not equally many finite numbers of these shapes, or
                fewer than two.
        """
        points, targets = finite(points, "points"), finite(targets, "targets", 1)
        equally_many(points=points, targets=targets)
        if len(points) < 2:
            raise InputError(
                f"a sparse process is fitted to {len(points)} points, expected two at least"
            )
        generator = torch.Generator().manual_seed(seed)
        first = torch.randperm(len(points), generator=generator)[:batch]
        rows = torch.randperm(len(first), generator=generator)[:inducing]
        factor = torch.randn(len(rows), len(rows), dtype=points.dtype, generator=generator)
        process = cls.start(points[first], targets[first], rows, factor, len(points))
        parameters = process.parameters()
        for each in parameters.values():
            each.requires_grad_()
        adam = torch.optim.Adam(parameters.values(), lr=rate, maximize=True)
        for _ in range(epochs):
            for part in torch.randperm(len(points), generator=generator).split(batch):
                adam.zero_grad()
                process.energy(points[part], targets[part]).backward()
                adam.step()
        for each in parameters.values():
            each.requires_grad_(False)
        return process

    def parameters(self) -> dict[str, Tensor]:
        """What is fitted, by its name."""
        tensors = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in tensors.items() if isinstance(value, Tensor)}

    def covariance(self, left: Tensor, right: Tensor) -> Tensor:
        """``s·exp(−½ Σ_d (x_d − x'_d)²/ℓ_d)``. **Shape** (a, F), (b, F) → (a, b)."""
        scale = (-self.log_lengths / 2).exp()
        left, right = left * scale, right * scale
        squares = left.square().sum(1)[:, None] + right.square().sum(1) - 2 * left @ right.T
        return (self.log_variance - squares / 2).exp()

    def prior(self) -> tuple[Tensor, Tensor]:
        """K⁻¹ and log|K|. **Shape** (M, M), ()."""
        return inverse(self._with_jitter(self.inducing))

    def posterior(self, prior: Tensor, share: float = 1.0) -> Gaussian:
        """Of the values at the inducing points; with ``share`` (n − 1)/n the cavity."""
        return Gaussian.of(prior + share * self.factor @ self.factor.T, share * self.shift)

    def predict(self, points: Tensor | np.ndarray) -> tuple[Tensor, Tensor]:
        """Mean, and variance with the noise. **Shape** (b, F) → (b,), (b,).

        Raises:
            InputError: the points are no finite numbers, or of another width than the training's.
        """
        points = self._checked(points)
        prior, _ = self.prior()
        return self._predict(points, prior, self.posterior(prior))

    def cavity(self, points: Tensor | np.ndarray) -> tuple[Tensor, Tensor]:
        """:meth:`predict` without one training point."""
        points = self._checked(points)
        prior, _ = self.prior()
        return self._predict(points, prior, self.posterior(prior, self._cavity_share))

    def energy(self, points: Tensor, targets: Tensor) -> Tensor:
        """What is maximised, of a minibatch. **Shape** (b, F), (b,) → ()."""
        prior, log_determinant = self.prior()
        posterior, cavity = self.posterior(prior), self.posterior(prior, self._cavity_share)
        before = (len(self.shift) * math.log(2 * math.pi) + log_determinant) / 2
        mean, variance = self._predict(points, prior, cavity)
        divergence = posterior.log_normaliser - before
        change = cavity.log_normaliser - posterior.log_normaliser
        likelihood = Normal(mean, variance.sqrt()).log_prob(targets).sum()
        return len(points) * (change + divergence / self.training_points) + likelihood

    def log_improvement(
        self,
        points: Tensor | np.ndarray,
        incumbent: float,
        chosen: Tensor | np.ndarray | None = None,
    ) -> Tensor:
        """Logarithm of the expected improvement below the incumbent. **Shape** (b, F) → (b,).

        Args:
            points: candidates.
            incumbent: the least mean.
            chosen: points of the same batch that are taken already. The mean stays, and the
                variance is the prior's, given the inducing points and these. **Shape** (c, F).

        Raises:
            InputError: as :meth:`predict`.
        """
        points = self._checked(points)
        mean, variance = self.predict(points)
        variance = variance - self.log_noise.exp()
        if chosen is not None:
            known = torch.cat([self.inducing, self._checked(chosen)])
            cross = self.covariance(points, known)
            solved = torch.linalg.solve(self._with_jitter(known), cross.T)
            variance = self.log_variance.exp() - (cross * solved.T).sum(1)
        return log_expected_improvement(incumbent - mean, variance.sqrt())

    def _checked(self, points: Tensor | np.ndarray) -> Tensor:
        found, width = finite(points, "points"), self.inducing.shape[1]
        if found.shape[1] != width:
            raise InputError(
                f"the points have {found.shape[1]} numbers each, expected {width}: those of the "
                "points that the process was fitted to"
            )
        return found

    @property
    def _cavity_share(self) -> float:
        return (self.training_points - 1) / self.training_points

    def _with_jitter(self, points: Tensor) -> Tensor:
        jitter = JITTER * self.log_variance.exp()
        return self.covariance(points, points) + jitter * torch.eye(len(points), dtype=points.dtype)

    def _predict(self, points: Tensor, prior: Tensor, state: Gaussian) -> tuple[Tensor, Tensor]:
        cross = self.covariance(points, self.inducing)
        weights = cross @ prior  # (b, M)
        spread = ((weights @ state.covariance) * weights).sum(1)
        explained = (weights * cross).sum(1)
        variance = (self.log_variance.exp() + spread - explained).abs()
        return weights @ state.mean, variance + self.log_noise.exp()


def finite(values: Tensor | np.ndarray, what: str, dimensions: int = 2) -> Tensor:
    """Numbers of any type as float64; gradients flow through those of a tensor.

    Raises:
        InputError: they are no numbers, have another number of dimensions, or are not all finite.
    """
    if isinstance(values, Tensor):
        found = values.double()
        plain = numbers(found.detach(), what, dimensions)
    else:
        plain = numbers(values, what, dimensions)
        found = torch.from_numpy(plain.copy())
    if not np.isfinite(plain).all():
        raise InputError(f"the {what} have a value that is not finite, expected finite numbers")
    return found


def log_expected_improvement(gain: Tensor, std: Tensor) -> Tensor:
    """``log(gain·Φ(q)/φ(q) + std) + log φ(q)`` with q = gain/std. **Shape** (b,), (b,) → (b,)."""
    q = gain / std
    normal = Normal(torch.zeros_like(q), torch.ones_like(q))
    far = q < FAR
    near = torch.where(far, 0.0, q)
    ratio = (torch.special.log_ndtr(near) - normal.log_prob(near)).exp()
    below = torch.where(far, q, FAR)
    series = -(1 / below - below**-3 + 3 * below**-5 - 15 * below**-7)
    ratio = torch.where(far, series, ratio)
    return (gain * ratio + std).log() + normal.log_prob(q)
