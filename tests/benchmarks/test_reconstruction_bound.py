"""Signatures of architectures, against refinement that is written out with plain tuples."""

from __future__ import annotations

import itertools

import networkx as nx
import numpy as np
import pytest
import torch

from benchmarks.reconstruction_bound import SCHEMES, Bound, bounds, count_signatures
from datasets.batch import GraphBatch
from datasets.graph import ArchitectureGraph
from datasets.spaces.nas_bench_graph import NASBenchGraph
from datasets.spaces.nb101 import NB101
from datasets.spaces.nb201 import NB201
from models.arch2vec import ARCH2VECS, GINSizes


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
    if model == "arch2vec_directed":
        return (kind, node)
    return (kind,)


def undirected_colours(graph: nx.DiGraph, rounds: int) -> list[tuple]:
    both = graph.to_undirected()
    colours = {node: start(graph, node, "arch2vec") for node in both}
    for _ in range(rounds):
        colours = {i: (colours[i], *sorted(colours[j] for j in both[i])) for i in both}
    return [colours[i] for i in sorted(both)]


def signature(graph: nx.DiGraph, model: str, rounds: int) -> tuple:
    if model in ("arch2vec", "arch2vec_masked"):
        return tuple(undirected_colours(graph, rounds))
    first = {node: start(graph, node, model) for node in graph}
    forward, backward = dict(first), dict(first)
    for _ in range(rounds):
        into = {i: tuple(sorted(forward[j] for j in graph.predecessors(i))) for i in graph}
        out_of = {i: tuple(sorted(backward[j] for j in graph.successors(i))) for i in graph}
        if model in ("DGMG", "arch2vec_directed"):  # one state for both
            forward = backward = {i: (forward[i], into[i], out_of[i]) for i in graph}
        else:
            forward = {i: (forward[i], into[i]) for i in graph}
            backward = {i: (backward[i], out_of[i]) for i in graph}
    return tuple(sorted((forward[i], backward[i]) for i in graph))


def has_unjoined_pair(graph: nx.DiGraph, rounds: int) -> bool:
    colours = undirected_colours(graph, rounds)
    pairs = itertools.combinations(sorted(graph), 2)
    return any(colours[i] == colours[j] and not graph.has_edge(i, j) for i, j in pairs)


@pytest.mark.parametrize("model", list(SCHEMES))
def test_signatures_are_those_of_plain_refinement(graphs: GraphBatch, model: str) -> None:
    plain = [graph.to_networkx() for graph in graphs]
    expected = [len({signature(graph, model, k) for graph in plain}) for k in (1, 2, 3)]
    found = count_signatures(graphs, SCHEMES[model], 3, key=12_345)
    assert [bound.distinct for bound in found] == expected
    assert 1000 < expected[0] <= expected[-1] < len(graphs)


@pytest.mark.parametrize("model", ["arch2vec", "arch2vec_masked"])
def test_unjoined_pairs_are_those_of_plain_refinement(graphs: GraphBatch, model: str) -> None:
    plain = [graph.to_networkx() for graph in graphs]
    for rounds, bound in enumerate(count_signatures(graphs, SCHEMES[model], 3, key=6), start=1):
        joined = [graph for graph in plain if not has_unjoined_pair(graph, rounds)]
        assert bound.unjoined == len(plain) - len(joined)
        assert bound.exact == len({signature(graph, model, rounds) for graph in joined})
    assert 100 < bound.unjoined < 1400


@pytest.mark.parametrize("model", list(ARCH2VECS))
def test_latents_of_arch2vec_are_told_apart_as_counted(graphs: GraphBatch, model: str) -> None:
    torch.manual_seed(0)
    vae = ARCH2VECS[model](GINSizes(3, graphs.max_nodes, rounds=2)).double().eval()
    mean = vae.encode_all(graphs).mean
    same = (mean[:, :, None] - mean[:, None]).abs().amax(-1) < 1e-9
    real = graphs.node_mask()
    pairs = (same & ~graphs.adjacency & real[:, :, None] & real[:, None]).triu(1)
    bound = count_signatures(graphs, SCHEMES[model], 2, key=8)[-1]
    assert bound.unjoined == int(pairs.flatten(1).any(1).sum())
    assert bound.distinct == len(np.unique(mean.flatten(1).numpy().round(7), axis=0))
    assert bool((vae.decoder(mean)[1][pairs] > 0).all())


