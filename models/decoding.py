"""From latent points back to architectures, one node at a time and many points at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor

from datasets.batch import GraphBatch, Legality, LegalityMask
from datasets.graph import INPUT, OUTPUT
from models.loss import Objective
from models.vae import GraphVAE

CHUNK = 4096
"""Latents decoded at once; more only take more memory."""


LIKELIHOOD = Objective(alpha=0.5, edge_reduction="sum")
"""With these settings the reconstruction loss is −log p of a graph's decisions."""


class Choice(Protocol):
    """How a decision is made from its logits."""

    def types(self, logits: Tensor) -> Tensor:
        """Choose a type. **Shape** (B, T) → (B,); a logit of −∞ is never chosen."""
        ...

    def edges(self, logits: Tensor) -> Tensor:
        """Choose edges, each on its own. **Shape** (B, n) → (B, n) bool."""
        ...


class Greedy:
    """The most probable value of every single decision."""

    def types(self, logits: Tensor) -> Tensor:
        """The type with the largest logit."""
        return logits.argmax(-1)

    def edges(self, logits: Tensor) -> Tensor:
        """The edges more probable than not."""
        return logits > 0


class Sampling:
    """Independent draws from the model's distributions.

    Args:
        generator: source of randomness, on the model's device; default PyTorch's own.
    """

    def __init__(self, generator: torch.Generator | None = None) -> None:
        self.generator = generator

    def types(self, logits: Tensor) -> Tensor:
        """Draw from the categorical distribution."""
        return torch.multinomial(logits.softmax(-1), 1, generator=self.generator).squeeze(-1)

    def edges(self, logits: Tensor) -> Tensor:
        """Draw from the Bernoulli distributions."""
        uniform = torch.rand(logits.shape, generator=self.generator, device=logits.device)
        return uniform < logits.sigmoid()


def generate(
    model: GraphVAE, z: Tensor, start_type: int, choice: Choice, mask: LegalityMask | None = None
) -> GraphBatch:
    """Grow one graph a latent, in one direction, as the generator sees it.

    Growth ends at the type opposite to the start (output for input), which is forced at the
    space's largest number of nodes.

    Args:
        model: the graph VAE.
        z: latents, **shape** (B, G).
        start_type: type of the first node: input for the graph, output for the reversed graph.
        choice: how decisions are made.
        mask: keeps the graphs legal; without one every decision is the model's alone.
    """
    parts = [_grow(model, part, start_type, choice, mask) for part in z.split(CHUNK)]
    return GraphBatch.cat(parts) if parts else GraphBatch.empty(model.sizes.max_nodes)


def _grow(
    model: GraphVAE, z: Tensor, start_type: int, choice: Choice, mask: LegalityMask | None
) -> GraphBatch:
    generator, dtype = model.generator, model.compute_dtype
    weights = generator.weights(dtype)
    end_type = OUTPUT if start_type == INPUT else INPUT
    max_nodes = model.sizes.max_nodes
    z = z.to(dtype)

    result = GraphBatch.empty(max_nodes, len(z), z.device)
    active = torch.arange(len(z), device=z.device)
    types = torch.full((len(z), 1), start_type, device=z.device)
    adjacency = torch.zeros(len(z), 1, 1, dtype=torch.bool, device=z.device)
    states = generator.start(z, types[:, 0])
    for present_nodes in range(1, max_nodes):
        states, present = generator.advance(states, adjacency.to(dtype), weights)
        logits = generator.type_logits(present, z, weights).float()
        if present_nodes == max_nodes - 1:
            new_types = torch.full_like(active, end_type)
        else:
            if mask is not None:
                logits = logits.masked_fill(~mask.allowed_types(types, adjacency), -torch.inf)
            new_types = choice.types(logits)

        new = generator.new_node(new_types, present, z, weights)
        if present_nodes == 1:
            into = torch.ones(len(active), 1, dtype=torch.bool, device=z.device)
        else:
            into = choice.edges(generator.edge_logits(new, present, z, weights).float())
            if mask is not None:
                into = _legal_edges(mask, types, adjacency, new_types, into)
        types = torch.cat([types, new_types[:, None]], 1)
        adjacency = torch.nn.functional.pad(adjacency, (0, 1, 0, 1))
        adjacency[:, :present_nodes, present_nodes] = into
        states = generator.append(states, new)

        ended = new_types == end_type
        if ended.any():
            nodes = present_nodes + 1
            rows = active[ended]
            result.types[rows, :nodes] = types[ended]
            result.adjacency[rows, :nodes, :nodes] = adjacency[ended]
            result.num_nodes[rows] = nodes
            go_on = ~ended
            active, types, adjacency, z = (part[go_on] for part in (active, types, adjacency, z))
            states = states[:, go_on]
            if not len(active):
                break
    return result


