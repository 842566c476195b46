"""The training objective: step-wise reconstruction and Kullback–Leibler divergence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from datasets.batch import GraphBatch
from models.latent import Latent
from models.steps import StepLogits

Reduction = Literal["mean", "sum"]


@dataclass(frozen=True)
class Objective:
    """How the parts of the loss are weighed.

    Attributes:
        beta: weight β of the divergence.
        alpha: weight α of the edges against the types in a step, 2[(1−α)·CE + α·BCE].
        edge_reduction: over the edges of a step. The sum is the likelihood, the mean is published.
        kl_reduction: over the batch. SVGe's published code sums, so its weight is β · batch size.
            arch2vec's divides the sum by the batch's places twice (``places``).
        noise_scale: of the latent noise in training.
        missing_nodes: whether a graph of fewer nodes than the model has places also pays for the
            decisions about those that it lacks. D-VAE's published code charges for them: their type
            is to be the input, and no edge is to enter them.
    """

    beta: float = 0.005
    alpha: float = 0.5
    edge_reduction: Reduction = "sum"
    kl_reduction: Literal["mean", "sum", "places"] = "mean"
    noise_scale: float = 0.01
    missing_nodes: Literal["masked", "charged"] = "masked"


PUBLISHED = Objective(edge_reduction="mean", kl_reduction="sum")
"""The objective of the published code."""


class LossParts(NamedTuple):
    """``total = reconstruction + β · divergence``; all scalars."""

    total: Tensor
    reconstruction: Tensor
    divergence: Tensor


def reconstruction_per_graph(
    logits: StepLogits, batch: GraphBatch, objective: Objective, *, first_edge_certain: bool = True
) -> Tensor:
    """``Σ_steps 2[(1−α)·CE(type) + α·BCE(edges)]`` of each graph. **Shape** (B,).

    Only the m − 1 steps of a graph of m nodes count, and not its first edge where it is certain.
    """
    last = batch.max_nodes - 1
    steps = torch.arange(last, device=batch.types.device)
    exists = steps + 1 < batch.num_nodes[:, None]  # (B, N-1)

    types = F.cross_entropy(
        logits.types.flatten(0, 1), batch.types[:, 1:].flatten(), reduction="none"
    ).view_as(exists)

    targets = (
        batch.adjacency[:, :last, 1:].transpose(1, 2).to(logits.edges.dtype)
    )  # (B, step, source)
    edges = F.binary_cross_entropy_with_logits(logits.edges, targets, reduction="none")
    drawn = (steps <= steps[:, None]) & (
        steps[:, None] >= int(first_edge_certain)
    )  # (step, source)
    edges = (edges * drawn).sum(-1)
    if objective.edge_reduction == "mean":
        edges = edges / (steps + 1)

    alpha = objective.alpha
    return (2 * ((1 - alpha) * types + alpha * edges) * exists).sum(-1)


def divergence_per_graph(latent: Latent) -> Tensor:
    """``KL(q(z|graph) ‖ N(0, 1))``. **Shape** (B,)."""
    mean, log_variance = latent
    terms = 1 + log_variance - mean.square() - log_variance.exp()
    return -0.5 * terms.flatten(1).sum(-1)
