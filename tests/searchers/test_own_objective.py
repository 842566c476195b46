"""Searches by a function of the user's own: results, failures, resuming, known values, refusals."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from datasets import get_space
from datasets.graph import ArchitectureGraph
from datasets.objective import Objective
from examples.adding_a_space import Ladder
from experiment.errors import InputError
from experiment.files import plain
from experiment.run import RunFolder
from searchers import SearchResult, search

SPACE = Ladder()
"""A space that no registry knows."""


def energy(graph: ArchitectureGraph) -> float:
    """In eV, negative, lowest where there are most skip connections and sines."""
    return -3.0 - 0.1 * len(graph.edges) - 0.01 * graph.types.count(4)


def values(result: SearchResult) -> list[float | None]:
    return [each.value for each in result.history]


def test_finds_the_lowest_energy_and_leaves_a_finished_run(tmp_path: Path) -> None:
    result = search(SPACE, energy, 60, "evolution", run=tmp_path / "mine", minimise=True, unit="eV")
    assert result.best is not None
    assert result.best.value == min(v for v in values(result) if v is not None)
    assert result.best.value < np.median([v for v in values(result) if v is not None])
    assert energy(result.best.architecture) == result.best.value
    assert SPACE.parse(result.best.notation) == result.best.architecture
    assert len({each.hash for each in result.history}) == len(result.history) == 60
    assert result.network.startswith("# no network is known for Ladder")
    assert " eV of " in repr(result)
    assert "60 queries" in repr(result)

    folder = tmp_path / "mine"
    written = json.loads((folder / "result.json").read_text())
    assert written["best_observed"]["value"] == result.best.value
    assert written["best_observed"]["notation"] == result.best.notation
    assert written["best_observed"]["architecture"] == {"arch": result.best.notation}
    assert written["objective"] == plain(Objective("energy", maximise=False, unit="eV"))
    assert json.loads((folder / "config.json").read_text())["objective"] == written["objective"]
    rows = list(csv.DictReader((folder / "queries.csv").open(encoding="utf-8")))
    assert [float(row["value"]) for row in rows] == values(result)
    assert [row["architecture"] for row in rows] == [each.notation for each in result.history]
    assert {row["status"] for row in rows} == {"ok"}


def test_maximises_unless_told_otherwise() -> None:
    result = search(SPACE, lambda graph: len(graph.edges), 20, "random")
    assert result.best is not None
    assert result.best.value == max(v for v in values(result) if v is not None)
    assert result.run is None
    assert result.objective.name == "objective"


ODD: dict[str, Any] = {
    "nan": math.nan,
    "infinite": -math.inf,
    "nothing": None,
    "text": "0.5",
    "true": True,
    "two numbers": np.zeros(2),
    "too large": 10**400,
    "complex": 1j,
}


def test_what_is_no_number_is_a_failure_with_a_reason() -> None:
    answers = iter([*ODD.values(), np.float32(1.5), np.array([2.5]), torch.tensor(3), 4])
    result = search(SPACE, lambda _: next(answers), len(ODD) + 5, "random")
    failed = result.history[: len(ODD)]
    assert not any(each.ok for each in failed)
    assert all("expected a finite number" in each.reason for each in failed)
    assert values(result)[len(ODD) :] == [1.5, 2.5, 3.0, 4.0, None]
    assert result.history[-1].reason == "it raised StopIteration: StopIteration"
    assert result.summary["failed"] == len(ODD) + 1


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


SCALES: dict[str, Callable[[ArchitectureGraph], float]] = {
    "huge": lambda graph: 1e300 * energy(graph),
    "tiny": lambda graph: 1e-300 * energy(graph),
    "far from zero": lambda graph: 1e12 + energy(graph),
    "constant": lambda _: -1.0,
    "two values": lambda graph: len(graph.types) % 2,
}


@pytest.mark.parametrize("scale", SCALES.values(), ids=SCALES)
@pytest.mark.parametrize("method", ["bo", "local_search"])
def test_any_scale_is_searched(
    method: str, scale: Callable[[ArchitectureGraph], float], tmp_path: Path
) -> None:
    result = search(
        SPACE, scale, 8, method, run=tmp_path / "run", initial=6, minimise=True, batch=2
    )
    assert values(result) == [scale(each.architecture) for each in result.history]
    assert result.best is not None
    assert result.best.value == min(v for v in values(result) if v is not None)


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
        f"{run}: its 9 queries are continued to 14",
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
    assert "its batches might have been others" in capsys.readouterr().err
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


def test_known_measurements_are_told_and_not_repeated(tmp_path: Path) -> None:
    rows = [SPACE.format(g) for g in SPACE.sample(15, np.random.default_rng(0))]
    best = "sine,sine,sine,sine 0:2 1:3"
    known: list[tuple[Any, Any]] = [(row, energy(SPACE.parse(row))) for row in rows]
    known += [(SPACE.parse(best), -9.0), ("tanh,relu", math.nan), ("tanh,tanh", None)]
    hashes = {SPACE.hash(SPACE.parse(a) if isinstance(a, str) else a) for a, _ in known}
    result = search(SPACE, energy, 12, "bo", known=known, minimise=True, start=[best, "relu"])
    assert not hashes & {each.hash for each in result.history}
    assert len(result.history) == 12
    assert result.history[0].notation == "relu"  # the other start is known
    assert result.best is not None
    assert (result.best.notation, result.best.value, result.best.query) == (best, -9.0, 0)

    lines = ["arch,energy", *(f'"{row}",{energy(SPACE.parse(row))}' for row in rows)]
    (tmp_path / "known.csv").write_text("\n".join(lines) + "\n")
    from_file = search(SPACE, energy, 6, "random", known=tmp_path / "known.csv")
    from_pairs = search(SPACE, energy, 6, "random", known=known[:15])
    assert values(from_file) == values(from_pairs)


def test_known_measurements_may_be_a_dictionary() -> None:
    graph = SPACE.parse("relu,tanh")
    known = {"relu": -9.0, graph: None, "sine": math.nan}
    result = search(SPACE, energy, 3, "random", known=known, minimise=True)
    assert result.best is not None
    assert (result.best.notation, result.best.query) == ("relu", 0)
    assert {"relu", "relu,tanh", "sine"}.isdisjoint(each.notation for each in result.history)


def test_a_function_may_take_the_notation() -> None:
    result = search(SPACE, lambda text: text.count("sine"), 10, "random", form="official")
    assert values(result) == [each.notation.count("sine") for each in result.history]


def test_a_function_that_cannot_be_sent_to_workers_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be sent to worker processes"):
        search(SPACE, lambda _: 1.0, 4, "random", batch=2, workers=2, run=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_percentages_with_the_unit_fraction_are_told_of_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flags: dict[str, Any] = {"method": "random", "unit": "fraction", "run": tmp_path / "run"}
    result = search(SPACE, lambda graph: 70 + len(graph.edges), 5, **flags)
    told = capsys.readouterr().err
    assert told.count("a fraction lies between 0 and 1") == told.count("give the unit %") == 1
    assert len(result.history) == 5
    search(SPACE, lambda graph: 70 + len(graph.edges), 5, resume=True, **flags)
    search(SPACE, lambda graph: len(graph.edges) / 100, 5, "random", unit="fraction")
    search(SPACE, lambda graph: 70 + len(graph.edges), 5, "random", unit="%")
    assert "fraction" not in capsys.readouterr().err


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "no function": ({"objective": 3}, "expected a function"),
    "no space": ({"space": 5}, "expected a name or a SearchSpace"),
    "an unknown space": ({"space": "NB999"}, "no search space is called"),
    "an unknown method": ({"method": "anneal"}, "no search is called 'anneal'"),
    "an unknown form": ({"form": "string"}, "has no form 'string'"),
    "nothing to resume": ({"resume": True, "run": None}, "nothing to resume"),
    "no queries": ({"queries": 0}, "queries is 0, expected"),
    "queries that are no number": ({"queries": "50"}, "expected a whole number"),
    "more than there are": ({"queries": 10_000}, "more than the 5199 architectures"),
    "a batch of an asynchronous search": ({"batch": 2, "asynchronous": 2}, "leave batch out"),
    "weights that nothing reads": ({"weights": "SVGE_NB201", "method": "bo"}, "reads no weights"),
    "known text": ({"known": [("relu", "low")]}, "entry 1 of the known measurements"),
    "known that is no pair": ({"known": [3]}, "expected a pair"),
    "known of another space": ({"known": [(get_space("NB201"), 1.0)]}, "no architecture"),
    "known percentages": (
        {"known": [("relu", 71.3)], "unit": "fraction"},
        "in the known measurements energy is 71.3, but a fraction lies between 0 and 1",
    ),
    "known arrays": ({"known": [("relu", np.ones(2))]}, "expected a finite number"),
    "known that is no list": ({"known": 5}, "expected pairs of an architecture and its value"),
    "one architecture to start from": ({"start": "relu"}, "expected a list of architectures"),
    "no list to start from": ({"start": 5}, "expected a list of architectures"),
    "more to start from than queries": (
        {"start": ["relu", "tanh"], "queries": 1},
        "starts from 2 architectures and may measure 1",
    ),
    "a word for a truth value": ({"minimise": "no"}, "expected True or False"),
    "a unit that is no name": ({"unit": 5}, "expected its name as a string"),
    "a negative seed": ({"seed": -1}, "seed is -1, expected at least 0"),
    "a batch that is no number": ({"batch": "2"}, "batch is a str"),
    "none at once": ({"asynchronous": 0}, "asynchronous is 0, expected at least 1"),
    "random ones that are no number": ({"initial": "3"}, "initial is a str"),
    "a folder that is no path": ({"run": 5}, "run is an int"),
    "a data root that is no path": ({"data_root": 5}, "data_root is an int"),
}


@pytest.mark.parametrize(("wrong", "expected"), BAD.values(), ids=BAD)
def test_refuses_bad_input_in_one_sentence(
    wrong: dict[str, Any], expected: str, tmp_path: Path
) -> None:
    settings = {"space": SPACE, "objective": energy, "queries": 5, "method": "random"}
    settings["run"] = tmp_path / "run"
    with pytest.raises(InputError, match=expected) as error:
        search(**{**settings, **wrong})
    assert "\n" not in str(error.value)
    assert not (tmp_path / "run").exists()


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
