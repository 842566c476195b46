"""What SVGe, DGMG and D-VAE share: the loss of a batch, and every way of decoding."""

from __future__ import annotations

from abc import abstractmethod
from typing import Self

import torch
from torch import Tensor

from datasets.batch import GraphBatch, Legality
from models.decoding import (
    Greedy,
    Sampling,
    decode,
    decode_directions,
    decode_greedily,
    most_probable_of,
    union,
)
from models.decodings import Decodings
from models.latent import Latent
from models.loss import LossParts, Objective, divergence_per_graph
from models.ranking import Ranked
from models.sampling import decode_many
from models.search import WIDEST, most_probable
from models.sequential import Sequential
from models.temperature import tempered


class SequentialVAE(Sequential):
    """An autoencoder with one latent a graph, whose decoder is followed step by step."""

    ranks_decodings = True

    @abstractmethod
    def reconstruction(self, z: Tensor, batch: GraphBatch, objective: Objective) -> Tensor:
        """Reconstruction loss of each graph. **Shape** z (B, G) → (B,)."""

    def loss_of(
        self,
        latent: Latent,
        batch: GraphBatch,
        objective: Objective,
        generator: torch.Generator | None = None,
    ) -> LossParts:
        """:meth:`loss` of a batch that is encoded already."""
        z = latent.sample(objective.noise_scale, generator) if self.training else latent.mean
        reconstruction = self.reconstruction(z, batch, objective).mean()
        divergence = divergence_per_graph(latent)
        reduced = divergence.sum() if objective.kl_reduction == "sum" else divergence.mean()
        return LossParts(reconstruction + objective.beta * reduced, reconstruction, reduced)

    def decode_greedily(self, z: Tensor, legality: Legality | None = None) -> GraphBatch:
        """:func:`models.decoding.decode_greedily`."""
        return decode_greedily(self, z, legality)

    def decode_sampled(
        self,
        z: Tensor,
        legality: Legality | None = None,
        generator: torch.Generator | None = None,
    ) -> GraphBatch:
        """:func:`models.decoding.decode` with ``Sampling(generator)``."""
        return decode(self, z, Sampling(generator), legality)

    def decode_many(
        self,
        z: Tensor,
        n: int,
        legality: Legality | None = None,
        generator: torch.Generator | None = None,
    ) -> Decodings:
        """:func:`models.sampling.decode_many`, which computes equal beginnings once."""
        return decode_many(self, z, n, legality, generator)

    def most_probable(
        self, z: Tensor, k: int = 1, legality: Legality | None = None, widest: int = WIDEST
    ) -> Ranked:
        """:func:`models.search.most_probable`, in all directions together."""
        return most_probable(self, z, k, legality, widest)

    def greedy_decodings(self, z: Tensor) -> dict[str, GraphBatch]:
        """Each direction, and for SVGe their union and the most probable of the three, joint."""
        directions = decode_directions(self, z, Greedy())
        named = dict(zip(("forward", "reverse"), directions, strict=False))
        if len(directions) == 2:
            named["union"] = union(directions[0], directions[1])
            named["joint"] = most_probable_of(self, z, list(named.values()))
        return named

    def tempered(self, temperature: float) -> Self:
        """:func:`models.temperature.tempered`."""
        return tempered(self, temperature)
