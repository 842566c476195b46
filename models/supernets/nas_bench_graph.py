"""The supernet of NAS-Bench-Graph."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from datasets.graph import INPUT, OUTPUT, ArchitectureGraph
from models.networks.nas_bench_graph import (
    NODES,
    OPERATIONS,
    check_architecture,
    check_graph_sizes,
    make_operation,
)
from models.networks.node_features import convolved
from models.supernets.supernet import Choice, Supernet, at, scaled, summed, taken

SKIP = OPERATIONS.index("skip")


@dataclass(frozen=True, slots=True)
class _State:
    """What a node passes on: a multiple of the features of the graph, beside a hidden part.

    In a single path it is one of both. A skip connection passes the features on as they are; so a
    mixture of operations may pass on both.

    Attributes:
        raw: the multiple of the features, 0.0 for none.
        hidden: the hidden part, ``None`` for none. **Shape** (N, ``hidden``).
    """

    raw: float | Tensor
    hidden: Tensor | None


class NASBenchGraphSupernet(Supernet):
    """All trees of four operations, :class:`~models.networks.nas_bench_graph.NASBenchGraphNetwork`.

    Each of the four nodes holds every operation, with batch norms of its own. An operation that
    reads the features of the graph has another matrix than the same on a hidden state, whose width
    is another. What no node reads is joined by a linear layer, which has a block for each node.

    Places: for node 1 to 4 which node it reads (0 is the input), and its operation. A weighted
    choice of what a node reads is the weighted sum of these. A node is joined by the product of
    (1 − weight by which a later node reads it), which is one for those that no node reads.

    **Shape**: features (N, ``in_features``), edges (2, E) → (N, ``num_classes``).

    Args:
        in_features: features of a node.
        num_classes: classes.
        hidden: width of the operations, an even number.
        pre: whether a linear layer comes first.
        post: whether a linear layer comes before the classifier.
        dropout: probability after every layer but the classifier.
        running_statistics: whether batch norms keep running means over the paths that are trained,
            and use them in evaluation; else they use the statistics of the nodes in evaluation, as
            the networks do.

    Raises:
        ModelError: a size below 1, or an odd width.
    """

    places = tuple(
        f"{what} of node {node}" for node in range(1, NODES + 1) for what in ("input", "operation")
    )
    options = tuple(count for node in range(NODES) for count in (node + 1, len(OPERATIONS)))

    def __init__(
        self,
        *,
        in_features: int = 1433,
        num_classes: int = 7,
        hidden: int = 64,
        pre: bool = False,
        post: bool = True,
        dropout: float = 0.5,
        running_statistics: bool = False,
    ) -> None:
        super().__init__()
        check_graph_sizes(in_features=in_features, num_classes=num_classes, hidden=hidden)
        self.dropout = dropout
        self.pre = nn.Linear(in_features, hidden) if pre else None
        joined = hidden if post else num_classes
        self.on_features, self.on_hidden, self.norms = (nn.ModuleList() for _ in range(3))
        self.join_features, self.join_hidden = nn.ModuleList(), nn.ModuleList()
        for node in range(NODES):
            self.on_features.append(_operations(in_features, hidden, there=not pre))
            self.on_hidden.append(_operations(hidden, hidden, there=pre or node > 0))
            self.norms.append(
                nn.ModuleList(
                    nn.BatchNorm1d(hidden, track_running_stats=running_statistics)
                    for _ in range(SKIP)
                )
            )
            if not pre:
                self.join_features.append(nn.Linear(in_features, joined, bias=False))
            self.join_hidden.append(nn.Linear(hidden, joined, bias=False))
        self.join_bias = nn.Parameter(torch.zeros(joined))
        self.classifier = nn.Linear(hidden, num_classes) if post else None

    def forward(
        self, features: Tensor, edges: Tensor, choice: Choice, nodes: Tensor | None = None
    ) -> Tensor:
        """Scores of the classes, see :meth:`Supernet.forward`."""
        self.check(choice)
        states = [_State(1.0, None)]
        if self.pre is not None:
            states = [_State(0.0, self._activated(self.pre(features)))]
        for node in range(NODES):
            read = _mixed(choice[2 * node], states)
            states.append(self._operated(node, choice[2 * node + 1], read, features, edges))
        joined = self._joined(states[1:], _shares(choice), features, nodes)
        return joined if self.classifier is None else self.classifier(self._activated(joined))

    def choice(self, architecture: ArchitectureGraph) -> tuple[int, ...]:
        """Input and operation of each node."""
        check_architecture(architecture)
        read = {target: source for source, target in architecture.edges if target <= NODES}
        return tuple(
            number
            for node in range(1, NODES + 1)
            for number in (read[node], architecture.types[node] - 2)
        )

    def architecture(self, choice: Sequence[int]) -> ArchitectureGraph:
        """The tree; one with an idle skip connection is no member of its space as it is."""
        self.check(choice)
        link = choice[::2]
        leaves = [node for node in range(1, NODES + 1) if node not in link]
        edges = [(source, node) for node, source in enumerate(link, start=1)]
        types = (INPUT, *(operation + 2 for operation in choice[1::2]), OUTPUT)
        return ArchitectureGraph(types, (*edges, *((leaf, NODES + 1) for leaf in leaves)))

    def _operated(
        self, node: int, entry: int | Tensor, read: _State, features: Tensor, edges: Tensor
    ) -> _State:
        """What a node passes on."""
        raw: float | Tensor = 0.0
        parts: list[Tensor] = []
        for number, weight in taken(entry):
            if number == SKIP:
                raw = 0.0 if _is_nothing(read.raw) else weight * read.raw
                if read.hidden is not None:
                    parts.append(scaled(weight, read.hidden))
            else:
                parts.append(scaled(weight, self._one(node, number, read, features, edges)))
        return _State(raw, summed(parts) if parts else None)

    def _one(self, node: int, number: int, read: _State, features: Tensor, edges: Tensor) -> Tensor:
        """One operation of a node with its batch norm. **Shape** (N, ``hidden``)."""
        kind, sums = OPERATIONS[number], []
        if not _is_nothing(read.raw):
            layer = at(self.on_features, node, number)
            sums.append(scaled(read.raw, _applied(kind, layer, features, edges)))
        if read.hidden is not None:
            layer = at(self.on_hidden, node, number)
            sums.append(_applied(kind, layer, read.hidden, edges))
        return self._activated(at(self.norms, node, number)(summed(sums)))

    def _joined(
        self,
        states: Sequence[_State],
        shares: Sequence[float | Tensor],
        features: Tensor,
        nodes: Tensor | None,
    ) -> Tensor:
        """The linear layer over what no node reads. **Shape** (n, ``hidden`` or classes)."""
        parts: list[Tensor] = []
        for node, (state, share) in enumerate(zip(states, shares, strict=True)):
            if _is_nothing(share):
                continue
            if not _is_nothing(state.raw):
                product = self.join_features[node](features)
                part = product if nodes is None else product[nodes]
                parts.append(scaled(share * state.raw, part))
            if state.hidden is not None:
                hidden = state.hidden if nodes is None else state.hidden[nodes]
                parts.append(scaled(share, self.join_hidden[node](hidden)))
        return summed(parts) + self.join_bias

    def _activated(self, state: Tensor) -> Tensor:
        return nn.functional.dropout(state.relu(), self.dropout, self.training)


def _operations(inputs: int, outputs: int, *, there: bool) -> nn.ModuleList:
    """All operations but skip, where a node can read something of that width."""
    if not there:
        return nn.ModuleList()
    return nn.ModuleList(make_operation(kind, inputs, outputs) for kind in OPERATIONS[:SKIP])


def _applied(kind: str, layer: nn.Module, state: Tensor, edges: Tensor) -> Tensor:
    return layer(state) if kind == "fc" else convolved(kind, layer, state, edges)


def _mixed(entry: int | Tensor, states: Sequence[_State]) -> _State:
    """The weighted sum of what a node reads."""
    raw: float | Tensor = 0.0
    parts = []
    for number, weight in taken(entry):
        state = states[number]
        if not _is_nothing(state.raw):
            raw = raw + weight * state.raw
        if state.hidden is not None:
            parts.append(scaled(weight, state.hidden))
    return _State(raw, summed(parts) if parts else None)


def _shares(choice: Choice) -> list[float | Tensor]:
    """By how much each node is joined: 1.0 for one that no later node reads, 0.0 for another."""
    shares: list[float | Tensor] = [1.0] * NODES
    for entry in choice[::2]:
        for number, weight in taken(entry):
            if number > 0:
                shares[number - 1] = shares[number - 1] * (1.0 - weight)
    return shares


def _is_nothing(weight: float | Tensor) -> bool:
    """Whether a part is left out; one of a weight with a gradient is not."""
    return not isinstance(weight, Tensor) and weight == 0.0
