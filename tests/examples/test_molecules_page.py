"""``docs/molecules.md``: its code runs, and its numbers are the kept ones."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from experiment.files import read_json
from experiment.paths import DATA_ROOT_VARIABLE, REPOSITORY_ROOT

Blocks = Callable[[str, str], list[str]]


def test_code_of_the_page_runs(
    blocks: Blocks, data_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("rdkit")
    monkeypatch.setenv(DATA_ROOT_VARIABLE, str(data_root))
    monkeypatch.chdir(tmp_path)
    session: dict[str, object] = {}
    for block in blocks("molecules.md", "python"):
        exec(block, session)
    assert session["found"].ok  # type: ignore[attr-defined]
    assert (tmp_path / "runs" / "gine" / "metrics.jsonl").is_file()


def test_numbers_of_the_page_are_the_kept_ones() -> None:
    text = (REPOSITORY_ROOT / "docs" / "molecules.md").read_text(encoding="utf-8")
    results = REPOSITORY_ROOT / "benchmarks" / "results"
    labels = read_json(results / "qm7_labels.json")["labels"]
    for key in ("error_before", "error_after", "error_after_of_the_mean"):
        assert f"| {labels['qm7_published'][key]} | {labels['qm7'][key]} |" in text
    speed = read_json(results / "molecules_speed.json")["speed"]
    assert f"{speed['parameters']:,} parameters" in text
    errors = [f"{epoch['validation']:.1f}" for epoch in speed["epochs"]]
    assert f"{errors[0]}, {errors[1]} and {errors[2]} kcal/mol" in text
