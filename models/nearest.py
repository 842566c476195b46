"""Decoding that checks itself: of the probable architectures the one that is encoded nearest."""

from __future__ import annotations

import torch
from torch import Tensor

from datasets.batch import GraphBatch, Legality
from models.embedding import Embedding

SAME = 1e-5
"""Distance from the latent, relative to its norm, below which an encoding counts as the latent."""


@torch.no_grad()
def decode_to_nearest(
    model: Embedding,
    z: Tensor,
    k: int = 16,
    legality: Legality | None = None,
    widest: int = 64,
) -> GraphBatch:
    """Decode every latent to the architecture whose own latent mean is nearest to it.

    The candidates are the greedy decoding and, where that is not encoded to the latent itself,
    the k most probable architectures. A latent that was encoded is recognised by its distance of
    zero, with any probability under the decoder; of two architectures with one latent the more
    probable is taken.

    Args:
        model: an embedding that can tell its most probable decodings.
        z: latents, **shape** (B, F).
        k: candidates of each latent beside the greedy one.
        legality: masks of a space, or none.
        widest: room of the search, see :meth:`models.embedding.Embedding.most_probable`.

    Returns:
        B graphs, from input to output.

    Raises:
        ModelError: the latents have another width or a value that is not finite, or the model
            cannot tell its most probable decodings.
    """
    best = model.decode_greedily(z, legality)
    if not len(z):
        return best
    distance = (model.encode_all(best).flat - z).norm(dim=1)
    rows = (distance > SAME * z.norm(dim=1)).nonzero().squeeze(1)
    found = model.most_probable(z[rows], k, legality, widest)
    there = found.log_probability.isfinite()
    distances = torch.full_like(there, torch.inf, dtype=z.dtype)
    points = z[rows].repeat_interleave(k, 0)[there.flatten()]
    encoded = model.encode_all(found.graphs[there.flatten()]).flat
    distances[there] = (encoded - points).norm(dim=1)

    nearest = distances.min(1)
    better = nearest.values < distance[rows]
    chosen = (torch.arange(len(rows), device=z.device) * k + nearest.indices)[better]
    target = rows[better]
    best.types[target] = found.graphs.types[chosen]
    best.adjacency[target] = found.graphs.adjacency[chosen]
    best.num_nodes[target] = found.graphs.num_nodes[chosen]
    return best
