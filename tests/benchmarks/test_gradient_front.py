"""The benchmark of searches for a front: equal labels, hypervolumes of the table, kept once."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks import gradient_front
from benchmarks.gradient_front import METHODS, Task, search
from datasets import get_benchmark

SOME = ["evolution", "evolution of the front", "random"]


@pytest.fixture(scope="module")
def task() -> Task:
    return Task(get_benchmark("DIGITS101"))


def test_the_whole_table_has_all_of_its_hypervolume(task: Task) -> None:
    reached = task.reached(task.domain.hashes.tolist())
    assert reached["validation"] == pytest.approx(1)
    assert 0.9 < reached["test"] <= 1  # the front is chosen by validation accuracies
    members = task.domain.hashes[task.front(task.domain.hashes.tolist())]
    assert task.reached(members.tolist()) == reached


def test_labels_are_those_of_the_seed_and_ascend(task: Task) -> None:
    first = task.labelled(0)
    rows = task.table.rows(first)
    assert len(set(rows.tolist())) == gradient_front.LABELS
    assert (np.diff(task.values["validation"][rows]) >= 0).all()
    assert rows.tolist() == task.table.rows(task.labelled(0)).tolist()
    assert set(rows.tolist()) != set(task.table.rows(task.labelled(1)).tolist())


@pytest.mark.parametrize(
    ("method", "queries"),
    [*((name, 15) for name in SOME), ("random directions", 5), ("starts alone", 5)],
)
def test_a_search_starts_at_the_labels_and_never_falls(
    method: str, queries: int, task: Task
) -> None:
    found = search(task, METHODS[method], 0, queries)
    start = task.reached([task.table.space.hash(graph) for graph in task.labelled(0)])
    assert len(found["validation"]) == len(found["test"]) == queries + 1
    assert found["validation"][0] == pytest.approx(start["validation"], abs=1e-6)
    assert (np.diff(found["validation"]) >= 0).all()
    assert found["validation"][-1] <= 1


def test_mutants_of_the_front_are_its_neighbours(task: Task) -> None:
    from searchers.problem import table_problem

    searcher = METHODS["evolution of the front"](task, 0)
    known = list(table_problem(task.table, task.domain).estimator.measure(task.labelled(0)))
    searcher.tell(known)
    hashes = [each.hash for each in known]
    parents = [known[row].architecture for row in task.front(hashes)]
    space = task.table.space
    near = {space.hash(graph) for parent in parents for graph in space.neighbours(parent)}
    assert {space.hash(graph) for graph in searcher.ask(10)} <= near - set(hashes)


def test_runs_are_kept_shown_and_drawn(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    results, picture = tmp_path / "kept.json", tmp_path / "front.png"
    common = ["--tasks", "DIGITS101", "--results", str(results), "--out", str(picture)]
    monkeypatch.setattr(gradient_front, "REFERENCE", "random")
    run = ["run", "--methods", "random", "evolution", "--seeds", "2", *common]
    assert gradient_front.main(run) == 0
    kept = json.loads(results.read_text())["results"]["DIGITS101"]
    assert {method: set(runs) for method, runs in kept.items()} == {
        "random": {"0", "1"},
        "evolution": {"0", "1"},
    }
    before = results.read_bytes()
    assert gradient_front.main(run) == 0
    assert results.read_bytes() == before
    assert "random − evolution, paired, 95 % intervals: 25: " in capsys.readouterr().out
    assert gradient_front.main(["page", *common]) == 0
    *_, evolution, random = capsys.readouterr().out.splitlines()
    assert evolution.startswith("| DIGITS101 | `evolution`, 2 | ")
    assert random.startswith("|  | `random`, 2 | ")
    assert random.endswith(" |  |  |")
    assert gradient_front.main(["figure", *common]) == 0
    assert picture.stat().st_size > 10_000
