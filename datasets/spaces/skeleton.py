"""Spaces whose members share one skeleton: their number of nodes, and most of their edges."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from datasets.batch import GraphBatch
from datasets.graph import INPUT, OUTPUT


@dataclass(frozen=True, slots=True)
class Skeleton:
    """What the members of a space have in common.

    The first node is the input and the last the output; every node between holds any operation.

    Attributes:
        required: edges that every member has. **Shape** (N, N), bool.
        allowed: edges that a member may have. **Shape** (N, N), bool.
        num_types: types T of the space, output and input included.
    """

    required: np.ndarray
    allowed: np.ndarray
    num_types: int

    def legal(self, batch: GraphBatch) -> np.ndarray:
        """Which graphs have this skeleton. **Shape** (B,), bool."""
        nodes = len(self.required)
        fitting = batch.num_nodes == nodes
        if batch.max_nodes < nodes or not fitting.any():
            return np.zeros(len(batch), dtype=bool)
        types = batch.types[:, :nodes]
        edges = batch.adjacency[:, :nodes, :nodes]
        required = torch.from_numpy(self.required).to(edges.device)
        allowed = torch.from_numpy(self.allowed).to(edges.device)
        inner = types[:, 1:-1]
        members = (
            fitting
            & (types[:, 0] == INPUT)
            & (types[:, -1] == OUTPUT)
            & ((inner >= 2) & (inner < self.num_types)).all(dim=1)
            & (edges | ~required).all(dim=(1, 2))
            & (allowed | ~edges).all(dim=(1, 2))
        )
        return members.cpu().numpy()

    def mask(self, *, reverse: bool) -> SkeletonMask:
        """Mask for a decoder that builds members from the input, or reversed from the output."""
        return SkeletonMask(self, reverse=reverse)


class SkeletonMask:
    """A :class:`datasets.batch.PlacewiseMask`.

    Args:
        skeleton: of the space.
        reverse: whether members are built from the output, in the flipped graph.
    """

    def __init__(self, skeleton: Skeleton, *, reverse: bool) -> None:
        edges = np.stack([~skeleton.required, skeleton.allowed], axis=2)  # (N, N, 2)
        if reverse:
            edges = edges[::-1, ::-1].transpose(1, 0, 2)
        types = np.zeros((len(edges), skeleton.num_types), dtype=bool)
        types[1:-1, 2:] = True
        types[0, OUTPUT if reverse else INPUT] = True
        types[-1, INPUT if reverse else OUTPUT] = True
        self._types = torch.from_numpy(types)
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

    def by_place(self, device: torch.device) -> tuple[Tensor, Tensor]:
        """Types that a node may take, and whether an edge may be absent and present.

        **Shape** → (N, T) bool, (N, N, 2) bool.
        """
        self._follow(device)
        return self._types, self._edges

    def _follow(self, device: torch.device) -> None:
        """Keep the tables where the decoder is, so that they are copied once, not every step."""
        if self._types.device != device:
            self._types, self._edges = self._types.to(device), self._edges.to(device)
