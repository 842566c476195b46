"""What an architecture of DeepHyper's space for molecules says, from its graph."""

from __future__ import annotations

from datasets.graph import INPUT, OUTPUT, ArchitectureGraph
from models.errors import ModelError
from models.networks.mpnn_cell import ACTIVATIONS, CellChoice

ATTENTIONS = ("const", "gat", "sym-gat", "linear", "gen-linear", "cos")
HEADS = (1, 2, 4, 6)
AGGREGATIONS = ("max", "mean", "sum")
UPDATES = ("gru", "mlp")
ROUNDS = (1, 2, 3, 4)
WIDTHS = (4, 8, 16, 32)
GATHERS = (
    *("sum_features", "sum_atoms", "max_features", "max_atoms", "mean_features", "mean_atoms"),
    *("flatten", "attention16", "attention32", "attention64", "attention_sum"),
)
SIZES = (
    len(ATTENTIONS) * len(HEADS),
    len(AGGREGATIONS) * len(UPDATES) * len(ROUNDS),
    len(WIDTHS) * len(ACTIVATIONS),
    len(GATHERS),
)
"""Types of the three nodes of a cell, and of the gather."""
STARTS = (2, 2 + sum(SIZES[:1]), 2 + sum(SIZES[:2]), 2 + sum(SIZES[:3]))
"""The first type of each."""


def read_architecture(
    graph: ArchitectureGraph,
) -> tuple[list[CellChoice], list[list[int]], str]:
    """The cells; for each the layers that skip connections come from (0: the input); the gather.

    Raises:
        ModelError: it is no architecture of the space.
    """
    layers, rest = divmod(graph.num_nodes, 3)
    layers -= 1
    if rest or layers < 1:
        raise ModelError(f"{graph.num_nodes} nodes are no MPNN architecture: L layers make 3 L + 3")
    if (graph.types[0], graph.types[-1]) != (INPUT, OUTPUT):
        raise ModelError(
            f"an MPNN architecture begins with the input ({INPUT}) and ends with the output "
            f"({OUTPUT}), this one has the types {graph.types[0]} and {graph.types[-1]}"
        )
    numbers = []
    for node, kind in enumerate(graph.types[1:-1], start=1):
        part = (node - 1) % 3 if node <= 3 * layers else 3
        number = kind - STARTS[part]
        if not 0 <= number < SIZES[part]:
            raise ModelError(
                f"node {node} of an MPNN architecture has type {kind}, expected "
                f"{STARTS[part]} to {STARTS[part] + SIZES[part] - 1}"
            )
        numbers.append(number)
    chain = {(node, node + 1) for node in range(graph.num_nodes - 1)}
    if missing := sorted(chain - set(graph.edges)):
        raise ModelError("the edge {}→{} of an MPNN architecture is missing".format(*missing[0]))
    skips: list[list[int]] = [[] for _ in range(layers)]
    for source, target in sorted(set(graph.edges) - chain):
        if source % 3 or target % 3 or target > 3 * layers:
            raise ModelError(
                f"the edge {source}→{target} is no skip connection of an MPNN architecture: "
                "expected one from the input or the third node of a cell to that of a later cell"
            )
        skips[target // 3 - 1].append(source // 3)
    cells = [_cell(*numbers[3 * layer : 3 * layer + 3]) for layer in range(layers)]
    return cells, skips, GATHERS[numbers[-1]]


def _cell(message: int, step: int, state: int) -> CellChoice:
    attention, heads = divmod(message, len(HEADS))
    step, rounds = divmod(step, len(ROUNDS))
    aggregation, update = divmod(step, len(UPDATES))
    width, activation = divmod(state, len(ACTIVATIONS))
    return CellChoice(
        WIDTHS[width],
        ROUNDS[rounds],
        ATTENTIONS[attention],
        HEADS[heads],
        AGGREGATIONS[aggregation],
        UPDATES[update],
        list(ACTIVATIONS)[activation],
    )
