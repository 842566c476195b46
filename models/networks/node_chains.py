"""Networks of a chain of operations on the nodes of a graph: AutoGL's SinglePath, and GASSO's.

Zhang et al., *AutoGL: A Library for Automated Graph Learning*, 2021 (arXiv:2104.04987); Qin et al.,
*Graph Differentiable Architecture Search with Structure Learning*, NeurIPS 2021.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from datasets.batch import GraphBatch
from datasets.graph import INPUT, OUTPUT, ArchitectureGraph
from models.errors import ModelError
from models.networks.checks import check_sizes
from models.networks.costs import Costs, has_ends, refuse_first
from models.networks.node_features import drop_features
from models.networks.node_operations import NodeOperation, operation_kind

SINGLE_PATH_OPERATIONS = ("gcn", "gat_8")
GASSO_OPERATIONS = ("gat", "gcn", "gin", "sage", "linear")


class SinglePathSteps(nn.Module):
    """What happens to states between the operations of SinglePath's networks and supernet."""

    dropout: float

    def first_state(self, features: Tensor) -> Tensor:
        """What the first operation takes. **Shape** (N, F) → (N, F)."""
        return features

    def activated(self, state: Tensor) -> Tensor:
        """The activation between operations. **Shape** (N, h) → (N, h)."""
        return nn.functional.leaky_relu(state)


class GASSOSteps(SinglePathSteps):
    """The same of GASSO's."""

    def first_state(self, features: Tensor) -> Tensor:
        """Dropout of the features. **Shape** (N, F) → (N, F)."""
        return drop_features(features, self.dropout, self.training)

    def activated(self, state: Tensor) -> Tensor:
        """ReLU. **Shape** (N, h) → (N, h)."""
        return state.relu()


class SinglePathNetwork(SinglePathSteps):
    """Operations in a chain; leaky ReLU and dropout between them.

    The last operation gives the scores, all others ``hidden`` features.

    **Shape**: features (N, ``in_features``), dense or by sparse rows, edges (2, E) → (N,
    ``num_classes``).

    Args:
        architecture: a chain of operations.
        in_features: features of a node.
        num_classes: classes.
        hidden: width of all operations but the last.
        dropout: probability between operations.
        operations: of the node types from 2 on.

    Raises:
        ModelError: no such architecture, a size below 1, an operation that is unknown or forbids
            its widths, or no weight that the scores depend on.
    """

    def __init__(
        self,
        architecture: ArchitectureGraph,
        *,
        in_features: int = 1433,
        num_classes: int = 7,
        hidden: int = 64,
        dropout: float = 0.2,
        operations: Sequence[str] = SINGLE_PATH_OPERATIONS,
    ) -> None:
        super().__init__()
        kinds = read_chain(architecture, operations)
        check_sizes(
            "a chain of operations", in_features=in_features, num_classes=num_classes, hidden=hidden
        )
        widths = [in_features, *[hidden] * (len(kinds) - 1), num_classes]
        self.operations = nn.ModuleList(
            NodeOperation(kind, inputs, outputs)
            for kind, (inputs, outputs) in zip(kinds, pairwise(widths), strict=True)
        )
        self.dropout = dropout
        after = len(kinds) - kinds[::-1].index("zero") if "zero" in kinds else 0
        if not any(True for layer in self.operations[after:] for _ in layer.parameters()):
            raise ModelError(
                f"{' '.join(kinds)} has no weight that its scores depend on: nothing can be trained"
            )

    def forward(self, features: Tensor, edges: Tensor) -> Tensor:
        """Scores of the classes for every node."""
        state = self.operations[0](self.first_state(features), edges)
        for operation in self.operations[1:]:
            state = nn.functional.dropout(self.activated(state), self.dropout, self.training)
            state = operation(state, edges)
        return state


class GASSONetwork(GASSOSteps, SinglePathNetwork):
    """As :class:`SinglePathNetwork`, with ReLU, and dropout of the features of nodes, too.

    All edges have the weight 1, and the network is one: the published code gives back the stored
    predictions of its best epoch.

    Args:
        architecture: a chain of operations.
        in_features: features of a node.
        num_classes: classes.
        hidden: width of all operations but the last.
        dropout: probability before every operation.

    Raises:
        ModelError: no such architecture, or a size below 1.
    """

    def __init__(
        self,
        architecture: ArchitectureGraph,
        *,
        in_features: int = 1433,
        num_classes: int = 7,
        hidden: int = 64,
        dropout: float = 0.8,
    ) -> None:
        super().__init__(
            architecture,
            in_features=in_features,
            num_classes=num_classes,
            hidden=hidden,
            dropout=dropout,
            operations=GASSO_OPERATIONS,
        )


