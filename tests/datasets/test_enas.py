"""ENAS: rows, graphs and the two written notations, for 6 and 12 layers."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from datasets.batch import GraphBatch
from datasets.graph import ArchitectureError, ArchitectureGraph
from datasets.spaces.enas import ENAS, macro_architecture

SIX, TWELVE, THREE = ENAS(), ENAS(12), ENAS(3)
LAYERS = [[1], [4, 0], [5, 0, 0], [0, 1, 1, 1], [2, 1, 1, 1, 1], [3, 0, 0, 0, 0, 1]]
FLAT = "1 4 0 5 0 0 0 1 1 1 2 1 1 1 1 3 0 0 0 0 1"
GRAPH = ArchitectureGraph(
    (1, 3, 6, 7, 2, 4, 5, 0),
    (
        *((i, i + 1) for i in range(7)),
        *((0, 4), (1, 4), (2, 4), (0, 5), (1, 5), (2, 5), (3, 5), (4, 6)),
    ),
)


def test_one_architecture_in_all_notations() -> None:
    assert SIX.from_layers(LAYERS) == GRAPH
    assert SIX.to_layers(GRAPH) == LAYERS
    assert SIX.format(GRAPH) == FLAT
    assert SIX.to_record(GRAPH) == {"arch": FLAT}
    for text in (FLAT, str(LAYERS), f'{{"arch": "{FLAT}", "validation": 0.7}}', f"  {FLAT}\n"):
        assert SIX.parse(text) == GRAPH
    assert SIX.from_row(SIX.to_row(GRAPH)) == GRAPH
    assert SIX.rows_to_batch(np.array([SIX.to_row(GRAPH)])).graph(0) == GRAPH


@pytest.mark.parametrize("space", [SIX, TWELVE, THREE], ids=["6", "12", "3"])
def test_rows_and_batches_are_inverse(space: ENAS) -> None:
    batch = space.sample_batch(200, np.random.default_rng(0))
    rows = space.batch_to_rows(batch)
    assert rows.shape == (200, space.row_length)
    assert list(space.rows_to_batch(rows)) == list(batch)
    assert [space.to_row(graph) for graph in batch] == rows.tolist()


def test_sizes() -> None:
    assert (SIX.row_length, TWELVE.row_length) == (21, 78)
    assert (SIX.max_nodes, TWELVE.max_nodes) == (8, 14)
    assert SIX.size == 6**6 * 2**15
    assert (SIX.name, TWELVE.name) == ("ENAS", "ENAS12")
    with pytest.raises(ArchitectureError, match="at least 1 layer, 0 were"):
        ENAS(0)


@pytest.mark.parametrize("layers", [1, 2, 6, 12, 24])
def test_any_number_of_layers_is_read_off_the_text(layers: int) -> None:
    space = ENAS(layers)
    for graph in space.sample(5, np.random.default_rng(layers)):
        flat = space.format(graph)
        for text in (flat, f" {flat} ", str(space.to_layers(graph)), f'{{"arch": "{flat}"}}'):
            assert macro_architecture(text) == graph


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "0 numbers .* 1 for 1 or 3 for 2"),
        ("1 3", "2 numbers .* 1 for 1 or 3 for 2"),
        (FLAT + " 1", "22 numbers .* 21 for 6 or 28 for 7"),
        ("6 1 0", "operation of layer 0.* is '6'"),
        ("1 1 2", "skip connection of layer 1.* is '2'"),
        ("[[1],[2]]", "layer 1 of the row has 1 numbers, expected 2"),
        ("[]", "at least 1 layer"),
        ("[1", "no JSON"),
    ],
)
def test_texts_that_are_no_macro_architecture(text: str, message: str) -> None:
    with pytest.raises(ArchitectureError, match=message):
        macro_architecture(text)


def test_small_space_is_enumerated_in_the_order_of_its_rows() -> None:
    rows = np.concatenate([THREE.batch_to_rows(batch) for batch in THREE.enumerate()])
    assert len(rows) == THREE.size == 6**3 * 2**3
    assert rows.tolist() == sorted(rows.tolist())
    assert len(np.unique(rows, axis=0)) == len(rows)


def test_large_space_is_enumerated_lazily() -> None:
    batches = [SIX.batch_to_rows(batch) for batch in islice(SIX.enumerate(), 3)]
    rows = np.concatenate(batches).tolist()
    assert rows == sorted(rows)
    assert len({tuple(row) for row in rows}) == len(rows)
    assert rows[0] == [0] * 21


def test_neighbours_differ_in_one_number() -> None:
    found = SIX.neighbours(GRAPH)
    assert len(set(found)) == 6 * 5 + 15
    for other in found:
        pairs = zip(SIX.to_row(GRAPH), SIX.to_row(other), strict=True)
        assert sum(a != b for a, b in pairs) == 1


def test_samples_are_uniform() -> None:
    rows = SIX.batch_to_rows(SIX.sample_batch(4000, np.random.default_rng(1)))
    assert abs(rows[:, 2].mean() - 0.5) < 0.05
    assert abs(rows[:, 1].mean() - 2.5) < 0.15


@pytest.mark.parametrize(
    ("graph", "reason"),
    [
        (TWELVE.sample(1, np.random.default_rng(0))[0], "14 nodes"),
        (ArchitectureGraph((2, *GRAPH.types[1:]), GRAPH.edges), "begins with type 2"),
        (ArchitectureGraph((*GRAPH.types[:-1], 3), GRAPH.edges), "ends with type 3"),
        (ArchitectureGraph((1, 1, *GRAPH.types[2:]), GRAPH.edges), "node 1 has type 1"),
        (ArchitectureGraph((1, 8, *GRAPH.types[2:]), GRAPH.edges), "node 1 has type 8"),
        (ArchitectureGraph(GRAPH.types, GRAPH.edges[1:]), "0→1 of the chain"),
        (ArchitectureGraph(GRAPH.types, (*GRAPH.edges, (0, 7))), "node 0 feeds the output"),
    ],
)
def test_what_is_no_member_says_why(graph: ArchitectureGraph, reason: str) -> None:
    assert reason in str(SIX.why_illegal(graph))
    assert SIX.legal(GraphBatch.from_graphs([graph, GRAPH])).tolist() == [False, True]
    with pytest.raises(ArchitectureError, match=reason):
        SIX.format(graph)
    with pytest.raises(ArchitectureError, match="graph 0 of the batch"):
        SIX.batch_to_rows(GraphBatch.from_graphs([graph]))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "0 numbers"),
        (FLAT[:-2], "20 numbers"),
        (FLAT + " 0", "22 numbers"),
        ("6" + FLAT[1:], "operation of layer 0.*'6'"),
        (FLAT[:-1] + "2", "number 20.*skip connection of layer 5"),
        (FLAT[:-1] + "x", "'x'"),
        (FLAT[:-1] + "²", "'²'"),
        (str(LAYERS[:-1]), "5 layers"),
        (str([*LAYERS[:-1], [3, 0, 0, 0, 0]]), "layer 5 of the row has 5 numbers, expected 6"),
        (str([*LAYERS[:-1], 3]), "layer 5 of the row has no numbers"),
        (str(LAYERS).replace("[1]", "[true]"), "'True'"),
        (str(LAYERS).replace("[1]", "[1.0]"), "'1.0'"),
        (str(LAYERS)[:-1], "is no JSON"),
        ('{"arch": [1]}', "'arch'"),
        ("{}", "no key 'arch'"),
    ],
)
def test_bad_text_is_refused(text: str, message: str) -> None:
    with pytest.raises(ArchitectureError, match=message):
        SIX.parse(text)


def test_bad_rows_are_refused() -> None:
    with pytest.raises(ArchitectureError, match=r"\(1, 20\)"):
        SIX.rows_to_batch(np.zeros((1, 20), dtype=int))
    rows = np.zeros((3, 21), dtype=int)
    rows[1, 5] = 2
    with pytest.raises(ArchitectureError, match="row 1: number 5"):
        SIX.rows_to_batch(rows)


def test_measured_rows_are_members(data_root: Path) -> None:
    lines = (data_root / "ENAS" / "final_structures6.txt").read_text().splitlines()[::500]
    for line in lines:
        row = line[: line.rindex("]") + 1]
        graph = SIX.parse(row)
        assert str(SIX.to_layers(graph)) == row.strip()
