"""The choice of a search's settings: rows and starts of its own, by the declared rule."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks.tuning import search_settings
from benchmarks.tuning.choosing import FIRST_SEED
from datasets import get_benchmark
from experiment.errors import InputError
from searchers.problem import known_rows, table_problem
from searchers.random_search import RandomSearch


def test_todays_settings_are_among_the_candidates() -> None:
    for space in search_settings.FEATURE_SETS:
        assert search_settings.today(space) in search_settings.candidates(space)


def test_what_is_kept_is_not_measured_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    few = (("statistics",), ("statistics", "walks"))
    monkeypatch.setitem(search_settings.FEATURE_SETS, "DIGITS101", few)
    monkeypatch.setattr(search_settings, "COMPARED", ("upper_confidence_bound",))
    out = tmp_path / "kept.json"
    arguments = ["DIGITS101", "--queries", "14", "--seeds", "1", "--out", str(out)]
    search_settings.main(arguments)
    (task, runs), *rest = json.loads(out.read_text())["results"].items()
    assert not rest
    assert task == "DIGITS101, 14 queries"
    assert len(runs) == 2
    assert all(set(each) == {str(FIRST_SEED)} for each in runs.values())
    assert f"{task}, 1 seeds:" in capsys.readouterr().out
    monkeypatch.setattr(search_settings, "score", None)
    search_settings.main(arguments)


def test_queries_are_counted_to_the_best_of_the_half() -> None:
    whole = known_rows(get_benchmark("DIGITS101"))
    half = search_settings.half(whole)
    assert len(half) == len(whole) // 2
    problem = table_problem(get_benchmark("DIGITS101"), half)
    searcher = RandomSearch(half, FIRST_SEED, 10)
    found = search_settings.score(problem, searcher, 40)
    values = [each.value for each in searcher.observations]
    best = (problem.optimum() or {})["validation"]
    assert found["queries"] == (values.index(best) + 1 if best in values else 41)
    curve = np.maximum.accumulate(np.array(values, dtype=float))
    assert found["regret"] == pytest.approx(100 * np.mean(best - curve[10:]))


def test_the_setting_for_all_spaces_has_the_best_mean_place() -> None:
    names = [
        search_settings.candidate(search_settings.FALLBACK.features, criterion)
        for criterion in search_settings.COMPARED
    ]

    def task(*queries: float) -> dict[str, dict[str, dict[str, float]]]:
        return {
            name: {"100": {"queries": each, "regret": each / 10}}
            for name, each in zip(names, queries, strict=True)
        }

    lines = search_settings.one_setting({"a": task(30, 50, 60), "b": task(45, 45, 90)})
    assert "2 tasks" in lines[0]
    assert "mean place 1.25" in lines[1]
    assert "mean place 1.75" in lines[2]
    assert "mean place 3.00, regret 7.5" in lines[3]
    assert "no task" in search_settings.one_setting({"c": {"other": {}}})[0]


def test_too_few_queries_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="10 queries choose nothing"):
        search_settings.main(["DIGITS101", "--queries", "10", "--out", str(tmp_path / "x.json")])
