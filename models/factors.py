"""Architectures under independent factors: each node's type, and each edge, by itself.

One-shot decoders give such factors, all nodes and edges at once. An architecture reads from node 0
to its first output; what stands behind the output has no part in it, nor in its probability.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from datasets.batch import GraphBatch, LegalityMask
from datasets.graph import INPUT, OUTPUT


class Factors(NamedTuple):
    """What a one-shot decoder says of each latent.

    Attributes:
        types: log-probabilities of every node's type. **Shape** (B, N, T).
        edges: logits of the edges i→j; only those with i < j count. **Shape** (B, N, N).
    """

    types: Tensor
    edges: Tensor

    def of(self, rows: Tensor) -> Factors:
        """Those of some latents."""
        return Factors(self.types[rows], self.edges[rows])

    def edge_log_probabilities(self) -> Tensor:
        """Of each edge's absence and presence. **Shape** (B, N, N, 2)."""
        return torch.stack([logsigmoid(-self.edges), logsigmoid(self.edges)], -1)


def as_graphs(types: Tensor, edges: Tensor) -> GraphBatch:
    """Graphs of a type for each node and a decision for each edge, cut behind the first output.

    A graph without an output keeps all its nodes; no space has such a member.

    **Shape** types (B, N), edges (B, N, N) bool.
    """
    places = torch.arange(types.shape[1], device=types.device)
    output = torch.where(types == OUTPUT, places, types.shape[1] - 1).amin(1)
    nodes = output + 1
    present = places < nodes[:, None]
    both = present[:, :, None] & present[:, None, :]
    return GraphBatch(types * present, edges.triu(1) & both, nodes)


def most_probable_values(factors: Factors) -> GraphBatch:
    """The most probable type of every node, and the edges that are more probable than not."""
    return as_graphs(factors.types.argmax(-1), factors.edges > 0)


def sampled_values(factors: Factors, generator: torch.Generator | None = None) -> GraphBatch:
    """A type and the edges drawn for every node, each by itself."""
    types = _categorical(factors.types, generator)
    return as_graphs(types, _present(factors.edges, generator))


@torch.no_grad()
def sampled_members(
    factors: Factors, mask: LegalityMask, generator: torch.Generator | None = None
) -> GraphBatch:
    """Members of a space, drawn node by node from what its mask leaves of each factor.

    Args:
        factors: of B latents.
        mask: of graphs grown from the input.
        generator: source of randomness, on the factors' device; default PyTorch's own.
    """
    return _grow(
        factors,
        mask,
        lambda log_p: _categorical(log_p, generator),
        lambda logit: _present(logit, generator),
    )


def _grow(
    factors: Factors,
    mask: LegalityMask,
    choose_type: Callable[[Tensor], Tensor],
    choose_edge: Callable[[Tensor], Tensor],
) -> GraphBatch:
    size, places, _ = factors.types.shape
    grown = GraphBatch.empty(places, size, factors.types.device)
    grown.types[:, 0] = INPUT
    rows = torch.arange(size, device=factors.types.device)
    for n in range(1, places):
        if not len(rows):
            break
        types, adjacency = grown.types[rows, :n], grown.adjacency[rows, :n, :n]
        allowed = mask.allowed_types(types, adjacency) if n < places - 1 else None
        new = choose_type(type_scores(factors.types[rows, n], allowed))
        drawn = torch.zeros(len(rows), 0, dtype=torch.bool, device=rows.device)
        for source in range(n):
            options = mask.allowed_edges(types, adjacency, new, drawn)
            logit = factors.edges[rows, source, n]
            logit = logit.masked_fill(~options[:, 1], -torch.inf)
            logit = logit.masked_fill(~options[:, 0], torch.inf)
            drawn = torch.cat([drawn, choose_edge(logit)[:, None]], 1)
        grown.types[rows, n] = new
        grown.adjacency[rows, :n, n] = drawn
        grown.num_nodes[rows] = n + 1
        rows = rows[new != OUTPUT]
    return grown


def type_scores(log_p: Tensor, allowed: Tensor | None) -> Tensor:
    """Log-probabilities of the types that may come next, −∞ for the others.

    Args:
        log_p: of all types. **Shape** (R, T).
        allowed: which may come. **Shape** (R, T), bool; ``None`` where only the output is left.
    """
    if allowed is None:
        allowed = torch.zeros_like(log_p, dtype=torch.bool)
        allowed[:, OUTPUT] = True
    return log_p.masked_fill(~allowed, -torch.inf)


def _categorical(log_p: Tensor, generator: torch.Generator | None) -> Tensor:
    """One index drawn along the last dimension. **Shape** (…, T) → (…)."""
    weights = log_p.softmax(-1)
    return torch.multinomial(weights.flatten(0, -2), 1, generator=generator).view(log_p.shape[:-1])


def _present(logit: Tensor, generator: torch.Generator | None) -> Tensor:
    """Edges drawn with their probabilities. **Shape** (…) → (…), bool."""
    uniform = torch.rand(logit.shape, generator=generator, device=logit.device, dtype=logit.dtype)
    return uniform < logit.sigmoid()
