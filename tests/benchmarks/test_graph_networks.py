"""The comparison on NAS-Bench-Graph: what it counts, and that it is counted once."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import kendalltau

from benchmarks import extrapolation
from benchmarks import graph_networks as compared

SMALLEST = "proteins"


def test_a_search_is_judged_by_its_regret_and_the_test_value_of_its_choice() -> None:
    found = compared.search(SMALLEST, "evolution", 200, 0)
    assert (np.diff(found["regret"]) <= 0).all()
    assert found["regret"][-1] >= 0
    table = compared.table(SMALLEST)
    values = table.metric("validation").mean()
    of_tests = table.metric("test").mean()
    chosen = values.max() - found["regret"][-1]
    assert np.abs(of_tests[np.abs(values - chosen) < 1e-4] - found["test"][-1]).min() < 1e-4


def test_what_is_selected_on_test_is_at_least_what_validation_selects() -> None:
    on_test = compared.tested(SMALLEST, "random", 0)["test"]
    on_validation = compared.search(SMALLEST, "random", 200, 0)["test"]
    assert (np.array(on_test) >= np.array(on_validation) - 1e-5).all()  # the same random queries


def test_predictors_rank_what_they_were_not_shown() -> None:
    task = compared.part(SMALLEST, 0)
    assert len(task.labels) == len(compared.table(SMALLEST)) == 2_021
    tau = compared.transfer(SMALLEST, 0, compared.MEAN, 0)["tau"]
    assert -1 < tau < 1
    largest = compared.predict(SMALLEST, 0, compared.PARAMETERS, 0)["tau"]
    assert largest == pytest.approx(kendalltau(task.parameters, task.truth).statistic)


def test_what_is_kept_is_not_measured_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "kept.json"
    words = ["search", "--datasets", SMALLEST, "--methods", "random", "evolution", "--seeds", "2"]
    assert compared.main([*words, "--out", str(out)]) == 0
    monkeypatch.setattr(compared, "search", lambda *_: pytest.fail("measured again"))
    assert compared.main([*words, "--out", str(out)]) == 0
    assert "search proteins   random" in capsys.readouterr().out
    runs = json.loads(out.read_text())["results"]["search"][SMALLEST]
    assert set(runs["evolution"]) == {"0", "1"}


def test_searches_that_are_too_short_are_measured_again(tmp_path: Path) -> None:
    out = tmp_path / "kept.json"
    words = ["search", "--datasets", SMALLEST, "--methods", "random", "--seeds", "1"]
    for queries, points in ((10, 2), (25, 5), (15, 5)):
        compared.main([*words, "--queries", str(queries), "--out", str(out)])
        run = json.loads(out.read_text())["results"]["search"][SMALLEST]["random"]["0"]
        assert len(run["regret"]) == points


def test_beyond_two_operations_means_more_than_two() -> None:
    space, inside, outside = extrapolation.operations("proteins", None)
    for table, few in ((inside, True), (outside, False)):
        for row in range(0, len(table), 50):
            graph = table.graphs.graph(row)
            assert (len(set(graph.types[1:-1])) <= extrapolation.MOST_OPERATIONS) == few
    assert space.name == compared.SPACE
