"""How thorough the search for a front is: seeds of its own, and paired differences."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.gradient_front import Make, Task
from benchmarks.tuning import front_settings
from benchmarks.tuning.choosing import FIRST_SEED
from datasets import get_benchmark
from searchers.latent.scalarised import ScalarisedAscent
from searchers.two_objectives import HypervolumeImprovement


@pytest.mark.parametrize("method", front_settings.CANDIDATES)
def test_todays_setting_is_among_the_candidates(method: str) -> None:
    task = Task(get_benchmark(front_settings.TASK))
    assert front_settings.today(task, method) in front_settings.CANDIDATES[method]


@pytest.mark.parametrize("method", front_settings.CANDIDATES)
def test_what_is_kept_is_not_measured_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], method: str
) -> None:
    seen: list[tuple[int, float]] = []

    def search(task: Task, make: Make, seed: int) -> dict[str, Any]:
        searcher = make(task, seed)
        assert isinstance(searcher, ScalarisedAscent | HypervolumeImprovement)
        seen.append((seed, searcher.refits))
        reached = [0.5, 0.8 + searcher.refits / 10, 0.9]
        return {"validation": reached, "test": reached, "cpu_seconds": 1.0}

    monkeypatch.setattr(front_settings, "search", search)
    out = tmp_path / "kept.json"
    arguments = ["run", "--methods", method, "--seeds", "1", "--out", str(out)]
    front_settings.main(arguments)
    candidates = front_settings.CANDIDATES[method]
    assert seen == [(FIRST_SEED, each["refits"]) for each in candidates.values()]
    (runs,) = json.loads(out.read_text())["results"].values()
    assert runs[next(iter(candidates))][str(FIRST_SEED)]["mean"] == pytest.approx(90)
    assert "− thorough, mean: +0.25" in capsys.readouterr().out
    front_settings.main(arguments)
    assert len(seen) == len(candidates)
