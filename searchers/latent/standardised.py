"""Latents of a trained VAE, standardised, and the box that they span."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from datasets.batch import GraphBatch
from datasets.space import SearchSpace
from experiment.errors import InputError
from models import Embedding
from predictors.trained_vae import check_vae


@dataclass(frozen=True)
class Box:
    """A box of points, each coordinate between two numbers.

    Attributes:
        lower: **shape** (G,), float64.
        upper: **shape** (G,), float64; nowhere below ``lower``.
    """

    lower: Tensor
    upper: Tensor

    @property
    def bounds(self) -> Tensor:
        """As BoTorch takes them. **Shape** (2, G)."""
        return torch.stack([self.lower, self.upper])

    def clip(self, points: Tensor) -> Tensor:
        """The nearest point of the box to each. **Shape** (B, G)."""
        return points.clamp(self.lower, self.upper)

    def holds(self, points: Tensor) -> Tensor:
        """Which points lie in the box. **Shape** (B, G) → (B,), bool."""
        return ((points >= self.lower) & (points <= self.upper)).all(-1)

    def uniform(self, n: int, generator: torch.Generator) -> Tensor:
        """Points drawn uniformly. **Shape** (n, G)."""
        drawn = torch.rand(n, len(self.lower), generator=generator, dtype=torch.float64)
        return self.lower + drawn * (self.upper - self.lower)

    def normal(self, n: int, generator: torch.Generator) -> Tensor:
        """Points drawn as standardised latents are distributed, moved into the box.

        **Shape** (n, G).
        """
        return self.clip(torch.randn(n, len(self.lower), generator=generator, dtype=torch.float64))


class StandardisedLatents:
    """Architectures as points: what a trained VAE encodes them to, and the box of those points.

    Latents of trained models are not standardised, and their coordinates differ in width: points
    have every coordinate in standard deviations from its mean over the architectures that span
    the box.

    Args:
        model: the VAE, trained on the space.
        space: the search space.
        graphs: architectures whose latents span the box and give mean and standard deviation of
            the coordinates, such as those that the VAE was trained on.

    Attributes:
        box: from the lowest to the highest of each coordinate.

    Raises:
        InputError: the VAE is of another space, or there are fewer than two architectures.
    """

    def __init__(self, model: Embedding, space: SearchSpace, graphs: GraphBatch) -> None:
        check_vae(model, space)
        if len(graphs) < 2:
            raise InputError(
                f"a latent space is measured on {len(graphs)} architectures, expected 2 at least"
            )
        self.model = model
        self.space = space
        latents = self._latents(graphs)
        self._mean, std = latents.mean(0), latents.std(0, correction=0)
        # A coordinate that the model does not use stays where it is.
        self._std = torch.where(std > 0, std, torch.ones_like(std))
        points = (latents - self._mean) / self._std
        self.box = Box(points.amin(0), points.amax(0))

    @property
    def width(self) -> int:
        """Coordinates of a point, G."""
        return len(self._mean)

    def encode(self, graphs: GraphBatch) -> Tensor:
        """The point of every architecture. **Shape** (B, G), float64, on the CPU."""
        return (self._latents(graphs) - self._mean) / self._std

    def to_model(self, points: Tensor) -> Tensor:
        """The latents of points, as the model decodes them. **Shape** (B, G)."""
        return (points * self._std + self._mean).float().to(self.model.device)

    @torch.no_grad()
    def _latents(self, graphs: GraphBatch) -> Tensor:
        latents = self.model.encode_all(graphs.to(self.model.device)).flat
        return latents.double().cpu()
