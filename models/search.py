"""The most probable graphs of a latent point, with a proof.

A prefix is never less probable than what grows from it. So a search that has found k graphs may
forget every prefix less probable than the worst of them, and is done when none is left: the
argument of best-first search, here for many latents at once and depth by depth. The search first
keeps few prefixes of each latent, and tries again with more room, and with the bound it has now,
where what it had to drop for want of room could have been better than what it found.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from datasets.batch import GraphBatch, Legality, LegalityMask
from models.errors import ModelError
from models.likelihood import log_probability
from models.prefix_tree import CHUNK, Rule, mask_of, walk
from models.ranking import WIDER, Ranked, best_first, rank_within
from models.sequential import Sequential

SLACK = 1e-4
"""Nats by which a prefix may seem worse than a bound and is still followed: rounding errors."""

WIDEST = 2**13
"""Prefixes of a latent at one depth, above which a search ends without a proof."""


class Beam(Rule):
    """Log-probabilities, in nats, of the prefixes that can still be among the best.

    Args:
        width: prefixes of a latent that there is room for at one depth.
        k: how many graphs are wanted.
        bound: log-probability of each latent's k-th best graph known so far, or −∞.
            **Shape** (B,), float64.

    Attributes:
        dropped: the best that there was no room for, of each latent. **Shape** (B,).
    """

    def __init__(self, width: int, k: int, bound: Tensor) -> None:
        self.breadth = width
        self.best = torch.full((len(bound), k), -torch.inf, dtype=bound.dtype, device=bound.device)
        self.bound = bound
        self.dropped = torch.full_like(bound, -torch.inf)

    def start(self, latents: int, device: torch.device) -> Tensor:
        """The first node is certain."""
        return torch.zeros(latents, dtype=torch.float64, device=device)

    def types(self, weight: Tensor, logits: Tensor) -> Tensor:
        """The weight and log p of each type."""
        return weight[:, None] + logits.double().log_softmax(-1)

    def edges(self, weight: Tensor, logit: Tensor) -> Tensor:
        """The weight and log p of the edge's absence and presence."""
        both = torch.stack([-logit, logit], -1).double()
        return weight[:, None] + logsigmoid(both)

    def keeps(self, weight: Tensor, latent: Tensor) -> Tensor:
        """What is possible and no less probable than the k-th best."""
        return weight.isfinite() & (weight >= self.bound[latent][:, None] - SLACK)

    def narrow(self, weight: Tensor, latent: Tensor) -> Tensor | slice:
        """The most probable ones of each latent, as many as there is room for."""
        fitting = weight >= self.bound[latent] - SLACK
        if not len(latent) or (fitting.all() and int(torch.bincount(latent).max()) <= self.breadth):
            return slice(None)
        rows = fitting.nonzero().squeeze(1)
        order = rows[best_first(weight[rows], latent[rows])]
        room = rank_within(latent[order]) < self.breadth
        lost = order[~room]
        self.dropped.scatter_reduce_(0, latent[lost], weight[lost], "amax")
        return order[room].sort().values

    def finish(self, weight: Tensor, latent: Tensor) -> Tensor | slice:
        """Those that are among the k best known; raises the bound."""
        order = best_first(weight, latent)
        rank = rank_within(latent[order])
        among = order[rank < self.best.shape[1]]
        found = torch.full_like(self.best, -torch.inf)
        found[latent[among], rank[rank < self.best.shape[1]]] = weight[among]
        joined = torch.cat([self.best, found], 1).sort(1, descending=True).values
        self.best = joined[:, : self.best.shape[1]]
        self.bound = torch.maximum(self.bound, self.best[:, -1])
        return among


