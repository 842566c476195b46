"""The most probable architectures under independent factors, with a proof.

A half-built graph is at most as probable as its own factors times the best that every missing
factor could give by itself. Branch and bound (Land and Doig 1960) therefore keeps, of each latent,
the half-built graphs with the highest bound, and is done when what it had to drop for want of room
is bounded by what it found. Without a mask the bound is reached at once; a space's mask only takes
continuations away. Where places alone decide what is legal, as in spaces whose edges are fixed, the
bound counts legal values only.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from datasets.batch import GraphBatch, LegalityMask, PlacewiseMask
from datasets.graph import INPUT, OUTPUT
from models.errors import ModelError
from models.factors import Factors, type_scores
from models.ranking import WIDER, Ranked, best_first, rank_within

SLACK = 1e-9
"""Nats by which a bound may be below the k-th best and is still followed: float64's rounding."""

AT_ONCE = 2**15
"""Half-built graphs that are worked on together; more only take more memory."""


@torch.no_grad()
def most_probable(
    factors: Factors, k: int = 1, mask: LegalityMask | None = None, widest: int = 4096
) -> Ranked:
    """The k most probable graphs of each latent that begin with the input and end with the output.

    Args:
        factors: of B latents.
        k: how many graphs of each.
        mask: of a space, from the input; only its members are counted then, with the
            probabilities that they have without it.
        widest: half-built graphs of a latent, above which a search ends without a proof.

    Raises:
        ModelError: ``k`` is not positive, or the mask is of a space with other types.
    """
    if not isinstance(k, int) or k < 1:
        raise ModelError(f"the {k!r} most probable graphs were asked for, expected 1 at least")
    factors = Factors(factors.types.double(), factors.edges.double())
    size, places, types = factors.types.shape
    device = factors.types.device
    if mask is not None:
        first = torch.full((1, 1), INPUT, device=device)
        known = mask.allowed_types(first, first[:, :, None] != first[:, :, None]).shape[1]
        if known != types:
            raise ModelError(
                f"the legality mask knows {known} node types, the model {types}: it is of another "
                "search space"
            )
    result = Ranked.nothing(places, size, k, device)
    width = k
    while width <= max(widest, k) and not result.proved.all():
        todo = (~result.proved).nonzero().squeeze(1)
        for rows in todo.split(max(1, AT_ONCE // width)):
            search = _Search(factors.of(rows), mask, k, width, result.log_probability[rows, -1])
            search.run()
            search.store(result, rows)
        width *= WIDER
    return result


@dataclass
class _Growing:
    """R half-built graphs of n nodes each.

    Attributes:
        latent: which latent each is of. **Shape** (R,).
        score: log-probability of what is decided. **Shape** (R,), float64.
        types: **shape** (R, n).
        adjacency: **shape** (R, n, n), bool.
    """

    latent: Tensor
    score: Tensor
    types: Tensor
    adjacency: Tensor

    def __getitem__(self, rows: Tensor) -> _Growing:
        return _Growing(self.latent[rows], self.score[rows], self.types[rows], self.adjacency[rows])


class _Search:
    """One search with a given room."""

    def __init__(
        self, factors: Factors, mask: LegalityMask | None, k: int, width: int, floor: Tensor
    ) -> None:
        self.types = factors.types
        self.edges = factors.edge_log_probabilities()
        if isinstance(mask, PlacewiseMask):  # then the bound is what a member reaches
            types, edges = mask.by_place(self.types.device)
            self.types = self.types.masked_fill(~types, -torch.inf)
            self.edges = self.edges.masked_fill(~edges, -torch.inf)
        self.mask = mask
        self.k = k
        self.width = width
        self.floor = floor.clone()
        self.dropped = torch.full_like(floor, -torch.inf)
        self.best_edges = self.edges.amax(-1)  # (B, N, N), [source, target]
        self.rest = self._bounds_of_the_rest()
        self.found: list[tuple[Tensor, Tensor, GraphBatch]] = []

    def _bounds_of_the_rest(self) -> Tensor:
        """The most that nodes n, n + 1, … can add to an unfinished graph. **Shape** (B, N + 1)."""
        size, places, _ = self.types.shape
        into = self.best_edges.triu(1).sum(1)  # (B, N)
        end = self.types[:, :, OUTPUT] + into
        inner = self.types[:, :, INPUT + 1 :].amax(-1) + into
        rest = torch.full((size, places + 1), -torch.inf, dtype=end.dtype, device=end.device)
        for n in range(places - 1, 0, -1):
            rest[:, n] = torch.maximum(end[:, n], inner[:, n] + rest[:, n + 1])
        return rest

    def run(self) -> None:
        """Grow all latents' graphs, node by node."""
        size, places, _ = self.types.shape
        device = self.types.device
        growing = _Growing(
            torch.arange(size, device=device),
            self.types[:, 0, INPUT].clone(),
            torch.full((size, 1), INPUT, device=device),
            torch.zeros(size, 1, 1, dtype=torch.bool, device=device),
        )
        for n in range(1, places):
            growing = self._with_edges(*self._with_types(growing, n), n)
            ended = growing.types[:, n] == OUTPUT
            self._finish(growing[ended], n + 1)
            growing = growing[~ended]

    def _with_types(self, growing: _Growing, n: int) -> tuple[_Growing, Tensor]:
        """Every half-built graph with each type that node n may take, and those types."""
        log_p = self.types[growing.latent, n]
        if n == self.types.shape[1] - 1:
            allowed = None
        elif self.mask is None:
            allowed = torch.ones_like(log_p, dtype=torch.bool)
            allowed[:, INPUT] = False
        else:
            allowed = self.mask.allowed_types(growing.types, growing.adjacency)
        scores = growing.score[:, None] + type_scores(log_p, allowed)
        row, new = scores.isfinite().nonzero(as_tuple=True)
        grown = growing[row]
        grown.score = scores[row, new]
        into = self.best_edges[grown.latent, :n, n].sum(1)
        kept = self._narrow(grown.score + into + self._after(grown.latent, new, n), grown.latent)
        return grown[kept], new[kept]

    def _with_edges(self, growing: _Growing, new: Tensor, n: int) -> _Growing:
        """Decide the edges into node n, source by source."""
        drawn = torch.zeros(len(new), 0, dtype=torch.bool, device=new.device)
        for source in range(n):
            log_p = self.edges[growing.latent, source, n]
            if self.mask is not None:
                options = self.mask.allowed_edges(growing.types, growing.adjacency, new, drawn)
                log_p = log_p.masked_fill(~options, -torch.inf)
            scores = growing.score[:, None] + log_p
            row, value = scores.isfinite().nonzero(as_tuple=True)
            grown, new = growing[row], new[row]
            grown.score = scores[row, value]
            drawn = torch.cat([drawn[row], value.bool()[:, None]], 1)
            left = self.best_edges[grown.latent, source + 1 : n, n].sum(1)
            bound = grown.score + left + self._after(grown.latent, new, n)
            kept = self._narrow(bound, grown.latent)
            growing, new, drawn = grown[kept], new[kept], drawn[kept]
        adjacency = torch.nn.functional.pad(growing.adjacency, (0, 1, 0, 1))
        adjacency[:, :n, n] = drawn
        types = torch.cat([growing.types, new[:, None]], 1)
        return _Growing(growing.latent, growing.score, types, adjacency)

    def _after(self, latent: Tensor, new: Tensor, n: int) -> Tensor:
        """The most that the nodes after n can add: nothing after the output."""
        return torch.where(new == OUTPUT, 0.0, self.rest[latent, n + 1])

    def _narrow(self, bound: Tensor, latent: Tensor) -> Tensor:
        """Rows to go on with: those that may be among the best, as many as there is room for."""
        rows = (bound >= self.floor[latent] - SLACK).nonzero().squeeze(1)
        order = rows[best_first(bound[rows], latent[rows])]
        room = rank_within(latent[order]) < self.width
        lost = order[~room]
        self.dropped.scatter_reduce_(0, latent[lost], bound[lost], "amax")
        return order[room]

    def _finish(self, ended: _Growing, nodes: int) -> None:
        """Keep finished graphs, and raise the floor to the k-th best of each latent."""
        size = torch.full_like(ended.latent, nodes)
        graphs = GraphBatch(ended.types, ended.adjacency, size).padded(self.types.shape[1])
        self.found.append((ended.latent, ended.score, graphs))
        latent = torch.cat([part[0] for part in self.found])
        score = torch.cat([part[1] for part in self.found])
        order = best_first(score, latent)
        last = order[rank_within(latent[order]) == self.k - 1]
        self.floor[latent[last]] = torch.maximum(self.floor[latent[last]], score[last])

    def store(self, result: Ranked, rows: Tensor) -> None:
        """Write the k best of each latent in their places, and what is proved."""
        latent = torch.cat([part[0] for part in self.found])
        score = torch.cat([part[1] for part in self.found])
        graphs = GraphBatch.cat([part[2] for part in self.found])
        result.store(rows, graphs, latent, score)
        result.proved[rows] = self.dropped <= result.log_probability[rows, -1] + SLACK
