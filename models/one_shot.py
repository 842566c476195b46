"""What a model needs for all nodes and edges of its graphs to be decoded at once."""

from __future__ import annotations

from abc import abstractmethod

import torch
from torch import Tensor

from datasets.batch import GraphBatch, Legality
from datasets.graph import INPUT
from models import factor_search
from models.embedding import Embedding
from models.factors import (
    Factors,
    most_probable_values,
    sampled_members,
    sampled_values,
)
from models.prefix_tree import mask_of
from models.ranking import Ranked

WIDEST = 4096
"""Half-built graphs of a latent, above which the search for a member ends without a proof."""


class OneShot(Embedding):
    """An embedding that decodes a latent to independent factors (``models/factors.py``)."""

    ranks_decodings = True

    @abstractmethod
    def factors(self, z: Tensor) -> Factors:
        """What the decoder says of each latent. **Shape** z (B, F).

        Raises:
            ModelError: the latents have another width or a value that is not finite.
        """

    @torch.no_grad()
    def decode_greedily(self, z: Tensor, legality: Legality | None = None) -> GraphBatch:
        """The most probable value of every factor; with masks, the most probable member.

        Where the plain decoding is a member, nothing is more probable. For the others
        :func:`models.factor_search.most_probable` looks for the most probable member.
        """
        factors = self.factors(z)
        decoded = most_probable_values(factors)
        mask = mask_of(legality, INPUT)
        if legality is None or mask is None or not len(z):
            return decoded
        member = torch.as_tensor(legality.is_member(decoded)).to(z.device)
        rows = (~member).nonzero().squeeze(1)
        if len(rows):
            found = factor_search.most_probable(factors.of(rows), 1, mask, WIDEST).best
            decoded.types[rows] = found.types
            decoded.adjacency[rows] = found.adjacency
            decoded.num_nodes[rows] = found.num_nodes
        return decoded

    @torch.no_grad()
    def decode_sampled(
        self,
        z: Tensor,
        legality: Legality | None = None,
        generator: torch.Generator | None = None,
    ) -> GraphBatch:
        """Every factor drawn by itself; with masks, node by node from what they leave."""
        factors = self.factors(z)
        mask = mask_of(legality, INPUT)
        if mask is None:
            return sampled_values(factors, generator)
        return sampled_members(factors, mask, generator)

    def most_probable(
        self, z: Tensor, k: int = 1, legality: Legality | None = None, widest: int = WIDEST
    ) -> Ranked:
        """:func:`models.factor_search.most_probable`; probabilities are those without masks."""
        return factor_search.most_probable(self.factors(z), k, mask_of(legality, INPUT), widest)