def most_probable_in_direction(
    model: Sequential,
    z: Tensor,
    start_type: int,
    k: int = 1,
    mask: LegalityMask | None = None,
    widest: int = WIDEST,
) -> Ranked:
    """The k most probable graphs of one direction of generation, as it grows them.

    Args:
        model: the graph VAE.
        z: latents, **shape** (B, G).
        start_type: type of the first node: input for the graph, output for the reversed graph.
        k: how many graphs of each latent.
        mask: keeps the graphs legal; probabilities are then those of masked generation.
        widest: prefixes of a latent at one depth, above which a search ends without a proof.

    Raises:
        ModelError: ``k`` is not positive, or the latents do not fit.
    """
    model.check_latents(z)
    if k < 1:
        raise ModelError(f"the {k} most probable graphs were requested, expected 1 at least")
    result = Ranked.nothing(model.sizes.max_nodes, len(z), k, z.device)
    width = k
    while width <= max(widest, k) and not result.proved.all():
        todo = (~result.proved).nonzero().squeeze(1)
        for rows in todo.split(max(1, CHUNK // width)):
            beam = Beam(width, k, result.log_probability[rows, -1])
            leaves = walk(model, z[rows], start_type, beam, mask)
            result.store(rows, leaves.graphs, leaves.latent, leaves.weight)
            result.proved[rows] = beam.dropped <= result.log_probability[rows, -1]
        width *= WIDER
    return result


def most_probable(
    model: Sequential,
    z: Tensor,
    k: int = 1,
    legality: Legality | None = None,
    widest: int = WIDEST,
) -> Ranked:
    """The k graphs of each latent that are most probable in all directions together.

    The probability is that of :func:`models.likelihood.log_probability`, summed over the
    directions. For SVGe the candidates are the m best of each direction. A graph in neither list
    has at most the sum of both lists' last probabilities; where that is no more than the k-th
    best candidate has, the result is proved (Fagin, Lotem and Naor 2003, the threshold
    algorithm), else m grows.

    Args:
        model: the graph VAE.
        z: latents, **shape** (B, G).
        k: how many graphs of each latent.
        legality: masks of a space; probabilities are then those of masked generation.
        widest: prefixes of a latent at one depth, above which a search ends without a proof.

    Returns:
        Graphs from input to output.

    Raises:
        ModelError: ``k`` is not positive, or the latents do not fit.
    """
    model.check_latents(z)
    masks = {start_type: mask_of(legality, start_type) for start_type in model.start_types}
    if len(masks) == 1:
        start_type, mask = next(iter(masks.items()))
        return most_probable_in_direction(model, z, start_type, k, mask, widest)

    result = Ranked.nothing(model.sizes.max_nodes, len(z), k, z.device)
    kept = k
    while kept <= max(widest, k) and not result.proved.all():
        rows = (~result.proved).nonzero().squeeze(1)
        points = z[rows]
        lists = [
            most_probable_in_direction(model, points, start_type, kept, mask, widest)
            for start_type, mask in masks.items()
        ]
        candidates, latent, value = _joint(model, points, lists, legality)
        result.store(rows, candidates, latent, value)
        unseen = sum(found.log_probability[:, -1] for found in lists)
        sure = lists[0].proved & lists[1].proved
        result.proved[rows] = sure & (unseen <= result.log_probability[rows, -1])
        kept *= WIDER
    return result


def _joint(
    model: Sequential, z: Tensor, lists: list[Ranked], legality: Legality | None
) -> tuple[GraphBatch, Tensor, Tensor]:
    """Graphs of a forward and a reverse list, their latents and joint log-probabilities."""
    forward, reverse = lists
    kept = forward.log_probability.shape[1]
    graphs = GraphBatch.cat([forward.graphs, reverse.graphs.reversed()])
    latent = torch.arange(len(z), device=z.device).repeat_interleave(kept).repeat(2)
    once = (~_repeats(graphs, latent)).nonzero().squeeze(1)
    graphs, latent = graphs[once], latent[once]
    parts = torch.arange(len(latent), device=z.device).split(CHUNK)
    values = [log_probability(model, z[latent[p]], graphs[p], legality).sum(0) for p in parts]
    return graphs, latent, torch.cat(values)


def _repeats(graphs: GraphBatch, latent: Tensor) -> Tensor:
    """Which graphs came before for the same latent. **Shape** (R,), bool."""
    flat = torch.cat([latent[:, None], graphs.types, graphs.adjacency.flatten(1).long()], 1)
    _, group = torch.unique(flat, dim=0, return_inverse=True)
    first = torch.full((int(group.max()) + 1,), len(group), device=group.device)
    places = torch.arange(len(group), device=group.device)
    first.scatter_reduce_(0, group, places, "amin")
    return first[group] != places
