"""``scalarised_ascent`` without parts of it, to see what they are worth."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from searchers.latent.ascent import Function
from searchers.latent.scalarised import Reached, ScalarisedAscent
from searchers.latent.search import ModelState


class StartsAlone(ScalarisedAscent):
    """Decodes where walks would start; the measured ones of these are known already."""

    def walk(
        self,
        state: ModelState,
        reached: Reached,
        trade_offs: Tensor,
        generator: np.random.Generator,
    ) -> Tensor:
        """The best of random new architectures, for each λ. **Shape** (n,) → (≤ n · starts, G)."""
        return self.promising(state, trade_offs.unique(), generator).flatten(0, 1)


class RandomDirections(ScalarisedAscent):
    """Walks as long as the others, from the same starts, but in random directions."""

    def objective(self, state: ModelState, weights: Tensor) -> Function:
        """A slope in a random direction for each point. **Shape** (B,)."""
        generator = torch.Generator().manual_seed(hash((self.seed, len(self._asked))))
        shape = len(weights), state.points.shape[1]
        directions = torch.randn(shape, generator=generator, dtype=state.points.dtype)
        return lambda z: (z * directions).sum(dim=1)
