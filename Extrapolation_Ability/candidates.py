"""Cells beyond those that were measured: what a surrogate ranks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import product

import numpy as np
import torch

from datasets.architecture_files import NAMED, NamedArchitecture
from datasets.batch import GraphBatch
from datasets.benchmark import Benchmark
from datasets.canonical import canonical_hashes
from datasets.graph import INPUT, OUTPUT, ArchitectureGraph
from datasets.pruning import prune, prune_batch
from datasets.spaces.nb101_cells import OPERATION_TYPES
from experiment.errors import InputError

_GROWN_FROM = NAMED["nb101_cell"]["svge_7_nodes"]
PUBLISHED_NODES = _GROWN_FROM.num_nodes + 1
"""Nodes of the published candidates."""
PUBLISHED_RANDOM = 1_000
"""Random cells among the published candidates, next to 2 · 3 · 2⁶ prolonged ones."""
_DRAWS = 50
"""How often, at most, eight times as many graphs are drawn as are wanted: some tenth is a cell."""
MOST_EXTENDED = 9
"""Nodes of the largest cell that is extended in every way: 2¹⁶ pairs of edge sets."""

Keep = Callable[[GraphBatch], GraphBatch]
"""Chooses, out of many cells, those that are kept."""


def published_candidates(generator: np.random.Generator) -> list[ArchitectureGraph]:
    """The 1,384 cells of 8 nodes that SVGe's surrogate chose among (Lukasik et al. 2021).

    They are the 7-node cell ``svge_7_nodes`` with an operation put after its input and with one
    appended before its output, 3 · 2⁶ each, and 1,000 random cells. Which random ones were
    published is not known; the cell that was chosen then is one of the others.
    """
    grown = [*after_input(_GROWN_FROM), *before_output(_GROWN_FROM)]
    return [*grown, *random_cells(PUBLISHED_NODES, PUBLISHED_RANDOM, generator)]


def after_input(cell: ArchitectureGraph) -> Iterator[ArchitectureGraph]:
    """``cell`` behind one more operation.

    The operation takes the input's place and so its edges; a new input feeds it, and any set of
    the nodes behind it: 3 · 2^(N − 1) cells of N + 1 nodes.
    """
    moved = [(i + 1, j + 1) for i, j in cell.edges]
    behind = range(2, cell.num_nodes + 1)
    for kind, fed in product(OPERATION_TYPES.tolist(), product((False, True), repeat=len(behind))):
        chosen = [(0, node) for node, is_fed in zip(behind, fed, strict=True) if is_fed]
        types = (cell.types[0], kind, *cell.types[1:])
        yield ArchitectureGraph(types, ((0, 1), *chosen, *moved))


def before_output(cell: ArchitectureGraph) -> Iterator[ArchitectureGraph]:
    """``cell`` with one more operation at its end: :func:`after_input` read from the output."""
    return (graph.reversed() for graph in after_input(cell.reversed()))


def random_cells(nodes: int, count: int, generator: np.random.Generator) -> list[ArchitectureGraph]:
    """Different cells of exactly ``nodes`` nodes, of any number of edges.

    Each possible edge is there with probability one half, operations are uniform, and cells with
    dangling nodes are left out, as for the 8-node cells of DIGITS101's table.

    Raises:
        InputError: so many different ones are not found.
    """
    found = GraphBatch.empty(nodes)
    for _ in range(_DRAWS):
        found = distinct(GraphBatch.cat([found, _random_graphs(nodes, 8 * count, generator)]))
        if len(found) >= count:
            return list(found[:count])
    raise InputError(
        f"only {len(found)} different cells of {nodes} nodes were drawn, {count} were requested: "
        "ask for fewer, or for cells of more nodes"
    )


def _random_graphs(nodes: int, draws: int, generator: np.random.Generator) -> GraphBatch:
    """Those of ``draws`` random graphs in which no node dangles."""
    types = np.zeros((draws, nodes), dtype=np.int64)
    types[:, 0] = INPUT
    types[:, 1:-1] = generator.choice(OPERATION_TYPES, (draws, nodes - 2))
    edges = np.triu(generator.random((draws, nodes, nodes)) < 0.5, k=1)
    graphs = GraphBatch(
        torch.from_numpy(types), torch.from_numpy(edges), torch.full((draws,), nodes)
    )
    return graphs[prune_batch(graphs).num_nodes == nodes]


def best_cells(benchmark: Benchmark, nodes: int, count: int) -> list[ArchitectureGraph]:
    """The measured cells of ``nodes`` nodes with the best mean value, best first.

    Raises:
        InputError: fewer were measured.
    """
    objective = benchmark.objective()
    values = objective.sign * benchmark.metric(objective.name).mean()
    wanted = (benchmark.graphs.num_nodes.numpy() == nodes) & ~np.isnan(values)
    rows = np.flatnonzero(wanted)
    if len(rows) < count:
        raise InputError(
            f"{len(rows)} cells of {nodes} nodes were measured in {benchmark.space.name}, the "
            f"best {count} were requested: ask for fewer, or name a data root with more"
        )
    best = rows[np.argsort(-values[rows], kind="stable")[:count]]
    return list(benchmark.graphs[torch.from_numpy(best)])


def extensions(
    cells: Sequence[ArchitectureGraph] | GraphBatch, max_edges: int | None = None
) -> GraphBatch:
    """Every cell that is one of ``cells`` with one node more, each once up to isomorphism.

    The node has any operation, at least one edge in and one out, and any set of both that leaves
    the cell acyclic. So it stands at every place of every topological order.

    Args:
        cells: cells of at most 9 nodes.
        max_edges: leave out cells with more edges; default: none.

    Raises:
        InputError: a cell is too large, or has no path from input to output.
    """
    parts = []
    for cell in cells:
        pruned = prune(cell)
        if pruned is None or pruned.num_nodes > MOST_EXTENDED:
            reason = (
                "has no path from its input to its output" if pruned is None else "is too large"
            )
            raise InputError(
                f"a cell of {cell.num_nodes} nodes {reason}: only cells of at most "
                f"{MOST_EXTENDED} nodes are extended"
            )
        parts.append(_extensions_of(pruned, max_edges))
    return distinct(GraphBatch.cat(parts))


def extension_steps(
    cells: Sequence[ArchitectureGraph], nodes: int, keep: Keep, max_edges: int | None = None
) -> Iterator[GraphBatch]:
    """Grow ``cells`` one node at a time up to ``nodes`` nodes; yields the extensions of each step.

    Args:
        cells: where to begin, all of one size.
        nodes: of the cells of the last step.
        keep: chooses which extensions are extended further.
        max_edges: leave out cells with more edges; default: none.
    """
    for size in range(cells[0].num_nodes + 1, nodes + 1):
        larger = extensions(cells, max_edges)
        yield larger
        if size == nodes or not len(larger):
            return
        cells = list(keep(larger))


def distinct(batch: GraphBatch) -> GraphBatch:
    """The first of the graphs of every isomorphism class, in their order."""
    _, first = np.unique(canonical_hashes(batch), return_index=True)
    return batch[torch.from_numpy(np.sort(first))]


def _extensions_of(cell: ArchitectureGraph, max_edges: int | None) -> GraphBatch:
    """:func:`extensions` of one cell without dangling nodes; isomorphic ones are not left out."""
    n = cell.num_nodes
    adjacency = cell.adjacency.astype(bool)
    reaching = np.eye(n, dtype=bool)  # (i, j): a path leads from i to j
    for source in range(n - 1, -1, -1):
        reaching[source] |= reaching[adjacency[source]].any(axis=0)
    sets = np.arange(1, 2 ** (n - 1))[:, None] >> np.arange(n - 1) & 1 == 1  # (S, n − 1)
    into = np.pad(sets, ((0, 0), (0, 1)))  # edges from any node but the output
    out_of = np.pad(sets, ((0, 0), (1, 0)))  # edges to any node but the input
    cyclic = (into @ reaching.T) @ out_of.T  # (S, S): a path leads from a node fed to one heard
    edges = len(cell.edges) + into.sum(axis=1)[:, None] + out_of.sum(axis=1)
    heard, fed = np.nonzero(~cyclic & (edges <= (max_edges or edges.max())))
    larger = np.zeros((len(heard), n + 1, n + 1), dtype=bool)
    larger[:, :n, :n] = adjacency
    larger[:, :n, n] = into[heard]
    larger[:, n, :n] = out_of[fed]
    kinds = OPERATION_TYPES
    types = np.tile(np.array([*cell.types, 0]), (len(kinds) * len(larger), 1))
    types[:, n] = np.repeat(kinds, len(larger))
    return _in_order(types, np.tile(larger, (len(kinds), 1, 1)))


def _in_order(types: np.ndarray, adjacency: np.ndarray) -> GraphBatch:
    """Cells whose nodes stand in any order, put into a topological one.

    Nodes are sorted by the longest path from the input. No node dangles, so the input is the only
    one on its level, and so is the output.
    """
    level = np.zeros_like(types)
    for _ in range(types.shape[1] - 1):
        level = np.where(adjacency, level[:, :, None] + 1, 0).max(axis=1)
    order = np.argsort(level, axis=1, kind="stable")
    rows = np.arange(len(types))[:, None]
    sorted_edges = adjacency[rows[:, :, None], order[:, :, None], order[:, None, :]]
    return GraphBatch(
        torch.from_numpy(types[rows, order]),
        torch.from_numpy(sorted_edges),
        torch.full((len(types),), types.shape[1]),
    )


def check_cells(cells: Sequence[NamedArchitecture], kinds: int) -> GraphBatch:
    """Cells of any size without their dangling nodes, each once up to isomorphism.

    Args:
        cells: what a user gave, with its names for messages.
        kinds: number of node types of the space.

    Raises:
        InputError: one is no cell; the message says which.
    """
    batch = GraphBatch.from_graphs([cell.graph for cell in cells])
    pruned = prune_batch(batch)
    last = (pruned.num_nodes - 1).clamp(min=0)
    index = torch.arange(batch.max_nodes)
    inner = (index > 0) & (index < last[:, None])
    operations = (pruned.types >= 2) & (pruned.types < kinds)
    ends = pruned.types.gather(1, last[:, None])[:, 0]
    good = (pruned.num_nodes >= 2) & (pruned.types[:, 0] == INPUT) & (ends == OUTPUT)
    good &= (operations | ~inner).all(dim=1)
    wrong = (~good).nonzero()
    if len(wrong):
        raise InputError(
            f"{cells[int(wrong[0])]} is no cell: expected an input first, an output last, "
            "operations between them, and a path from the one to the other"
        )
    return distinct(pruned)
