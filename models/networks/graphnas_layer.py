"""A layer of attention of GraphNAS's macro space: ``GeoLayer`` of AutoGL, put right.

A head maps the state of node i to x_i. It sends x_j to each node i that an edge leads to from j,
and every node sends to itself, with a weight. With vectors a and b of the head, and
leaky(x) = 0.2 x below zero, weights are a softmax, over all messages to a node, of

- ``gat``: leaky(a·x_i + b·x_j), Veličković et al., ICLR 2018;
- ``gat_sym``: leaky(a·x_i + b·x_j) + leaky(a·x_j + b·x_i);
- ``cos``: (a ⊙ x_i)·(b ⊙ x_j);
- ``linear``: tanh(a·x_i + b·x_j);
- ``generalized_linear``: g·tanh(a ⊙ x_i + b ⊙ x_j), with one vector g for all heads;

or 1 (``const``), or 1 / √(messages to i · messages to j) (``gcn``). ``sum`` adds the messages;
``mean``, ``max`` and ``mlp``, a sum, take them through two linear layers without an activation
between them, of 128 features in the middle, which all heads share.

The published layer takes the softmax over the messages *from* a node, keeps the weights of ``gcn``
from one graph to the next of as many edges, and has x_j twice in ``linear``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import dropout, leaky_relu, linear

from models.errors import ModelError
from models.networks.checks import check_sizes

SLOPE = 0.2
"""Of leaky below zero."""
POOL_WIDTH = 128
"""Features between the two linear layers."""
VECTORS = {
    **{"gat": 2, "gcn": 0, "cos": 2, "const": 0},
    **{"gat_sym": 2, "linear": 2, "generalized_linear": 2},
}
"""Attention → its vectors in a head; ``generalized_linear`` has one more for all heads."""
AGGREGATIONS = ("sum", "mean", "max", "mlp")


@dataclass(frozen=True)
class LayerChoice:
    """The decisions of a layer but for its activation.

    Attributes:
        attention: how messages are weighted, a key of :data:`VECTORS`.
        aggregation: what becomes of them, of :data:`AGGREGATIONS`.
        heads: number of heads.
        width: of a head.
    """

    attention: str
    aggregation: str
    heads: int
    width: int


@dataclass(frozen=True)
class Messages:
    """Which nodes messages go between, those of every node to itself included.

    Attributes:
        sources: **Shape** (M,), int64.
        targets: **Shape** (M,), int64.
        received: messages to each node, at least 1. **Shape** (N,).
    """

    sources: Tensor
    targets: Tensor
    received: Tensor

    @classmethod
    def along(cls, edges: Tensor, state: Tensor) -> Messages:
        """Those along edges, (2, E), between the nodes of a state, (N, …)."""
        nodes = torch.arange(len(state), device=edges.device)
        sources, targets = torch.cat(
            [edges[:, edges[0] != edges[1]], torch.stack([nodes, nodes])], dim=1
        )
        received = torch.bincount(targets, minlength=len(state)).to(state.dtype)
        return cls(sources, targets, received)


class GraphNASLayer(nn.Module):
    """New states of nodes, by attention to their neighbours.

    **Shape**: features (N, ``inputs``), dense or by sparse rows, edges (2, E) → (N, heads · width),
    or (N, width) where heads are averaged.

    Args:
        inputs: features of a node.
        choice: the decisions of the layer.
        join: whether heads are joined, else averaged.
        dropout: probability for a weight of a message; not of ``gcn``.

    Raises:
        ModelError: there is no such attention or aggregation, or a size below 1.
    """

    def __init__(
        self, inputs: int, choice: LayerChoice, *, join: bool, dropout: float = 0.0
    ) -> None:
        super().__init__()
        heads, width = choice.heads, choice.width
        check_sizes("a GraphNAS layer", inputs=inputs, heads=heads, width=width)
        if choice.attention not in VECTORS or choice.aggregation not in AGGREGATIONS:
            raise ModelError(
                f"there is no attention {choice.attention!r} with the aggregation "
                f"{choice.aggregation!r}: expected one of {', '.join(VECTORS)} and one of "
                f"{', '.join(AGGREGATIONS)}"
            )
        self.choice, self.join, self.dropout = choice, join, dropout
        self.weight = nn.Parameter(torch.empty(heads * width, inputs))
        self.bias = nn.Parameter(torch.zeros(heads * width if join else width))
        nn.init.xavier_uniform_(self.weight)
        if VECTORS[choice.attention]:
            self.of_target = nn.Parameter(torch.empty(heads, width))  # a
            self.of_source = nn.Parameter(torch.empty(heads, width))  # b
            nn.init.xavier_uniform_(self.of_target)
            nn.init.xavier_uniform_(self.of_source)
        if choice.attention == "generalized_linear":
            self.mix = nn.Parameter(torch.empty(width, 1))  # g
            nn.init.xavier_uniform_(self.mix)
        pooled = choice.aggregation != "sum"
        self.first_pool = nn.Linear(width, POOL_WIDTH) if pooled else None
        self.second_pool = nn.Linear(POOL_WIDTH, width) if pooled else None

    def forward(self, features: Tensor, edges: Tensor) -> Tensor:
        """The new states."""
        heads, width = self.choice.heads, self.choice.width
        state = linear(features, self.weight).reshape(-1, heads, width)
        messages = Messages.along(edges, state)
        weights = self.message_weights(state, messages)
        first, second = self.first_pool, self.second_pool
        if first is None or second is None:
            received = _sum(state, weights, messages)
        else:
            # A message is a weight times a state, and the layers are linear: they are applied to
            # the states of nodes, which are fewer, and what they add to every message comes last.
            state = linear(linear(state, first.weight), second.weight)
            added = linear(first.bias, second.weight, second.bias)
            received = POOLED[self.choice.aggregation](state, weights, messages, added)
        joined = received.flatten(1) if self.join else received.mean(dim=1)
        return joined + self.bias

    def message_weights(self, state: Tensor, messages: Messages) -> Tensor:
        """The weight of each message and head. **Shape** (N, H, d) → (M, H)."""
        if self.choice.attention == "gcn":
            scales = messages.received.rsqrt()
            weights = scales[messages.targets] * scales[messages.sources]
            return weights[:, None].expand(-1, self.choice.heads)
        if self.choice.attention == "const":
            weights = state.new_ones(len(messages.targets), self.choice.heads)
        else:
            from torch_geometric.utils import softmax

            scores = SCORES[self.choice.attention](self, state, messages)
            weights = softmax(scores, messages.targets, num_nodes=len(state))
        return dropout(weights, self.dropout, self.training)


def _products(layer: GraphNASLayer, state: Tensor) -> tuple[Tensor, Tensor]:
    """a·x and b·x of every node and head. **Shape** (N, H, d) → (N, H), (N, H)."""
    return (state * layer.of_target).sum(dim=-1), (state * layer.of_source).sum(dim=-1)


def _gat(layer: GraphNASLayer, state: Tensor, messages: Messages) -> Tensor:
    target, source = _products(layer, state)
    return leaky_relu(target[messages.targets] + source[messages.sources], SLOPE)


def _gat_sym(layer: GraphNASLayer, state: Tensor, messages: Messages) -> Tensor:
    target, source = _products(layer, state)
    there = leaky_relu(target[messages.targets] + source[messages.sources], SLOPE)
    return there + leaky_relu(target[messages.sources] + source[messages.targets], SLOPE)


def _cos(layer: GraphNASLayer, state: Tensor, messages: Messages) -> Tensor:
    target = state * (layer.of_target * layer.of_source)
    return (target[messages.targets] * state[messages.sources]).sum(dim=-1)


def _linear(layer: GraphNASLayer, state: Tensor, messages: Messages) -> Tensor:
    target, source = _products(layer, state)
    return (target[messages.targets] + source[messages.sources]).tanh()


def _generalized_linear(layer: GraphNASLayer, state: Tensor, messages: Messages) -> Tensor:
    target, source = state * layer.of_target, state * layer.of_source
    return ((target[messages.targets] + source[messages.sources]).tanh() @ layer.mix).squeeze(-1)


SCORES: dict[str, Callable[[GraphNASLayer, Tensor, Messages], Tensor]] = {
    "gat": _gat,
    "gat_sym": _gat_sym,
    "cos": _cos,
    "linear": _linear,
    "generalized_linear": _generalized_linear,
}
"""Attention → scores of messages, before the softmax. **Shape** state (N, H, d) → (M, H)."""


def _sum(state: Tensor, weights: Tensor, messages: Messages) -> Tensor:
    sent = weights[:, :, None] * state[messages.sources]
    return torch.zeros_like(state).index_add(0, messages.targets, sent)


def _mlp(state: Tensor, weights: Tensor, messages: Messages, added: Tensor) -> Tensor:
    received = messages.received[:, None, None]
    return _sum(state, weights, messages) + received * added


def _mean(state: Tensor, weights: Tensor, messages: Messages, added: Tensor) -> Tensor:
    return _sum(state, weights, messages) / messages.received[:, None, None] + added


def _max(state: Tensor, weights: Tensor, messages: Messages, added: Tensor) -> Tensor:
    sent = weights[:, :, None] * state[messages.sources]
    targets = messages.targets[:, None, None].expand_as(sent)
    received = torch.zeros_like(state).scatter_reduce(0, targets, sent, "amax", include_self=False)
    return received + added


POOLED: dict[str, Callable[[Tensor, Tensor, Messages, Tensor], Tensor]] = {
    "mean": _mean,
    "max": _max,
    "mlp": _mlp,
}
"""Aggregation → what nodes receive, of states, weights and what is added to each message.

**Shape** (N, H, d), (M, H), (d,) → (N, H, d)."""
