"""The benchmark of searches by input–output information: equal budgets, kept once, drawn."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import embedding_search, io_search


def test_a_row_is_searched_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    few = replace(embedding_search.PROTOCOLS["DIGITS101"], budget=20)
    monkeypatch.setitem(embedding_search.PROTOCOLS, "DIGITS101", few)
    results, picture = tmp_path / "kept.json", tmp_path / "regrets.png"
    common = ["--results", str(results), "--out", str(picture), "--trained", str(tmp_path)]
    flags = ["run", "--rows", "SVGE", "--methods", "reinforce", "random", "--runs", "6", *common]
    assert io_search.main(flags) == 0
    kept = json.loads(results.read_text())["results"]["DIGITS101"]
    for method in ("reinforce", "random"):
        runs = kept[method]["SVGE"]
        assert set(runs) == {"0", "1", "2", "3", "4", "5"}
        for run in runs.values():
            assert run["queries"] == 20
            regrets = [each for each in run["validation"] if each is not None]
            assert regrets == sorted(regrets, reverse=True)
            assert regrets[-1] >= 0
    before = results.read_bytes()
    assert io_search.main(flags) == 0
    assert results.read_bytes() == before
    assert "| DIGITS101, random | SVGE | 6 |" in capsys.readouterr().out
    assert io_search.main(["figure", *common]) == 0
    assert picture.stat().st_size > 10_000
