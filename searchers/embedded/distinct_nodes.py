"""The states of graph isomorphism layers, each computed once.

Over edges in one direction, what a node's state is after l layers depends on the nodes that paths
of at most l edges lead to, and on nothing else (colour refinement: Xu, Hu, Leskovec, Jegelka, ICLR
2019, section 4). The million nodes of NB101's known cells have far fewer states than that.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from datasets.batch import GraphBatch
from models.arch2vec import operations
from models.gin import MLP, GINLayers

CHUNK = 4_096
"""States that are computed at a time: larger arrays cost as much to allocate as to fill."""
SEED = 0
"""Of the numbers that nodes are compared by: 64 bits, sums of which never met here."""


@dataclass(frozen=True)
class DistinctLayer:
    """How the distinct states of one layer come from those of the layer before.

    Attributes:
        own: state of the node itself. **Shape** (U',).
        others: states at the other ends of its edges, one node after the other. **Shape** (E,).
        offsets: where those of each node begin. **Shape** (U',).
        counts: nodes that have each state. **Shape** (U',).
    """

    own: Tensor
    others: Tensor
    offsets: Tensor
    counts: Tensor

    def parts(self, size: int) -> Iterator[DistinctLayer]:
        """The same, ``size`` states at a time."""
        ends = [*self.offsets.tolist(), len(self.others)]
        for start in range(0, len(self.own), size):
            stop = min(start + size, len(self.own))
            yield DistinctLayer(
                self.own[start:stop],
                self.others[ends[start] : ends[stop]],
                self.offsets[start:stop] - ends[start],
                self.counts[start:stop],
            )


@dataclass(frozen=True)
class DistinctNodes:
    """The nodes of some graphs, padding included, by their states after each layer.

    Attributes:
        first: operations of the distinct first states. **Shape** (U, T).
        layers: one for each layer.
        state: of every node after the last layer. **Shape** (M, N).
    """

    first: Tensor
    layers: tuple[DistinctLayer, ...]
    state: Tensor

    @classmethod
    def of(cls, graphs: GraphBatch, num_types: int, layers: int) -> DistinctNodes:
        """Find the distinct ones of ``graphs``, up to ``layers`` steps along the edges."""
        generator = np.random.default_rng(SEED)
        columns = operations(graphs, num_types)
        first = torch.cat([torch.eye(num_types), torch.zeros(1, num_types)])
        state = torch.where(columns.any(-1), columns.int().argmax(-1), num_types).numpy()
        adjacency = graphs.adjacency.numpy()
        found, count = [], num_types + 1
        for _ in range(layers):
            numbers = generator.integers(0, 2**64, size=(2, count), dtype=np.uint64)
            keys = numbers[0][state]
            for end in range(state.shape[1]):  # sums modulo 2**64
                keys += adjacency[:, :, end] * numbers[1][state[:, end, None]]
            _, where, inverse, counts = np.unique(
                keys, return_index=True, return_inverse=True, return_counts=True
            )
            graph, node = np.unravel_index(where, state.shape)
            edges = adjacency[graph, node]
            degrees = edges.sum(1)
            arrays = (
                state[graph, node],
                state[graph][edges],
                np.concatenate([[0], degrees.cumsum()[:-1]]),
                counts,
            )
            found.append(DistinctLayer(*map(torch.from_numpy, arrays)))
            state, count = inverse.reshape(state.shape), len(where)
        return cls(first, tuple(found), torch.from_numpy(state))

    def means(self, vectors: Tensor) -> Tensor:
        """The mean over the nodes of each graph. **Shape** (U, D), of the last layer → (M, D)."""
        return F.embedding_bag(self.state, vectors, mode="mean")


@torch.no_grad()
def distinct_states(layers: GINLayers, nodes: DistinctNodes) -> Tensor:
    """States after the last layer, in the order of ``nodes``; see :func:`models.gin.gin_states`.

    Batch norms in training mode take the statistics over all nodes, each as often as it is there,
    and keep no running ones.

    Returns:
        **Shape** (U, H).
    """
    states = nodes.first.to(layers.eps)
    for eps, mlp, norm, layer in zip(*layers, nodes.layers, strict=True):
        assert isinstance(mlp, MLP)
        size = len(layer.own) if norm.training else CHUNK  # statistics are over all nodes
        states = torch.cat(
            [_next_states(eps, mlp, norm, part, states) for part in layer.parts(size)]
        )
    return states


def _next_states(
    eps: Tensor, mlp: MLP, norm: nn.Module, layer: DistinctLayer, states: Tensor
) -> Tensor:
    sums = F.embedding_bag(layer.others, states, layer.offsets, mode="sum")
    rows = (1 + eps) * states[layer.own] + sums
    for linear, between in zip(mlp.linears, mlp.batch_norms, strict=False):
        rows = normalised(between, linear(rows), layer.counts).relu_()
    return normalised(norm, mlp.linears[-1](rows), layer.counts).relu_()


def normalised(norm: nn.Module, rows: Tensor, counts: Tensor) -> Tensor:
    """Batch normalisation of rows that are there several times. **Shape** (U, H), (U,)."""
    assert isinstance(norm, nn.BatchNorm1d)
    if not norm.training:
        result: Tensor = norm(rows)
        return result
    shares = counts.to(rows) / counts.sum()
    mean = shares @ rows
    variance = shares @ (rows - mean).square()
    return F.batch_norm(rows, mean, variance, norm.weight, norm.bias, eps=norm.eps)
