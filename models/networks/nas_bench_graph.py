"""The network of a NAS-Bench-Graph architecture, in PyTorch Geometric.

Qin et al., *NAS-Bench-Graph: Benchmarking Graph Neural Architecture Search*, NeurIPS 2022. The
published tables have the parameters of every network but no code that builds one: layers and
widths are those that make these numbers. They do not tell the order of batch norm, ReLU and
dropout, which is the usual one here, nor which dropout there was.
"""

from __future__ import annotations

from torch import Tensor, nn

from datasets.graph import INPUT, OUTPUT, ArchitectureGraph
from models.errors import ModelError
from models.networks.checks import check_sizes
from models.networks.node_features import convolved, joined_linear

OPERATIONS = ("gat", "gcn", "gin", "cheb", "sage", "arma", "graph", "fc", "skip")
"""Of the types from 2 on."""
NODES = 4
GAT_HEADS = 2


class NASBenchGraphNetwork(nn.Module):
    """A tree of four operations on the nodes of a graph, and a classifier.

    Each operation is followed by batch norm, ReLU and dropout. The statistics of batch norm are
    those of the nodes in evaluation, too: there is one graph, and running means would lag behind in
    a training of tens of steps. A skip connection passes on what it takes; it owns a batch norm by
    the published numbers of parameters, which has no use here. What no operation takes is joined,
    and goes through a layer of its own (``post``) and the classifier.

    **Shape**: features (N, ``in_features``), dense or by sparse rows, edges (2, E) → (N,
    ``num_classes``).

    Args:
        architecture: with the operations on nodes 1 to 4: types 2 gat, 3 gcn, 4 gin, 5 cheb,
            6 sage, 7 arma, 8 graph, 9 fc, 10 skip.
        in_features: features of a node.
        num_classes: classes, or targets.
        hidden: width of the operations, an even number.
        pre: whether a linear layer comes first.
        post: whether a linear layer comes before the classifier.
        dropout: probability after every layer but the classifier.

    Raises:
        ModelError: no such architecture, a size below 1, or an odd width.
    """

    def __init__(
        self,
        architecture: ArchitectureGraph,
        *,
        in_features: int = 1433,
        num_classes: int = 7,
        hidden: int = 256,
        pre: bool = False,
        post: bool = True,
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        check_architecture(architecture)
        check_graph_sizes(in_features=in_features, num_classes=num_classes, hidden=hidden)
        self.kinds = kinds = [OPERATIONS[kind - 2] for kind in architecture.types[1:-1]]
        taken = {target: source for source, target in architecture.edges if target <= NODES}
        self.taken = [taken[node] for node in range(1, NODES + 1)]
        self.leaves = [source for source, target in architecture.edges if target == NODES + 1]
        self.dropout = dropout
        self.pre = nn.Linear(in_features, hidden) if pre else None
        widths = [hidden if pre else in_features]
        self.operations = nn.ModuleList()
        self.norms = nn.ModuleList(nn.BatchNorm1d(hidden, track_running_stats=False) for _ in kinds)
        for kind, source in zip(kinds, self.taken, strict=True):
            self.operations.append(make_operation(kind, widths[source], hidden))
            widths.append(widths[source] if kind == "skip" else hidden)
        joined = sum(widths[leaf] for leaf in self.leaves)
        self.post = nn.Linear(joined, hidden) if post else None
        self.classifier = nn.Linear(hidden if post else joined, num_classes)

    def forward(self, features: Tensor, edges: Tensor) -> Tensor:
        """Scores of the classes for every node."""
        states = [features if self.pre is None else self._activated(self.pre(features))]
        layers = zip(self.kinds, self.operations, self.norms, self.taken, strict=True)
        for kind, operation, norm, source in layers:
            state = states[source]
            if kind == "skip":
                states.append(state)
            elif kind == "fc":
                states.append(self._activated(norm(operation(state))))
            else:
                states.append(self._activated(norm(convolved(kind, operation, state, edges))))
        joined = [states[leaf] for leaf in self.leaves]
        if self.post is None:
            return joined_linear(self.classifier, joined)
        return self.classifier(self._activated(joined_linear(self.post, joined)))

    def _activated(self, state: Tensor) -> Tensor:
        return nn.functional.dropout(state.relu(), self.dropout, self.training)


def make_operation(kind: str, inputs: int, outputs: int) -> nn.Module:
    """The layer of an operation, without batch norm.

    Args:
        kind: one of :data:`OPERATIONS`.
        inputs: width of what it takes.
        outputs: width of what it passes on.
    """
    # Imported here: it takes seconds, and most who import the networks train none on graphs.
    from torch_geometric import nn as graph_nn

    if kind == "gat":
        return graph_nn.GATConv(inputs, outputs // GAT_HEADS, heads=GAT_HEADS)
    if kind == "gin":
        return graph_nn.GINConv(nn.Linear(inputs, outputs))
    if kind == "cheb":
        return graph_nn.ChebConv(inputs, outputs, K=2)
    if kind == "fc":
        return nn.Linear(inputs, outputs)
    if kind == "skip":
        return nn.Identity()
    layers = {
        "gcn": graph_nn.GCNConv,
        "sage": graph_nn.SAGEConv,
        "arma": graph_nn.ARMAConv,
        "graph": graph_nn.GraphConv,
    }
    return layers[kind](inputs, outputs)


def check_graph_sizes(**sizes: int) -> None:
    """Make sure that sizes are at least 1, and ``hidden`` even: gat has two heads.

    Raises:
        ModelError: one is not.
    """
    check_sizes("a NAS-Bench-Graph network", **sizes)
    if sizes["hidden"] % GAT_HEADS:
        raise ModelError(
            f"hidden is {sizes['hidden']}, a NAS-Bench-Graph network needs an even width: "
            f"its gat has {GAT_HEADS} heads"
        )


def check_architecture(graph: ArchitectureGraph) -> None:
    """Make sure that a network can be built of ``graph``.

    Raises:
        ModelError: it has other nodes, an unknown operation, or no tree of edges.
    """
    last = NODES + 1
    if graph.num_nodes != last + 1 or (graph.types[0], graph.types[-1]) != (INPUT, OUTPUT):
        raise ModelError(
            f"node types {graph.types} are no NAS-Bench-Graph architecture: expected the input "
            f"({INPUT}), {NODES} operations, and the output ({OUTPUT})"
        )
    for node, kind in enumerate(graph.types[1:-1], start=1):
        if not 2 <= kind < 2 + len(OPERATIONS):
            raise ModelError(
                f"node {node} has type {kind}, which is no NAS-Bench-Graph operation: expected "
                + ", ".join(f"{number} ({name})" for number, name in enumerate(OPERATIONS, 2))
            )
    inputs = [target for _, target in graph.edges if target < last]
    parents = {source for source, target in graph.edges if target < last}
    leaves = {source for source, target in graph.edges if target == last}
    if sorted(inputs) != list(range(1, last)) or leaves != set(range(1, last)) - parents:
        raise ModelError(
            "the edges are no NAS-Bench-Graph architecture: expected one into each operation, and "
            "one to the output from exactly the operations that feed no other"
        )
