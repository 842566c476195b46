"""What architectures are encoded to: a diagonal Gaussian each."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class Latent(NamedTuple):
    """A diagonal Gaussian a graph, in the shape that its model gives it.

    Attributes:
        mean: **shape** (B, G) where a graph has one vector, (B, N, D) where every node has its
            own; float32.
        log_variance: of the same shape.
    """

    mean: Tensor
    log_variance: Tensor

    @property
    def flat(self) -> Tensor:
        """The means as one vector a graph. **Shape** (B, F)."""
        return self.mean.flatten(1)

    def sample(self, noise_scale: float, generator: torch.Generator | None = None) -> Tensor:
        """``mean + noise_scale · ε · exp(log_variance / 2)``, ε ~ N(0, 1), shaped as the mean."""
        noise = torch.randn(
            self.mean.shape, generator=generator, device=self.mean.device, dtype=self.mean.dtype
        )
        return self.mean + noise_scale * noise * (0.5 * self.log_variance).exp()
