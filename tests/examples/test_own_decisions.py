"""The example of a space of one's own decisions: its promises, its search, its report."""

from __future__ import annotations

import runpy
from pathlib import Path

import numpy as np
import pytest
import torch

from analysis.report.__main__ import main as report
from datasets.testing import check_space
from examples.own_decisions import MODULES, SPACE
from experiment.paths import REPOSITORY_ROOT
from models import DecisionNetwork


def test_the_space_keeps_its_promises() -> None:
    check_space(SPACE)
    assert SPACE.size == 9 * 9 * 2 * 4 * 3


def test_every_architecture_has_a_network() -> None:
    for graph in SPACE.sample(30, np.random.default_rng(0)):
        network = DecisionNetwork(SPACE, graph, MODULES)
        assert network(torch.rand(6, 2)).shape == (6, 1)


def test_it_searches_resumes_and_reports(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    script = REPOSITORY_ROOT / "examples" / "own_decisions.py"
    text = script.read_text(encoding="utf-8").replace("queries=30", "queries=12")
    shorter = tmp_path / "own_decisions.py"
    shorter.write_text(text)
    first = runpy.run_path(str(shorter), run_name="__main__")["result"]
    assert first.best.value == min(each.value for each in first.history)
    assert runpy.run_path(str(shorter), run_name="__main__")["result"].history == first.history
    assert capsys.readouterr().out.count("squared error") >= 2
    assert report(["runs/own_decisions"]) == 0
