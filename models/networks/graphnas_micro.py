"""The network of an architecture of GraphNAS's micro space, as AutoGL has it.

Gao, Yang, Zhang, Zhou, Hu, *Graph Neural Architecture Search*, IJCAI 2020 (arXiv:1904.09981).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from datasets.batch import GraphBatch
from datasets.graph import INPUT, OUTPUT, ArchitectureGraph
from models.errors import ModelError
from models.networks.checks import check_sizes
from models.networks.costs import Costs, has_ends, refuse_first
from models.networks.mpnn_cell import ACTIVATIONS as FUNCTIONS
from models.networks.node_features import drop_features
from models.networks.node_operations import OPERATIONS, NodeOperation

CELLS = (
    *("gat_8", "gat_6", "gat_4", "gat_2", "gat_1"),
    *("gcn", "cheb", "sage", "arma", "sg", "linear", "zero"),
)
MERGES = ("add", "product", "concat")
ACTIVATIONS = ("sigmoid", "tanh", "relu", "identity", "elu")
LINEAR = 2
"""The type of the two linear layers."""
STARTS = (3, 3 + len(CELLS), 3 + len(CELLS) + len(MERGES))
"""The first type of cells, merges and activations."""
NUM_NODES = 8


@dataclass(frozen=True)
class MicroChoice:
    """What an architecture says.

    Attributes:
        cells: operations of the two.
        taken: node that each takes: 1 or 2, a linear layer, or 3, the first cell.
        merge: how their outputs are made one.
        activation: of the merged state.
    """

    cells: tuple[str, str]
    taken: tuple[int, int]
    merge: str
    activation: str


def read_micro(graph: ArchitectureGraph) -> MicroChoice:
    """The decisions of an architecture.

    Raises:
        ModelError: it is none of the space.
    """
    if graph.num_nodes != NUM_NODES:
        raise ModelError(
            f"{graph.num_nodes} nodes are no GraphNAS micro architecture: expected {NUM_NODES}"
        )
    first = (INPUT, LINEAR, LINEAR, STARTS[0], STARTS[0], STARTS[1], STARTS[2], OUTPUT)
    sizes = (1, 1, 1, len(CELLS), len(CELLS), len(MERGES), len(ACTIVATIONS), 1)
    for node, (kind, start, size) in enumerate(zip(graph.types, first, sizes, strict=True)):
        if not start <= kind < start + size:
            raise ModelError(
                f"node {node} of a GraphNAS micro architecture has type {kind}, expected {start}"
                + (f" to {start + size - 1}" if size > 1 else "")
            )
    fixed = {(0, 1), (0, 2), (3, 5), (4, 5), (5, 6), (6, 7)}
    sources = [[i for i, j in graph.edges if j == node and i > 0] for node in (3, 4)]
    if (
        not fixed <= set(graph.edges)
        or len(graph.edges) != len(fixed) + 2
        or [len(each) for each in sources] != [1, 1]
        or sources[0][0] not in (1, 2)
    ):
        raise ModelError(
            "the edges are no GraphNAS micro architecture: expected those from the input to both "
            "linear layers, one into each cell, and from the cells over merge and activation to "
            "the output"
        )
    _, _, _, one, two, merge, activation, _ = graph.types
    return MicroChoice(
        (CELLS[one - STARTS[0]], CELLS[two - STARTS[0]]),
        (sources[0][0], sources[1][0]),
        MERGES[merge - STARTS[1]],
        ACTIVATIONS[activation - STARTS[2]],
    )


class GraphNASMicroNetwork(nn.Module):
    """Two operations on linear maps of the features, merged, activated and classified.

    A linear layer that no cell takes is left out. Heads of attention are averaged. The published
    network has no dropout but that of the features, a ``hidden_dropout`` of 0.

    **Shape**: features (N, ``in_features``), dense or by sparse rows, edges (2, E) → (N,
    ``num_classes``).

    Args:
        architecture: one of ``GRAPHNAS_MICRO``.
        in_features: features of a node.
        num_classes: classes.
        hidden: width of linear layers and cells.
        dropout: probability for a feature.
        hidden_dropout: probability for what a cell and the classifier take.

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
        dropout: float = 0.9,
        hidden_dropout: float = 0.0,
    ) -> None:
        super().__init__()
        choice = read_micro(architecture)
        check_micro_sizes(in_features=in_features, num_classes=num_classes, hidden=hidden)
        self.taken, self.merge = choice.taken, choice.merge
        self.dropout, self.hidden_dropout = dropout, hidden_dropout
        self.activation: Callable[[Tensor], Tensor] = activation(choice.activation)
        self.linears = nn.ModuleDict(
            {
                str(node): nn.Linear(in_features, hidden)
                for node in sorted(set(self.taken))
                if node < 3
            }
        )
        self.cells = nn.ModuleList(NodeOperation(kind, hidden, hidden) for kind in choice.cells)
        joined = 2 * hidden if self.merge == "concat" else hidden
        self.classifier = nn.Linear(joined, num_classes)

    def forward(self, features: Tensor, edges: Tensor) -> Tensor:
        """Scores of the classes for every node."""
        features = drop_features(features, self.dropout, self.training)
        states = {int(node): linear(features) for node, linear in self.linears.items()}
        for node, (source, cell) in enumerate(zip(self.taken, self.cells, strict=True), start=3):
            states[node] = cell(self._dropped(states[source]), edges)
        state = self.activation(merged(self.merge, states[3], states[4]))
        return self.classifier(self._dropped(state))

    def _dropped(self, state: Tensor) -> Tensor:
        return nn.functional.dropout(state, self.hidden_dropout, self.training)


