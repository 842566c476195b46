"""``docs/molecules.md``: its code runs, and its numbers are the kept ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path

import pytest

from analysis.statistics import paired_difference
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


def test_the_search_on_qm7_is_the_kept_one() -> None:
    text = (REPOSITORY_ROOT / "docs" / "molecules.md").read_text(encoding="utf-8")
    kept = read_json(REPOSITORY_ROOT / "benchmarks" / "results" / "molecule_searches.json")
    found = kept["results"]["qm7"]
    for row in found["best"]:
        chosen = " (chosen)" if row["rank"] == found["chosen"] else ""
        errors = [f"{row[part]:.2f} ± {row[part + '_std']:.2f}" for part in ("validation", "test")]
        assert (
            f"| search, {row['rank']}{chosen} | {row['search']:.2f} | {errors[0]} | {errors[1]} |"
            in text
        )
    errors = [spread(found[name]) for name in ("GINE, validation", "GINE")]
    assert f"| GINE, made by hand | – | {errors[0]} | {errors[1]} |" in text
    difference = found["difference_to_GINE"]
    assert interval(difference) in text
    seconds = found["workers"]["seconds"]
    assert f"{seconds['training'] / 3600:.1f} hours" in text
    assert f"{found['workers']['driver_share_of_training']:.3%}".replace("%", " %") in text


def test_the_searches_on_esol_are_the_kept_ones() -> None:
    text = (REPOSITORY_ROOT / "docs" / "molecules.md").read_text(encoding="utf-8")
    kept = read_json(REPOSITORY_ROOT / "benchmarks" / "results" / "molecule_searches.json")
    found = kept["results"]["esol"]
    for method, test in found["test"].items():
        spreads = [found["incumbents"][share][method] for share in found["incumbents"]]
        cells = [spread(each, 3) for each in (*spreads, test, found["search_split"][method])]
        apart = found["test_differences_to_random"].get(method)
        cells.append(interval(apart, 3) if apart else "–")
        assert f"| `{method}` | {' | '.join(cells)} |" in text
    for method, apart in found["differences_to_random"]["1"].items():
        assert f"{interval(apart, 3)} for `{method}`" in text
    assert f"{found['seconds']:,.0f} seconds" in text


def test_the_transfer_to_freesolv_is_the_kept_one() -> None:
    text = (REPOSITORY_ROOT / "docs" / "molecules.md").read_text(encoding="utf-8")
    kept = read_json(REPOSITORY_ROOT / "benchmarks" / "results" / "molecule_searches.json")
    found = kept["results"]["freesolv"]
    for name, test in found["test"].items():
        assert test["count"] == 5
        apart = found["differences_to_its_own"].get(name)
        assert f"| {name} | {spread(test)} | {interval(apart) if apart else '–'} |" in text


def test_the_member_made_by_hand_is_the_kept_one() -> None:
    text = (REPOSITORY_ROOT / "docs" / "molecules.md").read_text(encoding="utf-8")
    kept = read_json(REPOSITORY_ROOT / "benchmarks" / "results" / "molecule_searches.json")
    member, gine = kept["results"]["qm7_member"], kept["results"]["qm7"]["GINE"]
    errors = [spread(member[part]) for part in ("validation", "test")]
    assert f"| `sum`, a member of the space, made by hand | – | {errors[0]} | {errors[1]} |" in text
    ours, theirs = (
        {str(split): value for split, value in enumerate(each["values"])}
        for each in (member["test"], gine)
    )
    apart = paired_difference(ours, theirs)
    assert apart is not None
    assert f"{interval(asdict(apart))} kcal/mol" in text


def interval(apart: Mapping[str, float], digits: int = 2) -> str:
    """A difference with its interval as the page writes them."""
    low, mean, high = (signed(apart[key], digits) for key in ("low", "mean", "high"))
    return f"{mean} [{low}, {high}]"


def spread(values: Mapping[str, float], digits: int = 2) -> str:
    """Mean and standard deviation as the page writes them."""
    return f"{values['mean']:.{digits}f} ± {values['std']:.{digits}f}"


def signed(value: float, digits: int = 2) -> str:
    """A difference as the page writes it."""
    return f"{value:+.{digits}f}".replace("-", "−")
