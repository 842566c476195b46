"""The k best graphs of each latent, and how rows are ordered within their latent."""

from __future__ import annotations

from typing import NamedTuple, Self

import torch
from torch import Tensor

from datasets.batch import GraphBatch

WIDER = 8
"""How much more room a search gets that could not prove its result."""


class Ranked(NamedTuple):
    """The k best graphs of each latent, best first.

    Attributes:
        graphs: B · k of them, latent after latent; one of no nodes where there are fewer than k.
        log_probability: in nats, −∞ where there is none. **Shape** (B, k), float64.
        proved: whether no other graph can be among them. **Shape** (B,), bool.
    """

    graphs: GraphBatch
    log_probability: Tensor
    proved: Tensor

    @classmethod
    def nothing(cls, max_nodes: int, latents: int, k: int, device: torch.device) -> Self:
        """Places for k graphs of each latent, none of which is found yet."""
        return cls(
            GraphBatch.empty(max_nodes, latents * k, device),
            torch.full((latents, k), -torch.inf, dtype=torch.float64, device=device),
            torch.zeros(latents, dtype=torch.bool, device=device),
        )

    def store(self, rows: Tensor, graphs: GraphBatch, latent: Tensor, value: Tensor) -> None:
        """Write the k best graphs of each latent in place.

        Args:
            rows: place here of each latent. **Shape** (B,).
            graphs: candidates, each once a latent.
            latent: of each candidate. **Shape** (R,).
            value: log-probability of each; −∞ is left out. **Shape** (R,).
        """
        k = self.log_probability.shape[1]
        possible = value.isfinite().nonzero().squeeze(1)
        order = possible[best_first(value[possible], latent[possible])]
        rank = rank_within(latent[order])
        order, rank = order[rank < k], rank[rank < k]
        target = rows[latent[order]]
        place = target * k + rank
        self.graphs.types[place] = graphs.types[order]
        self.graphs.adjacency[place] = graphs.adjacency[order]
        self.graphs.num_nodes[place] = graphs.num_nodes[order]
        self.log_probability[target, rank] = value[order]

    @property
    def best(self) -> GraphBatch:
        """The first of each latent: B graphs."""
        return self.graphs[:: self.log_probability.shape[1]]


def best_first(weight: Tensor, latent: Tensor) -> Tensor:
    """Order by latent, and by falling weight within each. **Shape** (R,), (R,) → (R,)."""
    by_weight = weight.argsort(descending=True, stable=True)
    return by_weight[latent[by_weight].argsort(stable=True)]


def rank_within(latent: Tensor) -> Tensor:
    """Position of each row among those of its latent; ``latent`` is sorted. **Shape** (R,)."""
    places = torch.arange(len(latent), device=latent.device)
    return places - torch.searchsorted(latent, latent)
