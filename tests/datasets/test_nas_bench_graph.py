"""The space of NAS-Bench-Graph: the official keys, one architecture each, and bad input."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datasets import get_space
from datasets.batch import GraphBatch
from datasets.canonical import canonical_hashes
from datasets.graph import ArchitectureError, ArchitectureGraph
from datasets.spaces.nas_bench_graph import NASBenchGraph, _graph
from datasets.spaces.nas_bench_graph_rules import OPERATIONS, PATTERNS, canonical_key, links
from datasets.testing import relabelled

SPACE = NASBenchGraph()
SKIP = SPACE.types.index("skip")
OFFICIAL = "878db61e0ecc2f39d607cf4137595cfa27677fb2337f68708851129c8ede297f"
"""SHA-256 of what ``Arch(link, ops).valid_hash()`` of nas-bench-graph 1.4.0 gives for all inputs,
as little-endian 32-bit numbers, links and operations counted up with the last place fastest."""


@cache
def official_keys() -> set[int]:
    return set(SPACE.keys().tolist())


def test_all_inputs_have_their_official_keys() -> None:
    keys = [canonical_key(link, ops) for link in links() for ops in product(range(9), repeat=4)]
    assert len(keys) == 157_464
    assert hashlib.sha256(np.array(keys, dtype="<i4").tobytes()).hexdigest() == OFFICIAL
    assert {*keys} - {88888} == official_keys()  # only the all-skip tree is left out


def test_architectures_are_the_isomorphism_classes() -> None:
    rows = GraphBatch.cat(SPACE.enumerate())
    assert len(rows) == SPACE.size == 26_206
    assert len(set(canonical_hashes(rows))) == SPACE.size
    patterns = np.bincount(SPACE.keys() // 10_000)
    assert patterns.tolist() == [330, 2304, 2880, 2080, 4096, 1440, 5120, 3276, 4680]
    skips = (rows.types == SPACE.types.index("skip")).sum(dim=1)
    assert skips.bincount().tolist() == [22_570, 3_256, 356, 24]


def test_hashes_are_the_keys() -> None:
    keys = SPACE.keys()[::97]
    graphs = SPACE.from_keys(keys)
    assert SPACE.hashes(graphs).tolist() == SPACE.hashes_of_keys(keys).tolist()
    assert [int(SPACE.hash(graph)) for graph in graphs] == keys.tolist()
    assert [SPACE.key(graph) for graph in graphs] == keys.tolist()
    assert [SPACE.from_key(key) for key in keys] == list(graphs)
    assert list(SPACE.from_keys(keys.tolist())) == list(graphs)


def test_a_batch_of_anything_is_hashed() -> None:
    own = SPACE.from_key(61237)
    other = ArchitectureGraph((1, 2, 0), ((0, 1), (1, 2)))
    batch = GraphBatch.from_graphs([own, other, own], SPACE.max_nodes)
    assert SPACE.hashes(batch).tolist() == [SPACE.hash(own), SPACE.hash(other), SPACE.hash(own)]


@pytest.mark.parametrize(
    "text",
    [
        "0 1 2 1 gcn gin fc cheb",
        "0 1 1 2 gcn gin cheb fc",
        "0,1,2,1 gcn,gin,fc,cheb",
        "Arch([0, 1, 2, 1], ['gcn', 'gin', 'fc', 'cheb'])",
        "([0, 1, 1, 2], ['gcn', 'gin', 'cheb', 'fc'])",
        "61237",
        '{"link": [0, 1, 2, 1], "ops": ["gcn", "gin", "fc", "cheb"]}',
        '{"arch": "0 1 2 1 gcn gin fc cheb", "id": 3}',
    ],
)
def test_all_notations_of_one_architecture(text: str) -> None:
    graph = SPACE.parse(text)
    assert graph == SPACE.from_key(61237)
    assert SPACE.canonical(graph) == graph


@pytest.mark.parametrize(
    ("given", "normalised"),
    [
        ("0 1 2 3 gcn gin fc skip", "0 1 2 3 skip gcn gin fc"),  # a chain: only the length counts
        ("0 1 1 1 gcn skip gat skip", "0 1 1 1 gcn gat skip skip"),  # two ways out of gcn
        ("0 0 0 1 skip gcn gcn fc", "0 1 1 1 skip gcn gcn fc"),  # a way in is a longer way in
        ("0 0 1 2 skip gcn gin skip", "0 1 2 2 skip skip gcn gin"),
        ("0 1 1 2 gcn skip skip gat", "0 1 2 2 skip gcn gat skip"),  # the fork is below gcn
    ],
)
def test_skip_connections_go_where_the_official_code_puts_them(given: str, normalised: str) -> None:
    assert SPACE.format(SPACE.parse(given)) == normalised


def test_numbers_of_numpy_are_numbers_and_truth_values_are_none() -> None:
    operations = ["gcn", "gin", "fc", "cheb"]
    assert SPACE.of_lists(list(np.array([0, 1, 2, 1])), operations) == SPACE.from_key(61237)
    for wrong in (True, 1.0, "1", None):
        with pytest.raises(ArchitectureError, match="is no key of NAS-Bench-Graph"):
            SPACE.from_key(wrong)  # type: ignore[arg-type]


def test_the_order_of_nodes_does_not_matter() -> None:
    generator = np.random.default_rng(5)
    for graph in SPACE.sample(30, generator):
        other = relabelled(graph, generator)
        assert SPACE.parse(SPACE.format(other)) == graph
        assert SPACE.neighbours(other) == SPACE.neighbours(graph)


def test_neighbours_differ_in_one_operation_or_one_link() -> None:
    graph = SPACE.parse("0 1 2 3 gcn gcn gcn gcn")
    found = {SPACE.format(one) for one in SPACE.neighbours(graph)}
    assert "0 1 2 3 gcn gat gcn gcn" in found
    assert "0 1 2 2 gcn gcn gcn gcn" in found
    assert "0 1 2 3 skip gcn gcn gcn" in found
    # 28 with another operation, one with a skip connection, whose place does not matter, and four
    # trees: of the six that have another link, two pairs are the same.
    assert len(found) == 28 + 1 + 4


def test_a_node_may_take_a_later_one_that_does_not_depend_on_it() -> None:
    graph = SPACE.parse("0 0 1 3 gat gcn gin cheb")  # gcn comes before gin and cheb
    found = {SPACE.format(one) for one in SPACE.neighbours(graph)}
    assert "0 1 2 2 gat gin gcn cheb" in found  # gcn takes the output of gin
    assert "0 1 2 3 gat gin cheb gcn" in found  # … of cheb


def test_neighbours_without_skip_connections_are_neighbours_of_each_other() -> None:
    sample = [one for one in SPACE.sample(40, np.random.default_rng(8)) if SKIP not in one.types]
    assert len(sample) > 20
    for graph in sample:
        for other in SPACE.neighbours(graph):
            assert SKIP in other.types or graph in SPACE.neighbours(other)


def test_an_architecture_that_is_all_skip_is_nobodys_neighbour() -> None:
    graph = SPACE.parse("0 1 2 3 skip skip skip gcn")
    assert len(SPACE.neighbours(graph)) > 10
    assert all(SPACE.is_legal(one) for one in SPACE.neighbours(graph))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("0 1 2 4 gcn gcn gcn gcn", r"has '4' for node 4: expected four numbers, each 0"),
        ("0 1 3 1 gcn gcn gcn gcn", r"has '3' for node 3"),
        ("1 1 2 1 gcn gcn gcn gcn", r"has '1' for node 1"),
        ("0 1 -1 1 gcn gcn gcn gcn", r"has '-1' for node 3"),
        ("0 1 2 1 gcn gin fc conv3x3", "operation 'conv3x3' is unknown: expected one of gat, gcn"),
        ("0 1 2 1 gcn gin fc", r"is neither four numbers and four operations .* \(words: 7\)"),
        ("0 0 0 0 skip skip skip skip", "all four operations are skip: no such network"),
        ("0 1 2 3 skip skip skip skip", "all four operations are skip: no such network"),
        ("88888", "all four operations are skip: no such network"),
        ("12349", "key 12349 has a digit 9"),
        ("90000", "key 90000 has a digit 9"),
        ("1000", "key 1000 is in no table: the architecture that it spells has the key 1$"),
        ("123456", r"\(words: 1\) nor an official key of at most 5 digits"),
        ("\u0666\u0661\u0662\u0663\u0667", "nor an official key of at most 5 digits"),
        ("\u0660 1 2 1 gcn gin fc cheb", "for node 1: expected four numbers"),
        ('{"link": [0, 1, 2, 1]}', "has no key 'ops'"),
        ('{"link": [0, 1, 2, true], "ops": ["gcn", "gcn", "gcn", "gcn"]}', "has 'True' for node 4"),
        ('{"link": [0, 1.0, 2, 1], "ops": ["gcn", "gcn", "gcn", "gcn"]}', "has '1.0' for node 2"),
        ('{"link": "0121", "ops": "gcn"}', "the link is '0121'"),
        ('{"arch": 7}', "'arch' is '7'"),
        ("{", "is no JSON"),
    ],
)
def test_bad_input_is_one_sentence(text: str, sentence: str) -> None:
    with pytest.raises(ArchitectureError, match=sentence) as caught:
        SPACE.parse(text)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("types", "edges", "reason"),
    [
        ((1, 3, 0), ((0, 1), (1, 2)), "it has 3 nodes, all have 6"),
        ((1, 3, 3, 3, 3, 2), ((0, 1), (1, 2), (2, 3), (3, 4), (4, 5)), "ends with type 2"),
        ((1, 3, 3, 3, 11, 0), ((0, 1), (1, 2), (2, 3), (3, 4), (4, 5)), "node 4 has type 11"),
        ((1, 3, 3, 3, 3, 0), ((0, 1), (0, 2), (1, 2), (2, 3), (3, 4), (4, 5)), "2 edges into it"),
        ((1, 3, 3, 3, 3, 0), ((0, 1), (1, 2), (2, 3), (3, 4)), "exactly the operations"),
        ((1, 3, 3, 3, 3, 0), ((0, 1), (1, 2), (2, 3), (3, 4), (3, 5), (4, 5)), "exactly the"),
        ((1, 10, 10, 10, 10, 0), ((0, 1), (1, 2), (2, 3), (3, 4), (4, 5)), "all its operations"),
        ((1, 3, 10, 3, 3, 0), ((0, 1), (1, 2), (2, 3), (3, 4), (4, 5)), "moves it there"),
    ],
)
def test_graphs_that_are_no_members(types: Any, edges: Any, reason: str) -> None:
    assert reason in str(SPACE.why_illegal(ArchitectureGraph(types, edges)))


def test_what_a_reason_tells_to_do_works() -> None:
    chain = ((0, 1), (1, 2), (2, 3), (3, 4), (4, 5))
    reason = SPACE.why_illegal(ArchitectureGraph((1, 3, 10, 4, 3, 0), chain))
    assert reason is not None
    text = reason.split("parse('")[1].split("')")[0]
    assert SPACE.format(SPACE.parse(text)) == "0 1 2 3 skip gcn gin gcn"


LINKS = st.lists(st.integers(-1, 4) | st.booleans() | st.text(max_size=2), max_size=5)
NAMES = st.lists(st.sampled_from([*OPERATIONS, "conv", ""]) | st.integers(), max_size=5)


@settings(deadline=None)
@given(LINKS, NAMES)
def test_any_lists_are_read_or_refused(link: list[Any], operations: list[Any]) -> None:
    try:
        graph = SPACE.parse(json.dumps({"link": link, "ops": operations}))
    except ArchitectureError:
        return
    assert SPACE.is_legal(graph)


@settings(deadline=None)
@given(st.integers(-10, 200_000))
def test_a_key_is_that_of_its_architecture_or_refused(key: int) -> None:
    try:
        graph = SPACE.from_key(key)
    except ArchitectureError:
        assert key not in official_keys()
        return
    assert SPACE.key(graph) == key


def test_masks_leave_exactly_the_members() -> None:
    """All that can be built under the mask, by kinds of operations, is all that is legal."""
    for reverse in (False, True):
        mask = SPACE.legality_mask(reverse=reverse)
        shapes = set(_built(mask, start=0 if reverse else 1))
        expected = set()
        for pattern in PATTERNS:
            for ops in product((0, 8), repeat=4):
                key = canonical_key(pattern, ops)
                if key != 88888:
                    expected.add(SPACE.hash(SPACE.from_key(key)))
        graphs = [graph.reversed() if reverse else graph for graph in shapes]
        assert all(SPACE.is_legal(graph) for graph in graphs)
        assert {SPACE.hash(graph) for graph in graphs} == expected


def _built(mask: Any, start: int) -> list[ArchitectureGraph]:
    """Every graph of gat and skip that a mask lets through."""
    import torch

    kinds = [0, 1, SPACE.types.index("gat"), SPACE.types.index("skip")]
    states = [(torch.tensor([[start]]), torch.zeros(1, 1, 1, dtype=torch.bool))]
    for _ in range(SPACE.max_nodes - 1):
        grown = []
        for types, adjacency in states:
            allowed = mask.allowed_types(types, adjacency)[0]
            for kind in kinds:
                if allowed[kind]:
                    grown += _with_edges(mask, types, adjacency, torch.tensor([kind]))
        states = grown
    return [GraphBatch(t, a, torch.tensor([t.shape[1]])).graph(0) for t, a in states]


def _with_edges(mask: Any, types: Any, adjacency: Any, kind: Any) -> list[tuple[Any, Any]]:
    import torch

    partial = [torch.zeros(1, 0, dtype=torch.bool)]
    for _ in range(types.shape[1]):
        partial = [
            torch.cat([drawn, torch.tensor([[bool(edge)]])], dim=1)
            for drawn in partial
            for edge in (0, 1)
            if mask.allowed_edges(types, adjacency, kind, drawn)[0, edge]
        ]
    grown = []
    for drawn in partial:
        edges = torch.nn.functional.pad(adjacency, (0, 1, 0, 1))
        edges[:, :-1, -1] = drawn
        grown.append((torch.cat([types, kind[:, None]], dim=1), edges))
    return grown


def test_the_registered_space_is_this_one() -> None:
    space = get_space("NAS_BENCH_GRAPH")
    assert (space.name, space.size, space.max_nodes) == ("NAS_BENCH_GRAPH", 26_206, 6)


def test_a_tree_with_an_idle_skip_connection_is_normalised_as_the_official_code_does() -> None:
    link, operations = [0, 1, 2, 3], ["gcn", "skip", "gat", "fc"]
    tree = _graph((0, 1, 2, 3), (1, 8, 0, 7))
    assert not SPACE.is_legal(tree)
    assert SPACE.normalised(tree) == SPACE.of_lists(link, operations)
    for graph in SPACE.sample(20, np.random.default_rng(0)):
        assert SPACE.normalised(graph) == graph
    with pytest.raises(ArchitectureError, match="all"):
        SPACE.normalised(_graph((0, 1, 2, 3), (8, 8, 8, 8)))
