"""What an AutoAttend architecture says, from its graph."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from datasets.batch import GraphBatch
from datasets.graph import INPUT, OUTPUT, ArchitectureGraph
from models.errors import ModelError
from models.networks.costs import has_ends

POOLS = (
    (
        *("gcn", "sage", "gat_16", "gat_2", "gat_4", "gat_8", "gat_1"),
        *("linear", "arma", "cheb", "sg"),
    ),
    ("const", "gcn", "gat", "gat_sym", "cos", "linear", "generalized_linear"),
)
ADD, ATTENTION, SIDE = range(3)
"""Places of these types after those of the operations."""


@dataclass(frozen=True)
class AttendChoice:
    """The decisions of a layer.

    Attributes:
        stem: operation on the layer before.
        key: operation on what ``source`` says.
        value: operation on the same.
        attends: whether the parts are attended to, else stem and key are added.
        source: a layer before, counted from 1, or 0 for the features.
    """

    stem: str
    key: str
    value: str
    attends: bool
    source: int


def read_autoattend(graph: ArchitectureGraph, pool: tuple[str, ...]) -> list[AttendChoice]:
    """The decisions of each layer.

    Raises:
        ModelError: it is no architecture of the pool's operations.
    """
    if bool(wrong_autoattend(GraphBatch.from_graphs([graph]), len(pool))[0]):
        edges = " ".join(f"{source}→{target}" for source, target in graph.edges)
        raise ModelError(
            f"types {graph.types} and edges {edges or 'none'} are no "
            f"{expected_autoattend(graph.num_nodes, len(pool))}"
        )
    ends = layer_ends(graph.num_nodes)
    sources = {target: source for source, target in graph.edges if target in (e - 3 for e in ends)}
    choices = []
    for before, end in pairwise(ends):
        stem, key, value = (
            pool[graph.types[node] - 2 - role * len(pool)]
            for role, node in enumerate(layer_parts(end))
        )
        attends = graph.types[end] == 2 + 3 * len(pool) + ATTENTION
        source = ends.index(sources[end - 3]) if before else 0
        choices.append(AttendChoice(stem, key, value, attends, source))
    return choices


def wrong_autoattend(batch: GraphBatch, operations: int) -> Tensor:
    """Which graphs are no architectures, of as many nodes as the batch is wide. **Shape** (B,).

    Args:
        batch: graphs.
        operations: of the pool.
    """
    nodes, device = batch.max_nodes, batch.types.device
    if nodes < 6 or nodes % 5 != 1:
        return torch.ones(len(batch), dtype=torch.bool, device=device)
    ends = layer_ends(nodes)
    fixed = torch.zeros(nodes, nodes, dtype=torch.bool, device=device)
    fixed[ends[-1], ends[-1] + 1] = True
    first = torch.tensor([2 + role * operations for role in range(3)], device=device)
    after = 2 + 3 * operations
    starts, sizes = torch.ones(2, nodes, dtype=torch.long, device=device)
    chosen = torch.zeros_like(fixed)
    wrong = (batch.num_nodes != nodes) | ~has_ends(batch)
    for before, end in pairwise(ends):
        parts = list(layer_parts(end))
        starts[parts], sizes[parts] = first, operations
        starts[end], sizes[end] = after + ADD, 2
        taken = end - 3 if before else 0
        fixed[before, parts[0]] = fixed[taken, end - 2] = fixed[taken, end - 1] = True
        fixed[parts, end] = True
        if before:
            starts[taken] = after + SIDE
            sources = ends[: ends.index(end)]
            chosen[sources, taken] = True
            wrong |= batch.adjacency[:, sources, taken].sum(dim=1) != 1
    starts[0], starts[-1] = INPUT, OUTPUT
    number = batch.types - starts
    wrong |= ((number < 0) | (number >= sizes)).any(dim=1)
    return wrong | ((batch.adjacency & ~chosen) != fixed).flatten(1).any(dim=1)


def layer_ends(nodes: int) -> list[int]:
    """The nodes that stand for the features and for each layer."""
    return [0, *range(4, nodes - 1, 5)]


def layer_parts(end: int) -> tuple[int, int, int]:
    """The stem, key and value of the layer with this last node."""
    return 1 if end == 4 else end - 4, end - 2, end - 1  # a node precedes the key but in the first


def expected_autoattend(nodes: int, operations: int) -> str:
    """What an architecture of a pool of so many operations is, for a message."""
    return (
        f"AutoAttend architecture of {nodes} nodes: expected 5 L + 1 for L layers, from the input "
        f"({INPUT}) to the output (0), with a stem, a key and a value of {operations} operations "
        "and an aggregation a layer, and from the second on a node before key and value that one "
        "edge leads into"
    )
