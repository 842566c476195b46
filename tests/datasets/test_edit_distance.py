from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
import torch

from datasets import edit_distance, get_space
from datasets.batch import GraphBatch
from datasets.canonical import canonical_form
from datasets.edit_distance import edit_distances
from datasets.graph import INPUT, OUTPUT, ArchitectureError, ArchitectureGraph

NEVER = 1000.0


def distance(a: ArchitectureGraph, b: ArchitectureGraph) -> int:
    return int(edit_distances(GraphBatch.from_graphs([a]), GraphBatch.from_graphs([b]))[0])


def random_graph(generator: np.random.Generator, nodes: int, types: int = 3) -> ArchitectureGraph:
    edges = np.triu(generator.random((nodes, nodes)) < 0.45, 1).astype(np.uint8)
    kinds = generator.integers(2, 2 + types, nodes)
    kinds[0], kinds[-1] = INPUT, OUTPUT
    return ArchitectureGraph.from_adjacency(kinds.tolist(), edges)


def shuffled(graph: ArchitectureGraph, generator: np.random.Generator) -> ArchitectureGraph:
    """An isomorphic graph in another topological order, ends kept where they are."""
    drawing = graph.to_networkx()
    middle = generator.permutation(np.arange(1, graph.num_nodes - 1)).tolist()
    order = [0, *middle, graph.num_nodes - 1]
    copy = nx.DiGraph()
    copy.add_nodes_from((node, drawing.nodes[node]) for node in order)
    copy.add_edges_from(drawing.edges)
    copy.add_edges_from((0, node) for node in middle)  # only so that the ends stay ends
    copy.add_edges_from((node, order[-1]) for node in middle)
    sorted_nodes = list(
        nx.lexicographical_topological_sort(copy, key={n: k for k, n in enumerate(order)}.get)
    )
    place = {node: k for k, node in enumerate(sorted_nodes)}
    return ArchitectureGraph(
        tuple(graph.types[node] for node in sorted_nodes),
        tuple((place[i], place[j]) for i, j in graph.edges),
    )


def by_networkx(a: ArchitectureGraph, b: ArchitectureGraph) -> float:
    def drawing(graph: ArchitectureGraph) -> nx.DiGraph:
        result = graph.to_networkx()
        last = graph.num_nodes - 1
        for node in result:
            result.nodes[node]["role"] = {0: "first", last: "last"}.get(node, "interior")
        return result

    def change(u: dict, v: dict) -> float:
        return float(u["type"] != v["type"]) if u["role"] == v["role"] else NEVER

    def leave_out(u: dict) -> float:
        return 1.0 if u["role"] == "interior" else NEVER

    return nx.graph_edit_distance(
        drawing(a),
        drawing(b),
        node_subst_cost=change,
        node_del_cost=leave_out,
        node_ins_cost=leave_out,
    )


@pytest.mark.parametrize("seed", range(4))
def test_networkx_finds_the_same_distance(seed: int) -> None:
    generator = np.random.default_rng(seed)
    sizes = generator.integers(2, 6, size=(12, 2)).tolist()
    a = [random_graph(generator, n) for n, _ in sizes]
    b = [random_graph(generator, m) for _, m in sizes]
    ours = edit_distances(GraphBatch.from_graphs(a), GraphBatch.from_graphs(b))
    assert ours.tolist() == [by_networkx(x, y) for x, y in zip(a, b, strict=True)]
    assert ours.max() > 2


def test_known_distances() -> None:
    chain = ArchitectureGraph((1, 2, 3, 0), ((0, 1), (1, 2), (2, 3)))
    assert distance(chain, chain) == 0
    # One operation; one more edge; one edge less.
    assert distance(chain, ArchitectureGraph((1, 2, 2, 0), chain.edges)) == 1
    assert distance(chain, ArchitectureGraph(chain.types, (*chain.edges, (0, 3)))) == 1
    assert distance(chain, ArchitectureGraph(chain.types, chain.edges[:2])) == 1
    # The node 3 goes with its two edges, and one edge closes the gap.
    assert distance(chain, ArchitectureGraph((1, 2, 0), ((0, 1), (1, 2)))) == 4
    # A node without edges costs itself alone.
    assert distance(chain, ArchitectureGraph((1, 2, 3, 2, 0), ((0, 1), (1, 2), (2, 4)))) == 1
    # Swapped operations: two types changed, cheaper than three edges turned.
    assert distance(chain, ArchitectureGraph((1, 3, 2, 0), chain.edges)) == 2
    assert distance(ArchitectureGraph((1, 0), ()), ArchitectureGraph((1, 0), ((0, 1),))) == 1


