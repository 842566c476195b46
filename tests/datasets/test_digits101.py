"""DIGITS101: the space, the sample of larger cells, and opening its table."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from datasets.batch import GraphBatch
from datasets.benchmark import Metric, NoMeasurementsError
from datasets.graph import ArchitectureGraph
from datasets.pruning import prune
from datasets.registry import get_benchmark, get_space
from datasets.spaces.digits101 import Digits101, larger_cells
from datasets.table import Table, write_table
from experiment.errors import InputError

SPACE = Digits101()
NB101 = get_space("NB101")


@pytest.fixture(scope="module")
def larger() -> list[ArchitectureGraph]:
    return larger_cells()


def test_the_space_is_that_of_the_small_nb101_cells() -> None:
    ours = {SPACE.hash(cell) for batch in SPACE.enumerate() for cell in batch}
    small = {NB101.hash(cell) for batch in NB101.enumerate(max_nodes=5) for cell in batch}  # type: ignore[call-arg]
    assert len(ours) == SPACE.size == 2532
    assert ours == small


def test_a_larger_cell_is_no_member(larger: list[ArchitectureGraph]) -> None:
    assert SPACE.why_illegal(larger[0]) == "it has 6 nodes after pruning, at most 5 are"
    assert not SPACE.legal(GraphBatch.from_graphs(larger)).any()
    generator = np.random.default_rng(0)
    (cell,) = SPACE.sample(1, generator)
    for _ in range(20):
        cell = SPACE.mutate(cell, generator)
        assert SPACE.is_legal(cell)


def test_the_sample_of_larger_cells_is_fixed(larger: list[ArchitectureGraph]) -> None:
    """The committed table has these: a change of the draw would make it another table."""
    assert larger == larger_cells()
    assert Counter(cell.num_nodes for cell in larger) == {6: 100, 7: 100, 8: 100}
    hashes = [SPACE.hash(cell) for cell in larger]
    assert len(set(hashes)) == 300
    assert hashes[0] == "0d51c53d6ff16df9447ef139f9417f59"
    assert hashes[-1] == "897a88ba0a8edf1ce727eb468ffd07ae"


def test_larger_cells_are_cells(larger: list[ArchitectureGraph]) -> None:
    """None dangles; those of 6 and 7 nodes are in NB101, those of 8 cannot be."""
    assert all(prune(cell) == cell for cell in larger)
    assert all(cell.types[0] == 1 and cell.types[-1] == 0 for cell in larger)
    assert all(2 <= kind <= 4 for cell in larger for kind in cell.types[1:-1])
    inside = NB101.legal(GraphBatch.from_graphs(larger))
    assert inside[:200].all()
    assert not inside[200:].any()


@pytest.fixture
def table(larger: list[ArchitectureGraph]) -> Table:
    """Two small cells and one larger one, with two seeds."""
    graphs = [*SPACE.sample(2, np.random.default_rng(0)), larger[-1]]
    values = np.array([[0.5, 0.75], [0.25, np.nan], [0.125, 0.0]])
    columns = {
        f"digits/4/{name}": Metric(name, "fraction", "", values, trial_names=("seed 0", "seed 1"))
        for name in ("validation", "test", "halfway_validation", "halfway_test")
    }
    columns["digits/4/training_seconds"] = Metric("", "seconds", "", values)
    columns["parameters"] = Metric("", "parameters", "", np.array([[10.0], [20.0], [30.0]]))
    columns["mflops"] = Metric("", "MFLOPs", "", np.array([[0.5], [0.25], [0.125]]))
    hashes = np.array([SPACE.hash(graph) for graph in graphs])
    return Table("DIGITS101", GraphBatch.from_graphs(graphs), hashes, columns, "a trial")


def test_opening_a_table(table: Table, tmp_path: Path) -> None:
    path = tmp_path / "mine.npz"
    write_table(path, table)
    benchmark = get_benchmark("DIGITS101", source=path)
    assert (benchmark.space.name, benchmark.dataset, len(benchmark)) == ("DIGITS101", "digits", 2)
    assert list(benchmark.metrics) == [
        "validation", "test", "training_seconds", "halfway_validation", "halfway_test",
        "parameters", "mflops",
    ]  # fmt: skip
    assert benchmark.metric("validation").mean().tolist() == [0.625, 0.25]
    assert benchmark.metric("test").trial_names == ("seed 0", "seed 1")
    assert benchmark.metric("parameters").mean().tolist() == [10, 20]
    assert list(benchmark.graphs) == list(table.graphs)[:2]
    larger = get_benchmark("DIGITS101", source=str(path), cells="larger")
    assert larger.hashes.tolist() == [table.hashes[2]]
    assert larger.metric("mflops").mean().tolist() == [0.125]
    assert larger.query(table.graphs.graph(2)).known
    assert not benchmark.query(table.graphs.graph(2)).known


def test_a_choice_of_none_is_not_given() -> None:
    assert len(get_benchmark("DIGITS101", dataset=None, latency_devices=None)) == 2532


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"dataset": "cifar10"}, "measured on digits only, not on 'cifar10'"),
        ({"cells": "all"}, "has the cells 'complete' and 'larger', not 'all'"),
        ({"epochs": 3}, "measured after 2 and 4 epochs, not after 3"),
        ({"latency_devices": ["all"]}, "has no choice 'latency_devices'"),
    ],
)
def test_wrong_choices_are_sentences(choices: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        get_benchmark("DIGITS101", **choices)


def test_wrong_tables_are_sentences(table: Table, tmp_path: Path) -> None:
    path = tmp_path / "mine.npz"
    with pytest.raises(NoMeasurementsError, match=r"digits101_table makes another"):
        get_benchmark("DIGITS101", source=path)
    other = Table("NB101", table.graphs, table.hashes, table.columns, "")
    write_table(path, other)
    with pytest.raises(InputError, match="is a table of NB101, not of DIGITS101"):
        get_benchmark("DIGITS101", source=path)
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(InputError, match="is damaged or no table of ours"):
        get_benchmark("DIGITS101", source=path)
    write_table(path, Table("DIGITS101", table.graphs, table.hashes, {}, "a trial"))
    with pytest.raises(InputError, match="has no 'digits/4/validation'"):
        get_benchmark("DIGITS101", source=path)
