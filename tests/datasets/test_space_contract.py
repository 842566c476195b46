"""What every registered search space promises.

networkx decides what is isomorphic. A new space is tested by its registration alone.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from itertools import islice

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datasets import get_space
from datasets.batch import GraphBatch
from datasets.graph import INPUT, OUTPUT, ArchitectureError, ArchitectureGraph
from datasets.registry import SPACES
from datasets.space import SearchSpace
from datasets.spaces.enas import ENAS
from experiment.errors import InputError

ALL: dict[str, SearchSpace] = {name: get_space(name) for name in SPACES} | {"12 layers": ENAS(12)}
SMALL = [name for name, space in ALL.items() if space.size < 100_000]


@pytest.fixture(params=ALL)
def space(request: pytest.FixtureRequest) -> SearchSpace:
    return ALL[request.param]


@pytest.fixture
def graphs(space: SearchSpace) -> list[ArchitectureGraph]:
    return space.sample(60, np.random.default_rng(0))


def test_unknown_name_is_refused() -> None:
    with pytest.raises(InputError, match="choose one of ENAS"):
        get_space("NB301")


def test_types_begin_with_output_and_input(space: SearchSpace) -> None:
    assert space.types[OUTPUT] == "output"
    assert space.types[INPUT] == "input"
    assert len(set(space.types)) == len(space.types)


def test_samples_are_members_and_reproducible(
    space: SearchSpace, graphs: list[ArchitectureGraph]
) -> None:
    assert len(graphs) == 60
    assert all(space.is_legal(graph) for graph in graphs)
    assert all(graph.num_nodes <= space.max_nodes for graph in graphs)
    assert graphs == space.sample(60, np.random.default_rng(0))
    assert graphs != space.sample(60, np.random.default_rng(1))
    assert space.sample(0, np.random.default_rng(0)) == []


def test_notations_are_read_back(space: SearchSpace, graphs: list[ArchitectureGraph]) -> None:

    for graph in graphs[:20]:
        assert space.parse(space.format(graph)) == graph
        record = {**space.to_record(graph), "id": 7, "validation": 0.9}
        assert space.parse(json.dumps(record)) == graph


def test_conversions_are_inverse(graphs: list[ArchitectureGraph]) -> None:
    assert list(GraphBatch.from_graphs(graphs)) == graphs
    assert list(GraphBatch.from_pyg(GraphBatch.from_graphs(graphs).to_pyg())) == graphs
    for graph in graphs[:20]:
        assert ArchitectureGraph.from_networkx(graph.to_networkx()) == graph


def test_canonical_is_idempotent_isomorphic_and_decides_equality(
    space: SearchSpace, graphs: list[ArchitectureGraph]
) -> None:
    forms = [space.canonical(graph) for graph in graphs]
    assert [space.canonical(form) for form in forms] == forms
    assert all(space.is_legal(form) for form in forms)
    for a in range(12):
        for b in range(a):
            same = nx.vf2pp_is_isomorphic(
                graphs[a].to_networkx(), graphs[b].to_networkx(), node_label="type"
            )
            assert same == (forms[a] == forms[b])
            assert same == (space.hash(graphs[a]) == space.hash(graphs[b]))


def test_hash_does_not_depend_on_the_order_of_nodes(
    space: SearchSpace, graphs: list[ArchitectureGraph], relabel: Callable
) -> None:
    generator = np.random.default_rng(2)
    for graph in graphs:
        other = relabel(graph, generator)
        assert space.hash(other) == space.hash(graph)
        if space.is_legal(other):
            assert space.canonical(other) == space.canonical(graph)
    int(space.hash(graphs[0]), 16)  # hexadecimal
    expected = [space.hash(graph) for graph in graphs]
    assert space.hashes(GraphBatch.from_graphs(graphs)).tolist() == expected


def test_neighbours_are_other_members_each_once(
    space: SearchSpace, graphs: list[ArchitectureGraph]
) -> None:
    for graph in graphs[:8]:
        found = space.neighbours(graph)
        assert found
        assert len(set(found)) == len(found)
        assert space.canonical(graph) not in found
        assert all(space.is_legal(other) and space.canonical(other) == other for other in found)


def test_mutation_draws_among_the_neighbours(
    space: SearchSpace, graphs: list[ArchitectureGraph]
) -> None:
    generator = np.random.default_rng(3)
    neighbours = set(space.neighbours(graphs[0]))
    drawn = {space.mutate(graphs[0], generator) for _ in range(10)}
    assert drawn <= neighbours
    assert len(drawn) > 1


def test_vectorised_legality_agrees(
    space: SearchSpace, graphs: list[ArchitectureGraph], random_dag: Callable
) -> None:
    generator = np.random.default_rng(4)
    broken = [damaged(graph, generator) for graph in graphs for _ in range(5)]
    random = [random_dag(generator, int(n), types=6) for n in generator.integers(1, 15, size=50)]
    everything = [*graphs, *broken, *random]
    expected = [space.is_legal(graph) for graph in everything]
    assert not all(expected)
    batch = GraphBatch.from_graphs(everything, max_nodes=14)
    assert space.legal(batch).tolist() == expected
    assert space.legal(batch[:0]).tolist() == []


def damaged(graph: ArchitectureGraph, generator: np.random.Generator) -> ArchitectureGraph:
    """The graph with a random type or edge changed."""
    i, j = sorted(generator.choice(graph.num_nodes, size=2, replace=False).tolist())
    if generator.random() < 0.5:
        return ArchitectureGraph(graph.types, tuple(set(graph.edges) ^ {(i, j)}))
    types = list(graph.types)
    types[i] = int(generator.integers(0, 9))
    return ArchitectureGraph(tuple(types), graph.edges)


def test_non_members_are_refused_with_the_reason(space: SearchSpace) -> None:
    lonely = ArchitectureGraph((1, 0), ())
    assert not space.is_legal(lonely)
    with pytest.raises(ArchitectureError, match=f"not an {space.name} architecture: "):
        space.check(lonely)


@pytest.mark.parametrize("name", SMALL)
def test_small_spaces_are_enumerated_as_a_whole(name: str) -> None:
    space = ALL[name]
    batches = list(space.enumerate())
    rows = GraphBatch.cat(batches)
    assert len(rows) == space.size
    packed = np.concatenate(
        [rows.types.numpy(), rows.adjacency.numpy().reshape(len(rows), -1)], axis=1
    ).astype(np.uint8)
    assert len({row.tobytes() for row in packed}) == space.size
    assert all(space.legal(batch).all() for batch in batches)


def test_enumeration_begins_with_canonical_graphs(space: SearchSpace) -> None:
    first = next(space.enumerate())
    again = next(space.enumerate())
    assert list(first[:300]) == list(again[:300])
    for graph in islice(first, 0, 300, 7):
        assert space.canonical(graph) == graph


KEYS = st.sampled_from(["arch", "matrix", "ops"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(KEYS, inner),
    max_leaves=12,
)


def assert_read_or_refused(space: SearchSpace, text: str) -> None:
    """Nothing but a member, or the error that says what is wrong."""
    with contextlib.suppress(ArchitectureError):
        assert space.is_legal(space.parse(text))


@settings(deadline=None)  # a busy machine is no defect
@given(
    st.sampled_from(sorted(ALL)),
    st.text() | st.text(alphabet='0123456789 []{}",|+~-', max_size=80) | JSON.map(json.dumps),
)
def test_any_text_is_read_or_refused(name: str, text: str) -> None:
    assert_read_or_refused(ALL[name], text)


@settings(deadline=None)  # the first sample of NB101 enumerates it
@given(st.sampled_from(sorted(ALL)), st.data())
def test_damaged_notation_is_read_or_refused(name: str, data: st.DataObject) -> None:
    space = ALL[name]
    seed = data.draw(st.integers(0, 20))
    text = space.format(space.sample(1, np.random.default_rng(seed))[0])
    place = data.draw(st.integers(0, len(text)))
    removed = data.draw(st.integers(0, 3))
    assert_read_or_refused(
        space, text[:place] + data.draw(st.text(max_size=2)) + text[place + removed :]
    )
