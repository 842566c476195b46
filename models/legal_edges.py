"""Which edges into a new node a mask leaves, in the order in which a model decides about them.

A space's mask (:class:`datasets.batch.LegalityMask`) is asked source by source from node 0 on.
SVGe decides in that order, D-VAE in the opposite one.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch
from torch import Tensor

from datasets.batch import LegalityMask, PlacewiseMask
from models.errors import ModelError

MOST_SOURCES = 14
"""Nodes before a new one, up to which all sets of edges into it are listed: 2¹⁴ a half-built
graph. One more doubles the memory."""


class LegalEdges(ABC):
    """The edges into node n that can still lead to a member, of R half-built graphs."""

    @abstractmethod
    def allowed(self, row: Tensor, source: int, drawn: Tensor) -> Tensor:
        """Whether the edge from ``source`` may be absent (column 0) and may be present (column 1).

        Args:
            row: half-built graphs. **Shape** (K,).
            source: where the edge comes from.
            drawn: edges into their new node; those decided before count. **Shape** (K, n), bool.

        Returns:
            **Shape** (K, 2) bool.
        """

    def restrict(self, logit: Tensor, row: Tensor, source: int, drawn: Tensor) -> Tensor:
        """The logit of an edge, ±∞ where one value only is left. **Shape** (K,) → (K,).

        Raises:
            ModelError: the mask forbids both values.
        """
        absent, present = self.allowed(row, source, drawn).unbind(1)
        if not (absent | present).all():
            raise ModelError(
                f"the mask forbids both to draw and to leave out the edge from node {source} "
                f"to node {drawn.shape[1]}: a legality mask must leave every prefix one "
                "continuation"
            )
        return logit.masked_fill(~present, -torch.inf).masked_fill(~absent, torch.inf)


def legal_edges(
    mask: LegalityMask, types: Tensor, adjacency: Tensor, new_types: Tensor, order: Sequence[int]
) -> LegalEdges:
    """What a mask says of the edges into a new node, for decisions in a given order.

    Args:
        mask: of a space.
        types: of the nodes present. **Shape** (R, n).
        adjacency: among them. **Shape** (R, n, n), bool.
        new_types: of the new nodes. **Shape** (R,).
        order: the n nodes present, ascending or descending.

    Raises:
        ModelError: the order is descending, the mask is not placewise, and there are too many
            nodes.
    """
    if list(order) == list(range(len(order))):
        return _Ascending(mask, types, adjacency, new_types)
    if isinstance(mask, PlacewiseMask):
        return _Placewise(mask, types.device)
    return _Descending(mask, types, adjacency, new_types)


class _Ascending(LegalEdges):
    """The mask's own order."""

    def __init__(
        self, mask: LegalityMask, types: Tensor, adjacency: Tensor, new_types: Tensor
    ) -> None:
        self.mask = mask
        self.types = types
        self.adjacency = adjacency
        self.new_types = new_types

    def allowed(self, row: Tensor, source: int, drawn: Tensor) -> Tensor:
        """As the mask says."""
        prefix = (self.types[row], self.adjacency[row], self.new_types[row])
        return self.mask.allowed_edges(*prefix, drawn[:, :source])


class _Placewise(LegalEdges):
    """A mask that goes by the places of nodes alone: any order is as good."""

    def __init__(self, mask: PlacewiseMask, device: torch.device) -> None:
        _, self.edges = mask.by_place(device)

    def allowed(self, row: Tensor, source: int, drawn: Tensor) -> Tensor:
        """The same for all rows."""
        return self.edges[source, drawn.shape[1]].expand(len(row), 2)


class _Descending(LegalEdges):
    """Any mask, with the sources from the last to the first.

    All sets of edges that the mask lets through are listed, as numbers whose highest digit is the
    last source. ``levels[k]`` says whether a number without its k lowest digits can be completed.
    """

    def __init__(
        self, mask: LegalityMask, types: Tensor, adjacency: Tensor, new_types: Tensor
    ) -> None:
        size, n = types.shape
        if n > MOST_SOURCES:
            raise ModelError(
                f"a mask that goes by more than places is followed from the last node to the "
                f"first up to node {MOST_SOURCES}, this is node {n}: decode without a mask"
            )
        device = types.device
        row = torch.arange(size, device=device)
        drawn = torch.zeros(size, 0, dtype=torch.bool, device=device)
        for _ in range(n):
            options = mask.allowed_edges(types[row], adjacency[row], new_types[row], drawn)
            kept, edge = options.nonzero(as_tuple=True)
            row, drawn = row[kept], torch.cat([drawn[kept], edge.bool()[:, None]], 1)
        legal = torch.zeros(size, 2**n, dtype=torch.bool, device=device)
        legal[row, _number(drawn)] = True
        self.levels = [legal]
        for _ in range(n - 1):
            self.levels.append(_pairs(self.levels[-1]).any(-1))

    def allowed(self, row: Tensor, source: int, drawn: Tensor) -> Tensor:
        """By the sets that begin with the edges decided so far."""
        return _pairs(self.levels[source])[row, _number(drawn[:, source + 1 :])]


def _pairs(level: Tensor) -> Tensor:
    """Numbers that differ in their lowest digit, side by side. **Shape** (R, K) → (R, K/2, 2)."""
    size, numbers = level.shape
    return level.view(size, numbers // 2, 2)


def _number(edges: Tensor) -> Tensor:
    """Sets of edges as numbers, the first source the lowest digit. **Shape** (K, n) → (K,)."""
    digits = torch.arange(edges.shape[1], device=edges.device)
    return (edges.long() << digits).sum(1)
