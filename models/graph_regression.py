"""Several small graph networks that are trained side by side, to predict one number of a graph."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from datasets.batch import GraphBatch

SUM_DIVISOR = 4.0
"""Keeps sums over nodes in proportion to the state of one (a mean could not count them)."""


class GraphRegressors(nn.Module):
    """Members of one shape and different weights; every product is one for all members.

    A node begins as the vector of its type. A round adds to it what a two-layer perceptron makes
    of the node, the sum of those before it and the sum of those after it, normalised. What is
    read from a graph is the sum over its nodes and the state of its last one, beside any other
    numbers that describe the graph.

    Args:
        members: networks, K.
        num_types: node types T.
        descriptors: other numbers that describe a graph, F.
        width: of a node, W.
        rounds: of message passing.
        dropout: share of the hidden units that a training step leaves out.
        generator: of the first weights.
    """

    def __init__(
        self,
        members: int,
        num_types: int,
        descriptors: int = 0,
        *,
        width: int = 64,
        rounds: int = 4,
        dropout: float = 0.1,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        self.dropout = dropout

        def weights(fan_in: int, fan_out: int, gain: float = 1.0) -> nn.Parameter:
            drawn = torch.randn(members, fan_in, fan_out, generator=generator)
            return nn.Parameter(drawn * gain * fan_in**-0.5)

        def zeros(size: int) -> nn.Parameter:
            return nn.Parameter(torch.zeros(members, 1, size))

        self.embedding = weights(num_types, width, gain=num_types**0.5)
        self.gains = nn.ParameterList(
            nn.Parameter(torch.ones(members, 1, 3 * width)) for _ in range(rounds)
        )
        self.hidden = nn.ParameterList(weights(3 * width, 2 * width) for _ in range(rounds))
        self.hidden_bias = nn.ParameterList(zeros(2 * width) for _ in range(rounds))
        self.update = nn.ParameterList(weights(2 * width, width, 0.5) for _ in range(rounds))
        self.read = weights(2 * width + descriptors, width)
        self.read_bias = zeros(width)
        self.out = weights(width, 1)
        self.out_bias = zeros(1)

    def forward(self, batch: GraphBatch, descriptors: Tensor) -> Tensor:
        """What every member predicts.

        Args:
            batch: graphs; of one without nodes only the descriptors tell.
            descriptors: **shape** (B, F).

        Returns:
            **Shape** (K, B).
        """
        mask = batch.node_mask()[:, :, None].to(descriptors.dtype)  # (B, N, 1)
        along = batch.adjacency.to(descriptors.dtype)
        members, (graphs, nodes) = len(self.embedding), batch.types.shape
        states = self.embedding[:, batch.types] * mask  # (K, B, N, W)
        for gain, hidden, bias, update in zip(
            self.gains, self.hidden, self.hidden_bias, self.update, strict=True
        ):
            seen = torch.cat([states, along.mT @ states, along @ states], dim=-1)
            seen = functional.layer_norm(seen, seen.shape[-1:])
            seen = seen.view(members, graphs * nodes, -1) * gain
            inner = functional.gelu(torch.baddbmm(bias, seen, hidden))
            inner = functional.dropout(inner, self.dropout, self.training)
            states = states + (inner @ update).view(states.shape) * mask
        last = (batch.num_nodes - 1).clamp(min=0)
        total = states.sum(dim=2) / SUM_DIVISOR
        whole = torch.cat([total, states[:, torch.arange(graphs), last]], dim=-1)
        whole = functional.layer_norm(whole, whole.shape[-1:])
        whole = torch.cat([whole, descriptors.expand(members, -1, -1)], dim=-1)
        read = functional.gelu(torch.baddbmm(self.read_bias, whole, self.read))
        return torch.baddbmm(self.out_bias, read, self.out)[:, :, 0]
