"""MPNN: sizes, DeepHyper's sequences, notation, and what a space too large to list has to do."""

from __future__ import annotations

import json
from itertools import islice
from typing import Any

import numpy as np
import pytest

from datasets import convert, get_space
from datasets.graph import ArchitectureError, ArchitectureGraph
from datasets.spaces.mpnn import CELL, GATHERS, MPNN
from datasets.testing import check_space

SPACE = MPNN()
TEXT = (
    "gat,4 mean,gru,2 16,relu const,1 max,mlp,4 4,sigmoid cos,6 sum,mlp,3 32,relu6 "
    "attention32 0:3 0:9 3:6 3:9"
)
SEQUENCE = [
    *(2 * 4608 + 1 * 1152 + 1 * 192 + 2 * 48 + 1 * 16 + 0 * 8 + 2, 1),
    *(0 * 4608 + 3 * 1152 + 0 * 192 + 0 * 48 + 0 * 16 + 1 * 8 + 0, 0, 1),
    *(3 * 4608 + 2 * 1152 + 5 * 192 + 3 * 48 + 2 * 16 + 1 * 8 + 7, 1, 1, 0),
    8,
]
"""The same by hand: 4,608 cells a width, 1,152 a number of rounds, 192 an attention, …"""


def test_sizes_are_the_published_ones() -> None:
    assert np.prod([len(options) for options in CELL.values()]) == 18_432
    assert len(GATHERS) == 11
    assert SPACE.size == 18_432**3 * 2**6 * 11 == 4_408_491_871_567_872
    assert (SPACE.max_nodes, len(SPACE.types), len(SPACE.decisions)) == (12, 93, 28)
    assert MPNN(1, 0).size == 18_432 * 11
    assert MPNN(5, 2).size == 18_432**5 * 2 ** (1 + 2 + 2 + 2 + 2) * 11
    assert (SPACE.name, MPNN(2).name, MPNN(3, 1).name) == ("MPNN", "MPNN_2_3", "MPNN_3_1")
    assert get_space("MPNN").size == SPACE.size


def test_the_graph_is_a_chain_with_skip_connections() -> None:
    graph = SPACE.parse(TEXT)
    chain = {(node, node + 1) for node in range(11)}
    assert set(graph.edges) - chain == {(0, 3), (3, 6), (0, 9), (3, 9)}
    names = [SPACE.types[kind] for kind in graph.types]
    assert names == ["input", *TEXT.split()[:10], "output"]
    assert SPACE.canonical(graph) is graph


def test_sequences_are_those_of_deephyper() -> None:
    graph = SPACE.parse(TEXT)
    assert SPACE.sequence(graph) == SEQUENCE
    assert SPACE.from_sequence(SEQUENCE) == graph
    assert SPACE.from_sequence(np.array(SEQUENCE)) == graph
    for space in (SPACE, MPNN(5, 2), MPNN(2, 0)):
        for one in space.sample(20, np.random.default_rng(1)):
            assert space.from_sequence(space.sequence(one)) == one
    assert SPACE.sequence(SPACE.from_sequence([0] * 10)) == [0] * 10
    assert SPACE.from_sequence([18_431, 1, 18_431, 1, 1, 18_431, 1, 1, 1, 10]).types[-2] == 92
    assert convert.write(SPACE, "arch_seq", graph) == SEQUENCE
    assert convert.parse("MPNN", "arch_seq", str(SEQUENCE)) == graph


@pytest.mark.parametrize(
    "text",
    [
        TEXT,
        f"  {TEXT}\n",
        json.dumps({"arch": TEXT, "validation": 0.1}),
        str(SEQUENCE),
        json.dumps({"arch_seq": SEQUENCE}),
        json.dumps({"arch_seq": str(SEQUENCE), "objective": -0.9}),
    ],
)
def test_all_notations_of_one_architecture(text: str) -> None:
    assert SPACE.format(SPACE.parse(text)) == TEXT
    assert SPACE.read(text) == SPACE.parse(text)


