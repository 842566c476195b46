from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from analysis.report.runs import read_run, read_runs
from analysis.report.traces import Spread, Trace, contestants, contests
from experiment.errors import InputError
from experiment.schema import Stage


def test_a_run_says_its_stage_and_an_older_one_is_told_apart(
    tmp_path: Path, search_run: Callable[..., Path]
) -> None:
    run = read_run(search_run("new"))
    assert run.stage is Stage.SEARCH
    assert run.notices == []
    for earlier in ({"schema": 1}, {}):
        config = {key: value for key, value in run.config.items() if key != "schema"} | earlier
        (tmp_path / "config.json").write_text(json.dumps(config))
        (tmp_path / "result.json").write_text('{"best_observed": "flat"}')
        older = read_run(tmp_path)
        assert older.stage is None
        (notice,) = (each for each in older.notices if "made by an earlier version" in each)
        assert notice.count(".") == 1


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"schema": 9}, "schema is 9, expected 2: it was made by another version"),
        ({"queries": "many"}, "have 'queries' 'many', expected a whole number"),
        ({"stage": "cooking"}, "stage is 'cooking', expected one of embedding, fine-tuning"),
    ],
)
def test_settings_that_break_the_schema_are_refused(
    search_run: Callable[..., Path], changed: dict, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        read_run(broken(search_run("broken"), changed))


def test_a_result_that_breaks_the_schema_is_refused(search_run: Callable[..., Path]) -> None:
    folder = search_run("broken")
    result = json.loads((folder / "result.json").read_text())
    (folder / "result.json").write_text(json.dumps({**result, "recommended": 0.9}))
    message = r"result.json' cannot be read: the result of the stage search have 'recommended' 0.9"
    with pytest.raises(InputError, match=message):
        read_run(folder)


def broken(folder: Path, changed: dict) -> Path:
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changed}))
    return folder


def test_what_is_no_run_is_refused_with_a_hint(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere' is not there: name the folder of a run"):
        read_run(tmp_path / "nowhere")
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="is a file"):
        read_run(tmp_path / "file")
    with pytest.raises(InputError, match=r"no config\.json$"):
        read_run(tmp_path)
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "config.json").write_text("{}")
    with pytest.raises(InputError, match=r"name those in it instead, such as '.*inner'"):
        read_run(tmp_path)


def test_a_torn_last_line_is_left_out_and_told(search_run: Callable[..., Path]) -> None:
    folder = search_run("torn", queries=5, ended=False)
    file = folder / "metrics.jsonl"
    file.write_text(file.read_text()[:-20])
    run = read_run(folder)
    assert Trace(run).queries == 4
    assert [notice for notice in run.notices if "torn" in notice]
    assert [notice for notice in run.notices if "no result.json" in notice]


def test_a_broken_line_in_the_middle_is_refused(search_run: Callable[..., Path]) -> None:
    folder = search_run("broken", queries=5)
    lines = (folder / "metrics.jsonl").read_text().splitlines(keepends=True)
    lines[3] = lines[3][:20] + "\n"
    (folder / "metrics.jsonl").write_text("".join(lines))
    with pytest.raises(InputError, match=r"line 4 of .* is not JSON"):
        read_run(folder)


def test_numbers_that_are_none_are_counted_and_left_out(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "result.json").write_text('{"loss": NaN, "kept": 2}')
    (tmp_path / "metrics.jsonl").write_text('{"loss": NaN, "a": [Infinity]}\n{"loss": 1}\n')
    run = read_run(tmp_path)
    assert run.metrics == [{"loss": None, "a": [None]}, {"loss": 1}]
    assert run.result == {"loss": None, "kept": 2}
    assert [notice for notice in run.notices if "2 numbers that are NaN" in notice]


@pytest.mark.parametrize("content", ["[1, 2]", "{", ""])
def test_settings_that_are_no_object_are_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "config.json").write_text(content)
    with pytest.raises(InputError, match=r"config\.json"):
        read_run(tmp_path)


def test_a_folder_that_is_named_twice_counts_once(search_run: Callable[..., Path]) -> None:
    folder = search_run("one")
    assert len(read_runs([folder, folder / ".." / "one"])) == 1


