"""The network of an AutoAttend architecture, as AutoGL has it, put right.

Guan, Wang, Zhu, *AutoAttend: Automated Attention Representation Search*, ICML 2021.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import sqrt
from typing import ClassVar

import torch
from torch import Tensor, nn

from datasets.graph import ArchitectureGraph
from models.errors import ModelError
from models.networks.autoattend_reading import POOLS, AttendChoice, read_autoattend
from models.networks.checks import check_sizes
from models.networks.graphnas_layer import VECTORS, GraphNASLayer, LayerChoice
from models.networks.node_features import drop_features
from models.networks.node_operations import NodeOperation, OperationKind, pyg_layer

HEADS = 8
"""Of the operations of pool 1, and of the attention between the parts of a layer."""


def _joined_gat(heads: int, dropout: float) -> OperationKind:
    """Attention whose heads are joined."""

    def make(inputs: int, outputs: int) -> nn.Module:
        width = _share(f"gat_{heads}", outputs, heads)
        layer = pyg_layer("GATConv", heads=heads, dropout=dropout, add_self_loops=False)
        return layer(inputs, width)

    return OperationKind(make, vectors=2)


def _mean_gat(heads: int, dropout: float) -> OperationKind:
    """Attention whose heads are averaged."""
    make = pyg_layer("GATConv", heads=heads, concat=False, dropout=dropout, add_self_loops=False)
    return OperationKind(make, products=heads, vectors=2 * heads)


def pool_0(*, last: bool, dropout: float) -> dict[str, OperationKind]:
    """Layers of PyTorch Geometric, by name; nodes send themselves no messages.

    Args:
        last: whether the outputs are the scores: heads are averaged, and else joined.
        dropout: probability for a weight of attention.
    """
    gat = _mean_gat if last else _joined_gat
    return {
        "gcn": OperationKind(pyg_layer("GCNConv", add_self_loops=False)),
        "sage": OperationKind(pyg_layer("SAGEConv"), products=2),
        **{f"gat_{heads}": gat(heads, dropout) for heads in (16, 2, 4, 8, 1)},
        "linear": OperationKind(nn.Linear, by_edges=False),
        "arma": OperationKind(pyg_layer("ARMAConv"), products=2, squares=1),
        "cheb": OperationKind(pyg_layer("ChebConv", K=2), products=2),
        "sg": OperationKind(pyg_layer("SGConv", add_self_loops=False)),
    }


def _attention(name: str, last: bool, dropout: float) -> OperationKind:
    def make(inputs: int, outputs: int) -> nn.Module:
        width = outputs if last else _share(name, outputs, HEADS)
        choice = LayerChoice(name, "sum", HEADS, width)
        return GraphNASLayer(inputs, choice, join=not last, dropout=dropout)

    times = HEADS if last else 1  # that there are all outputs
    mixes = int(name == "generalized_linear")
    return OperationKind(
        make, times, VECTORS[name] * times, shared=mixes, heads=1 if last else HEADS
    )


def pool_1(*, last: bool, dropout: float) -> dict[str, OperationKind]:
    """Attention of GraphNAS, 8 heads, by name: :mod:`models.networks.graphnas_layer`.

    Args:
        last: whether the outputs are the scores: heads are averaged, and else joined.
        dropout: probability for a weight of attention.
    """
    return {name: _attention(name, last, dropout) for name in POOLS[1]}


class PairAttention(nn.Module):
    """Attention along edges with queries of the targets, keys and values of the sources.

    **Shape**: query, key, value (N, ``width``), edges (2, E) → (N, ``width``).

    Args:
        width: of all heads together.
        heads: number of heads.
        dropout: probability for a weight.

    Raises:
        ModelError: the heads do not divide the width.
    """

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.width, self.heads, self.dropout = _share("attn", width, heads), heads, dropout

    def forward(self, query: Tensor, key: Tensor, value: Tensor, edges: Tensor) -> Tensor:
        """What each node takes."""
        from torch_geometric.utils import softmax

        sources, targets = edges
        query, key, value = (each.view(-1, self.heads, self.width) for each in (query, key, value))
        scores = (query[targets] * key[sources]).sum(dim=2) / sqrt(self.width)
        weights = softmax(scores, targets, num_nodes=len(query))
        weights = nn.functional.dropout(weights, self.dropout, self.training)
        sent = weights[:, :, None] * value[sources]
        return torch.zeros_like(value).index_add(0, targets, sent).flatten(1)


class AutoAttendLayer(nn.Module):
    """A stem, a key and a value, which are added or attended to.

    Operations take their inputs with dropout and are followed by tanh.

    **Shape**: the layer before (N, a), what key and value take (N, b), edges (2, E) → (N,
    ``outputs``).

    Args:
        choice: the decisions of the layer.
        inputs: features of the layer before, and of what key and value take.
        outputs: features of the layer.
        table: of operations.
        heads: of the attention.
        dropout: probability for what operations take, and for weights of the attention.

    Raises:
        ModelError: a size is below 1, or heads do not divide the outputs.
    """

    def __init__(
        self,
        choice: AttendChoice,
        inputs: tuple[int, int],
        outputs: int,
        table: Mapping[str, OperationKind],
        *,
        heads: int,
        dropout: float,
    ) -> None:
        super().__init__()
        before, taken = inputs
        self.dropout = dropout
        self.stem = NodeOperation(choice.stem, before, outputs, table)
        self.key = NodeOperation(choice.key, taken, outputs, table)
        self.value, self.attention = None, None
        if choice.attends:
            self.value = NodeOperation(choice.value, taken, outputs, table)
            self.attention = PairAttention(outputs, heads, dropout)

    def forward(self, before: Tensor, taken: Tensor, edges: Tensor) -> Tensor:
        """States of all nodes."""
        stem = self._operated(self.stem, before, edges)
        key = self._operated(self.key, taken, edges)
        if self.value is None or self.attention is None:
            return stem + key
        return self.attention(stem, key, self._operated(self.value, taken, edges), edges)

    def _operated(self, operation: NodeOperation, state: Tensor, edges: Tensor) -> Tensor:
        return operation(drop_features(state, self.dropout, self.training), edges).tanh()


class AutoAttendNetwork(nn.Module):
    """Layers of a stem, and a key and a value, which are added or attended to.

    The sum of stem and key has no use for the value, which is left out. In attention a node has the
    stem as its query, and takes the values of the nodes that edges lead from, by the softmax of key
    times query, divided by the root of their width, with 8 heads, in the last layer with one; a
    node without edges gets zeros. As published, tanh bounds the scores.

    **Shape**: features (N, ``in_features``), dense or by sparse rows, edges (2, E) → (N,
    ``num_classes``).

    Args:
        architecture: one of ``AUTOATTEND``, of any number of layers.
        in_features: features of a node.
        num_classes: classes.
        hidden: width of all layers but the last.
        dropout: probability for what operations take, and for weights of attention.

    Raises:
        ModelError: no such architecture, a size below 1, or a width that heads do not divide.
    """

    pool: ClassVar[tuple[str, ...]] = POOLS[0]
    operations: ClassVar[Callable[..., Mapping[str, OperationKind]]] = staticmethod(pool_0)

    def __init__(
        self,
        architecture: ArchitectureGraph,
        *,
        in_features: int = 1433,
        num_classes: int = 7,
        hidden: int = 64,
        dropout: float = 0.9,
    ) -> None:
        super().__init__()
        check_autoattend_sizes(in_features=in_features, num_classes=num_classes, hidden=hidden)
        choices = read_autoattend(architecture, self.pool)
        self.taken = [choice.source for choice in choices]
        self.layers = nn.ModuleList()
        for place, choice in enumerate(choices):
            last = place == len(choices) - 1
            before, taken = (hidden if each else in_features for each in (place, choice.source))
            self.layers.append(
                AutoAttendLayer(
                    choice,
                    (before, taken),
                    num_classes if last else hidden,
                    self.operations(last=last, dropout=dropout),
                    heads=1 if last else HEADS,
                    dropout=dropout,
                )
            )

    def forward(self, features: Tensor, edges: Tensor) -> Tensor:
        """Scores of the classes for every node."""
        states = [features]
        for layer, source in zip(self.layers, self.taken, strict=True):
            states.append(layer(states[-1], states[source], edges))
        return states[-1]


class AutoAttendPool1Network(AutoAttendNetwork):
    """:class:`AutoAttendNetwork` of the operations of pool 1, attention of GraphNAS.

    It takes the same arguments, with an architecture of ``AUTOATTEND_POOL1``.
    """

    pool = POOLS[1]
    operations = staticmethod(pool_1)


def check_autoattend_sizes(**sizes: int) -> None:
    """Make sure that sizes are at least 1.

    Raises:
        ModelError: one is not.
    """
    check_sizes("an AutoAttend network", **sizes)


def _share(name: str, width: int, heads: int) -> int:
    if width % heads:
        raise ModelError(
            f"{name} has {heads} heads, which do not divide a width of {width}: choose a width "
            f"that is a multiple of {heads}"
        )
    return width // heads
