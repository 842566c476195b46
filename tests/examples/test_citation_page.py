"""``docs/citation_graphs.md``: its code runs, and its numbers are the kept ones."""

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
    if not (data_root / "planetoid" / "ind.cora.x").is_file():
        pytest.skip("the raw files of Planetoid are not here")
    monkeypatch.setenv(DATA_ROOT_VARIABLE, str(data_root))
    monkeypatch.chdir(tmp_path)
    session: dict[str, object] = {}
    for block in blocks("citation_graphs.md", "python"):
        exec(block, session)
    assert session["found"].ok  # type: ignore[attr-defined]
    assert session["measurement"].ok  # type: ignore[attr-defined]


def test_numbers_of_the_page_are_the_kept_ones() -> None:
    text = (REPOSITORY_ROOT / "docs" / "citation_graphs.md").read_text(encoding="utf-8")
    kept = read_json(REPOSITORY_ROOT / "benchmarks" / "results" / "citation.json")["measured"]
    for row in kept:
        line = (
            f"| {row['network']} | {row['graph']} | {row['test_mean']:.1f} ± {row['test_std']:.1f} "
            f"| {row['validation_mean']:.1f} ± {row['validation_std']:.1f} |"
        )
        assert line in text
