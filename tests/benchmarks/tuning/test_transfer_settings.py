"""The choice of settings on NAS-Bench-Graph: what is searched without other data sets."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.tuning import transfer_settings
from benchmarks.tuning.choosing import FIRST_SEED

SMALLEST = "proteins"


def test_searches_without_transfer_are_compared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(transfer_settings, "measured_on", lambda _: (SMALLEST,))
    compared = [
        f"statistics one_hot; {name}; 10 random"
        for name in ("upper_confidence_bound", "narrow_confidence_bound")
    ]
    out = tmp_path / "kept.json"
    words = ["bo", "--queries", "12", "--seeds", "1", "--out", str(out), "--candidates", *compared]
    transfer_settings.main(words)
    (runs,) = json.loads(out.read_text())["results"].values()
    assert list(runs) == compared
    assert all(each[str(FIRST_SEED)]["regret"] >= 0 for each in runs.values())
    shown = capsys.readouterr().out
    assert "bo, 12 queries, 1 seeds:" in shown
    assert f"* {compared[0]}" in shown
