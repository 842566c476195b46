"""Many decodings of each latent point, as counts, and the architecture most of them agree on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from datasets.batch import GraphBatch, Legality
from models.decoding import generate, union
from models.prefix_tree import Leaves, Sampling, mask_of
from models.search import best_first, rank_within
from models.vae import GraphVAE


@dataclass(frozen=True)
class Decodings:
    """n decodings of each latent, equal ones counted.

    Attributes:
        latents: how many were decoded, B.
        graphs: the distinct ones of each latent, in the order of the latents.
        latent: which latent each was decoded from. **Shape** (M,).
        count: how often each was. **Shape** (M,), int64; n in all for each latent.
        prefixes: distinct half-built graphs that were visited, in all directions.
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


def decode_many(
    model: GraphVAE,
    z: Tensor,
    n: int,
    legality: Legality | None = None,
    generator: torch.Generator | None = None,
) -> Decodings:
    """Decode every latent n times, independently.

    Distributed as n calls of :func:`models.decoding.decode` with ``Sampling()``: for SVGe each
    decoding is the union of one sample of either direction. The samples are drawn as counts down
    the tree of prefixes, so that equal beginnings are computed once.

    Args:
        model: the graph VAE.
        z: latents, **shape** (B, G).
        n: decodings of each.
        legality: masks of a space, or none.
        generator: source of randomness, on the model's device; default PyTorch's own.

    Raises:
        ModelError: ``n`` is not positive, the latents have another width or a value that is not
            finite, or a mask forbids everything.
    """
    model.check_latents(z)
    rule = Sampling(generator, n)
    drawn = [
        generate(model, z, start_type, rule, mask_of(legality, start_type))
        for start_type in model.start_types
    ]
    prefixes = sum(leaves.prefixes for leaves in drawn)
    forward = drawn[0]
    if len(drawn) == 1:
        count = forward.weight.long()
        return Decodings(len(z), forward.graphs, forward.latent, count, prefixes)

    first, second, count = _pairs(drawn[0], drawn[1], len(z), n, generator)
    reverse = drawn[1].graphs[second].reversed()
    joined = union(forward.graphs[first], reverse, legality)
    latent = forward.latent[first]
    rows, group = _distinct(joined, latent)
    total = torch.zeros_like(rows).index_add_(0, group, count)
    return Decodings(len(z), joined[rows], latent[rows], total, prefixes)


def _pairs(
    forward: Leaves, reverse: Leaves, latents: int, n: int, generator: torch.Generator | None
) -> tuple[Tensor, Tensor, Tensor]:
    """Match each latent's n forward decodings with its n reverse ones at random.

    Returns:
        Rows of ``forward``, rows of ``reverse``, and how often the two met. **Shape** (M,) each.
    """
    device = forward.latent.device
    first, second = (
        torch.arange(len(leaves.latent), device=device)
        .repeat_interleave(leaves.weight.long())
        .view(latents, n)
        for leaves in (forward, reverse)
    )
    order = torch.rand(latents, n, generator=generator, device=device).argsort(1)
    key = first * max(len(reverse.latent), 1) + second.gather(1, order)
    met, count = key.flatten().unique(return_counts=True)
    size = max(len(reverse.latent), 1)
    return met // size, met % size, count


def _distinct(graphs: GraphBatch, latent: Tensor) -> tuple[Tensor, Tensor]:
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

    Of equally frequent ones the first in the order of the space's names is taken.

    Args:
        decodings: of :func:`decode_many`.
        legality: tells members and names them; its masks are not used.
    """
    member = torch.as_tensor(legality.is_member(decodings.graphs)).cpu()
    graphs = decodings.graphs.to("cpu")[member]
    latent, count = decodings.latent.cpu()[member], decodings.count.cpu()[member]
    _, name = np.unique(legality.names(graphs), return_inverse=True)
    key = latent * len(name) + torch.from_numpy(name)
    _, group = key.unique(return_inverse=True)  # numbered by latent, then name
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
