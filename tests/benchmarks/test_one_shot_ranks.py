"""The comparison of one-shot ranks with the tables: what is ranked, and that it is ranked once."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import kendalltau

from benchmarks import one_shot_ranks as compared

SHORT = compared.Training(
    (),
    {"epochs": 2, "paths": 2, "hidden": 4, "running_statistics": True},
    (
        compared.Row("untrained", 0),
        compared.Row("short", 4, few=False),
        compared.Row("short, running statistics", 4, running=True),
    ),
    ("cora",),
)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few architectures, and one short training."""
    for name, value in (("RANDOM", 12), ("BEST", 6), ("FEW", 5), ("TRAININGS", {"short": SHORT})):
        monkeypatch.setattr(compared, name, value)
    compared.ranked_rows.cache_clear()


def test_the_best_tenth_is_of_the_whole_table() -> None:
    compared.ranked_rows.cache_clear()
    rows, best = compared.ranked_rows("cora", 0)
    assert (len(set(rows)), len(set(best))) == (2_000, 500)
    values = compared.truth("cora")
    assert values[best].min() >= np.quantile(values, 0.9) - 1e-6
    assert abs(values[rows].mean() - values.mean()) < 0.005
    larger = kendalltau(values[rows], values[rows]).statistic
    assert compared.tau(values[rows], "cora", rows) == pytest.approx(larger)


def test_what_is_kept_is_not_ranked_again(
    small: None,
    tmp_path: Path,
    data_root: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if not (data_root / "planetoid" / "ind.cora.x").is_file():
        pytest.skip("the raw files of Planetoid are not here")
    monkeypatch.setenv("NAS_DATA_ROOT", str(data_root))
    out = tmp_path / "kept.json"
    words = ["rank", "--seeds", "1", "--work", str(tmp_path / "work"), "--out", str(out)]
    assert compared.main(words) == 0
    runs = json.loads(out.read_text())["results"]["cora"]
    assert list(runs) == ["untrained", "short", "short, running statistics"]
    found = runs["short"]["0"]
    assert (found["ranked"], runs["untrained"]["0"]["ranked"]) == (12, 5)
    assert -1 <= found["tau_best_tenth"] <= 1
    assert list((tmp_path / "work").iterdir()) == []
    accuracies = compared.kept_accuracies(out)
    assert {name: len(values) for name, values in accuracies.items()} == {
        "cora/untrained/0/random": 5,
        "cora/short/0/random": 12,
        "cora/short/0/best": 6,
        "cora/short, running statistics/0/random": 5,
    }
    rows, best = compared.ranked_rows("cora", 0)
    assert compared.tau(accuracies["cora/short/0/random"], "cora", rows) == found["tau"]
    assert compared.tau(accuracies["cora/short/0/best"], "cora", best) == found["tau_best_tenth"]
    monkeypatch.setattr(compared, "train", lambda *_: pytest.fail("trained again"))
    assert compared.main(words) == 0
    assert "cora      short " in capsys.readouterr().out


def test_kept_results_are_the_taus_of_kept_accuracies() -> None:
    compared.ranked_rows.cache_clear()
    results = json.loads(compared.KEPT.read_text())["results"]
    kept = compared.kept_accuracies(compared.KEPT)
    assert "cora/mended/1/best" in kept
    for name, accuracies in kept.items():
        dataset, row, seed, part = name.split("/")
        rows, best = compared.ranked_rows(dataset, int(seed))
        ranked = (best if part == "best" else rows)[: len(accuracies)]
        known = results[dataset][row][seed]["tau_best_tenth" if part == "best" else "tau"]
        assert compared.tau(accuracies, dataset, ranked) == known, name


def test_predictors_are_fitted_to_other_architectures(small: None) -> None:
    found = compared.predicted("cora", 20, 0)
    assert -1 < found["tau"] < 1
    assert found["ranked"] == 12


def test_scores_without_training_are_kept_for_what_is_ranked(
    small: None, tmp_path: Path, data_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not (data_root / "planetoid" / "ind.cora.x").is_file():
        pytest.skip("the raw files of Planetoid are not here")
    monkeypatch.setenv("NAS_DATA_ROOT", str(data_root))
    monkeypatch.setattr(compared, "WIDTH", 4)
    values, _ = compared.zero_cost_scores("cora", 0)
    ranked = np.union1d(*compared.ranked_rows("cora", 0))
    assert np.array_equal(np.flatnonzero(~np.isnan(values[:, 0])), ranked)
    assert (values[ranked, 0] > 0).all()
    assert len(np.unique(values[ranked, 1])) > len(ranked) / 2
    out = tmp_path / "kept.json"
    words = ["zero_cost", "--datasets", "cora", "--seeds", "1", "--out", str(out)]
    assert compared.main(words) == 0
    runs = json.loads(out.read_text())["results"]["cora"]
    rows, _ = compared.ranked_rows("cora", 0)
    expected = kendalltau(values[rows, 1], compared.truth("cora")[rows]).statistic
    assert runs["SNIP"]["0"]["tau"] == pytest.approx(expected, abs=1e-4)
    monkeypatch.setattr(compared, "zero_cost_scores", lambda *_: pytest.fail("scored again"))
    assert compared.main(words) == 0
