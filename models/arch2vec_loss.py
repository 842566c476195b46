"""The losses of arch2vec: published, and the likelihood of a graph."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from datasets.batch import GraphBatch
from models.latent import Latent
from models.loss import Objective


def operations(batch: GraphBatch, num_types: int) -> Tensor:
    """One-hot rows X in the published order of columns; rows of missing nodes are zero.

    **Shape** (B, N, T), bool.
    """
    columns = torch.where(batch.node_mask(), (batch.types - 1) % num_types, -1)
    return columns[:, :, None] == torch.arange(num_types, device=columns.device)


def published_parts(types: Tensor, edges: Tensor, batch: GraphBatch) -> tuple[Tensor, Tensor]:
    """Binary cross-entropies of operations and edges, as published: means over all entries.

    The lower half of the adjacency is zero in both matrices: it adds nothing, and counts.

    Args:
        types: logits of the columns. **Shape** (B, N, T).
        edges: logits. **Shape** (B, N, N).
        batch: the graphs.
    """
    target = operations(batch, types.shape[-1]).to(types.dtype)
    by_type = F.binary_cross_entropy(types.sigmoid(), target)
    upper = batch.adjacency.to(edges.dtype)
    by_edge = F.binary_cross_entropy(edges.sigmoid().triu(1), upper)
    return by_type, by_edge


def likelihood_parts(types: Tensor, edges: Tensor, batch: GraphBatch) -> tuple[Tensor, Tensor]:
    """Negative log-likelihoods of X and A over the nodes that are there, means over the graphs.

    Columns of X are Bernoulli variables each by itself, as published: then the logits of input and
    output are low at the latents of every operation, and so, being affine, everywhere between them.
    A softmax only has them lower than the right one, and prior points fall between.

    Args:
        types: logits of the columns. **Shape** (B, N, T).
        edges: logits. **Shape** (B, N, N).
        batch: the graphs.
    """
    target = operations(batch, types.shape[-1]).to(types.dtype)
    mask = batch.node_mask()
    pairs = (mask[:, :, None] & mask[:, None, :]).triu(1)
    by_type = F.binary_cross_entropy_with_logits(
        types, target, weight=mask[:, :, None].to(types.dtype), reduction="sum"
    )
    by_edge = F.binary_cross_entropy_with_logits(
        edges, batch.adjacency.to(edges.dtype), weight=pairs.to(edges.dtype), reduction="sum"
    )
    return by_type / len(batch), by_edge / len(batch)


def reduced(divergence: Tensor, latent: Latent, objective: Objective) -> Tensor:
    """The divergence of a batch, a scalar; ``places`` divides by the places twice, as published.

    **Shape** divergence (B,).
    """
    if objective.kl_reduction == "mean":
        return divergence.mean()
    if objective.kl_reduction == "sum":
        return divergence.sum()
    batch, places, _ = latent.mean.shape
    return divergence.sum() / (batch * places) ** 2
