"""NB201: the benchmark's table decides on order, notation and functional classes."""

from __future__ import annotations

import csv
import gzip
from pathlib import Path

import numpy as np
import pytest

from datasets.batch import GraphBatch
from datasets.graph import ArchitectureError, ArchitectureGraph
from datasets.spaces.nb201 import GRAPH_EDGES, NB201

SPACE = NB201()
FIRST = (
    "|avg_pool_3x3~0|+|nor_conv_1x1~0|skip_connect~1|"
    "+|nor_conv_1x1~0|skip_connect~1|skip_connect~2|"
)


def everything() -> list[ArchitectureGraph]:
    return [graph for batch in SPACE.enumerate() for graph in batch]


def test_first_cell_in_all_notations() -> None:
    graph = SPACE.parse(FIRST)
    assert graph == ArchitectureGraph((1, 4, 2, 5, 2, 5, 5, 0), GRAPH_EDGES)
    assert SPACE.format(graph) == FIRST
    assert SPACE.parse(f' {{"arch": "{FIRST}", "id": 3}}\n') == graph
    assert SPACE.index(graph) == 0
    assert SPACE.from_index(0) == graph


def test_enumeration_and_classes_are_the_tables(data_root: Path) -> None:
    with gzip.open(data_root / "nasbench201" / "nb201.csv.gz", "rt") as file:
        rows = list(csv.DictReader(file))
    graphs = everything()
    assert [SPACE.format(graph) for graph in graphs] == [row["arch_str"] for row in rows]
    ours = [SPACE.functional_class(graph) for graph in graphs]
    theirs = [row["iso_class"] for row in rows]
    assert len(set(ours)) == len(set(theirs)) == len(set(zip(ours, theirs, strict=True))) == 6466


def test_every_cell_once_and_its_index() -> None:
    graphs = everything()
    assert len(set(graphs)) == SPACE.size == 15_625
    assert [SPACE.index(graph) for graph in graphs] == list(range(SPACE.size))
    assert len({SPACE.functional_class(graph) for graph in graphs}) == 6466
    assert len(set(SPACE.hashes(GraphBatch.from_graphs(graphs)).tolist())) == SPACE.size


def test_skip_connections_and_zeros_disappear_from_the_class() -> None:
    through_skip = SPACE.parse(
        "|skip_connect~0|+|nor_conv_3x3~0|none~1|+|none~0|avg_pool_3x3~1|none~2|"
    )
    directly = SPACE.parse("|none~0|+|none~0|none~1|+|avg_pool_3x3~0|none~1|none~2|")
    other = SPACE.parse("|none~0|+|none~0|none~1|+|nor_conv_3x3~0|none~1|none~2|")
    assert SPACE.functional_class(through_skip) == SPACE.functional_class(directly)
    assert SPACE.functional_class(other) != SPACE.functional_class(directly)


def test_index_out_of_range_is_refused() -> None:
    for index in (-1, 15_625):
        with pytest.raises(ArchitectureError, match="0 to 15624"):
            SPACE.from_index(index)


def test_neighbours_differ_in_one_operation() -> None:
    graph = SPACE.from_index(11)
    found = SPACE.neighbours(graph)
    assert len(set(found)) == 24
    for other in found:
        assert sum(a != b for a, b in zip(graph.types, other.types, strict=True)) == 1


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (((1, 2, 2, 2, 2, 2, 0), GRAPH_EDGES[:6]), "7 nodes"),
        (((1, 2, 2, 2, 2, 2, 2, 2), GRAPH_EDGES), "ends with type 2"),
        (((1, 2, 7, 2, 2, 2, 2, 0), GRAPH_EDGES), "node 2 has type 7"),
        (((1, 2, 2, 2, 2, 1, 2, 0), GRAPH_EDGES), "node 5 has type 1"),
        (((1, 2, 2, 2, 2, 2, 2, 0), GRAPH_EDGES[1:]), "0→1 is missing"),
        (((1, 2, 2, 2, 2, 2, 2, 0), (*GRAPH_EDGES, (3, 7))), "3→7 is too much"),
    ],
)
def test_what_is_no_member_says_why(change: tuple, reason: str) -> None:
    graph = ArchitectureGraph(*change)
    assert reason in str(SPACE.why_illegal(graph))
    batch = GraphBatch.from_graphs([graph, SPACE.from_index(3)], max_nodes=9)
    assert SPACE.legal(batch).tolist() == [False, True]
    assert not SPACE.legal(batch.padded(9)[:1]).any()


def test_batch_too_narrow_for_any_member_has_none() -> None:
    small = GraphBatch.from_graphs([ArchitectureGraph((1, 0), ((0, 1),))])
    assert SPACE.legal(small).tolist() == [False]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "1 parts"),
        ("|none~0|+|none~0|none~1|", "2 parts"),
        ("none~0|+|none~0|none~1|+|none~0|none~1|none~2|", "part 1"),
        ("|none~0|+|none~0|+|none~0|none~1|none~2|", "part 2"),
        ("|conv~0|+|none~0|none~1|+|none~0|none~1|none~2|", "'conv' is unknown"),
        ("|none~0|+|none~0|none~0|+|none~0|none~1|none~2|", "expected 1"),
        ("|none|+|none~0|none~1|+|none~0|none~1|none~2|", "expected 0"),
        ('{"arch": 3}', "'arch'"),
        ('{"matrix": 3}', "no key 'arch'"),
        ('{"arch": ', "is no JSON"),
    ],
)
def test_bad_text_is_refused(text: str, message: str) -> None:
    with pytest.raises(ArchitectureError, match=message):
        SPACE.parse(text)


def test_samples_are_uniform() -> None:
    graphs = SPACE.sample(4000, np.random.default_rng(0))
    types = np.array([graph.types[1:-1] for graph in graphs])
    for kind in range(2, 7):
        assert (abs((types == kind).mean(axis=0) - 0.2) < 0.04).all()
