"""The k best graphs of each latent, and how rows are ordered within their latent."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from datasets.batch import GraphBatch


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
