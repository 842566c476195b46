"""Searches by the shared weights of a supernet: killed, resumed, refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from Bayesian_Optimization import search
from estimators import by_data_set
from estimators.measurement import Measurement
from estimators.shared_weights import WEIGHTS, SharedWeights
from experiment.paths import REPOSITORY_ROOT

SPACE = "NAS_BENCH_GRAPH"
SHORT = {"epochs = 20": "epochs = 2", "paths = 100": "paths = 6", "hidden = 64": "hidden = 16"}
SHORT |= {"epochs = 10\n": "epochs = 2\n", "epochs = 300": "epochs = 2"}


@pytest.fixture
def short(tmp_path: Path, data_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Trainings of a few steps on Cora."""
    if not (data_root / "planetoid" / "ind.cora.x").is_file():
        pytest.skip("the raw files of Planetoid are not here")
    monkeypatch.setenv("NAS_DATA_ROOT", str(data_root))
    for module, name, preset in (
        (by_data_set, "NODE_RECIPES", "citation"),
        (search, "ONE_SHOT", "one_shot"),
    ):
        text = (REPOSITORY_ROOT / "configs" / f"{preset}.toml").read_text(encoding="utf-8")
        for before, after in SHORT.items():
            text = text.replace(before, after)
        (tmp_path / f"{preset}.toml").write_text(text, encoding="utf-8")
        monkeypatch.setattr(module, name, str(tmp_path / f"{preset}.toml"))


def flags(log_dir: Path, *more: object) -> tuple[object, ...]:
    return (
        "--space", SPACE, "--dataset", "cora", "--estimator", "one_shot", "--queries", 6,
        "--initial", 3, "--log_dir", log_dir, "--json", *more,
    )  # fmt: skip


def measured(log_dir: Path) -> list[tuple[str, float]]:
    (folder,) = log_dir.iterdir()
    lines = (folder / "metrics.jsonl").read_text().splitlines()
    records = [json.loads(line) for line in lines]
    return [(one["hash"], one["validation"]) for one in records if "validation" in one]


def test_a_killed_search_resumes_to_the_same_numbers(
    short: None, tmp_path: Path, command: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = flags(tmp_path / "whole", "--method", "evolution")
    code, out, err = command(search.main, *whole)
    assert (code, err) == (0, "")
    expected = json.loads(out)
    trained = expected["trained_from_scratch"]
    assert trained["status"] == "ok"
    assert 0 < trained["test"] < 1
    assert trained["details"]["epochs"] == 2
    assert (expected["queries"], expected["best_observed"].get("test")) == (6, None)
    assert "NASBenchGraphNetwork" in expected["best_observed"]["network"]

    parts = flags(tmp_path / "parts", "--method", "evolution")
    measure = SharedWeights.measure
    count = 0

    def killed(one: SharedWeights, graphs: Any) -> Iterator[Measurement]:
        nonlocal count
        count += 1
        if count == 5:
            raise KeyboardInterrupt
        return measure(one, graphs)

    with monkeypatch.context() as patch:
        patch.setattr(SharedWeights, "measure", killed)
        code, _, err = command(search.main, *parts)
    assert code == 130
    assert "4 of 6 queries are kept" in err
    monkeypatch.setattr(SharedWeights, "_trained", _weights_alone(SharedWeights._trained))
    code, out, err = command(search.main, *parts, "--resume")
    assert code == 0, err
    found = json.loads(out)
    assert found["best_observed"] == expected["best_observed"]
    assert found["trained_from_scratch"]["test"] == trained["test"]
    assert measured(tmp_path / "parts") == measured(tmp_path / "whole")
    assert len(measured(tmp_path / "parts")) == 6


def _weights_alone(trained: Any) -> Any:
    """The same, where nothing is trained again."""

    def read(one: SharedWeights) -> Any:
        assert one.folder is not None
        assert (one.folder / WEIGHTS).exists()
        return trained(one)

    return read


def test_published_supernets_are_ranked_with_dropout(
    short: None, tmp_path: Path, command: Any
) -> None:
    code, _, err = command(
        search.main, *flags(tmp_path, "--method", "random", "--supernet", "published")
    )
    assert (code, err) == (0, "")
    (folder,) = (path for path in tmp_path.iterdir() if path.is_dir())
    config = json.loads((folder / "config.json").read_text())
    assert config["supernet"]["dropout_in_evaluation"] is True
    assert (config["estimator"], config["dataset"]) == ("one_shot", "cora")


@pytest.mark.parametrize("space", ["SINGLE_PATH", "GRAPHNAS_MICRO", "AUTOATTEND"])
def test_other_spaces_share_weights(space: str, short: None, tmp_path: Path, command: Any) -> None:
    given = (*flags(tmp_path, "--method", "random"), "--space", space, "--queries", 3)
    code, out, err = command(search.main, *given)
    assert (code, err) == (0, "")
    found = json.loads(out)
    assert found["queries"] == 3
    assert found["trained_from_scratch"]["status"] == "ok"


def test_the_lines_say_how_it_was_measured(short: None, tmp_path: Path, command: Any) -> None:
    given = [each for each in flags(tmp_path, "--method", "random") if each != "--json"]
    code, out, err = command(search.main, *given)
    assert (code, err) == (0, "")
    assert "6 architectures measured by shared weights" in out
    assert "trained from scratch in" in out


REFUSED: dict[str, tuple[tuple[object, ...], str]] = {
    "no weights to share": (
        ("--space", "MPNN", "--estimator", "one_shot"),
        "MPNN has no weights to share: there are supernets for the families nas_bench_graph, ",
    ),
    "widths that are decided": (
        ("--space", "GRAPHNAS_MACRO", "--estimator", "one_shot"),
        "GRAPHNAS_MACRO has no weights to share",
    ),
    "a supernet of nothing": (
        ("--estimator", "train", "--supernet", "published"),
        "--supernet belongs to --estimator one_shot",
    ),
    "another supernet": (("--estimator", "one_shot", "--supernet", "mine"), "invalid choice"),
    "what is minimised": (("--estimator", "one_shot", "--minimise"), "leave --minimise out"),
    "a table": (("--estimator", "one_shot", "--domain", "table"), "leave --domain out"),
    "no such data": (
        ("--estimator", "one_shot", "--dataset", "arxiv"),
        "nothing is trained on 'arxiv'",
    ),
    "images": (
        ("--estimator", "one_shot", "--dataset", "digits"),
        "NASBenchGraphNetwork is no network for images",
    ),
    "epochs to choose": (
        ("--estimator", "one_shot", "--method", "asha"),
        "it needs --estimator table or train",
    ),
}


@pytest.mark.parametrize(("more", "sentence"), REFUSED.values(), ids=REFUSED)
def test_refuses_in_one_sentence(
    more: tuple[object, ...], sentence: str, tmp_path: Path, command: Any
) -> None:
    given = ("--space", SPACE, "--queries", 3, "--log_dir", tmp_path / "runs", *more)
    code, out, err = command(search.main, *given)
    assert (code, out) == (2, "")
    assert sentence in err
    assert err.count("\n") == 1
    assert not (tmp_path / "runs").exists()