def single_path_costs(
    batch: GraphBatch,
    *,
    in_features: int = 1433,
    num_classes: int = 7,
    hidden: int = 64,
    operations: Sequence[str] = SINGLE_PATH_OPERATIONS,
) -> Costs:
    """Costs of :class:`SinglePathNetwork`, of chains of any lengths.

    One FLOP is one multiply-add for one node in a product with a matrix of weights, biases
    included, as in :mod:`models.networks.graph_costs`.

    Args:
        batch: architectures.
        in_features: features of a node.
        num_classes: classes.
        hidden: width of all operations but the last.
        operations: of the node types from 2 on.

    Raises:
        ModelError: a graph is no such architecture, a size is below 1, or an operation is unknown.
    """
    check_sizes(
        "a chain of operations", in_features=in_features, num_classes=num_classes, hidden=hidden
    )
    _check(batch, operations)
    device = batch.types.device
    table = [operation_kind(name) for name in operations]
    products, vectors, biases, squares = (
        torch.tensor([0, 0, *(getattr(kind, part) for kind in table)], device=device)
        for part in ("products", "vectors", "biases", "squares")
    )
    last = batch.num_nodes[:, None] - 2  # the node of the last operation
    nodes = torch.arange(batch.max_nodes, device=device)
    outputs = torch.where(nodes == last, num_classes, hidden)
    inputs = torch.where(nodes == 1, in_features, hidden)
    there = (nodes >= 1) & (nodes <= last)
    kinds = torch.where(there, batch.types, OUTPUT)
    flops = products[kinds] * inputs * outputs + biases[kinds] * outputs
    others = vectors[kinds] * outputs + squares[kinds] * outputs**2
    return Costs((flops + others).sum(dim=1), flops.sum(dim=1))


def gasso_costs(
    batch: GraphBatch, *, in_features: int = 1433, num_classes: int = 7, hidden: int = 64
) -> Costs:
    """Costs of :class:`GASSONetwork`, counted as those of :func:`single_path_costs`.

    Args:
        batch: architectures.
        in_features: features of a node.
        num_classes: classes.
        hidden: width of all operations but the last.

    Raises:
        ModelError: a graph is no such architecture, or a size is below 1.
    """
    return single_path_costs(
        batch,
        in_features=in_features,
        num_classes=num_classes,
        hidden=hidden,
        operations=GASSO_OPERATIONS,
    )


def read_chain(graph: ArchitectureGraph, operations: Sequence[str]) -> list[str]:
    """The operations of a chain, from the input on.

    Args:
        graph: the architecture.
        operations: of the node types from 2 on.

    Raises:
        ModelError: it is no such chain.
    """
    last = graph.num_nodes - 1
    if last < 2 or (graph.types[0], graph.types[-1]) != (INPUT, OUTPUT):
        raise ModelError(
            f"node types {graph.types} are no chain of operations: expected the input ({INPUT}), "
            f"at least one operation, and the output ({OUTPUT})"
        )
    if list(graph.edges) != [(node, node + 1) for node in range(last)]:
        raise ModelError("the edges are no chain of operations: expected one to the next node each")
    for node, kind in enumerate(graph.types[1:-1], start=1):
        if not 2 <= kind < 2 + len(operations):
            raise ModelError(
                f"node {node} has type {kind}, which is no operation of the chain: expected "
                + ", ".join(f"{number} ({name})" for number, name in enumerate(operations, 2))
            )
    return [operations[kind - 2] for kind in graph.types[1:-1]]


def _check(batch: GraphBatch, operations: Sequence[str]) -> None:
    most = 1 + len(operations)
    places = torch.arange(batch.max_nodes, device=batch.types.device)
    inner = (places >= 1) & (places < batch.num_nodes[:, None] - 1)
    wrong = (batch.num_nodes < 3) | ~has_ends(batch)
    wrong |= (inner & ((batch.types < 2) | (batch.types > most))).any(dim=1)
    steps = places[:, None] + 1 == places
    chain = steps & (places < batch.num_nodes[:, None])[:, None, :]
    wrong |= (batch.adjacency != chain).flatten(1).any(dim=1)
    refuse_first(
        batch,
        wrong,
        f"chain of operations: expected the input (1) first, the output (0) last, types 2 to "
        f"{most} between them, and one edge to the next node each",
    )
