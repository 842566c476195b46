"""Small networks of cells, and a representative of the cells with equivalent networks.

The networks are of the sizes that ``configs/digits101.toml`` trains on handwritten digits, images
of 8×8 pixels; but NB201 has two cells a stage here instead of one, because at initialisation
the gradients of networks of one cell say little (``docs/prediction.md``).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import nn

from datasets.canonical import canonical_form
from datasets.graph import INPUT, OUTPUT, ArchitectureGraph
from datasets.pruning import prune
from datasets.space import SearchSpace
from datasets.spaces.nb201 import CELL_EDGES, GRAPH_EDGES, NB201
from experiment.errors import InputError
from models.networks.families import NETWORKS

SKIP, NONE = (NB201.types.index(name) for name in ("skip_connect", "none"))
Operations = dict[tuple[int, int], int]
"""Edges (from, to) between the feature maps of an NB201 cell → type ids; ``none`` is no edge."""


@dataclass(frozen=True, slots=True)
class SmallNetworks:
    """The networks of one family of architectures.

    Attributes:
        name: in the names of the files where scores are kept.
        sizes: of the networks, but for images and classes.
        network: class of the networks.
        representative: one cell for all that compute the same by as many weights, up to
            equivalences that it does not find; ``None`` for a cell that computes nothing.
    """

    name: str
    sizes: tuple[tuple[str, int], ...]
    network: Callable[..., nn.Module]
    representative: Callable[[ArchitectureGraph], ArchitectureGraph | None]

    def build(self, cell: ArchitectureGraph, in_channels: int, num_classes: int) -> nn.Module:
        """The network of a cell, with weights drawn from PyTorch's generator."""
        sizes = dict(self.sizes)
        return self.network(cell, in_channels=in_channels, num_classes=num_classes, **sizes)


def small_networks(space: SearchSpace) -> SmallNetworks:
    """The small networks of a space's architectures.

    Raises:
        InputError: none are known for its family.
    """
    if space.family not in SMALL_NETWORKS:
        raise InputError(
            f"zero-cost scores are there for architectures of {', '.join(SMALL_NETWORKS)}, not for "
            f"{space.name}: describe its architectures by other features, or add its networks to "
            "SMALL_NETWORKS in predictors/small_networks.py"
        )
    return SMALL_NETWORKS[space.family]


def nb101_representative(cell: ArchitectureGraph) -> ArchitectureGraph | None:
    """The cell without dangling nodes, in its canonical order."""
    pruned = prune(cell)
    return None if pruned is None else canonical_form(pruned)


def nb201_representative(cell: ArchitectureGraph) -> ArchitectureGraph | None:
    """The cell without operations that have no part in its output, and with few skips.

    A feature map that is another one's copy gives its outgoing operations to that one, and one
    that is copied only passes its incoming operations on, where those places are free. Of two
    cells that differ in the order of the middle feature maps the smaller one is taken.
    """
    operations = dict(zip(CELL_EDGES, cell.types[1:-1], strict=True))
    operations = _ordered({edge: kind for edge, kind in operations.items() if kind != NONE})
    while (moved := _without_a_skip(operations)) is not None:
        operations = _ordered(moved)
    if not operations:
        return None
    return ArchitectureGraph((INPUT, *_in_order(operations), OUTPUT), GRAPH_EDGES)


def _ordered(operations: Operations) -> Operations:
    """What has a part in the output, the middle feature maps in the smaller order."""
    reached, reaching = {0}, {3}
    for source, target in CELL_EDGES:
        if (source, target) in operations and source in reached:
            reached.add(target)
    for source, target in reversed(CELL_EDGES):
        if (source, target) in operations and target in reaching:
            reaching.add(source)
    used = {
        (source, target): kind
        for (source, target), kind in operations.items()
        if source in reached and target in reaching
    }
    if (1, 2) in used:
        return used
    other = {0: 0, 1: 2, 2: 1, 3: 3}
    swapped = {(other[source], other[target]): kind for (source, target), kind in used.items()}
    return min(used, swapped, key=_in_order)


def _without_a_skip(operations: Operations) -> Operations | None:
    """The same with one operation moved past a skip connection; ``None`` if none can be."""
    for middle in (1, 2):
        incoming = [edge for edge in operations if edge[1] == middle]
        outgoing = [edge for edge in operations if edge[0] == middle]
        moves: list[tuple[tuple[int, int], tuple[int, int]]] = []
        if len(incoming) == 1 and operations[incoming[0]] == SKIP:
            moves += [(edge, (incoming[0][0], edge[1])) for edge in outgoing]
        if len(outgoing) == 1 and operations[outgoing[0]] == SKIP:
            moves += [(edge, (edge[0], outgoing[0][1])) for edge in incoming]
        for old, new in moves:
            if new not in operations:
                rest = {edge: kind for edge, kind in operations.items() if edge != old}
                return {**rest, new: operations[old]}
    return None


def _in_order(operations: Operations) -> list[int]:
    """Type ids of all six edges."""
    return [operations.get(edge, NONE) for edge in CELL_EDGES]


SMALL_NETWORKS: dict[str, SmallNetworks] = {
    "nb101_cell": SmallNetworks(
        name="NB101",
        sizes=(("stem_channels", 8), ("stacks", 3), ("cells", 1)),
        network=NETWORKS["nb101_cell"].network,
        representative=nb101_representative,
    ),
    "nb201_cell": SmallNetworks(
        name="NB201",
        sizes=(("channels", 8), ("cells", 2)),
        network=NETWORKS["nb201_cell"].network,
        representative=nb201_representative,
    ),
}
"""Family → the small networks of its architectures."""
