"""Signatures of architectures, against refinement that is written out with plain tuples."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest

from benchmarks.reconstruction_bound import SCHEMES, bounds, count_signatures
from datasets.batch import GraphBatch
from datasets.graph import ArchitectureGraph
from datasets.spaces.nb101 import NB101
from datasets.spaces.nb201 import NB201


@pytest.fixture(scope="module")
def graphs() -> GraphBatch:
    """Sparse graphs of 4 to 8 nodes between input and output with one operation: much alike."""
    rng = np.random.default_rng(0)
    drawn = []
    for number in range(1500):
        nodes = 6 + number % 5
        adjacency = np.triu(rng.random((nodes, nodes)) < 0.3, 1)
        kinds = [1, *[2] * (nodes - 2), 0]
        drawn.append(ArchitectureGraph.from_adjacency(kinds, adjacency))
    return GraphBatch.from_graphs(drawn)


def start(graph: nx.DiGraph, node: int, model: str) -> tuple:
    kind = graph.nodes[node]["type"]
    if model == "SVGE_degrees":
        return (kind, graph.in_degree(node), graph.out_degree(node))
    return (kind,)


def signature(graph: nx.DiGraph, model: str, rounds: int) -> tuple:
    first = {node: start(graph, node, model) for node in graph}
    forward, backward = dict(first), dict(first)
    for _ in range(rounds):
        into = {i: tuple(sorted(forward[j] for j in graph.predecessors(i))) for i in graph}
        out_of = {i: tuple(sorted(backward[j] for j in graph.successors(i))) for i in graph}
        if model == "DGMG":  # one state for both
            forward = backward = {i: (forward[i], into[i], out_of[i]) for i in graph}
        else:
            forward = {i: (forward[i], into[i]) for i in graph}
            backward = {i: (backward[i], out_of[i]) for i in graph}
    return tuple(sorted((forward[i], backward[i]) for i in graph))


@pytest.mark.parametrize("model", list(SCHEMES))
def test_signatures_are_those_of_plain_refinement(graphs: GraphBatch, model: str) -> None:
    plain = [graph.to_networkx() for graph in graphs]
    expected = [len({signature(graph, model, k) for graph in plain}) for k in (1, 2, 3)]
    assert count_signatures(graphs, SCHEMES[model], 3, key=12_345) == expected
    assert 1000 < expected[0] <= expected[-1] < len(graphs)


@pytest.mark.parametrize("model", list(SCHEMES))
def test_order_of_nodes_and_padding_make_no_signature(model: str) -> None:
    diamond = ((0, 1), (0, 2), (1, 4), (2, 3), (3, 4))
    other = ((0, 1), (0, 3), (1, 2), (2, 4), (3, 4))
    same = [
        ArchitectureGraph((1, 2, 3, 4, 0), diamond),
        ArchitectureGraph((1, 3, 4, 2, 0), other),
    ]
    batch = GraphBatch.cat([GraphBatch.from_graphs(same[:1], 9), GraphBatch.from_graphs(same[1:])])
    assert count_signatures(batch, SCHEMES[model], 4, key=1) == [1, 1, 1, 1]


def test_bounds_are_shares_of_the_architectures() -> None:
    graphs = GraphBatch.cat(NB201().enumerate())[:500]
    for by_rounds in bounds(graphs).values():
        assert list(by_rounds) == ["1", "2", "3", "4", "any"]
        assert all(bound == {"distinct": 500, "share": 1.0} for bound in by_rounds.values())


@pytest.mark.slow
def test_all_cells_of_nb101() -> None:
    graphs = GraphBatch.cat(NB101().enumerate())
    counts = {name: count_signatures(graphs, scheme, 3, 9) for name, scheme in SCHEMES.items()}
    assert counts == {
        "SVGE": [399_267, 423_012, 423_228],
        "SVGE_degrees": [422_814, 423_624, 423_624],
        "DGMG": [399_267, 423_624, 423_624],
    }
