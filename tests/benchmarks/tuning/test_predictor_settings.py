"""The choice of predictors: no row that is reported beyond is used, no test accuracy looked at."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks import extrapolation
from benchmarks.tuning import predictor_settings
from benchmarks.tuning.choosing import FIRST_SEED
from experiment.errors import InputError


def test_todays_choices_are_among_the_candidates() -> None:
    for what, candidates in predictor_settings.CANDIDATES.items():
        names = [predictor_settings.candidate(one) for one in candidates]
        assert predictor_settings.today(what) in names


def test_beyond_is_chosen_inside_what_the_reported_rows_are_beyond() -> None:
    _, known, ranked = predictor_settings.beyond("DIGITS101", None)
    _, inside, _ = extrapolation.digits(None)
    assert len(known) + len(ranked) == len(inside)
    assert known.graphs.num_nodes.max() == 4
    assert set(ranked.graphs.num_nodes.tolist()) == {5}


def test_the_other_steps_stay_inside_too(data_root: Path) -> None:
    space, known, ranked = predictor_settings.beyond("NB201", data_root)
    counts = [extrapolation.convolutions_of(each.graphs, space) for each in (known, ranked)]
    assert counts[0].max() == 1
    assert set(counts[1].tolist()) == {2}
    _, known, ranked = predictor_settings.beyond("ENAS", data_root)
    _, worse, _ = extrapolation.better(data_root)
    assert known.labels.max() < ranked.labels.min()
    assert ranked.labels.max() == worse.labels.max()


def test_what_is_kept_is_not_measured_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    few = (("ridge", ("statistics",)), ("ridge", ("statistics", "walks")))
    monkeypatch.setitem(predictor_settings.CANDIDATES, "DIGITS101", few)
    out = tmp_path / "kept.json"
    arguments = ["DIGITS101", "--labels", "40", "--seeds", "2", "--out", str(out)]
    predictor_settings.main(arguments)
    runs = json.loads(out.read_text())["results"]["DIGITS101, 40 labels"]
    assert set(runs["ridge: statistics"]) == {str(FIRST_SEED), str(FIRST_SEED + 1)}
    assert all(-1 <= one["tau"] <= 1 for each in runs.values() for one in each.values())
    monkeypatch.setattr(predictor_settings, "score", None)
    predictor_settings.main(arguments)
    assert "2 seeds" in capsys.readouterr().out


def test_labels_and_ranked_do_not_overlap() -> None:
    setting = predictor_settings.inside("DIGITS101", None)
    half = len(setting[1])
    scores = predictor_settings.score(setting, ("ridge", ("statistics",)), half - 20, 7)
    assert 1 <= scores["top_rank"] <= 20
    assert np.isfinite(scores["tau"])


def test_too_many_labels_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="leave nothing to choose by"):
        predictor_settings.main(
            ["DIGITS101", "--labels", "5000", "--out", str(tmp_path / "none.json")]
        )
