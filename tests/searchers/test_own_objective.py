"""Searches by a function of the user's own: results, values, known measurements, refusals."""

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
from searchers import RandomSearch, SearchResult, search

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


class Backwards(RandomSearch):
    """A searcher that no registry knows."""


def test_a_searcher_of_ones_own_is_given_as_it_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plain_random = search(SPACE, energy, 5, "random", seed=2)
    result = search(SPACE, energy, 5, Backwards, run=tmp_path / "run", seed=2)
    assert values(result) == values(plain_random)
    assert RunFolder(tmp_path / "run").config["method"] == "Backwards"
    made = search(SPACE, energy, 5, lambda domain, seed, n: Backwards(domain, seed, n), seed=2)
    assert values(made) == values(plain_random)
    with pytest.raises(InputError, match="its 'method' is 'Backwards'"):
        search(SPACE, energy, 5, "random", run=tmp_path / "run", resume=True, seed=2)


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
    "a searcher that is a space": ({"method": SPACE}, "no search is called"),
    "weights of a searcher of one's own": (
        {"weights": "SVGE_NB201", "method": RandomSearch},
        "'RandomSearch' reads no weights",
    ),
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
