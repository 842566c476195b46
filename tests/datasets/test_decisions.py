"""Spaces of decisions: the promises of a space, isomorphic rows, and refusals."""

from __future__ import annotations

import json
from itertools import product
from typing import Any

import numpy as np
import pytest

from datasets.batch import GraphBatch
from datasets.canonical import canonical_hashes
from datasets.graph import ArchitectureError, ArchitectureGraph
from datasets.spaces.decisions import DecisionSpace
from datasets.spaces.kinds import Kind
from datasets.testing import check_space
from experiment.errors import InputError

DENSE = Kind("dense", {"width": ("8", "16"), "activation": ("relu", "tanh", "sine")})
MERGE = Kind("merge", {"merge": ("add", "product")})
CHAIN = [(0, 1), (1, 2), (2, 3), (3, 4)]


def skips() -> DecisionSpace:
    """Two layers, a constant node, and two skip connections that may be there."""
    return DecisionSpace("Skips", [DENSE, DENSE, Kind("norm")], CHAIN, optional=[(0, 2), (1, 3)])


def micro(operations: int = 3) -> DecisionSpace:
    """GraphNAS' micro space, in which both cells, and both layers of the input, are alike."""
    cell = Kind("cell", {"operation": tuple("abcdefghijkl"[:operations])})
    linear = Kind("linear")
    return DecisionSpace(
        "Micro",
        [linear, linear, cell, cell, Kind("merge", {"merge": tuple("+*|")}), Kind("act")],
        [(0, 1), (0, 2), (3, 5), (4, 5), (5, 6), (6, 7)],
        alternatives=[[(1, 3), (2, 3)], [(1, 4), (2, 4), (3, 4)]],
    )


@pytest.mark.parametrize("space", [skips(), micro(2)], ids=["optional", "alternatives"])
def test_the_promises_of_a_space(space: DecisionSpace) -> None:
    check_space(space)


def test_rows_types_and_decisions() -> None:
    space = skips()
    assert space.types == (
        *("output", "input", "8,relu", "8,tanh", "8,sine", "16,relu", "16,tanh", "16,sine"),
        "norm",
    )
    names = [decision.name for decision in space.decisions]
    assert names == [
        *("width_1", "activation_1", "width_2", "activation_2", "edge_0_2", "edge_1_3"),
    ]
    assert space.size == 6 * 6 * 4
    graph = space.rows_to_batch(np.array([[1, 2, 0, 0, 1, 0]])).graph(0)
    assert graph == ArchitectureGraph((1, 7, 2, 8, 0), (*CHAIN, (0, 2)))
    assert space.format(graph) == "16,sine 8,relu 0:2"
    assert space.to_row(graph) == [1, 2, 0, 0, 1, 0]
    batch = space.sample_batch(50, np.random.default_rng(0))
    assert list(space.rows_to_batch(space.batch_to_rows(batch))) == list(batch)


def test_neighbours_change_one_decision() -> None:
    space = skips()
    graph = space.parse("16,sine 8,relu 0:2")
    rows = [space.to_row(other) for other in space.neighbours(graph)]
    assert len(rows) == 2 * (1 + 2) + 2
    own = space.to_row(graph)
    assert all(sum(a != b for a, b in zip(row, own, strict=True)) == 1 for row in rows)


def test_isomorphic_rows_are_one_architecture() -> None:
    """The 12,960 rows of GraphNAS' micro space (12 operations, 5 activations) make 4,500."""
    assert micro(12).size * 5 == 4_500
    space = micro()
    radices = [len(decision.options) for decision in space.decisions]
    rows = np.array(list(product(*map(range, radices))))
    batch = space.rows_to_batch(rows)
    hashes = canonical_hashes(batch)
    forms = [space.canonical(graph) for graph in batch]
    assert len(set(hashes)) == len(set(forms)) == space.size
    assert len(set(zip(hashes, forms, strict=True))) == space.size
    enumerated = [graph for part in space.enumerate() for graph in part]
    assert set(enumerated) == set(forms)
    one = enumerated[17]
    assert all(space.hash(other) != space.hash(one) for other in space.neighbours(one))