def merged(merge: str, first: Tensor, second: Tensor) -> Tensor:
    """What cells give together. **Shape** (N, h), (N, h) → (N, h), of ``concat`` (N, 2 h)."""
    if merge == "concat":
        return torch.cat([first, second], dim=1)
    return first + second if merge == "add" else first * second


def activation(name: str) -> Callable[[Tensor], Tensor]:
    """The function of a name of AutoGL's; ``identity`` is its ``linear``."""
    return FUNCTIONS["linear" if name == "identity" else name]


def graphnas_micro_costs(
    batch: GraphBatch, *, in_features: int = 1433, num_classes: int = 7, hidden: int = 64
) -> Costs:
    """Costs of :class:`GraphNASMicroNetwork`, counted as :mod:`models.networks.graph_costs` does.

    Args:
        batch: architectures.
        in_features: features of a node.
        num_classes: classes.
        hidden: width of linear layers and cells.

    Raises:
        ModelError: a graph is no such architecture, or a size is below 1.
    """
    check_micro_sizes(in_features=in_features, num_classes=num_classes, hidden=hidden)
    _check(batch)
    device = batch.types.device
    table = [OPERATIONS[name] for name in CELLS]
    square, width = hidden * hidden, hidden
    flops_of = torch.tensor(
        [kind.products * square + kind.biases * width for kind in table], device=device
    )
    others_of = torch.tensor(
        [kind.vectors * width + kind.squares * square for kind in table], device=device
    )
    cells = batch.types[:, 3:5] - STARTS[0]
    used = batch.adjacency[:, 1:3, 3:5].any(dim=2).sum(dim=1)
    concat = batch.types[:, 5] == STARTS[1] + MERGES.index("concat")
    flops = used * (in_features + 1) * hidden + flops_of[cells].sum(dim=1)
    flops = flops + (torch.where(concat, 2 * hidden, hidden) + 1) * num_classes
    return Costs(flops + others_of[cells].sum(dim=1), flops)


def check_micro_sizes(**sizes: int) -> None:
    """Make sure that sizes are at least 1.

    Raises:
        ModelError: one is not.
    """
    check_sizes("a GraphNAS micro network", **sizes)


def _check(batch: GraphBatch) -> None:
    expected = (
        f"GraphNAS micro architecture: expected {NUM_NODES} nodes, the input (1), two linear "
        f"layers ({LINEAR}), two cells ({STARTS[0]} to {STARTS[1] - 1}), a merge ({STARTS[1]} to "
        f"{STARTS[2] - 1}), an activation ({STARTS[2]} to {STARTS[2] + len(ACTIVATIONS) - 1}), the "
        "output (0), and one edge into each cell"
    )
    if batch.max_nodes < NUM_NODES:
        refuse_first(batch, torch.ones(len(batch), dtype=torch.bool), expected)
        return
    device = batch.types.device
    starts = torch.tensor([1, LINEAR, LINEAR, *(STARTS[k] for k in (0, 0, 1, 2)), 0], device=device)
    sizes = torch.tensor(
        [1, 1, 1, *(len(each) for each in (CELLS, CELLS, MERGES, ACTIVATIONS)), 1], device=device
    )
    edges = batch.adjacency[:, :NUM_NODES, :NUM_NODES]
    number = batch.types[:, :NUM_NODES] - starts
    wrong = (batch.num_nodes != NUM_NODES) | ~has_ends(batch)
    wrong |= ((number < 0) | (number >= sizes)).any(dim=1)
    into = edges[:, 1:4, 3:5].sum(dim=1)
    wrong |= (into != 1).any(dim=1) | edges[:, 3, 3]
    fixed = torch.zeros(NUM_NODES, NUM_NODES, dtype=torch.bool, device=device)
    for source, target in ((0, 1), (0, 2), (3, 5), (4, 5), (5, 6), (6, 7)):
        fixed[source, target] = True
    others = edges.clone()
    others[:, 1:4, 3:5] = False
    wrong |= (others != fixed).flatten(1).any(dim=1)
    refuse_first(batch, wrong, expected)
