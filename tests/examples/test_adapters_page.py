"""``docs/adapters.md``: its code runs where the packages are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from searchers.adapters import PARAMETERS

Blocks = Callable[[str, str], list[str]]
NEEDS = {
    "Optuna": ("optuna",),
    "Syne Tune": ("syne_tune", "huggingface_hub"),
    "a configuration": ("ConfigSpace",),
    "parameters of a space": (),
}
"""What each block of the page needs, from top to bottom."""


@pytest.mark.parametrize("number", range(len(NEEDS)), ids=list(NEEDS))
def test_code_of_the_page_runs(
    number: int, blocks: Blocks, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for package in list(NEEDS.values())[number]:
        pytest.importorskip(package, reason=f"{package} is not installed")
    found = blocks("adapters.md", "python")
    assert len(found) == len(NEEDS)
    monkeypatch.setenv("SYNETUNE_FOLDER", str(tmp_path))
    monkeypatch.setitem(PARAMETERS, "Ladder", PARAMETERS["nb201_cell"])  # undone afterwards
    session: dict[str, Any] = {"__name__": "page"}
    exec(found[number], session)
    if "study" in session:
        assert session["study"].best_trial.user_attrs["hash"]
    elif "tuner" in session:
        assert session["tuner"].tuning_status.num_trials_finished >= 50
