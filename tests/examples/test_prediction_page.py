"""``docs/prediction.md``: its code runs, its commands and names are those that there are."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import kendalltau

from datasets import get_space
from experiment.paths import REPOSITORY_ROOT
from Performance_Prediction.fit_predictor import make_parser
from predictors import methods
from predictors.features import FEATURES

Blocks = Callable[[str, str], list[str]]


def own_table(path: Path, shown: str) -> None:
    """The table that the page shows the beginning of, with as many rows as a predictor needs."""
    space = get_space("NB201")
    cells = space.sample(40, np.random.default_rng(0))
    rows = [f"{space.format(cell)},{1 - 0.1 * cell.types.count(3)}\n" for cell in cells]
    path.write_text(shown + "".join(rows))


def test_code_of_the_page_runs(
    blocks: Blocks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(methods, "METHODS", dict(methods.METHODS))
    monkeypatch.setitem(FEATURES, "degrees", FEATURES["statistics"])  # is put back afterwards
    own_table(Path("mine.csv"), blocks("prediction.md", "text")[0])
    session: dict[str, Any] = {"__name__": "page"}
    for block in blocks("prediction.md", "python"):
        exec(block, session)
    cells, truth = session["cells"], session["accuracies"][session["order"][:80]]
    assert ((session["low"] < session["mean"]) & (session["mean"] < session["high"])).all()
    assert len(session["mine"]) > 30
    assert (session["std"] > 0).all()
    for name in ("predictor", "described", "own"):
        mean, std = session[name].predict(cells)
        assert (std > 0).all()
        assert kendalltau(mean, truth).statistic > 0.3, name
    low, high = session["own"].interval(cells[60:], 0.9)
    assert np.mean((low <= truth[60:]) & (truth[60:] <= high)) > 0.6


def test_commands_of_the_page_are_understood(blocks: Blocks) -> None:
    lines = "\n".join(blocks("prediction.md", "bash")).splitlines()
    asked = [words for line in lines if (words := shlex.split(line, comments=True))]
    script = "Performance_Prediction/fit_predictor.py"
    fitted = [words[2:] for words in asked if words[1] == script]
    assert len(fitted) >= 6
    for flags in fitted:
        make_parser().parse_args(flags)


def test_the_page_tells_of_every_method_and_feature() -> None:
    text = (REPOSITORY_ROOT / "docs" / "prediction.md").read_text(encoding="utf-8")
    first_cells = [line.split("|")[1] for line in text.splitlines() if line.startswith("| `")]
    told = {name for cell in first_cells for name in re.findall(r"`(\w+)`", cell)}
    assert set(methods.METHODS) <= told
    assert set(FEATURES) <= told
