"""Architectures as users name them when they look one up."""

import json
from typing import Any

import numpy as np
import pytest

from datasets import get_space
from datasets.batch import GraphBatch
from datasets.benchmark import Benchmark, Metric
from datasets.graph import ArchitectureGraph
from datasets.query import look_up
from experiment.errors import InputError

SPACES = ("NB101", "NB201", "ENAS", "ENAS12", "DIGITS101", "NAS_BENCH_GRAPH")


def measured(name: str, count: int = 6) -> Benchmark:
    """Some architectures of a space with accuracies, each once."""
    space = get_space(name)
    drawn = space.sample(count + 1, np.random.default_rng(3))
    graphs = list(dict.fromkeys(space.canonical(graph) for graph in drawn))[:count]
    values = np.linspace(0.1, 0.9, len(graphs))[:, None]
    batch = GraphBatch.from_graphs(graphs, space.max_nodes)
    metric = Metric("validation", "fraction", "seen", values)
    return Benchmark(space, "seen", batch, space.hashes(batch), {"validation": metric}, "some")


def test_prints_what_it_holds() -> None:
    expected = "Benchmark(NB201 on seen: 6 architectures, chosen by validation; metrics validation)"
    assert repr(measured("NB201")) == expected


@pytest.fixture(params=SPACES)
def benchmark_of(request: pytest.FixtureRequest) -> Benchmark:
    return measured(request.param)


def test_every_way_to_name_a_row_finds_it(benchmark_of: Benchmark) -> None:
    space = benchmark_of.space
    for row, graph in enumerate(benchmark_of.graphs):
        name = str(benchmark_of.hashes[row])
        text = space.format(graph)
        ways: list[Any] = [
            graph,
            name,
            name.upper(),
            np.str_(name),
            f" {name}\n",
            text,
            f"  {text} ",
        ]
        ways.append(json.dumps({**space.to_record(graph), "validation": 0.5}))
        for way in ways:
            assert benchmark_of.row(way) == row
            record = benchmark_of.query(way)
            assert (record.known, record.hash) == (True, name)
            assert record.metrics["validation"].tolist() == [pytest.approx(0.1 + 0.16 * row)]
        assert benchmark_of.rows(ways).tolist() == [row] * len(ways)
        assert look_up(benchmark_of, hash_=name.upper())["known"]
    assert benchmark_of.rows(benchmark_of.hashes).tolist() == list(range(len(benchmark_of)))


def test_what_was_not_measured_is_an_answer(benchmark_of: Benchmark) -> None:
    space = benchmark_of.space
    drawn = space.sample(200, np.random.default_rng(8))
    other = next(graph for graph in drawn if space.hash(graph) not in benchmark_of.hashes)
    for way in other, space.format(other), space.hash(other), "0" * 32, "F" * 32:
        record = benchmark_of.query(way)
        assert (record.known, record.metrics) == (False, {})
        assert record.hash == record.hash.lower()
    assert benchmark_of.rows([other, "0" * 32]).tolist() == [-1, -1]


@pytest.mark.parametrize(
    "wrong",
    ["abc", "", "0" * 31, "0" * 33, "g" * 32, None, {}, {"arch": "x"}, 5, 1.0, b"0" * 32, [0], ()],
    ids=repr,
)
def test_what_names_no_architecture_is_one_sentence(benchmark_of: Benchmark, wrong: Any) -> None:
    for call in (benchmark_of.query, benchmark_of.row, lambda one: benchmark_of.rows([one])):
        with pytest.raises(InputError) as raised:
            call(wrong)
        assert "\n" not in str(raised.value)
        assert benchmark_of.space.name in str(raised.value)


def test_an_architecture_of_another_space_is_refused() -> None:
    drawn = {name: get_space(name).sample(1, np.random.default_rng(1))[0] for name in SPACES}
    drawn["NB101"] = ArchitectureGraph((1, 2, 3, 4, 2, 3, 0), tuple((i, i + 1) for i in range(6)))
    for name in ("NB101", "NB201", "ENAS", "ENAS12"):
        table = measured(name)
        for other, graph in drawn.items():
            if other != name and not table.space.is_legal(graph):
                with pytest.raises(InputError, match=f"not an architecture of {name}"):
                    table.query(graph)
                with pytest.raises(InputError, match=name):
                    table.query(get_space(other).format(graph))


def test_a_table_finds_what_it_holds_beyond_its_space() -> None:
    cells = get_space("DIGITS101")
    large = ArchitectureGraph((1, 2, 3, 4, 2, 3, 0), tuple((i, i + 1) for i in range(6)))
    batch = GraphBatch.from_graphs([large], 8)
    values = Metric("validation", "fraction", "seen", np.array([[0.5]]))
    table = Benchmark(cells, "digits", batch, cells.hashes(batch), {"validation": values}, "one")
    assert table.row(large) == table.row(cells.format(large)) == 0
    assert table.row(ArchitectureGraph((1, 2, 2, 2, 2, 2, 0), large.edges)) is None
    with pytest.raises(InputError, match="not an architecture of DIGITS101"):
        table.row(ArchitectureGraph((1, 2, 3, 4, 2, 5, 0), large.edges))
    with pytest.raises(InputError, match="not an architecture of DIGITS101"):
        measured("DIGITS101").row(large)


def test_a_lone_architecture_is_no_list(benchmark_of: Benchmark) -> None:
    for lone in "0" * 32, 5, None:
        with pytest.raises(InputError, match="is no list of architectures"):
            benchmark_of.rows(lone)  # type: ignore[arg-type]
