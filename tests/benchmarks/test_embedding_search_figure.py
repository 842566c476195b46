"""Curves and table of searches by vectors."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from analysis.statistics import confidence_band
from benchmarks import embedding_search_figure as figure
from benchmarks.embedding_search import SHARES
from experiment.files import write_json


def run(last: float, none: int = 0) -> dict[str, object]:
    """A run whose regrets fall to ``last``, without an incumbent at ``none`` times."""
    regrets = [None] * none + np.linspace(1, last, 20)[none:].tolist()
    return {"validation": regrets, "test": regrets, "queries": 30, "cpu_seconds": 2.0}


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the results of one embedding."""
    monkeypatch.setattr(figure, "RESULTS", tmp_path)
    results = {"random": {"0": run(0.25), "1": run(0.75, 2)}, "dngo": {"0": run(0.5)}}
    record = {"budget": 7200.0, "clock": "simulated seconds", "results": results}
    write_json(tmp_path / "embedding_search_mine.json", record)
    return tmp_path


def test_the_command_tabulates_and_draws(
    kept: Path, command: Callable[..., tuple[int, str, str]]
) -> None:
    out = kept / "figure.png"
    code, text, error = command(figure.main, "mine", "--out", out)
    assert code == 0, error
    assert "| `random` | 2 | .50000 ± .35355 | .50000 ± .35355 | 30 | 2 |" in text
    assert out.stat().st_size > 10_000
    code, text, _ = command(figure.main, "mine", "--methods", "dngo", "--out", out)
    assert (code, "random" in text) == (0, False)
    code, _, error = command(figure.main, "yours", "--out", out)
    assert (code, error.count("\n")) == (2, 1)
    assert "no results of 'yours'" in error
    code, _, error = command(figure.main, "mine", "--methods", "bo", "--out", out)
    assert (code, error.count("\n")) == (2, 1)


def test_a_curve_begins_where_all_runs_have_an_incumbent(kept: Path) -> None:
    runs = figure.records_of(["mine"], ["random"])["mine"]["results"]["random"]
    shares, regrets = figure.curve(runs, "test")
    np.testing.assert_array_equal(shares, SHARES[2:])
    assert regrets.shape == (2, 18)


def test_the_band_is_students_interval() -> None:
    middle, reach = confidence_band(np.array([[1.0, 2.0], [3.0, 2.0]]))
    np.testing.assert_allclose(middle, [2, 2])
    np.testing.assert_allclose(reach, [12.7062, 0], rtol=1e-5)  # t of one degree of freedom
    assert confidence_band(np.ones((1, 3)))[1].tolist() == [0, 0, 0]
