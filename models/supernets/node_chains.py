"""The supernet of chains of operations: AutoGL's SinglePath, and GASSO's choices."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn

from datasets.graph import INPUT, OUTPUT, ArchitectureGraph
from models.errors import ModelError
from models.networks.checks import check_sizes
from models.networks.node_chains import (
    GASSO_OPERATIONS,
    SINGLE_PATH_OPERATIONS,
    GASSOSteps,
    SinglePathSteps,
    read_chain,
)
from models.networks.node_operations import NodeOperation
from models.supernets.supernet import Choice, Supernet, at, scaled, summed, taken


class SinglePathSupernet(SinglePathSteps, Supernet):
    """All chains, :class:`~models.networks.node_chains.SinglePathNetwork`.

    Places: the operation of each layer, all of which are there. A weighted choice is the weighted
    sum of what they give.

    **Shape**: features (N, ``in_features``), edges (2, E) → (N, ``num_classes``).

    Args:
        layers: operations of a chain.
        in_features: features of a node.
        num_classes: classes.
        hidden: width of all operations but the last.
        dropout: probability between operations.
        operations: of the node types from 2 on.

    Raises:
        ModelError: a size below 1, or an operation that is unknown, is ``zero``, or forbids the
            widths of a layer.
    """

    def __init__(
        self,
        *,
        layers: int = 2,
        in_features: int = 1433,
        num_classes: int = 7,
        hidden: int = 64,
        dropout: float = 0.2,
        operations: Sequence[str] = SINGLE_PATH_OPERATIONS,
    ) -> None:
        super().__init__()
        check_sizes(
            "a chain of operations",
            layers=layers,
            in_features=in_features,
            num_classes=num_classes,
            hidden=hidden,
        )
        if "zero" in operations:
            raise ModelError(
                "zero is an operation of a chain's supernet, whose paths through it have nothing "
                "to train: leave it out, or train architectures from scratch"
            )
        self.kinds = tuple(operations)
        self.places = tuple(f"operation of layer {layer}" for layer in range(1, layers + 1))
        self.options = (len(self.kinds),) * layers
        widths = [in_features, *[hidden] * (layers - 1), num_classes]
        self.operations = nn.ModuleList(
            nn.ModuleList(NodeOperation(kind, inputs, outputs) for kind in self.kinds)
            for inputs, outputs in pairwise(widths)
        )
        self.dropout = dropout

    def forward(
        self, features: Tensor, edges: Tensor, choice: Choice, nodes: Tensor | None = None
    ) -> Tensor:
        """Scores of the classes, see :meth:`Supernet.forward`."""
        self.check(choice)
        state = self.first_state(features)
        for layer, entry in enumerate(choice):
            if layer:
                state = self.activated(state)
                state = nn.functional.dropout(state, self.dropout, self.training)
            state = summed(
                [
                    scaled(weight, at(self.operations, layer, number)(state, edges))
                    for number, weight in taken(entry)
                ]
            )
        return state if nodes is None else state[nodes]

    def choice(self, architecture: ArchitectureGraph) -> tuple[int, ...]:
        """The operation of each layer."""
        kinds = read_chain(architecture, self.kinds)
        if len(kinds) != len(self.options):
            raise ModelError(
                f"a chain of {len(kinds)} operations is given to a supernet of {len(self.options)}"
            )
        return tuple(kind - 2 for kind in architecture.types[1:-1])

    def architecture(self, choice: Sequence[int]) -> ArchitectureGraph:
        """The chain."""
        self.check(choice)
        types = (INPUT, *(number + 2 for number in choice), OUTPUT)
        return ArchitectureGraph(types, tuple((node, node + 1) for node in range(len(types) - 1)))


class GASSOSupernet(GASSOSteps, SinglePathSupernet):
    """All chains of GASSO's choices, :class:`~models.networks.node_chains.GASSONetwork`.

    Args:
        layers: operations of a chain.
        in_features: features of a node.
        num_classes: classes.
        hidden: width of all operations but the last.
        dropout: probability before every operation.

    Raises:
        ModelError: a size below 1.
    """

    def __init__(
        self,
        *,
        layers: int = 2,
        in_features: int = 1433,
        num_classes: int = 7,
        hidden: int = 64,
        dropout: float = 0.8,
    ) -> None:
        super().__init__(
            layers=layers,
            in_features=in_features,
            num_classes=num_classes,
            hidden=hidden,
            dropout=dropout,
            operations=GASSO_OPERATIONS,
        )
