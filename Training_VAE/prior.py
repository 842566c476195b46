"""Distributions over a latent space, fitted to encoded architectures, to draw new points from.

A VAE is trained towards a standard normal distribution, but a weak divergence leaves its latents
elsewhere; the published evaluation of D-VAE and of SVGe therefore draws from a normal distribution
with their mean and std (arXiv:1904.11088, arXiv:2010.04683). The others are there to find out
what depends on that choice.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Self

import torch
from torch import Tensor

from experiment.errors import InputError


class Prior(ABC):
    """A distribution over latents; ``scale`` stretches it about its centre.

    Attributes:
        kind: as users write it.
    """

    kind: ClassVar[str]

    @classmethod
    @abstractmethod
    def fit(cls, latents: Tensor, scale: float = 1.0) -> Self:
        """The distribution that is fitted to latents, stretched. **Shape** (R, G), R ≥ 2."""

    @abstractmethod
    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        """Independent points, drawn on the generator's device. **Shape** (n, G)."""


@dataclass(frozen=True)
class DiagonalNormal(Prior):
    """Normal, the coordinates independent: mean and standard deviation of each. **Shape** (G,)."""

    kind = "diagonal"
    mean: Tensor
    std: Tensor

    @classmethod
    def fit(cls, latents: Tensor, scale: float = 1.0) -> Self:
        """Mean and standard deviation of the latents."""
        return cls(latents.mean(0), latents.std(0) * scale)

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        """``mean + std · ε``, ε ~ N(0, 1)."""
        return self.mean + self.std * _normal(n, self.mean, generator)


@dataclass(frozen=True)
class FullNormal(Prior):
    """Normal with the covariance ``factor · factorᵀ``. **Shape** mean (G,), factor (G, G)."""

    kind = "full"
    mean: Tensor
    factor: Tensor

    @classmethod
    def fit(cls, latents: Tensor, scale: float = 1.0) -> Self:
        """Mean and covariance of the latents; coordinates may depend on each other, or be fixed."""
        variances, axes = torch.linalg.eigh(torch.cov(latents.double().T))
        factor = axes * variances.clamp(min=0).sqrt() * scale
        return cls(latents.mean(0), factor.to(latents.dtype))

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        """``mean + factor · ε``, ε ~ N(0, 1)."""
        return self.mean + _normal(n, self.mean, generator) @ self.factor.T


class StandardNormal(DiagonalNormal):
    """N(0, ``scale``²), which the divergence pulls the latents to; fitted in their width alone."""

    kind = "standard"

    @classmethod
    def fit(cls, latents: Tensor, scale: float = 1.0) -> Self:
        """Mean 0 and standard deviation ``scale`` in as many coordinates as the latents have."""
        return cls(torch.zeros_like(latents[0]), torch.full_like(latents[0], scale))


@dataclass(frozen=True)
class UniformBox(Prior):
    """Uniform between two corners. **Shape** (G,) each."""

    kind = "box"
    low: Tensor
    high: Tensor

    @classmethod
    def fit(cls, latents: Tensor, scale: float = 1.0) -> Self:
        """The smallest box that holds the latents."""
        low, high = latents.amin(0), latents.amax(0)
        centre, half = (low + high) / 2, (high - low) / 2
        return cls(centre - scale * half, centre + scale * half)

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        """Uniform, coordinate by coordinate."""
        shape = (n, len(self.low))
        share = torch.rand(shape, generator=generator, device=self.low.device)
        return torch.lerp(self.low, self.high, share)


@dataclass(frozen=True)
class Sphere(Prior):
    """A :class:`DiagonalNormal` projected from the origin onto a sphere around it."""

    kind = "sphere"
    normal: DiagonalNormal
    radius: Tensor

    @classmethod
    def fit(cls, latents: Tensor, scale: float = 1.0) -> Self:
        """The sphere of the latents' mean norm, where great circles between latents run."""
        return cls(DiagonalNormal.fit(latents), latents.norm(dim=1).mean() * scale)

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        """The direction of a normal draw, at the sphere's radius."""
        return torch.nn.functional.normalize(self.normal.sample(n, generator)) * self.radius


@dataclass(frozen=True)
class Encoded(Prior):
    """The latents themselves: no new points, but what new points can be compared with."""

    kind = "encoded"
    latents: Tensor

    @classmethod
    def fit(cls, latents: Tensor, scale: float = 1.0) -> Self:
        """The latents, stretched about their mean."""
        return cls(torch.lerp(latents.mean(0), latents, scale))

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        """Some of them, none twice.

        Raises:
            InputError: there are fewer.
        """
        if n > len(self.latents):
            raise InputError(
                f"{n} different encoded architectures were requested, there are "
                f"{len(self.latents)}: ask for fewer points, or for another prior"
            )
        order = torch.randperm(len(self.latents), generator=generator, device=self.latents.device)
        return self.latents[order[:n]]


PRIORS: dict[str, type[Prior]] = {
    prior.kind: prior
    for prior in (DiagonalNormal, FullNormal, StandardNormal, UniformBox, Sphere, Encoded)
}
"""Every prior, by its kind."""


def _normal(n: int, like: Tensor, generator: torch.Generator) -> Tensor:
    """Standard normal numbers. **Shape** like (G,) → (n, G)."""
    return torch.randn((n, len(like)), generator=generator, device=like.device)
