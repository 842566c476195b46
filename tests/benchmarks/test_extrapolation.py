"""The benchmarks of predictors: what they count, what they hold out, and what they keep."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import kendalltau

from benchmarks import extrapolation, prediction, published_protocols
from datasets import get_benchmark


def test_a_ranking_is_judged_by_its_top() -> None:
    truth = np.array([0.1, 0.9, 0.5, 0.8, 0.7, 0.6, 0.2])
    perfect = extrapolation.judge(truth, truth)
    assert perfect == {"tau": pytest.approx(1.0), "top_rank": 3.0, "regret": 0.0}
    worst = extrapolation.judge(-truth, truth)
    assert worst["tau"] == pytest.approx(-1.0)
    assert worst["top_rank"] == 5.0  # true ranks 7, 6, 5, 4, 3
    assert worst["regret"] == pytest.approx(0.9 - 0.7)


def test_random_choice_is_in_the_middle() -> None:
    truth = np.arange(101.0)
    verdict = extrapolation.judge_random(truth, seed=0)
    assert verdict["top_rank"] == 51
    # The expected maximum of 5 of 0 … 100 without repeats is 5/6 · 102 − 1.
    assert verdict["regret"] == pytest.approx(100 - (5 / 6 * 102 - 1), abs=1)


def test_digits_are_learnt_from_small_cells_and_ranked_among_large() -> None:
    _, inside, outside = extrapolation.digits(None)
    assert inside.graphs.num_nodes.max() == 5
    assert set(outside.graphs.num_nodes.tolist()) == {6, 7, 8}
    assert (len(inside), len(outside)) == (2_532, 300)


def test_the_other_settings_go_beyond(data_root: Path) -> None:
    space, inside, outside = extrapolation.convolutions(data_root)
    assert len(inside) + len(outside) == 15_625
    counts = [
        sum("conv" in space.types[kind] for kind in domain.graphs.graph(0).types)
        for domain in (inside, outside)
    ]
    assert counts[0] <= extrapolation.MOST_CONVOLUTIONS < counts[1]
    _, worse, better = extrapolation.better(data_root)
    assert worse.labels.max() < better.labels.min()
    _, small, large = extrapolation.nodes(data_root)
    assert small.graphs.num_nodes.max() == 6
    assert large.graphs.num_nodes.min() == 7
    assert len(small) + len(large) == 22_965


def test_what_is_kept_is_not_measured_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "kept.json"
    arguments = ["DIGITS101", "--labels", "50", "--contenders", "parameters", "--out", str(out)]
    prediction.main([*arguments, "--seeds", "2"])
    runs = json.loads(out.read_text())["results"]["50"]["parameters"]
    assert set(runs) == {"0", "1"}
    monkeypatch.setattr(prediction.Task, "measure", None)
    prediction.main([*arguments, "--seeds", "2"])
    assert "(2 draws)" in capsys.readouterr().out


def test_parameters_rank_those_that_were_not_drawn() -> None:
    benchmark = get_benchmark("DIGITS101")
    task = prediction.Task(benchmark)
    order = np.random.default_rng(3).permutation(len(benchmark))
    parameters = benchmark.metric("parameters").mean()[order[40:]]
    truth = benchmark.metric("test").mean()[order[40:]]
    expected = kendalltau(parameters, truth).statistic
    # DIGITS101's networks are smaller than those that costs are counted of: the order differs.
    assert task.measure("parameters", 40, seed=3)["tau"] == pytest.approx(expected, abs=0.05)


def test_what_was_learnt_elsewhere_is_read_where_it_describes_cells() -> None:
    assert prediction.NO_TRANSFER in prediction.suitable("NB101")
    assert prediction.TRANSFER in prediction.suitable("NB101")
    for space in ("NB201", "ENAS", "DIGITS101"):
        left = prediction.suitable(space)
        assert "parameters" in left
        assert not [name for name in left if "digits" in name or "transfer" in name]


def test_arch2vecs_protocol_leaves_out_cells_that_failed(data_root: Path) -> None:
    problem = published_protocols.Problem("nb101", data_root)
    known, rest = problem.split(seed=0)
    assert len(known) == 250
    assert not set(known) & set(rest)
    assert problem.values[rest].min() > 0.8