def _legal_edges(
    mask: LegalityMask, types: Tensor, adjacency: Tensor, new_types: Tensor, chosen: Tensor
) -> Tensor:
    """Edge by edge, what was chosen where the mask leaves a choice. **Shape** (B, n)."""
    drawn = chosen[:, :0]
    for source in range(chosen.shape[1]):
        absent, present = mask.allowed_edges(types, adjacency, new_types, drawn).unbind(1)
        edge = (chosen[:, source] & present) | ~absent
        drawn = torch.cat([drawn, edge[:, None]], 1)
    return drawn


def decode_directions(
    model: GraphVAE, z: Tensor, choice: Choice, legality: Legality | None = None
) -> list[GraphBatch]:
    """Decode in each of the model's directions; every graph reads from the input.

    Args:
        model: the graph VAE.
        z: latents, **shape** (B, G).
        choice: how decisions are made.
        legality: masks of a space, or none.

    Returns:
        The forward graphs, and for SVGe the reverse graphs, flipped.

    Raises:
        ModelError: the latents have another width or a value that is not finite.
    """
    model.check_latents(z)
    decoded = []
    with torch.no_grad():
        for start_type in model.start_types:
            if start_type == INPUT:
                mask = legality.forward if legality else None
                decoded.append(generate(model, z, INPUT, choice, mask))
            else:
                mask = legality.reverse if legality else None
                decoded.append(generate(model, z, OUTPUT, choice, mask).reversed())
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
    model: GraphVAE, z: Tensor, choice: Choice, legality: Legality | None = None
) -> GraphBatch:
    """Decode every latent to one architecture: the :func:`union` of the model's directions.

    Arguments and errors as for :func:`decode_directions`.
    """
    forward, *reverse = decode_directions(model, z, choice, legality)
    return union(forward, reverse[0], legality) if reverse else forward


def most_probable_of(model: GraphVAE, z: Tensor, candidates: Sequence[GraphBatch]) -> GraphBatch:
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
    with torch.no_grad():
        for part in rows.split(CHUNK):
            losses = [model.reconstruction(z[part], batch[part], LIKELIHOOD) for batch in padded]
            chosen[part] = torch.stack(losses).argmin(0)
    pick = torch.arange(len(first), device=chosen.device)
    return GraphBatch(
        torch.stack([batch.types for batch in padded])[chosen, pick],
        torch.stack([batch.adjacency for batch in padded])[chosen, pick],
        torch.stack([batch.num_nodes for batch in padded])[chosen, pick],
    )


def decode_greedily(model: GraphVAE, z: Tensor, legality: Legality | None = None) -> GraphBatch:
    """Decode every latent to one architecture, the best of the greedy ones.

    Each direction decodes greedily; where they disagree, the forward graph, the reverse graph and
    their :func:`union` are compared by :func:`most_probable_of`. Arguments and errors as for
    :func:`decode_directions`.
    """
    directions = decode_directions(model, z, Greedy(), legality)
    if len(directions) == 1 or not len(z):
        return directions[0]
    return most_probable_of(model, z, [*directions, union(directions[0], directions[1], legality)])
