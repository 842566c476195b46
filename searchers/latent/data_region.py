"""The part of a latent space where architectures lie."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class DataRegion:
    """Balls around the points of architectures.

    The box of all latents is nearly empty in dozens of dimensions. Decoders and surrogates are
    fitted to points of architectures, so that the region holds what is no farther from one of them
    than they are from each other.

    Attributes:
        points: the centres. **Shape** (B, G).
        radius: of the balls.
    """

    points: Tensor
    radius: float

    @classmethod
    def around(cls, points: Tensor) -> DataRegion:
        """With the median distance of a point to the nearest other one as radius.

        **Shape** (B, G), two at least.
        """
        nearest = torch.cdist(points, points).fill_diagonal_(torch.inf).amin(1)
        return cls(points, float(nearest.median()))

    def with_points(self, more: Tensor) -> DataRegion:
        """The same with balls of this radius around other points as well. **Shape** (n, G)."""
        return DataRegion(torch.cat([self.points, more]), self.radius)

    def clip(self, points: Tensor) -> Tensor:
        """Each point, or what the nearest ball has nearest to it. **Shape** (B, G)."""
        distance, row = torch.cdist(points, self.points).min(1)
        centre = self.points[row]
        share = (self.radius / distance.clamp(min=1e-12)).clamp(max=1)
        return centre + share[:, None] * (points - centre)
