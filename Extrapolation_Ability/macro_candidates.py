"""ENAS macro architectures of 12 layers, for a surrogate that knows those of 6."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from datasets.batch import GraphBatch
from datasets.benchmark import Benchmark
from datasets.graph import ArchitectureGraph
from datasets.spaces.enas import ENAS
from experiment.errors import InputError
from Extrapolation_Ability.candidates import distinct

LAYERS = 12


def stacked(first: ArchitectureGraph, second: ArchitectureGraph) -> ArchitectureGraph:
    """``second`` behind ``first``: the last layer of the one is the input of the other."""
    shift = first.num_nodes - 2
    joined = [(i, j) for i, j in first.edges if j <= shift]
    joined += [(i + shift, j + shift) for i, j in second.edges]
    return ArchitectureGraph((*first.types[:-1], *second.types[1:]), tuple(joined))


def doubled(graph: ArchitectureGraph) -> ArchitectureGraph:
    """Every layer twice, one after the other.

    What a layer had joined in goes into its first copy, and what went out of it comes from its
    second.
    """
    layers = graph.num_nodes - 2
    types = [
        graph.types[0],
        *(kind for kind in graph.types[1:-1] for _ in range(2)),
        graph.types[-1],
    ]
    edges = [(2 * i, 2 * j - 1) for i, j in graph.edges]
    edges += [(2 * layer - 1, 2 * layer) for layer in range(1, layers + 1)]
    return ArchitectureGraph(tuple(types), tuple(edges))


def from_best(best: Sequence[ArchitectureGraph]) -> list[ArchitectureGraph]:
    """Every two of ``best`` stacked, each on itself too, and each with its layers doubled."""
    pairs = [stacked(first, second) for first in best for second in best]
    return [*pairs, *(doubled(graph) for graph in best)]


def macro_candidates(
    random: int, best: Sequence[ArchitectureGraph], generator: np.random.Generator
) -> GraphBatch:
    """Architectures of 12 layers: random ones, uniform over their space, and those made of others.

    Args:
        random: how many random ones.
        best: architectures of 6 layers.
        generator: draws.
    """
    drawn = ENAS(LAYERS).sample_batch(random, generator)
    made = GraphBatch.from_graphs(from_best(best), LAYERS + 2)
    return distinct(GraphBatch.cat([made, drawn]))


def best_networks(benchmark: Benchmark, count: int) -> list[ArchitectureGraph]:
    """The measured architectures with the best mean value, each once, best first.

    Raises:
        InputError: fewer were measured.
    """
    objective = benchmark.objective()
    values = objective.sign * benchmark.metric(objective.name).mean()
    rows = np.argsort(-values, kind="stable")[: 2 * count]  # a few rows of the file are repeated
    found = list(distinct(benchmark.graphs[torch.from_numpy(rows)]))[:count]
    if len(found) < count:
        raise InputError(
            f"{len(found)} architectures were measured in {benchmark.space.name}, the best "
            f"{count} were requested: ask for fewer"
        )
    return found
