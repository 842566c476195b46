"""Graph isomorphism layers (Xu, Hu, Leskovec, Jegelka, ICLR 2019, arXiv:1810.00826).

A layer is ``h ← relu(batch norm(MLP((1 + eps)·h + A h)))``. With several adjacencies each sum
stands in columns of its own beside the node's state, so that the layer knows by which kind of edge
a neighbour is joined.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor, nn


class MLP(nn.Module):
    """``(Linear → batch norm → relu) × (m − 1), Linear``, over rows.

    Attribute names are the keys of arch2vec's published checkpoints.
    """

    def __init__(self, inputs: int, width: int, layers: int) -> None:
        super().__init__()
        widths = [inputs, *[width] * layers]
        self.linears = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(widths))
        self.batch_norms = nn.ModuleList(nn.BatchNorm1d(width) for _ in range(layers - 1))

    def forward(self, rows: Tensor) -> Tensor:
        """**Shape** (R, inputs) → (R, width)."""
        for linear, norm in zip(self.linears, self.batch_norms, strict=False):
            rows = torch.relu(norm(linear(rows)))
        result: Tensor = self.linears[-1](rows)
        return result


class GINLayers(NamedTuple):
    """Weights of the layers, which a model holds under keys of its own.

    Attributes:
        eps: of each layer. **Shape** (L,).
        mlps: one a layer.
        batch_norms: one a layer.
    """

    eps: nn.Parameter
    mlps: nn.ModuleList
    batch_norms: nn.ModuleList

    @classmethod
    def fresh(
        cls, inputs: int, width: int, layers: int, mlp_layers: int, kinds: int = 1
    ) -> GINLayers:
        """New weights.

        Args:
            inputs: width of the first states.
            width: of all others, H.
            layers: how many, L.
            mlp_layers: linear layers of each MLP.
            kinds: adjacencies that :func:`gin_states` will be given.
        """
        columns = 1 if kinds == 1 else 1 + kinds
        widths = [inputs, *[width] * (layers - 1)]
        return cls(
            nn.Parameter(torch.zeros(layers)),
            nn.ModuleList(MLP(columns * each, width, mlp_layers) for each in widths),
            nn.ModuleList(nn.BatchNorm1d(width) for _ in widths),
        )


def gin_states(
    layers: GINLayers, states: Tensor, adjacencies: Sequence[Tensor], nodes: Tensor | None = None
) -> Tensor:
    """States of every node after the last layer.

    Args:
        layers: the weights.
        states: the first ones. **Shape** (B, N, inputs).
        adjacencies: entry (b, i, j) weighs the state of j in the sum of i. **Shape** (B, N, N).
        nodes: which of the B·N places are nodes; the others take no part in batch statistics, and
            their states are zero. ``None``: all are.

    Returns:
        **Shape** (B, N, H).
    """
    batch, places, _ = states.shape
    for eps, mlp, norm in zip(layers.eps, layers.mlps, layers.batch_norms, strict=True):
        own = (1 + eps) * states
        if len(adjacencies) == 1:
            mixed = torch.baddbmm(own, adjacencies[0], states)
        else:
            mixed = torch.cat([own, *(torch.bmm(each, states) for each in adjacencies)], -1)
        rows = mixed.flatten(0, 1)
        if nodes is None:
            states = torch.relu(norm(mlp(rows))).view(batch, places, -1)
            continue
        rows = torch.relu(norm(mlp(rows[nodes])))
        whole = rows.new_zeros(batch * places, rows.shape[1]).index_copy(0, nodes, rows)
        states = whole.view(batch, places, -1)
    return states
