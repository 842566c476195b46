"""Operations on the states of nodes, by the names that AutoGL's spaces give them.

:class:`NodeOperation` is one; :data:`OPERATIONS` says what it costs. Messages go along edges from
source to target, and weights of attention are a softmax over the edges *into* a node, as in
PyTorch Geometric.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from models.errors import ModelError
from models.networks.node_features import convolved, is_sparse


@dataclass(frozen=True)
class OperationKind:
    """What an operation of a name is, from a inputs to b outputs.

    Attributes:
        make: builds the layer from a and b.
        products: matrices of a × b weights.
        vectors: vectors of b weights that no state is multiplied with a matrix for, as those of
            attention.
        biases: vectors of b weights that are added.
        squares: matrices of b × b weights.
        by_edges: whether the layer takes the edges.
        shared: vectors of b / heads weights that no state is multiplied with a matrix for.
        heads: that b is divided among.
    """

    make: Callable[[int, int], nn.Module]
    products: int = 1
    vectors: int = 0
    biases: int = 1
    squares: int = 0
    by_edges: bool = True
    shared: int = 0
    heads: int = 1

    def flops(self, inputs: int, outputs: int) -> int:
        """Multiply-adds for one node in products with matrices, biases included."""
        return self.products * inputs * outputs + self.biases * outputs

    def parameters(self, inputs: int, outputs: int) -> int:
        """Trainable weights."""
        others = self.vectors * outputs + self.squares * outputs**2
        return self.flops(inputs, outputs) + others + self.shared * outputs // self.heads


class Zero(nn.Module):
    """Zeros for every node. **Shape** (N, any) → (N, outputs)."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.outputs = outputs

    def forward(self, features: Tensor) -> Tensor:
        """No gradient flows through them."""
        shape = (features.shape[0], self.outputs)
        return torch.zeros(shape, dtype=features.dtype, device=features.device)


class Identity(nn.Module):
    """What is taken, densely. **Shape** (N, a) → (N, a).

    Raises:
        ModelError: the outputs are not as many as the inputs.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        if inputs != outputs:
            raise ModelError(
                f"identity passes on the {inputs} features that it takes, but {outputs} are due: "
                "choose another operation where widths differ"
            )

    def forward(self, features: Tensor) -> Tensor:
        """The features."""
        return features.to_dense() if is_sparse(features) else features


def pyg_layer(name: str, **settings: Any) -> Callable[[int, int], nn.Module]:
    """What makes a layer of PyTorch Geometric from its inputs and outputs."""

    def make(inputs: int, outputs: int) -> nn.Module:
        # Imported here: it takes seconds, and most who import the networks train none on graphs.
        from torch_geometric import nn as graph_nn

        return getattr(graph_nn, name)(inputs, outputs, **settings)

    return make


def _gin(inputs: int, outputs: int) -> nn.Module:
    from torch_geometric.nn import GINConv

    return GINConv(nn.Linear(inputs, outputs))


def _gat(heads: int) -> OperationKind:
    """Attention of several heads, each of all outputs, whose mean is taken."""

    def make(inputs: int, outputs: int) -> nn.Module:
        # Imported here: PyTorch Geometric takes seconds.
        from models.networks.node_attention import NodeAttention

        return NodeAttention(inputs, outputs, heads, concat=False)

    return OperationKind(make, products=heads, vectors=2 * heads)


OPERATIONS: dict[str, OperationKind] = {
    "gat": _gat(1),
    **{f"gat_{heads}": _gat(heads) for heads in (1, 2, 4, 6, 8)},
    "gcn": OperationKind(pyg_layer("GCNConv")),
    "gin": OperationKind(_gin),
    "cheb": OperationKind(pyg_layer("ChebConv", K=2), products=2),
    "sage": OperationKind(pyg_layer("SAGEConv"), products=2),
    "arma": OperationKind(pyg_layer("ARMAConv"), products=2, squares=1),
    "sg": OperationKind(pyg_layer("SGConv")),
    "graph": OperationKind(pyg_layer("GraphConv"), products=2),
    "linear": OperationKind(nn.Linear, by_edges=False),
    "identity": OperationKind(Identity, products=0, biases=0, by_edges=False),
    "zero": OperationKind(Zero, products=0, biases=0, by_edges=False),
}
"""Name → kind. The matrices of ``arma`` beside its products are for a second step that it does not
take; PyTorch Geometric makes them all the same."""


class NodeOperation(nn.Module):
    """One operation, from the states of nodes and the edges between them.

    **Shape**: features (N, ``inputs``), dense or by sparse rows, edges (2, E) → (N, ``outputs``).

    Args:
        kind: a key of the table.
        inputs: features of a node.
        outputs: features of a node.
        table: of operations.

    Raises:
        ModelError: there is no such operation, a width is below 1, or it forbids the widths.
    """

    def __init__(
        self,
        kind: str,
        inputs: int,
        outputs: int,
        table: Mapping[str, OperationKind] = OPERATIONS,
    ) -> None:
        super().__init__()
        if min(inputs, outputs) < 1:
            raise ModelError(f"{kind} is from {inputs} to {outputs} features, expected at least 1")
        found = operation_kind(kind, table)
        self.kind, self.by_edges = kind, found.by_edges
        self.layer = found.make(inputs, outputs)

    def forward(self, features: Tensor, edges: Tensor) -> Tensor:
        """New states of all nodes."""
        if not self.by_edges:
            return self.layer(features)
        return convolved(self.kind, self.layer, features, edges)


def operation_kind(name: str, table: Mapping[str, OperationKind] = OPERATIONS) -> OperationKind:
    """What is known of an operation.

    Raises:
        ModelError: there is none of that name.
    """
    if name not in table:
        raise ModelError(f"{name!r} is no operation on nodes: expected one of {', '.join(table)}")
    return table[name]
