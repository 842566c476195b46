"""Acquisition values of candidates, from the means and standard deviations of predictions."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

Criterion = Callable[[Tensor, Tensor, float, np.random.Generator], Tensor]
"""Means and standard deviations of the candidates, the best mean of a measured one, a generator of
random numbers → acquisition values, which are maximised. **Shape** (B,) and (B,) → (B,)."""


def log_expected_improvement(
    mean: Tensor, std: Tensor, best: float, generator: np.random.Generator
) -> Tensor:
    """Logarithm of the expected improvement (Jones, Schonlau & Welch 1998)."""
    return log_expected_gain(mean - best, std)


def log_expected_gain(gain: Tensor, std: Tensor) -> Tensor:
    """Logarithm of E[max(0, x)] of x ~ N(μ, σ²). **Shape** (…) each → (…).

    It is log σ + log(φ(u) + u Φ(u)) with u = μ / σ; as in Ament et al. 2023 (arXiv:2310.20708) it
    ranks candidates whose expected improvement is almost zero.

    Args:
        gain: μ.
        std: σ, > 0.
    """
    u = gain / std
    # Φ(u) / φ(u) by the scaled complementary error function, which neither under- nor overflows
    ratio = math.sqrt(math.pi / 2) * torch.special.erfcx(-u.clamp(max=0) / math.sqrt(2))
    below = -u.square() / 2 - math.log(2 * math.pi) / 2 + (1 + u * ratio).clamp(min=1e-30).log()
    density = (-u.square() / 2).exp() / math.sqrt(2 * math.pi)
    above = (density + u * torch.special.ndtr(u)).clamp(min=1e-300).log()
    return std.log() + torch.where(u < 0, below, above)


def upper_confidence_bound(
    mean: Tensor, std: Tensor, best: float, generator: np.random.Generator
) -> Tensor:
    """One standard deviation above the mean (Srinivas et al. 2010, arXiv:0912.3995, with β = 1)."""
    return mean + std


def thompson(mean: Tensor, std: Tensor, best: float, generator: np.random.Generator) -> Tensor:
    """A draw for each candidate by itself (Thompson 1933), without their covariance."""
    return mean + std * torch.from_numpy(generator.standard_normal(len(mean)))


def expected_value(
    mean: Tensor, std: Tensor, best: float, generator: np.random.Generator
) -> Tensor:
    """What is expected, however sure."""
    return mean


CRITERIA: dict[str, Criterion] = {
    "expected_improvement": log_expected_improvement,
    "upper_confidence_bound": upper_confidence_bound,
    "thompson": thompson,
    "expected_value": expected_value,
}
"""Every criterion, by its name."""
