"""The runs of searches by a function: failures, interruptions, resuming, and more queries."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path
from typing import Any

import pytest

from datasets.graph import ArchitectureGraph
from examples.adding_a_space import Ladder
from experiment.errors import InputError
from experiment.run import RunFolder
from searchers import SearchResult, search

SPACE = Ladder()


def energy(graph: ArchitectureGraph) -> float:
    return -3.0 - 0.1 * len(graph.edges) - 0.01 * graph.types.count(4)


def values(result: SearchResult) -> list[float | None]:
    return [each.value for each in result.history]


def test_an_exception_is_a_failure_and_the_search_continues(tmp_path: Path) -> None:
    calls = 0

    def fragile(graph: ArchitectureGraph) -> float:
        nonlocal calls
        calls += 1
        if calls % 3 == 0:
            raise ValueError("it does not\nconverge")
        if calls % 3 == 1:
            raise SystemExit(1)
        return energy(graph)

    result = search(SPACE, fragile, 30, "evolution", run=tmp_path / "run", minimise=True)
    assert [each.ok for each in result.history] == [False, True, False] * 10
    rows = list(csv.DictReader((tmp_path / "run" / "queries.csv").open(encoding="utf-8")))
    assert rows[2]["status"] == "failed"
    assert "ValueError: it does not converge" in rows[2]["reason"]


def test_a_function_that_always_raises_is_given_up_and_mended(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = True

    def mistaken(graph: ArchitectureGraph) -> float:
        return 1 / 0 if broken else energy(graph)

    settings: dict[str, Any] = {"method": "evolution", "run": tmp_path / "run", "batch": 3}
    with pytest.raises(InputError, match=r"none of the first 20 .* ZeroDivisionError") as error:
        search(SPACE, mistaken, 40, **settings)
    assert "\n" not in str(error.value)
    (traceback,) = error.value.__notes__
    assert "return 1 / 0 if broken" in traceback
    log = tmp_path / "run" / "metrics.jsonl"
    measured = [line for line in map(json.loads, log.open()) if line["event"] == "measured"]
    assert [line["status"] for line in measured] == ["failed"] * 20
    assert measured[7]["traceback"] == traceback
    said = capsys.readouterr().err
    notation = SPACE.format(SPACE.parse(measured[0]["architecture"]["arch"]))
    assert said.startswith(f"query 1 failed, {notation}: it raised ZeroDivisionError: division")
    assert said.count("\n") == 1
    assert str(log) in said

    broken = False
    result = search(SPACE, mistaken, 40, resume=True, **settings)
    assert [each.ok for each in result.history] == [False] * 20 + [True] * 20
    assert result.history[3].traceback == traceback
    assert "40 queries, 20 failed" in repr(result)


def test_a_resumed_search_that_still_fails_gets_as_many_tries_again(tmp_path: Path) -> None:
    calls = 0

    def always(_: ArchitectureGraph) -> float:
        nonlocal calls
        calls += 1
        raise RuntimeError("no")

    for given_up in (20, 40, 50):
        with pytest.raises(InputError, match=f"none of the first {given_up} "):
            search(SPACE, always, 50, "random", run=tmp_path / "run", resume=True)
        assert calls == given_up


@pytest.mark.parametrize("more", [{}, {"batch": 4}, {"asynchronous": 3}], ids=str)
def test_resumes_where_it_was_killed_and_repeats_no_call(
    more: dict[str, Any], tmp_path: Path
) -> None:
    calls: list[str] = []
    stop = 11

    def counted(graph: ArchitectureGraph) -> float:
        if len(calls) == stop:
            raise KeyboardInterrupt
        calls.append(SPACE.hash(graph))
        return energy(graph)

    settings: dict[str, Any] = {"method": "evolution", "minimise": True, "seed": 5, **more}
    whole = search(SPACE, energy, 24, **{**settings, "run": tmp_path / "whole"})
    with pytest.raises(KeyboardInterrupt):
        search(SPACE, counted, 24, run=tmp_path / "run", **settings)
    assert not (tmp_path / "run" / "result.json").exists()
    log = tmp_path / "run" / "metrics.jsonl"
    log.write_text(log.read_text() + '{"event": "meas')  # killed while it wrote
    stop = 24
    resumed = search(SPACE, counted, 24, run=tmp_path / "run", resume=True, **settings)
    assert values(resumed) == values(whole)
    assert len(calls) == len(set(calls)) == 24
    queries = [(tmp_path / name / "queries.csv").read_bytes() for name in ("whole", "run")]
    assert queries[0] == queries[1]

    again = search(SPACE, counted, 24, run=tmp_path / "run", resume=True, **settings)
    assert values(again) == values(whole)
    assert len(calls) == 24


def test_a_run_of_other_settings_is_refused(tmp_path: Path) -> None:
    settings: dict[str, Any] = {"queries": 6, "method": "random", "run": tmp_path / "run"}
    search(SPACE, energy, **settings)
    before = (tmp_path / "run" / "metrics.jsonl").read_bytes()
    with pytest.raises(InputError, match="resume"):
        search(SPACE, energy, **settings)
    others: tuple[dict[str, Any], ...] = (
        {"minimise": True},
        {"unit": "eV"},
        {"objective": math.sqrt},
        {"seed": 1},
        {"queries": 5, "initial": 5},
        {"known": [("relu", 1.0)]},
        {"form": "official"},
    )
    for other in others:
        with pytest.raises(InputError, match="another experiment"):
            search(SPACE, **{"objective": energy, **settings, "resume": True, **other})
    assert (tmp_path / "run" / "metrics.jsonl").read_bytes() == before


@pytest.mark.usefixtures("cheap_models")
@pytest.mark.parametrize("method", ["bo", "evolution"])
def test_a_finished_run_continues_to_more_queries(
    method: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings: dict[str, Any] = {"method": method, "initial": 5, "minimise": True}
    whole = search(SPACE, energy, 14, run=tmp_path / "whole", **settings)
    run = tmp_path / "run"
    search(SPACE, energy, 9, run=run, **settings)
    assert capsys.readouterr().err == ""
    longer = search(SPACE, energy, 14, run=run, resume=True, **settings)
    assert capsys.readouterr().err.splitlines() == [
        f"{run}: continued from 9 to 14 queries",
        f"{run}: 9 of 14 queries are there already and are not repeated",
    ]
    assert values(longer) == values(whole)
    for name in ("queries.csv", "config.json"):
        assert (run / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    with pytest.raises(InputError, match="its 'queries' is 14, this run's is 9"):
        search(SPACE, energy, 9, run=run, resume=True, **settings)


def test_a_continued_run_has_no_result_until_it_ends_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stop = False

    def stopped(graph: ArchitectureGraph) -> float:
        if stop:
            raise KeyboardInterrupt
        return energy(graph)

    settings: dict[str, Any] = {"method": "random", "run": tmp_path / "run", "batch": 2}
    search(SPACE, stopped, 10, **settings)
    stop = True
    with pytest.raises(KeyboardInterrupt):
        search(SPACE, stopped, 12, resume=True, **settings)
    assert "it might have made other batches" in capsys.readouterr().err
    assert not RunFolder(tmp_path / "run").has_result
    stop = False
    assert len(search(SPACE, stopped, 12, resume=True, **settings).history) == 12


def test_seconds_are_those_of_all_parts(tmp_path: Path) -> None:
    settings: dict[str, Any] = {"method": "random", "initial": 3, "run": tmp_path / "run"}
    search(SPACE, energy, 3, **settings)
    log = tmp_path / "run" / "metrics.jsonl"
    lines = [json.loads(line) for line in log.open()]
    elapsed = [line["elapsed_seconds"] for line in lines if line["event"] == "measured"]
    assert elapsed == sorted(elapsed)
    lines[-1]["elapsed_seconds"] = 1000.0
    log.write_text("".join(json.dumps(line) + "\n" for line in lines))
    seconds = search(SPACE, energy, 4, resume=True, **settings).summary["seconds"]
    assert 1000 < seconds < 1000 + 600
    last = json.loads(log.read_text().splitlines()[-1])
    assert 1000 < last["elapsed_seconds"] < seconds


def test_a_resumed_run_says_that_the_function_was_edited(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def score(graph: ArchitectureGraph) -> float:
        return len(graph.edges)

    first = score

    def score(graph: ArchitectureGraph) -> float:  # type: ignore[no-redef]
        return 2 * len(graph.edges)

    settings: dict[str, Any] = {"method": "random", "initial": 3, "run": tmp_path / "run"}
    search(SPACE, first, 3, **settings)
    search(SPACE, first, 3, resume=True, **settings)
    assert "source" not in capsys.readouterr().err
    result = search(SPACE, score, 4, resume=True, **settings)
    assert "the source of the objective differs" in capsys.readouterr().err
    sizes = [len(each.architecture.edges) for each in result.history]
    assert values(result) == [*sizes[:3], 2 * sizes[3]]
    search(SPACE, score, 4, resume=True, **settings)
    assert "source" not in capsys.readouterr().err


@pytest.mark.parametrize("kept", [True, False])
def test_an_interrupted_search_says_what_is_kept(kept: bool, tmp_path: Path) -> None:
    left = iter([1.0, 2.0])

    def interrupted(_: ArchitectureGraph) -> float:
        value = next(left, None)
        if value is None:
            raise KeyboardInterrupt
        return value

    run = tmp_path / "run"
    with pytest.raises(KeyboardInterrupt) as stopped:
        search(SPACE, interrupted, 5, "random", run=run if kept else None)
    assert not RunFolder(run).has_result
    (note,) = stopped.value.__notes__
    expected = f"2 of 5 queries are kept in {run}" if kept else "2 of 5 queries were made, and none"
    assert note.startswith(expected)
