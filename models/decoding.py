"""From latent points back to architectures: one decoding of each, or many.

All of it walks the prefix tree of ``models/prefix_tree.py``.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from datasets.batch import GraphBatch, Legality, LegalityMask
from datasets.graph import INPUT
from models.errors import ModelError
from models.likelihood import log_probability
from models.prefix_tree import CHUNK, Greedy, Leaves, Rule, Sampling, mask_of, walk
from models.sequential import Sequential

__all__ = [
    "Greedy",
    "Sampling",
    "decode",
    "decode_directions",
    "decode_greedily",
    "generate",
    "most_probable_of",
    "union",
]

BRANCHES = 2**15
"""Prefixes of one depth that may have to be held at once; latents are taken in such portions."""


def generate(
    model: Sequential, z: Tensor, start_type: int, rule: Rule, mask: LegalityMask | None = None
) -> Leaves:
    """:func:`models.prefix_tree.walk` for any number of latents, portion by portion.

    Args:
        model: the graph VAE.
        z: latents, **shape** (B, G).
        start_type: type of the first node: input for the graph, output for the reversed graph.
        rule: how decisions are made; one without a memory of latents.
        mask: keeps the graphs legal; without one every decision is the model's alone.
    """
    portion = max(1, BRANCHES // rule.breadth)
    parts = []
    for first in range(0, max(len(z), 1), portion):
        part = walk(model, z[first : first + portion], start_type, rule, mask)
        parts.append(part._replace(latent=part.latent + first))
    return Leaves.cat(parts)


def decode_directions(
    model: Sequential, z: Tensor, choice: Rule, legality: Legality | None = None
) -> list[GraphBatch]:
    """Decode in each of the model's directions; every graph reads from the input.

    Args:
        model: the graph VAE.
        z: latents, **shape** (B, G).
        choice: how decisions are made: ``Greedy()`` or ``Sampling()``.
        legality: masks of a space, or none.

    Returns:
        The forward graphs, and for SVGe the reverse graphs, flipped.

    Raises:
        ModelError: the latents have another width or a value that is not finite, or the choice
            or the legality is something else.
    """
    model.check_latents(z)
    if not isinstance(choice, Rule):
        raise ModelError(
            f"the choice is a {type(choice).__name__}, expected Greedy() or Sampling(generator)"
        )
    decoded = []
    for start_type in model.start_types:
        graphs = generate(model, z, start_type, choice, mask_of(legality, start_type)).graphs
        decoded.append(graphs if start_type == INPUT else graphs.reversed())
    return decoded


def union(forward: GraphBatch, reverse: GraphBatch, legality: Legality | None = None) -> GraphBatch:
    """One graph from both directions: types of the first, edges of both.

    The reverse graph is aligned at the output and its surplus nodes are dropped. The published
    system means the same union, but its test for membership loses edges.

    Args:
        forward: decoded from the input.
        reverse: decoded from the output, read from the input again.
        legality: where given, a union that is no member of the space (NB101's limit of nine
            edges) is replaced by its forward graph.
    """
    nodes = forward.max_nodes
    reverse = reverse.padded(nodes) if reverse.max_nodes < nodes else reverse
    shift = (reverse.num_nodes - forward.num_nodes)[:, None]  # surplus nodes of the reverse graph
    places = torch.arange(nodes, device=shift.device)
    source = places + shift  # (B, N): node of the reverse graph that stands at each place
    inside = (source >= 0) & (places < forward.num_nodes[:, None])
    source = source.clamp(0, reverse.max_nodes - 1)
    edges = reverse.adjacency.gather(1, source[:, :, None].expand(-1, -1, reverse.max_nodes))
    edges = edges.gather(2, source[:, None, :].expand(-1, nodes, -1))
    edges = edges & inside[:, :, None] & inside[:, None, :]
    joined = GraphBatch(forward.types, forward.adjacency | edges, forward.num_nodes)
    if legality is None:
        return joined
    member = torch.as_tensor(legality.is_member(joined), device=shift.device)
    adjacency = torch.where(member[:, None, None], joined.adjacency, forward.adjacency)
    return GraphBatch(forward.types, adjacency, forward.num_nodes)


def decode(
    model: Sequential, z: Tensor, choice: Rule, legality: Legality | None = None
) -> GraphBatch:
    """Decode every latent to one architecture: the :func:`union` of the model's directions.

    Arguments and errors as for :func:`decode_directions`.
    """
    forward, *reverse = decode_directions(model, z, choice, legality)
    return union(forward, reverse[0], legality) if reverse else forward


def most_probable_of(model: Sequential, z: Tensor, candidates: Sequence[GraphBatch]) -> GraphBatch:
    """Of several graphs for each latent the one with the highest probability.

    The probability is the model's own, of all decisions in all of its directions together; ties go
    to the earlier candidate.

    Args:
        model: the graph VAE.
        z: latents, **shape** (B, G).
        candidates: batches of B graphs, each from input to output.
    """
    nodes = max(batch.max_nodes for batch in candidates)
    padded = [batch.padded(nodes) for batch in candidates]
    first = padded[0]
    differs = torch.zeros(len(first), dtype=torch.bool, device=first.types.device)
    for other in padded[1:]:
        differs |= (other.types != first.types).any(1)
        differs |= (other.adjacency != first.adjacency).flatten(1).any(1)
    rows = differs.nonzero().squeeze(1)
    chosen = torch.zeros_like(first.num_nodes)
    for part in rows.split(CHUNK):
        values = [log_probability(model, z[part], batch[part]).sum(0) for batch in padded]
        chosen[part] = torch.stack(values).argmax(0)
    pick = torch.arange(len(first), device=chosen.device)
    return GraphBatch(
        torch.stack([batch.types for batch in padded])[chosen, pick],
        torch.stack([batch.adjacency for batch in padded])[chosen, pick],
        torch.stack([batch.num_nodes for batch in padded])[chosen, pick],
    )


def decode_greedily(model: Sequential, z: Tensor, legality: Legality | None = None) -> GraphBatch:
    """Decode every latent to one architecture, the best of the greedy ones.

    Each direction decodes greedily; where they disagree, the forward graph, the reverse graph and
    their :func:`union` are compared by :func:`most_probable_of`. Arguments and errors as for
    :func:`decode_directions`.
    """
    directions = decode_directions(model, z, Greedy(), legality)
    if len(directions) == 1 or not len(z):
        return directions[0]
    return most_probable_of(model, z, [*directions, union(directions[0], directions[1], legality)])
