"""The benchmark of heads for descriptors: both arms alike but for the heads, kept once."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import descriptors
from experiment.files import read_json
from experiment.paths import REPOSITORY_ROOT

MODEL, SPACE = "arch2vec_directed", "DIGITS101"


def test_arms_differ_by_their_heads_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    small = ("--epochs", "1", "--limit", "64", "--sampled_graphs", "10")
    monkeypatch.setattr(descriptors, "TRAININGS", {SPACE: {MODEL: small}})
    monkeypatch.setattr(descriptors, "PAIRS", 2)
    results = tmp_path / "kept.json"
    flags = ["run", "--spaces", SPACE, "--models", MODEL, "--draws", "1"]
    common = ["--runs", str(tmp_path), "--results", str(results)]
    assert descriptors.main([*flags, *common]) == 0

    configs = [
        read_json(tmp_path / arm / f"{MODEL}_{SPACE}/config.json") for arm in ("without", "with")
    ]
    settings = [config["settings"] for config in configs]
    assert settings[1].pop("descriptors") == ["costs", "statistics"]
    assert settings[0].pop("descriptors") == []
    assert settings[0] == settings[1]
    assert configs[0]["split"] == configs[1]["split"]
    assert "accuracy" not in configs[1]["heads"]

    kept = json.loads(results.read_text())["results"]
    assert list(kept) == [f"{SPACE}, {MODEL}, {arm}" for arm in ("without", "with")]
    for row in kept.values():
        assert 0 <= row["exact"] <= 1
        assert len(row["tau 100"]) == len(row["tau 156"]) == 1
    before = results.read_bytes()
    assert descriptors.main([*flags, *common]) == 0
    assert results.read_bytes() == before
    assert f"| {SPACE} | exact, % | valid, % |" in capsys.readouterr().out


def test_heads_are_compared_by_paired_differences() -> None:
    rows = {
        "S, M, without": {"exact": 0.5, "tau 100": [0.1, 0.2, 0.3]},
        "S, M, with": {"exact": 1.0, "tau 100": [0.2, 0.3, 0.4]},
    }
    *_, without, with_heads, difference, _ = descriptors.table_lines(rows)
    assert without == "| M, without | 50.0 | 0.200 ± 0.100 |"
    assert with_heads == "| M, with | 100.0 | 0.300 ± 0.100 |"
    assert difference == "| difference |  | +0.100 [+0.100, +0.100] |"


def test_the_page_has_what_is_kept() -> None:
    page = (REPOSITORY_ROOT / "docs" / "models.md").read_text(encoding="utf-8").splitlines()
    for line in descriptors.table_lines(read_json(descriptors.KEPT)["results"]):
        assert line in page
