"""``search.py --method enas`` and ``darts`` on Cora, from the shell: found, trained, resumed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from Bayesian_Optimization import search
from estimators import by_data_set
from experiment.paths import REPOSITORY_ROOT
from searchers.final_training import TRAINED
from searchers.methods import SHARED_WEIGHTS

SHORT = {
    "citation": {"epochs = 300": "epochs = 2"},
    "enas": {"epochs = 60": "epochs = 2", "paths = 50": "paths = 2", "_epochs = 20": "_epochs = 1"},
    "darts": {"epochs = 15": "epochs = 2", "paths = 20": "paths = 1", "_epochs = 3": "_epochs = 1"},
}
SHORT["gasso"] = {"epochs = 250": "epochs = 2", "_epochs = 20": "_epochs = 1", "en = 64": "en = 16"}
SHORT["enas"] |= {"updates = 5": "updates = 1", "hidden = 64": "hidden = 8"}
SHORT["darts"] |= {"hidden = 64": "hidden = 8"}
SPACES = {"gasso": "GASSO", "darts": "SINGLE_PATH"}


@pytest.fixture
def short(tmp_path: Path, data_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Trainings of a few steps on Cora."""
    if not (data_root / "planetoid" / "ind.cora.x").is_file():
        pytest.skip("the raw files of Planetoid are not here")
    monkeypatch.setenv("NAS_DATA_ROOT", str(data_root))
    for preset, changes in SHORT.items():
        text = (REPOSITORY_ROOT / "configs" / f"{preset}.toml").read_text(encoding="utf-8")
        for before, after in changes.items():
            text = text.replace(before, after)
        (tmp_path / f"{preset}.toml").write_text(text, encoding="utf-8")
    monkeypatch.setattr(by_data_set, "NODE_RECIPES", str(tmp_path / "citation.toml"))
    presets = {name: str(tmp_path / f"{name}.toml") for name in SHARED_WEIGHTS}
    monkeypatch.setattr(search, "PRESETS", presets)


@pytest.mark.parametrize("method", SHARED_WEIGHTS)
def test_it_chooses_trains_and_resumes(
    short: None, tmp_path: Path, command: Any, method: str
) -> None:
    flags = (
        "--space", SPACES.get(method, "NAS_BENCH_GRAPH"), "--dataset", "cora",
        "--estimator", "one_shot", "--method", method, "--queries", 2,
        "--log_dir", tmp_path / "runs", "--json",
    )  # fmt: skip
    code, out, err = command(search.main, *flags)
    assert (code, err) == (0, "")
    found = json.loads(out)
    assert found["queries"] == 2
    assert found[TRAINED]["status"] == "ok"
    assert 0 < found[TRAINED]["test"] < 1
    code, out, err = command(search.main, *flags, "--resume")
    assert code == 0
    again = json.loads(out)
    assert again["best_observed"] == found["best_observed"]
    assert again[TRAINED] == found[TRAINED]


REFUSED: dict[str, tuple[tuple[object, ...], str]] = {
    "a table": (("--method", "enas"), "it needs --estimator one_shot"),
    "a training": (("--method", "darts", "--estimator", "train"), "it needs --estimator one_shot"),
    "random ones": (
        ("--method", "darts", "--estimator", "one_shot", "--initial", 3),
        "begins with nothing: leave --initial out",
    ),
    "other weights": (
        ("--method", "enas", "--estimator", "one_shot", "--weights", "SVGE_NB101"),
        "trains its own weights: leave --weights out",
    ),
    "no shared weights": (
        ("--space", "MPNN", "--method", "enas", "--estimator", "one_shot"),
        "MPNN has no weights to share",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_does_not_fit_is_refused(name: str, tmp_path: Path, command: Any) -> None:
    given, expected = REFUSED[name]
    space = () if "--space" in given else ("--space", "NAS_BENCH_GRAPH")
    code, _, err = command(search.main, *space, *given, "--log_dir", tmp_path)
    assert (code, err.count("\n")) == (2, 1)
    assert expected in err
