"""Attention of PyTorch Geometric, with sums of messages as products of sparse matrices.

Veličković et al., *Graph Attention Networks*, ICLR 2018 (arXiv:1710.10903). Messages of all heads
of Cora's edges are 27 MB for eight heads of width 64, which are written and read several times in
a step of :class:`torch_geometric.nn.GATConv`. The product never holds them.
"""

from __future__ import annotations

import warnings
from functools import cache
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import FunctionCtx, once_differentiable
from torch_geometric.nn import GATConv, MessagePassing

NARROW = 128
"""Width of the messages of all heads from which on the product is faster (Cora, one thread).

It takes longer for 64, half as long for 512."""


class NodeAttention(GATConv):
    """:class:`torch_geometric.nn.GATConv`, with the same weights and values up to rounding.

    It takes states (N, F) and edges (2, E). It is that layer where messages are narrow, and where
    PyTorch has no products with sparse rows: on other devices than a CPU, and without MKL.
    """

    def propagate(self, edge_index: Tensor, size: Any = None, **given: Any) -> Tensor:
        """Weighted sums of the states of sources. **Shape** → (N, H, C)."""
        if self.explain:
            # Messages are multiplied by weights of their edges. GATConv's own method, compiled for
            # the class as soon as one such layer exists, passes over them.
            return MessagePassing.propagate(self, edge_index, size=size, **given)
        states, weights = given["x"][0], given["alpha"]
        narrow = states.shape[1] * states.shape[2] < NARROW
        if narrow or states.device.type != "cpu" or not torch.backends.mkl.is_available():
            return super().propagate(edge_index, size=size, **given)
        return weighted_sums(weights, states, edge_index)


def weighted_sums(weights: Tensor, states: Tensor, edges: Tensor) -> Tensor:
    """Σ of weight · state of the source over the edges into a node, for each head.

    It has first derivatives alone.

    **Shape**: (E, H), (N, H, C), (2, E) → (N, H, C).
    """
    return _WeightedSums.apply(weights, states, edges)


class _WeightedSums(torch.autograd.Function):
    """Matrices have a row and a column for each head of each node."""

    @staticmethod
    def forward(ctx: Any, weights: Tensor, states: Tensor, edges: Tensor) -> Tensor:
        ctx.save_for_backward(weights, states, edges)
        matrix, _ = _matrix(edges[1], edges[0], weights, len(states))
        return (matrix @ states.flatten(0, 1)).view_as(states)

    @staticmethod
    @once_differentiable
    def backward(ctx: FunctionCtx, gradient: Tensor) -> tuple[Tensor, Tensor, None]:
        weights, states, edges = ctx.saved_tensors  # type: ignore[attr-defined]
        rows = gradient.reshape(-1, gradient.shape[2])
        matrix, taken = _matrix(edges[0], edges[1], weights, len(states))
        of_states = (matrix @ rows).view_as(states)
        products = torch.sparse.sampled_addmm(matrix, states.flatten(0, 1), rows.t(), beta=0)
        of_weights = torch.empty(weights.numel(), dtype=weights.dtype)
        of_weights[taken] = products.values()
        return of_weights.view_as(weights), of_states, None


def _matrix(rows: Tensor, columns: Tensor, weights: Tensor, nodes: int) -> tuple[Tensor, Tensor]:
    """Weights as sparse rows, and the place of each entry in ``weights``.

    **Shape** (E,), (E,), (E, H) → (N H, N H), (E H,).
    """
    _warn_of_sparse_rows_unseen()
    heads = weights.shape[1]
    head = torch.arange(heads)
    counts = rows.bincount(minlength=nodes)
    starts = counts.cumsum(0) - counts
    row, order = rows.sort(stable=True)
    # Entries of a node: those of its first head, of its second one, … Only edges are sorted.
    within = torch.arange(len(row)) + (heads - 1) * starts[row]
    places = within[:, None] + counts[row][:, None] * head  # (E, H)
    taken, column = torch.empty(2, weights.numel(), dtype=torch.long)
    taken[places] = order[:, None] * heads + head
    column[places] = (columns[order] * heads)[:, None] + head
    ends = torch.nn.functional.pad(counts.repeat_interleave(heads).cumsum(0), (1, 0))
    size = (nodes * heads, nodes * heads)
    matrix = torch.sparse_csr_tensor(
        ends, column, weights.flatten()[taken], size, check_invariants=False
    )
    return matrix, taken


@cache
def _warn_of_sparse_rows_unseen() -> None:
    """Use up PyTorch's warning, given once in a process, that sparse rows are new.

    Nothing that a user could do follows from it.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.eye(1).to_sparse_csr()
