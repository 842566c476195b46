"""The latent space of a trained VAE as a place to search in."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from datasets.batch import GraphBatch
from datasets.space import SearchSpace
from models import Embedding
from searchers.latent.decoding import Decoded, Decoding, Masks, Modal
from searchers.latent.standardised import StandardisedLatents


class LatentSpace(StandardisedLatents):
    """Standardised latents of a trained VAE, and the decoder that leads back to architectures.

    Args:
        model: the VAE, trained on the space.
        space: the search space.
        graphs: architectures whose latents span the box.
        decoding: how a point becomes an architecture; default the most frequent of many decodings.
        masks: whether a decoder may only build members.

    Raises:
        InputError: the VAE is of another space, or there are fewer than two architectures.
    """

    def __init__(
        self,
        model: Embedding,
        space: SearchSpace,
        graphs: GraphBatch,
        decoding: Decoding | None = None,
        masks: Masks = Masks.LEGAL,
    ) -> None:
        super().__init__(model, space, graphs)
        self.decoding = decoding or Modal()
        self.masks = masks

    @torch.no_grad()
    def decode(self, points: Tensor, generator: np.random.Generator) -> Decoded:
        """The members of the space that points are decoded to. **Shape** (B, G)."""
        seed = int(generator.integers(2**62))
        source = torch.Generator(self.model.device).manual_seed(seed)
        return self.decoding(self, points, self.masks, source)
