"""Which continuations of a half-built NB101 cell can still become a cell without dangling nodes.

In a cell every node has an edge into it (but the first) and out of it (but the last). A *sink*
is a node that no edge leaves yet; the node placed last always is one. With e edges and s sinks
at least s more edges are needed, and joining all sinks to the end node uses exactly s. So a
half-built cell can be completed exactly when e + s ≤ 9; the *slack* is 9 − e − s. Placing an
operation makes one more sink (slack − 1), an edge from a sink costs nothing, any other edge
costs 1. The number of edges in a cell does not change when it is read from its output, and so
the same rule serves both directions.
"""

from __future__ import annotations

import torch
from torch import Tensor

from datasets.graph import INPUT, OUTPUT
from datasets.spaces.nb101_cells import MAX_EDGES, MAX_VERTICES, NUM_OPERATIONS


class NB101Mask:
    """The :class:`datasets.batch.LegalityMask` of NB101.

    Args:
        reverse: whether cells are built from the output towards the input.
        max_vertices: vertices of the largest cells.
    """

    def __init__(self, *, reverse: bool = False, max_vertices: int = MAX_VERTICES) -> None:
        self._end = INPUT if reverse else OUTPUT
        self._max_vertices = max_vertices

    def allowed_types(self, types: Tensor, adjacency: Tensor) -> Tensor:
        """The end node always; an operation while it can still be joined to the end.

        **Shape**: types (B, n), adjacency (B, n, n), n ≥ 1 → (B, T) bool.
        """
        size, present = types.shape
        allowed = torch.zeros(size, 2 + NUM_OPERATIONS, dtype=torch.bool, device=types.device)
        allowed[:, self._end] = True
        if present < self._max_vertices - 1:
            allowed[:, 2:] = (_slack(adjacency.sum(dim=2)) >= 1)[:, None]
        return allowed

    def allowed_edges(
        self, types: Tensor, adjacency: Tensor, new_types: Tensor, drawn: Tensor
    ) -> Tensor:
        """Whether the edge k→n may be absent (column 0) and may be present (column 1).

        The end node takes an edge from every sink. An operation takes at least one edge. An edge
        from a node that is no sink needs slack.

        **Shape**: types (B, n), adjacency (B, n, n), new_types (B,), drawn (B, k) → (B, 2) bool.
        """
        source, last = drawn.shape[1], types.shape[1] - 1
        outgoing = adjacency.sum(dim=2)
        inner = outgoing > 0  # (B, n): no sinks
        ends = new_types == self._end
        spent = (drawn & inner[:, :source]).sum(dim=1) + (~ends).long()
        must = ends & ~inner[:, source]
        if source == last:
            must = must | ~drawn.any(dim=1)
        may = ~inner[:, source] | (_slack(outgoing) > spent)
        return torch.stack([~must, must | may], dim=1)


def _slack(outgoing: Tensor) -> Tensor:
    """9 − edges − sinks of each half-built cell, from its out-degrees. **Shape** (B, n) → (B,)."""
    return MAX_EDGES - outgoing.clamp(min=1).sum(dim=1)
