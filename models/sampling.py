"""Many sampled decodings of each latent point, drawn as counts down the tree of prefixes."""

from __future__ import annotations

import torch
from torch import Tensor

from datasets.batch import Legality
from models.decoding import generate, union
from models.decodings import Decodings, distinct
from models.prefix_tree import Leaves, Sampling, mask_of
from models.sequential import Sequential


def decode_many(
    model: Sequential,
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
    rows, group = distinct(joined, latent)
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
