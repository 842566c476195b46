"""How the searches on molecules are compared."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks import molecule_searches
from benchmarks.molecule_baselines import descriptors
from benchmarks.worker_time import workers_of
from estimators.by_curve import AT_WORK
from searchers.declared.problem import NASProblem


def folder_of(place: Path, result: dict[str, Any], *lines: dict[str, Any]) -> Path:
    (place / "result.json").write_text(json.dumps(result))
    (place / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return place


def asked(name: str, at: float, seconds: float = 0.0) -> dict[str, Any]:
    return {"event": "asked", "names": [name], "elapsed_seconds": at, "seconds": seconds}


def measured(name: str, at: float, work: float | None, value: float | None = 1.0) -> dict[str, Any]:
    found = {"event": "measured", "hash": name, "elapsed_seconds": at, "validation": value}
    return {**found, "cost_seconds": work, "details": {} if work is None else {AT_WORK: work}}


def test_idle_time_is_that_of_starting_of_the_end_or_the_drivers(tmp_path: Path) -> None:
    result = {"workers": 2, "seconds": 20.0, "training_seconds": 24.0, AT_WORK: 26.0}
    folder = folder_of(
        tmp_path,
        result,
        *(asked("a", 0.0), asked("b", 0.0), measured("a", 8.0, 5.0), asked("c", 9.0)),
        *(measured("b", 10.0, 7.0), asked("d", 10.5), measured("c", 16.0, 7.0)),
        measured("d", 20.0, 7.0),
    )
    found = workers_of(folder)
    assert found["seconds"]["starting"] == 6.0
    assert found["seconds"]["nothing more to do"] == 4.0
    assert found["seconds"]["driver"] == 2 * 20 - 26 - 6 - 4
    assert found["driver_share_of_training"] == pytest.approx(4 / 24)


def test_incumbents_are_compared_at_equal_seconds(tmp_path: Path) -> None:
    folder = folder_of(
        tmp_path,
        {},
        *(asked("a", 0.0, 1.0), measured("a", 9.0, 4.0, 3.0), asked("b", 9.0, 1.0)),
        *(measured("b", 9.0, None, None), asked("c", 9.0), measured("c", 9.0, 2.0, 2.0)),
    )
    curve = molecule_searches.incumbents(folder)
    assert curve[0].tolist() == [5.0, 6.0, 8.0]
    seconds = (1.0, 5.0, 7.9, 8.0, 99.0)
    assert [molecule_searches.value_at(curve, each) for each in seconds] == [
        3.0,
        3.0,
        3.0,
        2.0,
        2.0,
    ]


def test_problems_are_those_of_the_protocol() -> None:
    given = type("Flags", (), {"data_root": None})()
    for method in molecule_searches.METHODS:
        made = molecule_searches.problem("esol", given, **molecule_searches.small(method, 3))
        assert (made.epochs, made.recipe.epochs, made.budget.evaluations) == (20, 60, 40)
        assert (made.search.name, made.search.seed) == (method, 3)
        assert made.design.dropout == 0.0  # type: ignore[attr-defined]


@pytest.mark.parametrize("part", ["qm7", "qm7_bo", "qm7_from_member"])
def test_searches_on_qm7_differ_by_their_method_alone(
    part: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def noted(declared: NASProblem, folder: Path) -> None:
        asked.append((declared, folder.name))
        raise InterruptedError

    monkeypatch.setattr(molecule_searches, "searched", noted)
    given = type("Flags", (), {"data_root": None, "workers": 2, "runs": Path("runs")})()
    with pytest.raises(InterruptedError):
        molecule_searches.PARTS[part](given)
    ((made, folder),) = asked
    assert folder == part
    assert (made.epochs, made.recipe.epochs, made.budget.evaluations) == (20, 100, 60)
    assert made.search.name == ("bo" if part == "qm7_bo" else "evolution")
    assert len(made.start) == (part == "qm7_from_member")
    assert (made.top_k.k, made.top_k.repeats) == (5, 3)


def test_descriptors_count_bonds_and_rings() -> None:
    pytest.importorskip("rdkit", reason="RDKit is not installed")
    from datasets.molecules.smiles import get_reader

    read = get_reader("rdkit")
    molecules = [read(text) for text in ("CCO", "OCC", "COC", "C1CC1", "CCC")]
    counts, described = descriptors(molecules)
    assert counts.shape == (5, 3)  # C, H, O
    assert np.array_equal(counts[0], counts[2])
    assert np.array_equal(described[0], described[1])
    assert not np.array_equal(described[0], described[2])
    assert not np.array_equal(described[3], described[4])
