"""Spaces whose members share one skeleton: their number of nodes, and most of their edges."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from datasets.batch import GraphBatch, LegalityMask
from datasets.graph import INPUT, OUTPUT

Edge = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Skeleton:
    """What the members of a space have in common.

    Attributes:
        required: edges that every member has. **Shape** (N, N), bool.
        allowed: edges that a member may have. **Shape** (N, N), bool.
        types: types that each place may hold. **Shape** (N, T), bool.
        alternatives: groups of allowed edges, those of a group into one node. A member has
            exactly one edge of each group.
    """

    required: np.ndarray
    allowed: np.ndarray
    types: np.ndarray
    alternatives: tuple[tuple[Edge, ...], ...] = ()

    @classmethod
    def of_operations(cls, required: np.ndarray, allowed: np.ndarray, num_types: int) -> Skeleton:
        """First the input, last the output, and any operation at every place between them."""
        types = np.zeros((len(required), num_types), dtype=bool)
        types[0, INPUT] = types[-1, OUTPUT] = types[1:-1, 2:] = True
        return cls(required, allowed, types)

    def legal(self, batch: GraphBatch) -> np.ndarray:
        """Which graphs have this skeleton. **Shape** (B,), bool."""
        nodes, num_types = self.types.shape
        fitting = batch.num_nodes == nodes
        if batch.max_nodes < nodes or not fitting.any():
            return np.zeros(len(batch), dtype=bool)
        kinds = batch.types[:, :nodes]
        edges = batch.adjacency[:, :nodes, :nodes]
        required, allowed, types = (
            torch.from_numpy(each).to(edges.device)
            for each in (self.required, self.allowed, self.types)
        )
        known = (kinds >= 0) & (kinds < num_types)
        places = torch.arange(nodes, device=edges.device)
        members = (
            fitting
            & (known & types[places, kinds * known]).all(dim=1)
            & (edges | ~required).all(dim=(1, 2))
            & (allowed | ~edges).all(dim=(1, 2))
        )
        for group in self.alternatives:
            sources, targets = map(list, zip(*group, strict=True))
            members &= edges[:, sources, targets].sum(dim=1) == 1
        return members.cpu().numpy()

    def mask(self, *, reverse: bool) -> LegalityMask:
        """Mask for a decoder that builds members from the input, or reversed from the output."""
        return (AlternativesMask if self.alternatives else SkeletonMask)(self, reverse=reverse)


class _Places:
    """What places alone allow.

    Args:
        skeleton: of the space.
        reverse: whether members are built from the output, in the flipped graph.
    """

    def __init__(self, skeleton: Skeleton, *, reverse: bool) -> None:
        edges = np.stack([~skeleton.required, skeleton.allowed], axis=2)  # (N, N, 2)
        types = skeleton.types
        if reverse:
            edges, types = edges[::-1, ::-1].transpose(1, 0, 2), types[::-1]
        self._types = torch.from_numpy(np.ascontiguousarray(types))
        self._edges = torch.from_numpy(np.ascontiguousarray(edges))  # absent, present

    def allowed_types(self, types: Tensor, adjacency: Tensor) -> Tensor:
        """Types that node n may take. **Shape**: types (B, n), adjacency (B, n, n) → (B, T)."""
        size, node = types.shape
        self._follow(types.device)
        return self._types[node].expand(size, -1)

    def allowed_edges(
        self, types: Tensor, adjacency: Tensor, new_types: Tensor, drawn: Tensor
    ) -> Tensor:
        """Whether the edge k→n may be absent (column 0) and may be present (column 1).

        **Shape**: types (B, n), adjacency (B, n, n), new_types (B,), drawn (B, k) → (B, 2) bool.
        """
        size, node = types.shape
        self._follow(types.device)
        return self._edges[drawn.shape[1], node].expand(size, -1)

    def _follow(self, device: torch.device) -> None:
        """Keep the tables where the decoder is, so that they are copied once, not every step."""
        if self._types.device != device:
            self._types, self._edges = self._types.to(device), self._edges.to(device)


class SkeletonMask(_Places):
    """The :class:`datasets.batch.PlacewiseMask` of a skeleton without alternatives."""

    def by_place(self, device: torch.device) -> tuple[Tensor, Tensor]:
        """Types that a node may take, and whether an edge may be absent and present.

        **Shape** → (N, T) bool, (N, N, 2) bool.
        """
        self._follow(device)
        return self._types, self._edges


class AlternativesMask(_Places):
    """The :class:`datasets.batch.LegalityMask` of a skeleton with alternatives.

    Args:
        skeleton: of the space.
        reverse: whether members are built from the output, in the flipped graph.
    """

    def __init__(self, skeleton: Skeleton, *, reverse: bool) -> None:
        super().__init__(skeleton, reverse=reverse)
        last = len(skeleton.required) - 1
        self._before: dict[Edge, tuple[list[Edge], bool]] = {}
        for group in skeleton.alternatives:
            edges = [(last - j, last - i) for i, j in group] if reverse else list(group)
            edges.sort(key=lambda edge: edge[::-1])  # as they are drawn
            for place, edge in enumerate(edges):
                self._before[edge] = edges[:place], place == len(edges) - 1

    def allowed_edges(
        self, types: Tensor, adjacency: Tensor, new_types: Tensor, drawn: Tensor
    ) -> Tensor:
        """By place; of a group the first edge that is drawn rules out the others.

        **Shape**: types (B, n), adjacency (B, n, n), new_types (B,), drawn (B, k) → (B, 2) bool.
        """
        edge = drawn.shape[1], types.shape[1]
        if edge not in self._before:
            return super().allowed_edges(types, adjacency, new_types, drawn)
        before, last = self._before[edge]
        chosen = torch.zeros(len(types), dtype=torch.bool, device=types.device)
        for source, target in before:
            chosen |= drawn[:, source] if target == edge[1] else adjacency[:, source, target]
        return torch.stack([chosen if last else torch.ones_like(chosen), ~chosen], dim=1)