def test_a_trace_is_what_was_written(search_run: Callable[..., Path]) -> None:
    trace = Trace(read_run(search_run("run", queries=20, seed=3)))
    seen = trace.figure("validation")
    assert np.array_equal(trace.incumbent("validation", true=True), np.maximum.accumulate(seen))
    records = np.flatnonzero(np.append(True, seen[1:] > np.maximum.accumulate(seen)[:-1]))
    assert trace.improvements() == records.tolist()
    assert trace.queries_to(seen.max(), true=True) == seen.argmax() + 1
    assert trace.queries_to(1.01, true=True) is None
    assert trace.choosing_seconds() == 10.0
    assert trace.figure("simulated_seconds")[-1] == 200.0


def test_architectures_that_are_not_in_the_table_cost_no_query(
    search_run: Callable[..., Path],
) -> None:
    folder = search_run("unknown", queries=4)
    line = {"event": "measured", "hash": "x", "status": "unknown", "incumbent": None}
    with (folder / "metrics.jsonl").open("a") as file:
        file.write(json.dumps(line) + "\n")
    trace = Trace(read_run(folder))
    assert (trace.queries, trace.unknown) == (4, 1)


def test_a_query_that_names_no_architecture_is_refused(search_run: Callable[..., Path]) -> None:
    folder = search_run("strange", queries=2)
    (folder / "metrics.jsonl").write_text('{"query": 1, "validation": 0.5}\n')
    with pytest.raises(InputError, match=r"query 1 in .* has no 'hash'"):
        contestants([read_run(folder)])


def test_the_spread_is_over_the_runs_that_got_so_far() -> None:
    nan = math.nan
    curves = np.array([[nan, 1.0, 2.0], [nan, 3.0, nan], [nan, 5.0, nan]])
    spread = Spread.of(np.array([1, 2, 3]), curves)
    assert spread.x.tolist() == [2, 3]
    assert spread.median.tolist() == [3, 2]
    assert (spread.low[0], spread.high[0]) == (2, 4)
    assert spread.mean.tolist() == [3, 2]
    assert spread.std[0] == pytest.approx(np.std([1, 3, 5], ddof=1))
    assert math.isnan(spread.std[1])
    assert spread.runs.tolist() == [3, 1]


def test_regret_turns_the_band_over() -> None:
    spread = Spread.of(np.array([1]), np.array([[0.5], [0.7], [0.9]]))
    regret = spread.regret(0.9)
    assert regret.median[0] == pytest.approx(20)
    assert (regret.low[0], regret.high[0]) == (pytest.approx(10), pytest.approx(30))
    assert regret.std[0] == pytest.approx(20)


def test_curves_over_time_hold_their_value_and_end_with_their_run(
    search_run: Callable[..., Path],
) -> None:
    runs = [
        read_run(search_run(name, queries, seed=seed))
        for name, queries, seed in (("a", 4, 1), ("b", 8, 2))
    ]
    (both,) = contestants(runs)
    spread = both.over_time("validation", true=True)
    assert spread.x[[0, -1]].tolist() == pytest.approx([10 / 3600, 80 / 3600])
    assert spread.runs.tolist() == [2] * 4 + [1] * 4
    ends = [trace.incumbent("validation", true=True) for trace in both.traces]
    assert spread.mean[3] == pytest.approx((ends[0][3] + ends[1][3]) / 2)
    assert spread.mean[-1] == ends[1][-1]


def test_only_searches_of_one_protocol_are_compared(search_run: Callable[..., Path]) -> None:
    runs = [
        read_run(search_run("a", seed=1)),
        read_run(search_run("b", seed=2, queries=6)),
        read_run(search_run("c", trial=1)),
        read_run(search_run("d", estimator="train")),
    ]
    assert [[run.name for run in group] for group in contests(runs)] == [["a", "b"], ["c"], ["d"]]


def test_settings_tell_ways_of_searching_apart(search_run: Callable[..., Path]) -> None:
    runs = [
        read_run(search_run("a", batch=1, seed=2)),
        read_run(search_run("b", batch=1, seed=1)),
        read_run(search_run("c", batch=4)),
        read_run(search_run("d", method="evolution")),
    ]
    found = {each.label: [trace.run.name for trace in each.traces] for each in contestants(runs)}
    assert found == {"random, batch 1": ["b", "a"], "random, batch 4": ["c"], "evolution": ["d"]}


def test_a_limit_from_below_keeps_what_is_above(search_run: Callable[..., Path]) -> None:
    trace = Trace(read_run(search_run("a", queries=30, limit="parameters >= 1030")))
    kept = [line["parameters"] for line in trace.allowed()]
    assert kept == [line["parameters"] for line in trace.lines if line["parameters"] >= 1030]
    assert 0 < len(kept) < 30
