"""Descriptions of architectures beyond the space: as long as those within, and as right."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest

from datasets import get_space
from datasets.architecture_files import NAMED
from datasets.batch import GraphBatch
from datasets.graph import ArchitectureGraph
from datasets.spaces.digits101 import larger_cells
from datasets.spaces.enas import ENAS
from datasets.testing import relabelled
from experiment.errors import InputError
from predictors.features import describe, make_features

ANY_SIZE = ("statistics", "walks", "neighbourhoods")


@pytest.mark.parametrize("name", ANY_SIZE)
@pytest.mark.parametrize("space", ["DIGITS101", "NB101"])
def test_larger_cells_have_rows_of_the_same_length(space: str, name: str) -> None:
    features = make_features(name, get_space(space))
    inside = get_space(space).sample(20, np.random.default_rng(0))
    beyond = larger_cells()[::10]
    rows = describe(features, GraphBatch.from_graphs([*inside, *beyond]))
    assert np.isfinite(rows).all()
    assert np.array_equal(rows[:20], describe(features, GraphBatch.from_graphs(inside)))
    assert np.array_equal(rows[20:], describe(features, GraphBatch.from_graphs(beyond)))
    generator = np.random.default_rng(1)
    others = [relabelled(cell, generator) for cell in beyond]
    assert np.allclose(describe(features, GraphBatch.from_graphs(others)), rows[20:])


def test_statistics_of_a_cell_of_eight_nodes() -> None:
    cell = NAMED["nb101_cell"]["svge_8_nodes"]
    paths = list(nx.all_simple_paths(cell.to_networkx(), 0, 7))
    inner = [len(path) - 2 for path in paths]
    features = make_features("statistics", get_space("DIGITS101"))
    row = describe(features, GraphBatch.from_graphs([cell]))[0]
    assert np.allclose(row[:8], [8, 16, 3, 7, 1, max(inner), min(inner), np.log(len(paths))])


@pytest.mark.parametrize("name", ANY_SIZE)
def test_networks_of_twelve_layers_are_described_in_the_space_of_six(name: str) -> None:
    generator = np.random.default_rng(2)
    six, twelve = ENAS().sample_batch(5, generator), ENAS(12).sample_batch(5, generator)
    features = make_features(name, ENAS())
    rows = describe(features, GraphBatch.cat([six, twelve]))
    assert np.isfinite(rows).all()
    assert np.array_equal(rows[:5], describe(features, six))
    assert len(np.unique(rows[5:], axis=0)) == 5
    if name == "statistics":
        assert rows[:, 0].tolist() == [8] * 5 + [14] * 5


def test_paths_longer_than_those_of_the_space_are_not_counted() -> None:
    chain = tuple((node, node + 1) for node in range(7))
    cell = ArchitectureGraph((1, *[3] * 6, 0), (*chain, (0, 4), (0, 5)))  # paths of 6, 3 and 2
    for name, counted in (("DIGITS101", 2), ("NB101", 2)):
        row = describe(make_features("paths", get_space(name)), GraphBatch.from_graphs([cell]))
        assert row.sum() == counted


@pytest.mark.parametrize("name", ["one_hot", "one_hot_pairs"])
def test_the_raw_encoding_has_no_places_beyond_the_space(name: str) -> None:
    batch = GraphBatch.from_graphs([NAMED["nb101_cell"]["svge_8_nodes"]])
    with pytest.raises(InputError, match=r"8 nodes, the one-hot encoding of NB101 .* places for 7"):
        describe(make_features(name, get_space("NB101")), batch)
