"""Spaces of few shapes: all members have the same number of nodes, and their shapes are listed.

A shape is a graph in which some types count as one *kind*, because the rules of the space do not
tell them apart. Each shape is a list of decisions (the kind of a node, then the edges into it from
node 0 on), written as the bits of one number; the beginnings of the list are all half-built graphs
that can be completed. So membership and masks are look-ups, in both directions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from datasets.batch import GraphBatch
from datasets.graph import ArchitectureGraph

_KIND_BITS = 4


@dataclass(frozen=True, slots=True)
class ListedShapes:
    """The shapes of a space.

    Attributes:
        graphs: one of each shape, in every order of its nodes that a member may have.
        kinds: the kind of each type, from 0 on, at most 15; those of the input and the output are
            their own. **Shape** (T,).
    """

    graphs: GraphBatch
    kinds: tuple[int, ...]

    @classmethod
    def of(cls, graphs: Sequence[ArchitectureGraph], kinds: Sequence[int]) -> ListedShapes:
        """Shapes of single graphs, all with the same number of nodes."""
        return cls(GraphBatch.from_graphs(graphs), tuple(kinds))

    def legal(self, batch: GraphBatch) -> np.ndarray:
        """Which graphs have one of the shapes. **Shape** (B,), bool."""
        nodes = self.graphs.max_nodes
        if batch.max_nodes < nodes:
            return np.zeros(len(batch), dtype=bool)
        batch = batch.to("cpu")
        types, kinds = batch.types[:, :nodes], torch.tensor(self.kinds)
        known = (types >= 0) & (types < len(kinds))
        codes = _code(kinds[types * known], batch.adjacency[:, :nodes, :nodes])
        own = _code(kinds[self.graphs.types], self.graphs.adjacency)
        fits = (batch.num_nodes == nodes) & known.all(dim=1) & torch.isin(codes, own)
        return fits.numpy()

    def mask(self, *, reverse: bool) -> ListedMask:
        """Mask for a decoder that builds members from the input, or reversed from the output."""
        return ListedMask(self.graphs.reversed() if reverse else self.graphs, self.kinds)


class ListedMask:
    """A :class:`datasets.batch.LegalityMask`.

    Args:
        graphs: one of each shape, as they are built.
        kinds: of :class:`ListedShapes`.
    """

    def __init__(self, graphs: GraphBatch, kinds: tuple[int, ...]) -> None:
        self._kinds = torch.tensor(kinds)
        shapes = self._kinds[graphs.types]
        self._with_node = [
            _code(shapes[:, : n + 1], graphs.adjacency[:, :n, :n]).unique()
            for n in range(graphs.max_nodes)
        ]
        self._with_edge = {
            (n, k): _code(shapes[:, : n + 1], _partly(graphs.adjacency, n, k)).unique()
            for n in range(graphs.max_nodes)
            for k in range(1, n + 1)
        }

    def allowed_types(self, types: Tensor, adjacency: Tensor) -> Tensor:
        """Types with which a shape can still be completed.

        **Shape**: types (B, n), adjacency (B, n, n) → (B, T) bool.
        """
        self._follow(types.device)
        n = types.shape[1]
        codes = _code(self._kinds[types], adjacency)[:, None] | self._kinds << _place(n)
        return torch.isin(codes, self._with_node[n])

    def allowed_edges(
        self, types: Tensor, adjacency: Tensor, new_types: Tensor, drawn: Tensor
    ) -> Tensor:
        """Whether the edge k→n may be absent (column 0) and may be present (column 1).

        **Shape**: types (B, n), adjacency (B, n, n), new_types (B,), drawn (B, k) → (B, 2) bool.
        """
        self._follow(types.device)
        n, k = types.shape[1], drawn.shape[1]
        kinds = self._kinds[torch.cat([types, new_types[:, None]], dim=1)]
        edges = torch.nn.functional.pad(adjacency, (0, 1, 0, 1))
        edges[:, :k, n] = drawn
        absent = _code(kinds, edges)
        both = torch.stack([absent, absent | 1 << _edge_bit(k, n)], dim=1)
        return torch.isin(both, self._with_edge[n, k + 1])

    def _follow(self, device: torch.device) -> None:
        """Keep the lists where the decoder is, so that they are copied once, not every step."""
        if self._kinds.device != device:
            self._kinds = self._kinds.to(device)
            self._with_node = [one.to(device) for one in self._with_node]
            self._with_edge = {step: one.to(device) for step, one in self._with_edge.items()}


def _partly(adjacency: Tensor, n: int, k: int) -> Tensor:
    """The edges among nodes 0 to n that are decided after the first k into node n."""
    edges = adjacency[:, : n + 1, : n + 1].clone()
    edges[:, k:, n] = False
    return edges


def _place(node: int) -> int:
    """Where the bits of a node begin: its kind, then the edges into it."""
    return _KIND_BITS * node + node * (node - 1) // 2


def _edge_bit(source: int, target: int) -> int:
    return _place(target) + _KIND_BITS + source


def _code(kinds: Tensor, adjacency: Tensor) -> Tensor:
    """Graphs as numbers. **Shape**: kinds (B, N), adjacency (B, M, M), M ≤ N → (B,) int64."""
    code = torch.zeros(len(kinds), dtype=torch.long, device=kinds.device)
    for node in range(kinds.shape[1]):
        code |= kinds[:, node].long() << _place(node)
        for source in range(min(node, adjacency.shape[1])):
            if node < adjacency.shape[1]:
                code |= adjacency[:, source, node].long() << _edge_bit(source, node)
    return code
