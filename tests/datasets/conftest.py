"""Shared by the tests of architectures and spaces."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from datasets.graph import ArchitectureGraph

Relabel = Callable[[ArchitectureGraph, np.random.Generator], ArchitectureGraph]


@pytest.fixture(scope="session")
def relabel() -> Relabel:
    """Put a graph's nodes into a random topological order."""

    def shuffled(graph: ArchitectureGraph, generator: np.random.Generator) -> ArchitectureGraph:
        order: list[int] = []
        left = set(range(graph.num_nodes))
        while left:
            blocked = {j for i, j in graph.edges if i in left}
            node = int(generator.choice(sorted(left - blocked)))
            order.append(node)
            left.remove(node)
        place = {node: k for k, node in enumerate(order)}
        return ArchitectureGraph(
            tuple(graph.types[node] for node in order),
            tuple((place[i], place[j]) for i, j in graph.edges),
        )

    return shuffled


@pytest.fixture(scope="session")
def random_dag() -> Callable[..., ArchitectureGraph]:
    """Draw a labelled DAG; few types and regular edges make symmetric ones likely."""

    def draw(
        generator: np.random.Generator, nodes: int, types: int = 2, density: float = 0.4
    ) -> ArchitectureGraph:
        edges = [(i, j) for j in range(nodes) for i in range(j) if generator.random() < density]
        return ArchitectureGraph(tuple(generator.integers(2, 2 + types, size=nodes)), tuple(edges))

    return draw
