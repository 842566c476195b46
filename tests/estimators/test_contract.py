"""What every estimator does with the same cells, and that it does not matter who does the work."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from datasets.batch import GraphBatch
from datasets.benchmark import Benchmark, Metric
from datasets.graph import ArchitectureGraph
from datasets.space import SearchSpace
from estimators.evaluations import sweep
from estimators.from_scratch import FromScratch
from estimators.lookup import LookUp
from estimators.measurement import Measurement
from experiment.engine import Processes

Cells = dict[str, ArchitectureGraph]
ASKED = ("first", "second", "same", "apart", "first", "dangling", "third")
KINDS = ("look_up", "this_process", "processes")


@pytest.fixture(scope="module")
def benchmark(space: SearchSpace, cells: Cells) -> Benchmark:
    """A table without the third cell."""
    graphs = [cells["first"], cells["second"]]
    metrics = {
        name: Metric(name, "fraction", "", np.array([[value], [value / 2]]))
        for name, value in {"validation": 0.5, "test": 0.25, "halfway_test": 0.125}.items()
    }
    hashes = np.array([space.hash(cell) for cell in graphs])
    return Benchmark(space, "digits", GraphBatch.from_graphs(graphs), hashes, metrics, "")


@pytest.fixture(scope="module")
def trained() -> dict[str, list[Any]]:
    """Engine → architectures that it was given to train."""
    return {}


@pytest.fixture(scope="module")
def measured(
    benchmark: Benchmark,
    cells: Cells,
    from_scratch: Callable[..., FromScratch],
    counting: Callable[..., Any],
    trained: dict[str, list[Any]],
) -> dict[str, list[Measurement]]:
    """What each kind of estimator answers to the same question."""
    architectures = [cells[name] for name in ASKED]
    answers = {"look_up": list(LookUp(benchmark).measure(architectures))}
    with Processes(1) as processes:
        engines = {"this_process": counting(), "processes": counting(processes)}
        for kind, engine in engines.items():
            answers[kind] = list(sweep(from_scratch(), architectures, engine))
            trained[kind] = engine.items
    return answers


def answer(measured: list[Measurement], architecture: ArchitectureGraph) -> Measurement:
    return next(one for one in measured if one.architecture == architecture)


@pytest.mark.parametrize("kind", KINDS)
def test_one_measurement_for_each_that_was_asked(
    measured: dict[str, list[Measurement]], cells: Cells, kind: str
) -> None:
    asked = sorted((cells[name].types, cells[name].edges) for name in ASKED)
    answered = [one.architecture for one in measured[kind]]
    assert sorted((graph.types, graph.edges) for graph in answered) == asked


@pytest.mark.parametrize("kind", KINDS)
def test_what_can_be_measured_is_ok(
    measured: dict[str, list[Measurement]], cells: Cells, space: SearchSpace, kind: str
) -> None:
    for name in ("first", "second"):
        found = answer(measured[kind], cells[name])
        assert found.ok
        assert found.status == "ok"
        assert found.reason == ""
        assert found.hash == space.hash(cells[name])
        assert found.validation is not None
        assert found.test is not None
        assert 0 <= found.validation <= 1
        assert 0 <= found.test <= 1
        assert all(isinstance(value, float) for value in found.details.values())


@pytest.mark.parametrize("kind", KINDS)
def test_isomorphic_architectures_have_one_answer(
    measured: dict[str, list[Measurement]], cells: Cells, kind: str
) -> None:
    first = answer(measured[kind], cells["first"])
    for name in ("same", "dangling"):
        other = answer(measured[kind], cells[name])
        assert replace(other, architecture=first.architecture) == first


@pytest.mark.parametrize("kind", ["this_process", "processes"])
def test_isomorphic_architectures_are_trained_once(
    measured: dict[str, list[Measurement]], trained: dict[str, list[Any]], kind: str
) -> None:
    assert len(measured[kind]) == 7
    assert len(trained[kind]) == 3


@pytest.mark.parametrize("kind", KINDS)
def test_no_path_to_the_output_is_a_failure_with_a_reason(
    measured: dict[str, list[Measurement]], cells: Cells, kind: str
) -> None:
    found = answer(measured[kind], cells["apart"])
    assert (found.status, found.ok, found.validation, found.hash) == ("failed", False, None, "")
    assert found.reason.startswith("no path leads from the first node to the last")


def test_what_is_not_in_the_table_is_unknown(
    measured: dict[str, list[Measurement]], cells: Cells, space: SearchSpace
) -> None:
    found = answer(measured["look_up"], cells["third"])
    assert (found.status, found.validation) == ("unknown", None)
    assert found.reason == "it is not in the table"
    assert found.hash == space.hash(cells["third"])
    assert answer(measured["this_process"], cells["third"]).ok


@pytest.mark.parametrize("kind", KINDS)
def test_a_line_of_json_and_back(
    measured: dict[str, list[Measurement]], space: SearchSpace, kind: str
) -> None:
    for one in measured[kind]:
        line = one.to_json(space)
        assert "\n" not in line
        record = json.loads(line)
        architecture = space.read(json.dumps({key: record.pop(key) for key in ("matrix", "ops")}))
        assert Measurement(architecture, record.pop("hash"), **record) == one


def numbers(measured: list[Measurement]) -> dict[str, dict[str, Any]]:
    """Hash → figures, without the time that it took."""
    return {one.hash: {**one.figures(), "cost_seconds": None} for one in measured}


def test_it_does_not_matter_who_does_the_work(measured: dict[str, list[Measurement]]) -> None:
    assert numbers(measured["processes"]) == numbers(measured["this_process"])
    seconds = [one.cost_seconds for one in measured["processes"] if one.ok]
    assert all(second is not None and 0 < second < 60 for second in seconds)


def test_the_same_seed_gives_the_same_numbers(
    measured: dict[str, list[Measurement]], cells: Cells, from_scratch: Callable[..., FromScratch]
) -> None:
    """Another seed gives others, of the same network."""
    (first, again, other) = (
        numbers(list(from_scratch(seed=seed).measure([cells["first"]]))) for seed in (0, 0, 1)
    )
    assert first == again
    (name,) = first
    assert first[name] == numbers(measured["this_process"])[name]
    assert first[name]["parameters"] == other[name]["parameters"]
    assert first[name]["validation"] != other[name]["validation"]
    assert first[name]["details"] != other[name]["details"]
