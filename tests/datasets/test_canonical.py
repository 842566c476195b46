"""Canonical form and hash: networkx decides what is isomorphic."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations, product

import networkx as nx
import numpy as np
import pytest

from datasets import canonical
from datasets.batch import GraphBatch
from datasets.canonical import canonical_form, canonical_hash, canonical_hashes
from datasets.graph import ArchitectureGraph


def isomorphic(a: ArchitectureGraph, b: ArchitectureGraph) -> bool:
    return nx.vf2pp_is_isomorphic(a.to_networkx(), b.to_networkx(), node_label="type")


def layered(width: int, shifts: tuple[int, ...]) -> ArchitectureGraph:
    """A circulant bipartite graph: every node looks like every other of its side."""
    edges = [(i, width + (i + shift) % width) for i in range(width) for shift in shifts]
    return ArchitectureGraph((2,) * (2 * width), tuple(edges))


def parallel_chains(chains: int, length: int) -> ArchitectureGraph:
    inner = chains * length
    edges = [(0, 1 + c) for c in range(chains)]
    edges += [(1 + k, 1 + k + chains) for k in range(inner - chains)]
    edges += [(1 + inner - chains + c, inner + 1) for c in range(chains)]
    return ArchitectureGraph((1, *(2,) * inner, 0), tuple(edges))


SYMMETRIC = {
    "no edges": ArchitectureGraph((2,) * 14, ()),
    "twelve twins": parallel_chains(12, 1),
    "six chains": parallel_chains(6, 2),
    "four chains": parallel_chains(4, 3),
    "seven pairs": layered(7, (0,)),
    "all but a matching": layered(7, (1, 2, 3, 4, 5, 6)),
    "Fano plane": layered(7, (0, 1, 3)),
    "its complement": layered(7, (2, 4, 5, 6)),
    "one cycle": layered(7, (0, 1)),
    "cycles of 3 and 4": ArchitectureGraph(
        (2,) * 14,
        tuple((i, 7 + (i + d) % 3) for i in range(3) for d in (0, 1))
        + tuple((3 + i, 10 + (i + d) % 4) for i in range(4) for d in (0, 1)),
    ),
}


@pytest.fixture
def refinements(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Notes the number of nodes whenever classes are refined."""
    noted: list[int] = []
    refine = canonical._Search.refine

    def counted(search: canonical._Search, ranks: list[int]) -> list[int]:
        noted.append(len(ranks))
        return refine(search, ranks)

    monkeypatch.setattr(canonical._Search, "refine", counted)
    return noted


@pytest.mark.parametrize("name", SYMMETRIC)
def test_symmetric_graphs_have_one_form_soon(
    name: str, relabel: Callable, refinements: list[int]
) -> None:
    generator = np.random.default_rng(0)
    graph = SYMMETRIC[name]
    form = canonical_form(graph)
    assert isomorphic(form, graph)
    assert canonical_form(form) == form
    for _ in range(20):
        other = relabel(graph, generator)
        refinements.clear()
        assert canonical_form(other) == form
        # Up to 833 without the use of symmetries.
        assert len(refinements) <= 2 * graph.num_nodes


def test_symmetric_graphs_are_told_apart() -> None:
    assert len({canonical_hash(graph) for graph in SYMMETRIC.values()}) == len(SYMMETRIC)


@pytest.mark.parametrize("density", [0.15, 0.4, 0.8])
def test_form_is_isomorphic_and_does_not_depend_on_the_order(
    density: float, random_dag: Callable, relabel: Callable
) -> None:
    generator = np.random.default_rng(1)
    for nodes in range(1, 15):
        for _ in range(15):
            graph = random_dag(
                generator, nodes, types=int(generator.integers(1, 4)), density=density
            )
            form = canonical_form(graph)
            assert isomorphic(form, graph)
            assert canonical_form(relabel(graph, generator)) == form


@pytest.mark.parametrize("nodes", [3, 4])
def test_classes_of_all_small_graphs_are_those_of_networkx(nodes: int) -> None:
    pairs = list(combinations(range(nodes), 2))
    graphs = [
        ArchitectureGraph(
            types, tuple(e for e, present in zip(pairs, bits, strict=True) if present)
        )
        for types in product((2, 3), repeat=nodes)
        for bits in product((0, 1), repeat=len(pairs))
    ]
    representatives: dict[str, ArchitectureGraph] = {}
    for graph in graphs:
        first = representatives.setdefault(canonical_hash(graph), graph)
        assert isomorphic(first, graph)
    for a, b in combinations(representatives.values(), 2):
        if sorted(a.types) == sorted(b.types) and len(a.edges) == len(b.edges):
            assert not isomorphic(a, b)


def test_almost_isomorphic_graphs_are_told_apart(random_dag: Callable) -> None:
    generator = np.random.default_rng(2)
    for _ in range(200):
        nodes = int(generator.integers(4, 10))
        a = random_dag(generator, nodes, types=1, density=0.5)
        b = random_dag(generator, nodes, types=1, density=0.5)
        assert (canonical_hash(a) == canonical_hash(b)) == isomorphic(a, b)


def test_input_comes_first_and_output_last() -> None:
    dangling = ArchitectureGraph((1, 2, 3, 2, 0), ((0, 1), (1, 2), (2, 3), (0, 4)))
    form = canonical_form(dangling)
    assert form.types[0] == 1
    assert form.types[-1] == 0


def test_batch_of_hashes_is_hash_by_hash(random_dag: Callable) -> None:
    generator = np.random.default_rng(3)
    graphs = [random_dag(generator, int(n)) for n in generator.integers(1, 9, size=50)]
    graphs += graphs[::-1]
    hashes = canonical_hashes(GraphBatch.from_graphs(graphs, max_nodes=11))
    assert hashes == [canonical_hash(graph) for graph in graphs]
    assert canonical_hashes(GraphBatch.from_graphs([])) == []


def test_chains_are_hashed_in_their_own_order_as_by_the_search(random_dag: Callable) -> None:
    generator = np.random.default_rng(4)
    graphs = []
    for nodes in generator.integers(1, 10, size=50).tolist():
        graph = random_dag(generator, nodes)
        chain = {(k, k + 1) for k in range(nodes - 1)}
        graphs.append(ArchitectureGraph(graph.types, tuple(chain | set(graph.edges))))
    hashes = canonical_hashes(GraphBatch.from_graphs(graphs))
    assert hashes == [canonical_hash(graph) for graph in graphs]
