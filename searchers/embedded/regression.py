"""Bayesian linear regression on given basis functions.

The weights have the prior ``N(0, I/α)``, the targets Gaussian noise of variance 1/β (Bishop,
*Pattern Recognition and Machine Learning*, 2006, sections 3.3 and 3.5).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

BOX = 10.0
"""The logarithms of α and of 1/β lie between −BOX and BOX."""


@dataclass(frozen=True)
class Spectrum:
    """Basis functions and targets, as far as the marginal likelihood depends on them.

    With the singular value decomposition ``Φ = U diag(s) Vᵀ`` every evaluation costs O(Q).

    Attributes:
        count: targets n.
        width: basis functions Q.
        singular: s. **Shape** (min(n, Q),).
        projected: Uᵀ y. **Shape** (min(n, Q),).
        outside: squared length of y outside the span of Φ.
    """

    count: int
    width: int
    singular: np.ndarray
    projected: np.ndarray
    outside: float

    @classmethod
    def of(cls, basis: np.ndarray, targets: np.ndarray) -> Spectrum:
        """Decompose. **Shape** (n, Q), (n,)."""
        left, singular, _ = np.linalg.svd(basis, full_matrices=False)
        projected = left.T @ targets
        rest = targets - left @ projected
        count, width = basis.shape
        return cls(count, width, singular, projected, float(rest @ rest))

    def terms(self, alpha: float, beta: float) -> tuple[float, float, float]:
        """Squared residual ``‖y − Φw‖²``, ``wᵀw`` and ``ln det(βΦᵀΦ + αI)``."""
        precision = beta * self.singular**2 + alpha
        residual = self.outside + float(((alpha / precision * self.projected) ** 2).sum())
        weights = float(((beta * self.singular / precision * self.projected) ** 2).sum())
        rest = self.width - len(self.singular)
        return residual, weights, float(np.log(precision).sum()) + rest * math.log(alpha)


Evidence = Callable[[Spectrum, float, float], float]
"""Spectrum, α, β → the logarithm of the marginal likelihood."""


def log_evidence(spectrum: Spectrum, alpha: float, beta: float) -> float:
    """The logarithm of the marginal likelihood (Bishop 2006, equation 3.86)."""
    residual, weights, log_determinant = spectrum.terms(alpha, beta)
    return (
        _constant(spectrum, alpha, beta)
        - (beta * residual + alpha * weights) / 2
        - (log_determinant / 2)
    )


def published_evidence(spectrum: Spectrum, alpha: float, beta: float) -> float:
    """As published: the norm of the residual is not squared, 1e-10 is added to the determinant.

    A determinant beyond the largest float64 makes it −∞, as in the published code.
    """
    residual, weights, log_determinant = spectrum.terms(alpha, beta)
    with np.errstate(over="ignore"):
        determinant = float(np.log(np.exp(log_determinant) + 1e-10))
    fit = beta * math.sqrt(residual) + alpha * weights
    return _constant(spectrum, alpha, beta) - fit / 2 - determinant / 2


def _constant(spectrum: Spectrum, alpha: float, beta: float) -> float:
    by_weights = spectrum.width * math.log(alpha)
    return (by_weights + spectrum.count * (math.log(beta) - math.log(2 * math.pi))) / 2


def precisions(theta: np.ndarray) -> tuple[float, float]:
    """α and β of their logarithms: ``(e^θ₁, e^−θ₂)``. **Shape** (2,)."""
    return math.exp(theta[0]), math.exp(-theta[1])


def evidence_of_theta(evidence: Evidence, spectrum: Spectrum, theta: np.ndarray) -> float:
    """The evidence at :func:`precisions`; −∞ outside the box. **Shape** (2,)."""
    if (np.abs(theta) > BOX).any():
        return -math.inf
    return evidence(spectrum, *precisions(theta))


def fit_precisions(
    spectrum: Spectrum, evidence: Evidence, generator: np.random.Generator
) -> tuple[float, float]:
    """α and β of the highest evidence, by one run of Nelder and Mead's method (1965).

    It starts, as published, at ``(N(0, 1), N(−3, 1))``.
    """
    from scipy.optimize import minimize

    start = generator.normal([0.0, -3.0]).clip(-BOX, BOX)
    with np.errstate(invalid="ignore"):  # the differences of vertices outside the box
        found = minimize(
            lambda theta: -evidence_of_theta(evidence, spectrum, theta),
            start,
            method="Nelder-Mead",
        )
    return precisions(found.x)


@dataclass(frozen=True)
class BayesianLinearRegression:
    """The posterior of the weights.

    Attributes:
        mean: of the weights w. **Shape** (Q,), float64.
        root: R with ``RᵀR = S``, the covariance of the weights. **Shape** (Q, Q), float64.
        noise: variance 1/β.
    """

    mean: np.ndarray
    root: np.ndarray
    noise: float

    @classmethod
    def condition(
        cls, basis: np.ndarray, targets: np.ndarray, alpha: float, beta: float
    ) -> BayesianLinearRegression:
        """``S = (β ΦᵀΦ + α I)⁻¹``, ``w = β S Φᵀ y``. **Shape** (n, Q), (n,)."""
        from scipy.linalg import cholesky, solve_triangular

        precision = beta * basis.T @ basis + alpha * np.eye(basis.shape[1])
        factor = cholesky(precision, lower=True)
        root = solve_triangular(factor, np.eye(len(factor)), lower=True)
        return cls(beta * root.T @ (root @ (basis.T @ targets)), root, 1 / beta)

    def predict(self, basis: Tensor) -> tuple[Tensor, Tensor]:
        """Mean ``φw`` and variance ``1/β + φSφᵀ`` of new targets. **Shape** (B, Q) → (B,) twice."""
        mean, root = (torch.from_numpy(each).to(basis) for each in (self.mean, self.root))
        return basis @ mean, self.noise + (basis @ root.T).square_().sum(1)