def test_graphs_of_one_latent_count_once_and_with_an_unjoined_pair_never() -> None:
    twins = ArchitectureGraph((1, 2, 2, 0), ((0, 1), (0, 2), (1, 3), (2, 3)))
    joined = ArchitectureGraph((1, 2, 2, 0), ((0, 1), (0, 2), (1, 2), (1, 3), (2, 3)))
    batch = GraphBatch.from_graphs([twins, joined, joined], 6)
    [bound] = count_signatures(batch, SCHEMES["arch2vec"], 1, key=3)
    assert bound == Bound(distinct=2, unjoined=1, exact=1)
    [bound] = count_signatures(batch, SCHEMES["arch2vec_directed"], 1, key=3)
    assert bound == Bound(distinct=2, unjoined=0, exact=2)


@pytest.mark.parametrize("model", ["SVGE", "SVGE_degrees", "DGMG"])
def test_order_of_nodes_and_padding_make_no_signature(model: str) -> None:
    diamond = ((0, 1), (0, 2), (1, 4), (2, 3), (3, 4))
    other = ((0, 1), (0, 3), (1, 2), (2, 4), (3, 4))
    same = [
        ArchitectureGraph((1, 2, 3, 4, 0), diamond),
        ArchitectureGraph((1, 3, 4, 2, 0), other),
    ]
    batch = GraphBatch.cat([GraphBatch.from_graphs(same[:1], 9), GraphBatch.from_graphs(same[1:])])
    found = count_signatures(batch, SCHEMES[model], 4, key=1)
    assert [bound.distinct for bound in found] == [1, 1, 1, 1]


def test_bounds_are_shares_of_the_architectures() -> None:
    graphs = GraphBatch.cat(NB201().enumerate())[:500]
    for by_rounds in bounds(graphs).values():
        assert list(by_rounds) == ["1", "2", "3", "4", "any"]
        all_exact = {"distinct": 500, "unjoined": 0, "exact": 500, "share": 1.0}
        assert all(bound == all_exact for bound in by_rounds.values())


def test_all_architectures_of_nas_bench_graph() -> None:
    graphs = GraphBatch.cat(NASBenchGraph().enumerate())
    for model, unjoined in {"SVGE": 0, "arch2vec_masked": 2780, "arch2vec_directed": 0}.items():
        bound = count_signatures(graphs, SCHEMES[model], 2, key=9)[-1]
        assert bound == Bound(distinct=26_206, unjoined=unjoined, exact=26_206 - unjoined)


@pytest.mark.slow
def test_all_cells_of_nb101() -> None:
    graphs = GraphBatch.cat(NB101().enumerate())
    assert SCHEMES["arch2vec_masked"] == SCHEMES["arch2vec"]
    schemes = {name: SCHEMES[name] for name in SCHEMES if name != "arch2vec_masked"}
    found = {name: count_signatures(graphs, scheme, 3, 9) for name, scheme in schemes.items()}
    distinct = {name: [bound.distinct for bound in bounds] for name, bounds in found.items()}
    assert distinct == {
        "SVGE": [399_267, 423_012, 423_228],
        "SVGE_degrees": [422_814, 423_624, 423_624],
        "DGMG": [399_267, 423_624, 423_624],
        "arch2vec": [416_098, 423_624, 423_624],
        "arch2vec_directed": [423_624, 423_624, 423_624],
    }
    assert [bound.unjoined for bound in found["arch2vec"]] == [42_252, 28_935, 28_935]
