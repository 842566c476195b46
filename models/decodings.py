"""Many decodings of each latent point, as counts, and the architecture most of them agree on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from datasets.batch import GraphBatch, Legality
from models.ranking import best_first, rank_within


@dataclass(frozen=True)
class Decodings:
    """n decodings of each latent, equal ones counted.

    Attributes:
        latents: how many were decoded, B.
        graphs: the distinct ones of each latent, in the order of the latents.
        latent: which latent each was decoded from. **Shape** (M,).
        count: how often each was. **Shape** (M,), int64; n in all for each latent.
        prefixes: distinct half-built graphs that were visited, in all directions; decodings where
            each was made by itself.
    """

    latents: int
    graphs: GraphBatch
    latent: Tensor
    count: Tensor
    prefixes: int

    @staticmethod
    def cat(parts: Sequence[Decodings]) -> Decodings:
        """Decodings of several calls, their latents numbered on."""
        latents = [part.latents for part in parts]
        before = [sum(latents[:k]) for k in range(len(parts))]
        return Decodings(
            sum(latents),
            GraphBatch.cat([part.graphs for part in parts]),
            torch.cat([part.latent + first for part, first in zip(parts, before, strict=True)]),
            torch.cat([part.count for part in parts]),
            sum(part.prefixes for part in parts),
        )


@dataclass(frozen=True)
class Modal:
    """The architecture that most decodings of each latent are isomorphic to.

    Attributes:
        graphs: one a latent; of no nodes where no decoding is a member.
        count: decodings isomorphic to it. **Shape** (B,), int64.
        members: decodings that are members of the space. **Shape** (B,), int64.
    """

    graphs: GraphBatch
    count: Tensor
    members: Tensor


def counted(graphs: GraphBatch, latent: Tensor, latents: int) -> Decodings:
    """Single decodings, equal ones of a latent joined.

    Args:
        graphs: the decodings, in the order of the latents.
        latent: which latent each was decoded from. **Shape** (M,).
        latents: how many there are, B.
    """
    rows, group = distinct(graphs, latent)
    count = torch.bincount(group, minlength=len(rows))
    return Decodings(latents, graphs[rows], latent[rows], count, len(graphs))


def distinct(graphs: GraphBatch, latent: Tensor) -> tuple[Tensor, Tensor]:
    """Rows of the distinct graphs of each latent, and for every graph which of them it equals.

    **Shape** (K,) and (M,).
    """
    bits = np.packbits(graphs.adjacency.flatten(1).cpu().numpy(), axis=1)
    names = graphs.types.to(torch.uint8).cpu().numpy()
    numbers = latent.cpu().numpy().astype(">u8")[:, None].view(np.uint8)
    rows = np.ascontiguousarray(np.concatenate([numbers, names, bits], 1))
    keys = rows.view(np.dtype((np.void, rows.shape[1]))).ravel()
    _, first, group = np.unique(keys, return_index=True, return_inverse=True)
    return (
        torch.from_numpy(first).to(latent.device),
        torch.from_numpy(group).to(latent.device),
    )


def modal(decodings: Decodings, legality: Legality) -> Modal:
    """The most frequent architecture of each latent, up to isomorphism, among the members.

    Of equally frequent ones the first in the order of the hashes is taken.

    Args:
        decodings: of :meth:`models.embedding.Embedding.decode_many`.
        legality: decides membership and isomorphism; its masks are not used.
    """
    member = torch.as_tensor(legality.is_member(decodings.graphs)).cpu()
    graphs = decodings.graphs.to("cpu")[member]
    latent, count = decodings.latent.cpu()[member], decodings.count.cpu()[member]
    _, label = np.unique(legality.hashes(graphs), return_inverse=True)
    key = latent * len(label) + torch.from_numpy(label)
    _, group = key.unique(return_inverse=True)  # numbered by latent, then hash
    groups = int(group.max()) + 1 if len(group) else 0
    total = torch.zeros(groups, dtype=torch.long).index_add_(0, group, count)
    first = torch.full((groups,), len(key)).scatter_reduce_(
        0, group, torch.arange(len(key)), "amin"
    )
    order = best_first(total, latent[first])
    best = order[rank_within(latent[first[order]]) == 0]

    result = GraphBatch.empty(decodings.graphs.max_nodes, decodings.latents)
    rows, chosen = latent[first[best]], first[best]
    result.types[rows] = graphs.types[chosen]
    result.adjacency[rows] = graphs.adjacency[chosen]
    result.num_nodes[rows] = graphs.num_nodes[chosen]
    nothing = torch.zeros(decodings.latents, dtype=torch.long)
    return Modal(
        result,
        count=nothing.index_copy(0, rows, total[best]),
        members=nothing.index_add(0, latent, count),
    )
