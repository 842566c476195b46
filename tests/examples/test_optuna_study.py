"""The example of an Optuna study runs as it stands."""

from __future__ import annotations

import runpy

import pytest

from experiment.paths import REPOSITORY_ROOT

optuna = pytest.importorskip("optuna", reason="Optuna is not installed")


def test_the_example_reports_the_best_of_its_trials(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(optuna.logging, "set_verbosity", lambda _: None)
    script = str(REPOSITORY_ROOT / "examples" / "optuna_study.py")
    study = runpy.run_path(script, run_name="__main__")["study"]
    best = max(trial.value for trial in study.trials if trial.value is not None)
    said = capsys.readouterr().out
    assert said.startswith(f"validation {best:.2%}")
    assert f"of {len(study.trials)} trials described no cell" in said
