"""The supernet of GraphNAS's micro space."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from datasets.graph import INPUT, OUTPUT, ArchitectureGraph
from models.networks.graphnas_micro import (
    ACTIVATIONS,
    CELLS,
    LINEAR,
    MERGES,
    STARTS,
    activation,
    check_micro_sizes,
    merged,
    read_micro,
)
from models.networks.node_features import drop_features
from models.networks.node_operations import NodeOperation
from models.supernets.supernet import Choice, Supernet, at, scaled, summed, taken


class GraphNASMicroSupernet(Supernet):
    """All architectures, :class:`~models.networks.graphnas_micro.GraphNASMicroNetwork`.

    The two linear layers are those of every architecture. Each cell holds every operation, and each
    merge has a classifier of its own, as two have other widths.

    Places: what the first cell takes (a linear layer), its operation, what the second takes (a
    linear layer or the first cell), its operation, the merge, and the activation. A weighted choice
    of merge and activation is the weighted sum of the scores of each pair.

    **Shape**: features (N, ``in_features``), edges (2, E) → (N, ``num_classes``).

    Args:
        in_features: features of a node.
        num_classes: classes.
        hidden: width of linear layers and cells.
        dropout: probability for a feature.
        hidden_dropout: probability for what a cell and the classifier take.

    Raises:
        ModelError: a size below 1.
    """

    places = (
        *("input of cell 1", "operation of cell 1", "input of cell 2", "operation of cell 2"),
        *("merge", "activation"),
    )
    options = (2, len(CELLS), 3, len(CELLS), len(MERGES), len(ACTIVATIONS))

    def __init__(
        self,
        *,
        in_features: int = 1433,
        num_classes: int = 7,
        hidden: int = 64,
        dropout: float = 0.9,
        hidden_dropout: float = 0.0,
    ) -> None:
        super().__init__()
        check_micro_sizes(in_features=in_features, num_classes=num_classes, hidden=hidden)
        self.dropout, self.hidden_dropout = dropout, hidden_dropout
        self.linears = nn.ModuleList(nn.Linear(in_features, hidden) for _ in range(2))
        self.cells = nn.ModuleList(
            nn.ModuleList(NodeOperation(kind, hidden, hidden) for kind in CELLS) for _ in range(2)
        )
        self.classifiers = nn.ModuleList(
            nn.Linear(2 * hidden if merge == "concat" else hidden, num_classes) for merge in MERGES
        )

    def forward(
        self, features: Tensor, edges: Tensor, choice: Choice, nodes: Tensor | None = None
    ) -> Tensor:
        """Scores of the classes, see :meth:`Supernet.forward`."""
        self.check(choice)
        features = drop_features(features, self.dropout, self.training)
        cells: list[Tensor] = []
        for cell in range(2):
            state = self._dropped(self._read(choice[2 * cell], features, cells))
            cells.append(
                summed(
                    [
                        scaled(weight, at(self.cells, cell, number)(state, edges))
                        for number, weight in taken(choice[2 * cell + 1])
                    ]
                )
            )
        first, second = cells if nodes is None else (state[nodes] for state in cells)
        scores = []
        for merge, weight in taken(choice[4]):
            joined = merged(MERGES[merge], first, second)
            active = [
                scaled(share, activation(ACTIVATIONS[number])(joined))
                for number, share in taken(choice[5])
            ]
            state = self._dropped(summed(active))
            scores.append(scaled(weight, self.classifiers[merge](state)))
        return summed(scores)

    def choice(self, architecture: ArchitectureGraph) -> tuple[int, ...]:
        """Inputs and operations of the cells, merge and activation."""
        found = read_micro(architecture)
        cells = [
            number
            for source, kind in zip(found.taken, found.cells, strict=True)
            for number in (source - 1, CELLS.index(kind))
        ]
        return (*cells, MERGES.index(found.merge), ACTIVATIONS.index(found.activation))

    def architecture(self, choice: Sequence[int]) -> ArchitectureGraph:
        """The graph, in any of the ways that its space knows as one."""
        self.check(choice)
        first, one, second, two, merge, active = choice
        types = (
            *(INPUT, LINEAR, LINEAR, STARTS[0] + one, STARTS[0] + two),
            *(STARTS[1] + merge, STARTS[2] + active, OUTPUT),
        )
        edges = ((0, 1), (0, 2), (first + 1, 3), (second + 1, 4), (3, 5), (4, 5), (5, 6), (6, 7))
        return ArchitectureGraph(types, tuple(sorted(edges)))

    def _read(self, entry: int | Tensor, features: Tensor, cells: Sequence[Tensor]) -> Tensor:
        """What a cell takes: a linear map of the features, or an earlier cell."""
        return summed(
            [
                scaled(weight, self.linears[number](features) if number < 2 else cells[number - 2])
                for number, weight in taken(entry)
            ]
        )

    def _dropped(self, state: Tensor) -> Tensor:
        return nn.functional.dropout(state, self.hidden_dropout, self.training)