def test_large_spaces_are_not_listed() -> None:
    nodes = [DENSE] * 20
    space = DecisionSpace("Large", nodes, [(i, i + 1) for i in range(21)], optional=[(0, 20)])
    assert space.size == 2 * 6**20
    assert not space.is_enumerable
    graph = space.sample(1, np.random.default_rng(0))[0]
    assert len(space.neighbours(graph)) == 20 * 3 + 1
    assert len(next(space.enumerate())) > 1


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("16,sine", "has 1 words, a Skips architecture has one for each of 2 nodes"),
        ("16,sine 4,relu", "node 2 is '4,relu', expected one of 6 from 8,relu to 16,sine"),
        ("16,sine 8,relu 0-2", "'0-2' is no edge, expected two numbers as in 0:3"),
        ("16,sine 8,relu 0:3", "the edge 0→3 is not among those that can be chosen"),
        ("16,sine 8,relu 0:9", "edge 0→9 does not go"),
        ("16,sine 8,relu 0:2 0:2", "an edge is given twice"),
    ],
)
def test_texts_that_are_no_members(text: str, sentence: str) -> None:
    for given in (text, json.dumps({"arch": text})):
        with pytest.raises(ArchitectureError, match=sentence):
            skips().parse(given)


@pytest.mark.parametrize(
    ("types", "edges", "sentence"),
    [
        ((1, 1, 1, 2, 2, 4, 7, 0), None, "node 1 has type 1, 'input', expected 'linear'"),
        ((1, 2, 2, 3, 9, 6, 9, 0), None, "node 4 has type 9, 'act', expected one from 'a' to 'c'"),
        (None, [(3, 5)], "the edge 3→5, which all have, is missing"),
        (None, [(2, 4)], "it has 2 of the edges 1→4, 2→4, 3→4, expected exactly one"),
        (None, [(0, 5)], "the edge 0→5 is not among"),
    ],
)
def test_graphs_that_are_no_members(types: Any, edges: Any, sentence: str) -> None:
    space = micro()
    graph = space.parse("a b + 1:3 1:4")
    changed = ArchitectureGraph(types or graph.types, tuple({*graph.edges} ^ {*(edges or ())}))
    assert sentence in str(space.why_illegal(changed))
    assert not space.legal(GraphBatch.from_graphs([changed]))[0]


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        ([[1, 2, 0, 0, 1]], "expected whole numbers, 6 a row"),
        ([[1, 2, 0, 0, 1, 0.5]], "rows of float64"),
        ([[1, 3, 0, 0, 1, 0]], "activation_1 is 3 in row 0, expected 0 to 2"),
        ([[1], [1, 2]], "expected whole numbers"),
    ],
)
def test_rows_that_are_none(rows: Any, sentence: str) -> None:
    with pytest.raises(ArchitectureError, match=sentence):
        skips().rows_to_batch(rows)


def test_spaces_that_cannot_be() -> None:
    def refused(sentence: str, nodes: Any, edges: Any, **named: Any) -> None:
        with pytest.raises(InputError, match=sentence):
            DecisionSpace("X", nodes, edges, **named)

    refused("edge 1→1 of X does not lead", [DENSE], [(1, 1)])
    refused("edge 0→3 of X does not lead", [DENSE], [(0, 3)])
    refused("edge 0→1 of X is given twice", [DENSE], [(0, 1)], optional=[(0, 1)])
    refused("different nodes", [DENSE], [], alternatives=[[(0, 2), (0, 1)]])
    refused("two types of X are called 'add'", [MERGE, Kind("add")], [(0, 1)])
    refused("another kind 'merge'", [MERGE, Kind("merge")], [(0, 1)])
    refused("nothing is decided in X", [Kind("add")], [(0, 1), (1, 2)])
    many = DecisionSpace("X", [MERGE] * 8, [(0, i) for i in range(1, 9)])
    with pytest.raises(InputError, match="give some of them kinds of their own"):
        many.neighbours(many.sample(1, np.random.default_rng(0))[0])


@pytest.mark.parametrize(
    ("decisions", "sentence"),
    [
        ({"width": ("8", "a b")}, "width of the kind 'k' has the options"),
        ({"width": "16"}, "expected different words"),
        ({"width": (8, 16)}, "expected different words"),
        ({"width": ()}, "expected different words"),
        ({"width": ("8", "8")}, "expected different words"),
        (["width"], "expected a name and a dictionary"),
    ],
)
def test_kinds_that_are_none(decisions: Any, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        Kind("k", decisions)
