"""The gate says what moved, and stops what got worse."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import regressions
from benchmarks.regressions import Check
from datasets.benchmark import NoMeasurementsError


def absent() -> float:
    raise NoMeasurementsError("nothing was measured here")


def test_what_got_worse_is_named_and_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    numbers = {"tau": 0.8, "queries": 40.0, "ratio": 2.0}
    checks = {
        "tau": Check(lambda: numbers["tau"], "higher", 0.01),
        "queries": Check(lambda: numbers["queries"], "lower", 5),
        "ratio": Check(lambda: numbers["ratio"], "lower", 0.3, relative=True),
        "absent": Check(absent, "lower", 1),
    }
    monkeypatch.setattr(regressions, "CHECKS", checks)
    flags = ["--only", *checks, "--out", str(tmp_path / "kept.json")]
    assert regressions.main([*flags, "--keep"]) == 0
    assert "left out  absent" in capsys.readouterr().out
    assert regressions.main(flags) == 0
    assert capsys.readouterr().out.count("same ") == 3
    numbers.update(tau=0.795, queries=44.0, ratio=2.5)  # within the slack
    assert regressions.main(flags) == 0
    assert capsys.readouterr().out.count("moved ") == 3
    numbers.update(tau=0.78, queries=46.0, ratio=2.7)
    assert regressions.main(flags) == 1
    said = capsys.readouterr().out
    assert said.count("WORSE ") == 3
    assert "WORSE     queries: 46, kept 40" in said
    numbers.update(tau=0.9, queries=10.0, ratio=1.0)  # better is no reason to stop
    assert regressions.main(flags) == 0


def test_a_ratio_is_of_durations_in_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    now = iter(range(1000))
    order: list[str] = []
    monkeypatch.setattr(regressions.time, "perf_counter", lambda: float(next(now)))
    assert regressions.ratio(lambda: order.append("a"), lambda: order.append("b"), 3) == 1.0
    assert order == ["a", "b"] * 4
