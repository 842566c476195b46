"""``docs/citation_graphs.md``: its code runs, and its numbers are the kept ones."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from analysis.statistics import Spread, paired_difference
from benchmarks.citation_searches import values
from benchmarks.citation_sides import GAT
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


def test_searches_of_the_page_are_the_kept_ones() -> None:
    text = (REPOSITORY_ROOT / "docs" / "citation_graphs.md").read_text(encoding="utf-8")
    place = REPOSITORY_ROOT / "benchmarks" / "results" / "citation_searches.json"
    results = read_json(place)["results"]
    for dataset, budgets in results["found"].items():
        (rows,) = budgets.values()
        runs = {name: results["fresh"][dataset][row["choice"]] for name, row in rows.items()}
        tests = {name: values(each, "test") for name, each in runs.items()}
        for name, row in rows.items():
            shown = [
                Spread.of([*values(runs[name], part).values()]).text(1, 100)
                for part in ("validation", "test")
            ]
            apart = paired_difference(tests[name], tests[GAT])
            assert apart is not None
            assert row["choice"] in text
            line = (
                f"| {name} | {row['search']['trainings'] - row['search']['failed']} + "
                f"{row['final']['trainings']} | {100 * row['searched']:.1f}, "
                f"{100 * row['validation']:.1f} | {' | '.join(shown)} | "
                f"{'–' if name == GAT else apart.text(2, 100).replace('-', '−')} |"
            )
            assert f"### {dataset.capitalize()}" in text
            assert line in text
