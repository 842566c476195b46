"""How thorough the search for a front is: seeds of its own, and paired differences."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.gradient_front import Make, Task
from benchmarks.tuning import front_settings
from benchmarks.tuning.choosing import FIRST_SEED
from searchers.latent.scalarised import ScalarisedAscent


def test_todays_setting_is_among_the_candidates() -> None:
    assert front_settings.today() in front_settings.CANDIDATES


def test_what_is_kept_is_not_measured_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    seen: list[tuple[int, int]] = []

    def search(task: Task, make: Make, seed: int) -> dict[str, Any]:
        searcher = make(task, seed)
        assert isinstance(searcher, ScalarisedAscent)
        seen.append((seed, searcher.steps))
        reached = [0.5, 0.8 + searcher.steps / 100, 0.9]
        return {"validation": reached, "test": reached, "cpu_seconds": 1.0}

    monkeypatch.setattr(front_settings, "search", search)
    out = tmp_path / "kept.json"
    arguments = ["run", "--seeds", "1", "--out", str(out)]
    front_settings.main(arguments)
    assert seen == [(FIRST_SEED, each["steps"]) for each in front_settings.CANDIDATES.values()]
    (runs,) = json.loads(out.read_text())["results"].values()
    assert runs[front_settings.THOROUGH][str(FIRST_SEED)]["mean"] == pytest.approx(87)
    assert "− thorough, mean: -1.00" in capsys.readouterr().out
    front_settings.main(arguments)
    assert len(seen) == len(front_settings.CANDIDATES)