def test_the_ends_stand_for_each_other_whatever_their_types() -> None:
    assert distance(ArchitectureGraph((1, 0), ((0, 1),)), ArchitectureGraph((1, 2), ((0, 1),))) == 1


def test_zero_exactly_for_isomorphic_graphs() -> None:
    generator = np.random.default_rng(5)
    graphs = [random_graph(generator, int(n)) for n in generator.integers(2, 9, 60)]
    copies = [shuffled(graph, generator) for graph in graphs]
    assert sum(a != b for a, b in zip(graphs, copies, strict=True)) > 20
    batch = GraphBatch.from_graphs(graphs)
    assert (edit_distances(batch, GraphBatch.from_graphs(copies)) == 0).all()

    few = [random_graph(generator, 4, types=1) for _ in range(300)]
    a, b = few[:150], few[150:]
    zero = edit_distances(GraphBatch.from_graphs(a), GraphBatch.from_graphs(b)) == 0
    same = [canonical_form(x) == canonical_form(y) for x, y in zip(a, b, strict=True)]
    assert zero.tolist() == same
    assert 0 < sum(same) < 150


def test_it_is_a_metric() -> None:
    generator = np.random.default_rng(6)
    a, b, c = (
        GraphBatch.from_graphs([random_graph(generator, int(n)) for n in sizes])
        for sizes in generator.integers(2, 8, (3, 40))
    )
    ab, bc, ac = edit_distances(a, b), edit_distances(b, c), edit_distances(a, c)
    assert (edit_distances(b, a) == ab).all()
    assert (ac <= ab + bc).all()
    assert (ab >= (a.num_nodes - b.num_nodes).abs().numpy()).all()


def test_neighbours_of_a_space_are_near() -> None:
    for name in ("ENAS", "NB201"):
        space = get_space(name)
        (graph,) = space.sample(1, np.random.default_rng(0))
        near = GraphBatch.from_graphs(space.neighbours(graph))
        one = GraphBatch.from_graphs([graph] * len(near))
        assert (edit_distances(one, near) == 1).all()


def test_chunks_and_padding_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = np.random.default_rng(7)
    graphs = [random_graph(generator, int(n)) for n in generator.integers(2, 8, 40)]
    a, b = GraphBatch.from_graphs(graphs[:20]), GraphBatch.from_graphs(graphs[20:])
    whole = edit_distances(a, b)
    monkeypatch.setattr(edit_distance, "_CHUNK_BYTES", 1)
    assert (edit_distances(a.padded(14), b.padded(12)) == whole).all()


def test_what_stands_in_the_padding_does_not_matter() -> None:
    graph = ArchitectureGraph((1, 2, 0), ((0, 1), (1, 2)))
    clean = GraphBatch.from_graphs([graph], 5)
    dirty = GraphBatch(
        clean.types + torch.tensor([0, 0, 0, 4, 4]), clean.adjacency.clone(), clean.num_nodes
    )
    dirty.adjacency[0, 2, 4] = True
    assert edit_distances(clean, dirty).tolist() == [0]


def test_no_pairs() -> None:
    assert edit_distances(GraphBatch.empty(5), GraphBatch.empty(7)).shape == (0,)


def test_bad_input() -> None:
    two = GraphBatch.from_graphs([ArchitectureGraph((1, 0), ())] * 2)
    with pytest.raises(ArchitectureError, match="2 and 1 graphs"):
        edit_distances(two, two[:1])
    chain = ArchitectureGraph((1, *[2] * 7, 0), ())
    with pytest.raises(ArchitectureError, match="graph 1 has 9 nodes"):
        edit_distances(two, GraphBatch.from_graphs([ArchitectureGraph((1, 0), ()), chain]))
    with pytest.raises(ArchitectureError, match="graph 0 has 1 nodes"):
        edit_distances(GraphBatch.from_graphs([ArchitectureGraph((1,), ())]), two[:1])