def test_other_numbers_of_layers_are_read() -> None:
    for space in (MPNN(1, 0), MPNN(2, 1), MPNN(5)):
        graph = space.sample(1, np.random.default_rng(0))[0]
        assert SPACE.read(space.format(graph)) == graph
        with pytest.raises(ArchitectureError):
            SPACE.parse(space.format(graph))
    with pytest.raises(ArchitectureError, match="has 3 words"):
        SPACE.read("gat,4 mean,gru,2 16,relu")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (str(SEQUENCE[:9]), "9 numbers are no MPNN architecture: 3 layers .* take 10"),
        (str([*SEQUENCE[:9], 11]), "variable 9 is 11, expected 0 to 10"),
        (str([18_432, *SEQUENCE[1:]]), "variable 0 is 18432, expected 0 to 18431"),
        (str([1.5, *SEQUENCE[1:]]), r"variable 0 is a float \(1.5\), expected a number"),
        ('{"arch_seq": 7}', r"an int \(7\) is no list"),
        ('{"arch_seq": {}}', "a dict of 0 is no list of 10 numbers"),
        (TEXT.replace("gat,4", "gat,3"), "node 1 is 'gat,3', expected one of 24 from const,1"),
        (TEXT + " 6:12", "edge 6→12 does not go"),
        (TEXT + " 1:3", "the edge 1→3 is not among those"),
    ],
)
def test_texts_that_are_no_members(text: str, sentence: str) -> None:
    with pytest.raises(ArchitectureError, match=sentence) as caught:
        SPACE.parse(text)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("layers", "distance", "sentence"),
    [
        (85, 3, "layers is 85, expected at most 84"),
        (0, 3, "layers is 0, expected at least 1"),
        (3, -1, "skip_distance is -1"),
        (2.5, 1, "layers"),
    ],
)
def test_sizes_that_make_no_space(layers: Any, distance: Any, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        MPNN(layers, distance)


def test_neighbours_change_one_decision() -> None:
    graph = SPACE.parse(TEXT)
    rows = [SPACE.to_row(other) for other in SPACE.neighbours(graph)]
    assert len(rows) == 3 * (3 + 3 + 5 + 3 + 2 + 1 + 7) + 10 + 6
    own = SPACE.to_row(graph)
    assert all(sum(a != b for a, b in zip(row, own, strict=True)) == 1 for row in rows)


def test_samples_are_uniform_over_cells_and_skip_connections() -> None:
    sequences = np.array(
        [SPACE.sequence(one) for one in SPACE.sample(2000, np.random.default_rng(0))]
    )
    means, largest = (
        sequences.mean(axis=0),
        np.array([18_431, 1, 18_431, 1, 1, 18_431, 1, 1, 1, 10]),
    )
    assert np.abs(means / largest - 0.5).max() < 0.05
    assert len({tuple(row) for row in sequences.tolist()}) == 2000


def test_nothing_lists_the_space() -> None:
    """A list would take years: this test would not end."""
    assert not SPACE.is_enumerable
    first = [graph for batch in islice(SPACE.enumerate(), 2) for graph in batch[:3]]
    assert len(set(first)) == 6
    batch = SPACE.sample_batch(20_000, np.random.default_rng(0))
    assert SPACE.legal(batch).all()
    assert len(set(SPACE.hashes(batch[:2000]).tolist())) == 2000


@pytest.mark.parametrize("space", [MPNN(2, 1)], ids=lambda space: space.name)
def test_other_sizes_keep_the_promises(space: MPNN) -> None:
    check_space(space)


def test_non_members_are_refused() -> None:
    graph = SPACE.parse(TEXT)
    types = list(graph.types)
    types[1], types[2] = types[2], types[1]
    assert "node 1 has type 35, 'mean,gru,2', expected one from 'const,1' to 'cos,6'" in str(
        SPACE.why_illegal(ArchitectureGraph(tuple(types), graph.edges))
    )
