"""The network of an architecture of GraphNAS's macro space, as AutoGL has it.

Gao, Yang, Zhang, Zhou, Hu, *Graph Neural Architecture Search*, IJCAI 2020 (arXiv:1904.09981).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from datasets.batch import GraphBatch
from datasets.graph import INPUT, ArchitectureGraph
from models.errors import ModelError
from models.networks.checks import check_sizes
from models.networks.costs import Costs, has_ends, refuse_first
from models.networks.graphnas_layer import (
    AGGREGATIONS,
    POOL_WIDTH,
    VECTORS,
    GraphNASLayer,
    LayerChoice,
)
from models.networks.graphnas_micro import activation
from models.networks.node_features import drop_features

ATTENTIONS = ("gat", "gcn", "cos", "const", "gat_sym", "linear", "generalized_linear")
ACTIVATIONS = (
    *("sigmoid", "tanh", "relu", "identity"),
    *("softplus", "leaky_relu", "relu6", "elu"),
)
HEADS = (1, 2, 4, 6, 8, 16)
WIDTHS = (4, 8, 16, 32, 64, 128, 256)
RADICES = tuple(map(len, (ATTENTIONS, AGGREGATIONS, ACTIVATIONS, HEADS, WIDTHS)))
"""Options of the five decisions of a layer."""
FACTORED = {6: 1, 11: 2}
"""Nodes → layers, where each decision is a node; of more layers attention and aggregation are one,
and activation and heads."""


class GraphNASMacroNetwork(nn.Module):
    """Layers of attention, each followed by its activation.

    The heads of a layer are joined, and averaged in the last, whose width is the number of classes.

    **Shape**: features (N, ``in_features``), dense or by sparse rows, edges (2, E) → (N,
    ``num_classes``).

    Args:
        architecture: one of ``GRAPHNAS_MACRO``, of any number of layers.
        in_features: features of a node.
        num_classes: classes.
        dropout: probability for what a layer takes, and for weights of its messages.

    Raises:
        ModelError: no such architecture, or a size below 1.
    """

    def __init__(
        self,
        architecture: ArchitectureGraph,
        *,
        in_features: int = 1433,
        num_classes: int = 7,
        dropout: float = 0.6,
    ) -> None:
        super().__init__()
        check_macro_sizes(in_features=in_features, num_classes=num_classes)
        batch = GraphBatch.from_graphs([architecture])
        if bool(wrong_macro(batch)[0]):
            edges = " ".join(f"{source}→{target}" for source, target in architecture.edges)
            raise ModelError(
                f"types {architecture.types} and edges {edges or 'none'} are no "
                f"{_expected(architecture.num_nodes)}"
            )
        self.dropout = dropout
        self.layers = nn.ModuleList()
        self.activations = []
        *hidden, last = read_macro(batch)[0].tolist()
        width = in_features
        for attention, aggregation, act, heads, out in hidden:
            choice = LayerChoice(
                ATTENTIONS[attention], AGGREGATIONS[aggregation], HEADS[heads], WIDTHS[out]
            )
            self.layers.append(GraphNASLayer(width, choice, join=True, dropout=dropout))
            self.activations.append(activation(ACTIVATIONS[act]))
            width = choice.heads * choice.width
        attention, aggregation, act, heads, _ = last
        choice = LayerChoice(
            ATTENTIONS[attention], AGGREGATIONS[aggregation], HEADS[heads], num_classes
        )
        self.layers.append(GraphNASLayer(width, choice, join=False, dropout=dropout))
        self.activations.append(activation(ACTIVATIONS[act]))

    def forward(self, features: Tensor, edges: Tensor) -> Tensor:
        """Scores of the classes for every node."""
        state = drop_features(features, self.dropout, self.training)
        for place, (layer, activate) in enumerate(
            zip(self.layers, self.activations, strict=True), start=1
        ):
            state = activate(layer(state, edges))
            if place < len(self.layers):
                state = nn.functional.dropout(state, self.dropout, self.training)
        return state


def graphnas_macro_costs(
    batch: GraphBatch, *, in_features: int = 1433, num_classes: int = 7
) -> Costs:
    """Costs of :class:`GraphNASMacroNetwork`, counted as :mod:`models.networks.graph_costs` does.

    Args:
        batch: architectures, all of one number of layers.
        in_features: features of a node.
        num_classes: classes.

    Raises:
        ModelError: a graph is no such architecture, or a size is below 1.
    """
    check_macro_sizes(in_features=in_features, num_classes=num_classes)
    nodes = int(batch.num_nodes.max()) if len(batch) else min(FACTORED)
    batch = GraphBatch(batch.types[:, :nodes], batch.adjacency[:, :nodes, :nodes], batch.num_nodes)
    refuse_first(batch, wrong_macro(batch), _expected(nodes))
    device = batch.types.device
    vectors, heads_of, widths_of = (
        torch.tensor(values, device=device)
        for values in ([VECTORS[name] for name in ATTENTIONS], HEADS, WIDTHS)
    )
    layers = read_macro(batch)
    inputs = torch.full((len(batch),), in_features, device=device)
    flops, others = torch.zeros_like(inputs), torch.zeros_like(inputs)
    parameters = torch.zeros_like(inputs)
    for place in range(layers.shape[1]):
        attention, aggregation, _, heads, width = layers[:, place].unbind(dim=1)
        last = place == layers.shape[1] - 1
        heads = heads_of[heads]
        width = torch.full_like(heads, num_classes) if last else widths_of[width]
        outputs = heads * width
        product, bias = inputs * outputs, width if last else outputs
        pooled = aggregation != AGGREGATIONS.index("sum")
        pool, pool_bias = pooled * 2 * POOL_WIDTH * width, pooled * (POOL_WIDTH + width)
        mixed = attention == ATTENTIONS.index("generalized_linear")
        parameters += product + bias + pool + pool_bias
        flops += product + bias + heads * pool + pool_bias
        others += vectors[attention] * outputs + mixed * width
        inputs = outputs
    return Costs(parameters + others, flops)


def read_macro(batch: GraphBatch) -> Tensor:
    """Numbers of the options of each layer, in the order of :data:`RADICES`; the last has no width.

    **Shape** → (B, L, 5), int64.
    """
    factored, layers = _layers(batch.max_nodes)
    inner = batch.types[:, 1:-1]
    inner = torch.cat([inner, torch.zeros_like(inner[:, :1])], dim=1)  # a width for the last layer
    parts = inner.view(len(inner), layers, len(RADICES) if factored else len(_grouped()))
    if factored:
        numbers = parts - _starts(RADICES, inner.device)
    else:
        _, aggregations, _, heads, _ = RADICES
        both, act, width = (parts - _starts(_grouped(), inner.device)).unbind(dim=2)
        numbers = torch.stack(
            [both // aggregations, both % aggregations, act // heads, act % heads, width], dim=2
        )
    numbers[:, -1, -1] = 0
    return numbers


def wrong_macro(batch: GraphBatch) -> Tensor:
    """Which graphs are no architectures, of as many nodes as the batch is wide. **Shape** (B,)."""
    nodes = batch.max_nodes
    if nodes not in FACTORED and (nodes % 3 != 1 or nodes < 10):
        return torch.ones(len(batch), dtype=torch.bool, device=batch.types.device)
    factored, layers = _layers(nodes)
    sizes = RADICES if factored else _grouped()
    inner = batch.types[:, 1:-1]
    starts = _starts(sizes, inner.device).repeat(layers)[:-1]
    ends = starts + torch.tensor(sizes, device=inner.device).repeat(layers)[:-1]
    wrong = (batch.num_nodes != nodes) | ~has_ends(batch)
    wrong |= ((inner < starts) | (inner >= ends)).any(dim=1)
    chain = torch.ones(nodes - 1, dtype=torch.bool, device=inner.device).diag(1)
    return wrong | (batch.adjacency != chain).flatten(1).any(dim=1)


def check_macro_sizes(**sizes: int) -> None:
    """Make sure that sizes are at least 1.

    Raises:
        ModelError: one is not.
    """
    check_sizes("a GraphNAS macro network", **sizes)


def _layers(nodes: int) -> tuple[bool, int]:
    """Whether each decision is a node, and the number of layers."""
    return (True, FACTORED[nodes]) if nodes in FACTORED else (False, (nodes - 1) // 3)


def _grouped() -> tuple[int, int, int]:
    attentions, aggregations, activations, heads, widths = RADICES
    return attentions * aggregations, activations * heads, widths


def _starts(sizes: tuple[int, ...], device: torch.device) -> Tensor:
    """The first type of each kind."""
    return torch.tensor([2 + sum(sizes[:place]) for place in range(len(sizes))], device=device)


def _expected(nodes: int) -> str:
    return (
        f"GraphNAS macro architecture of {nodes} nodes: expected 6 or 11 nodes, or 3 L + 1 for "
        f"L > 2 layers, in a chain from the input ({INPUT}) to the output (0), with the types of "
        "each place between them"
    )
