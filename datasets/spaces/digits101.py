"""DIGITS101: the NAS-Bench-101 cells of at most 5 nodes, all measured on handwritten digits."""

from __future__ import annotations

import numpy as np

from datasets.graph import INPUT, OUTPUT, ArchitectureGraph
from datasets.pruning import prune
from datasets.spaces.nb101 import NB101
from datasets.spaces.nb101_cells import OPERATION_TYPES

LARGER = {6: 100, 7: 100, 8: 100}
"""Nodes → cells of the sample beyond the space that was measured as well."""
_SAMPLE_SEED = 101


class Digits101(NB101):
    """The cells of NAS-Bench-101 with at most 5 nodes, of which there are 2,532.

    Graphs, types, hashes and notation are those of NB101.
    """

    name = "DIGITS101"
    preset_sections = ("DIGITS101",)
    max_nodes = 5
    size = 2_532


def larger_cells() -> list[ArchitectureGraph]:
    """The sample of larger cells that was measured, to test extrapolation: always the same 300.

    Those of 6 and of 7 nodes are uniform over the NB101 cells of that size. Those of 8 nodes are
    outside NB101: each possible edge is there with probability one half, operations are uniform,
    and a cell that pruning makes smaller, or that is isomorphic to an earlier one, is drawn again.
    """
    generator = np.random.default_rng(_SAMPLE_SEED)
    space = NB101()
    found: dict[str, ArchitectureGraph] = {}
    for nodes, count in LARGER.items():
        wanted = len(found) + count
        while len(found) < wanted:
            if nodes <= space.max_nodes:
                cell = space.sample(1, generator)[0]
            else:
                cell = _random_cell(nodes, generator)
            if cell.num_nodes == nodes:
                found.setdefault(space.hash(cell), cell)
    return list(found.values())


def _random_cell(nodes: int, generator: np.random.Generator) -> ArchitectureGraph:
    """A random graph without its dangling nodes; a lone input and output if nothing is left."""
    operations = generator.choice(OPERATION_TYPES, nodes - 2).tolist()
    edges = np.triu(generator.random((nodes, nodes)) < 0.5, k=1)
    graph = ArchitectureGraph.from_adjacency([INPUT, *operations, OUTPUT], edges)
    return prune(graph) or ArchitectureGraph((INPUT, OUTPUT), ())
