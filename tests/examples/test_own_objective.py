"""The example of a search by one's own function runs as it stands, and again."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

from experiment.paths import REPOSITORY_ROOT


def test_the_example_finds_something_and_resumes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    script = str(REPOSITORY_ROOT / "examples" / "own_objective.py")
    first = runpy.run_path(script, run_name="__main__")["result"]
    assert first.best.value == max(each.value for each in first.history)
    assert runpy.run_path(script, run_name="__main__")["result"].history == first.history
    assert capsys.readouterr().out.count("ways of |") == 2
