"""The supernets of AutoAttend's space, one for each pool of operations."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import ClassVar

from torch import Tensor, nn

from datasets.graph import INPUT, OUTPUT, ArchitectureGraph
from models.errors import ModelError
from models.networks.autoattend import HEADS, PairAttention, check_autoattend_sizes, pool_0, pool_1
from models.networks.autoattend_reading import (
    POOLS,
    SIDE,
    layer_ends,
    layer_parts,
    read_autoattend,
)
from models.networks.node_features import drop_features
from models.networks.node_operations import NodeOperation, OperationKind
from models.supernets.supernet import Choice, Supernet, scaled, summed, taken

ROLES = ("stem", "key", "value")
AGGREGATIONS = ("add", "attn")


class AutoAttendSupernet(Supernet):
    """All architectures, :class:`~models.networks.autoattend.AutoAttendNetwork`.

    The stem, the key and the value of a layer hold every operation each. Key and value hold it
    twice from the second layer on, for the features and for a layer before, whose widths differ.

    Places of a layer: stem, what key and value take (0 is the features), key, value, and whether
    stem and key are added (0) or all attended to (1). Where they are added, the value is not
    computed.

    **Shape**: features (N, ``in_features``), edges (2, E) → (N, ``num_classes``).

    Args:
        layers: number of layers.
        in_features: features of a node.
        num_classes: classes.
        hidden: width of all layers but the last.
        dropout: probability for what operations take, and for weights of attention.

    Raises:
        ModelError: a size below 1, or a width that heads do not divide.
    """

    pool: ClassVar[tuple[str, ...]] = POOLS[0]
    operations: ClassVar[Callable[..., Mapping[str, OperationKind]]] = staticmethod(pool_0)

    def __init__(
        self,
        *,
        layers: int = 2,
        in_features: int = 1433,
        num_classes: int = 7,
        hidden: int = 64,
        dropout: float = 0.9,
    ) -> None:
        super().__init__()
        check_autoattend_sizes(
            layers=layers, in_features=in_features, num_classes=num_classes, hidden=hidden
        )
        self.dropout = dropout
        count = len(self.pool)
        roles = ("stem", "input", "key", "value", "aggregation")
        numbers = range(1, layers + 1)
        self.places = tuple(f"{role} of layer {layer}" for layer in numbers for role in roles)
        self.options = tuple(
            size for layer in numbers for size in (count, layer, count, count, len(AGGREGATIONS))
        )
        self.on_features, self.on_hidden = nn.ModuleDict(), nn.ModuleDict()
        self.attentions = nn.ModuleList()
        for layer in numbers:
            outputs = num_classes if layer == layers else hidden
            table = self.operations(last=layer == layers, dropout=dropout)
            for role in ROLES:
                name = f"{role}_{layer}"
                if layer == 1 or role != "stem":
                    self.on_features[name] = self._all(in_features, outputs, table)
                if layer > 1:
                    self.on_hidden[name] = self._all(hidden, outputs, table)
            heads = 1 if layer == layers else HEADS
            self.attentions.append(PairAttention(outputs, heads, dropout))

    def forward(
        self, features: Tensor, edges: Tensor, choice: Choice, nodes: Tensor | None = None
    ) -> Tensor:
        """Scores of the classes, see :meth:`Supernet.forward`."""
        self.check(choice)
        states = [features]
        for layer, attention in enumerate(self.attentions, start=1):
            stem, source, key, value, aggregation = choice[5 * layer - 5 : 5 * layer]
            query = self._part(f"stem_{layer}", stem, layer - 1, states, edges)
            keys = self._part(f"key_{layer}", key, source, states, edges)
            parts = []
            for number, weight in taken(aggregation):
                if AGGREGATIONS[number] == "add":
                    parts.append(scaled(weight, query + keys))
                else:
                    values = self._part(f"value_{layer}", value, source, states, edges)
                    parts.append(scaled(weight, attention(query, keys, values, edges)))
            states.append(summed(parts))
        return states[-1] if nodes is None else states[-1][nodes]

    def choice(self, architecture: ArchitectureGraph) -> tuple[int, ...]:
        """Stem, input, key, value and aggregation of each layer."""
        found = read_autoattend(architecture, self.pool)
        if len(self.options) != 5 * len(found):
            raise ModelError(
                f"an architecture of {len(found)} layers is given to a supernet of "
                f"{len(self.options) // 5}"
            )
        index = self.pool.index
        return tuple(
            number
            for one in found
            for number in (
                *(index(one.stem), one.source, index(one.key), index(one.value)),
                int(one.attends),
            )
        )

    def architecture(self, choice: Sequence[int]) -> ArchitectureGraph:
        """The graph."""
        self.check(choice)
        count, layers = len(self.pool), len(choice) // 5
        nodes = 5 * layers + 1
        ends, after = layer_ends(nodes), 2 + 3 * count
        types = [INPUT] * (nodes - 1) + [OUTPUT]
        edges = [(ends[-1], ends[-1] + 1)]
        for layer, (before, end) in enumerate(pairwise(ends)):
            stem, source, key, value, aggregation = choice[5 * layer : 5 * layer + 5]
            parts = layer_parts(end)
            for role, (node, number) in enumerate(zip(parts, (stem, key, value), strict=True)):
                types[node] = 2 + role * count + number
            types[end] = after + aggregation
            side = end - 3 if before else 0
            if before:
                types[side] = after + SIDE
                edges.append((ends[source], side))
            edges += [(before, parts[0]), (side, parts[1]), (side, parts[2])]
            edges += [(part, end) for part in parts]
        return ArchitectureGraph(tuple(types), tuple(sorted(edges)))

    def _all(self, inputs: int, outputs: int, table: Mapping[str, OperationKind]) -> nn.ModuleList:
        """Every operation of the pool."""
        return nn.ModuleList(NodeOperation(kind, inputs, outputs, table) for kind in self.pool)

    def _part(
        self,
        name: str,
        operation: int | Tensor,
        source: int | Tensor,
        states: Sequence[Tensor],
        edges: Tensor,
    ) -> Tensor:
        """A stem, a key or a value. **Shape** (N, width of the layer)."""
        parts = []
        for number, weight in taken(source):
            held = self.on_hidden if number else self.on_features
            for kind, share in taken(operation):
                state = drop_features(states[number], self.dropout, self.training)
                found = held[name].get_submodule(str(kind))(state, edges).tanh()
                parts.append(scaled(weight, scaled(share, found)))
        return summed(parts)


class AutoAttendPool1Supernet(AutoAttendSupernet):
    """:class:`AutoAttendSupernet` of the operations of pool 1, attention of GraphNAS."""

    pool = POOLS[1]
    operations = staticmethod(pool_1)
