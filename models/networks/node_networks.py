"""Networks made by hand that classify the nodes of a graph: GCN and GAT.

Kipf and Welling, *Semi-Supervised Classification with Graph Convolutional Networks*, ICLR 2017
(arXiv:1609.02907); Veličković et al., *Graph Attention Networks*, ICLR 2018 (arXiv:1710.10903).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from datasets.batch import GraphBatch
from models.networks.checks import check_sizes
from models.networks.costs import Costs
from models.networks.node_features import drop_features


class GCNNetwork(nn.Module):
    """Two graph convolutions, A relu(A X W₁) W₂; no architecture decides of it.

    A = D^(−1/2) (adjacency + 1) D^(−1/2). As in the published code there are no biases.

    **Shape**: features (N, ``in_features``), dense or by sparse rows, edges (2, E) → (N,
    ``num_classes``).

    Args:
        in_features: of a node.
        num_classes: classes.
        hidden: width of the first convolution.
        dropout: of the inputs of both.

    Raises:
        ModelError: a size below 1.
    """

    def __init__(
        self,
        *,
        in_features: int = 1433,
        num_classes: int = 7,
        hidden: int = 16,
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        check_sizes("a GCN", in_features=in_features, num_classes=num_classes, hidden=hidden)
        # Imported here: it takes seconds, and most who import the networks train none on graphs.
        from torch_geometric.nn import GCNConv

        self.first = GCNConv(in_features, hidden, bias=False)
        self.second = GCNConv(hidden, num_classes, bias=False)
        self.dropout = dropout

    def forward(self, features: Tensor, edges: Tensor) -> Tensor:
        """Scores of the classes for every node."""
        state = drop_features(features, self.dropout, self.training)
        state = self.first(state, edges).relu()
        state = nn.functional.dropout(state, self.dropout, self.training)
        return self.second(state, edges)


class GATNetwork(nn.Module):
    """Two layers of attention to neighbours; no architecture decides of it.

    The heads of the first are joined, and followed by ELU; the second has one head.

    **Shape**: features (N, ``in_features``), dense or by sparse rows, edges (2, E) → (N,
    ``num_classes``).

    Args:
        in_features: of a node.
        num_classes: classes.
        hidden: width of a head of the first layer.
        heads: of the first layer.
        dropout: of the inputs of both layers, and of their attention.

    Raises:
        ModelError: a size below 1.
    """

    def __init__(
        self,
        *,
        in_features: int = 1433,
        num_classes: int = 7,
        hidden: int = 8,
        heads: int = 8,
        dropout: float = 0.6,
    ) -> None:
        super().__init__()
        check_sizes(
            "a GAT", in_features=in_features, num_classes=num_classes, hidden=hidden, heads=heads
        )
        from torch_geometric.nn import GATConv

        self.first = GATConv(in_features, hidden, heads, dropout=dropout)
        self.second = GATConv(heads * hidden, num_classes, dropout=dropout)
        self.dropout = dropout

    def forward(self, features: Tensor, edges: Tensor) -> Tensor:
        """Scores of the classes for every node."""
        state = drop_features(features, self.dropout, self.training)
        state = nn.functional.elu(self.first(state, edges))
        state = nn.functional.dropout(state, self.dropout, self.training)
        return self.second(state, edges)


def gcn_costs(
    batch: GraphBatch, *, in_features: int = 1433, num_classes: int = 7, hidden: int = 16
) -> Costs:
    """Costs of :class:`GCNNetwork`, the same for every graph of a batch.

    One FLOP is one multiply-add for one node in a product with a matrix of weights, as in
    :mod:`models.networks.graph_costs`.

    Args:
        batch: architectures, whose number alone matters.
        in_features: features of a node.
        num_classes: classes.
        hidden: width of the first convolution.

    Raises:
        ModelError: a size below 1.
    """
    check_sizes("a GCN", in_features=in_features, num_classes=num_classes, hidden=hidden)
    products = in_features * hidden + hidden * num_classes
    return _same(batch, products, products)


def gat_costs(
    batch: GraphBatch,
    *,
    in_features: int = 1433,
    num_classes: int = 7,
    hidden: int = 8,
    heads: int = 8,
) -> Costs:
    """Costs of :class:`GATNetwork`, counted as those of :func:`gcn_costs`; biases are products.

    Args:
        batch: architectures, whose number alone matters.
        in_features: features of a node.
        num_classes: classes.
        hidden: width of a head of the first layer.
        heads: of the first layer.

    Raises:
        ModelError: a size below 1.
    """
    check_sizes(
        "a GAT", in_features=in_features, num_classes=num_classes, hidden=hidden, heads=heads
    )
    width = heads * hidden
    products = (in_features + 1) * width + (width + 1) * num_classes
    return _same(batch, products + 2 * (width + num_classes), products)


def _same(batch: GraphBatch, parameters: int, flops: int) -> Costs:
    ones = torch.ones(len(batch), dtype=torch.long, device=batch.types.device)
    return Costs(parameters * ones, flops * ones)
