"""``docs/molecules.md``: its code runs, and its numbers are the kept ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from analysis.statistics import paired_difference
from experiment.files import read_json
from experiment.paths import DATA_ROOT_VARIABLE, REPOSITORY_ROOT

Blocks = Callable[[str, str], list[str]]
RESULTS = REPOSITORY_ROOT / "benchmarks" / "results"


@pytest.fixture(scope="module")
def text() -> str:
    return (REPOSITORY_ROOT / "docs" / "molecules.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def kept() -> dict[str, Any]:
    return dict(read_json(RESULTS / "molecule_searches.json")["results"])


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


def test_numbers_of_the_page_are_the_kept_ones(text: str) -> None:
    labels = read_json(RESULTS / "qm7_labels.json")["labels"]
    for key in ("error_before", "error_after", "error_after_of_the_mean"):
        assert f"| {labels['qm7_published'][key]} | {labels['qm7'][key]} |" in text
    speed = read_json(RESULTS / "molecules_speed.json")["speed"]
    assert f"{speed['parameters']:,} parameters" in text
    errors = [f"{epoch['validation']:.1f}" for epoch in speed["epochs"]]
    assert f"{errors[0]}, {errors[1]} and {errors[2]} kcal/mol" in text


SEARCHES = {
    "qm7_from_member": "evolution that begins with `sum`",
    "qm7_bo": "`bo`",
    "qm7": "evolution",
}


@pytest.mark.parametrize("part", SEARCHES)
def test_the_searches_on_qm7_are_the_kept_ones(part: str, text: str, kept: dict[str, Any]) -> None:
    found = kept[part]
    rows = []
    for row in found["best"]:
        chosen = " (chosen)" if row["rank"] == found["chosen"] else ""
        errors = [f"{row[name]:.2f} ± {row[name + '_std']:.2f}" for name in ("validation", "test")]
        rows.append(f"| {row['rank']}{chosen} | {row['search']:.2f} | {errors[0]} | {errors[1]} |")
    first, *rest = rows
    assert "\n".join([f"| {SEARCHES[part]} {first}", *(f"| {row}" for row in rest)]) in text
    best, winner = found["best"][0], found["best"][found["chosen"] - 1]
    assert (
        f"| {SEARCHES[part]} | {best['search']:.2f} | "
        f"{winner['validation']:.2f} ± {winner['validation_std']:.2f} | {spread(found['test'])} | "
        f"{interval(found['difference_to_GINE'])} |"
    ) in text
    assert f"`{winner['architecture']}`" in text
    errors = [spread(found[name]) for name in ("GINE, validation", "GINE")]
    assert f"| GINE, made by hand | – | {errors[0]} | {errors[1]} | – |" in text
    share = f"{100 * found['workers']['driver_share_of_training']:.2g} %"
    assert share in text


def test_the_times_of_the_searches_on_qm7_are_the_kept_ones(
    text: str, kept: dict[str, Any]
) -> None:
    for part, words in (("qm7_bo", "minutes on two workers"), ("qm7_from_member", "minutes and")):
        workers = kept[part]["workers"]
        minutes = workers["seconds"]["of workers"] / workers["workers"] / 60
        assert f"took {minutes:.0f} {words}" in text
        assert f"{kept[part]['full_training_hours']:.2f} hours" in text
    assert f"{kept['qm7']['workers']['seconds']['training'] / 3600:.1f} hours of training" in text


def test_the_networks_made_by_hand_are_the_kept_ones(text: str, kept: dict[str, Any]) -> None:
    found = kept["by_hand"]
    for data in ("esol", "freesolv"):
        gine, member = (spread(found[data][name]) for name in ("GINE", "sum"))
        assert f"GINE has {gine}, and `sum` {member} (" in text


def test_the_searches_on_esol_are_the_kept_ones(text: str, kept: dict[str, Any]) -> None:
    found = kept["esol"]
    for method, test in found["test"].items():
        spreads = [found["incumbents"][share][method] for share in found["incumbents"]]
        cells = [spread(each, 3) for each in (*spreads, test, found["search_split"][method])]
        apart = found["test_differences_to_random"].get(method)
        cells.append(interval(apart, 3) if apart else "–")
        assert f"| `{method}` | {' | '.join(cells)} |" in text
    for method, apart in found["differences_to_random"]["1"].items():
        assert f"{interval(apart, 3)} for `{method}`" in text
    assert f"{found['seconds']:,.0f} seconds" in text


def test_the_transfer_to_freesolv_is_the_kept_one(text: str, kept: dict[str, Any]) -> None:
    found = kept["freesolv"]
    for name, test in found["test"].items():
        assert test["count"] == 5
        apart = found["differences_to_its_own"].get(name)
        assert f"| {name} | {spread(test)} | {interval(apart) if apart else '–'} |" in text


def test_the_table_of_all_results_has_the_kept_ones(kept: dict[str, Any]) -> None:
    text = (REPOSITORY_ROOT / "docs" / "results.md").read_text(encoding="utf-8")
    bo, evolution, started = (
        spread(kept[part]["test"]) for part in ("qm7_bo", "qm7", "qm7_from_member")
    )
    assert f"`bo` {bo}, evolution {evolution}, evolution from a network made by hand " in text
    member, gine = spread(kept["qm7_member"]["test"]), spread(kept["qm7"]["GINE"])
    assert f"{started}; that network {member}, GINE {gine}, boosted trees " in text
    winners = [f"`{method}` {spread(test)}" for method, test in kept["esol"]["test"].items()]
    assert f"{', '.join(winners)}; GINE {spread(kept['by_hand']['esol']['GINE'])}, " in text
    for data in ("qm7", "esol"):
        trees = kept["baselines"][data]["boosted trees, ECFP4"]
        assert f"boosted trees {spread(trees)}" in text


def test_the_member_made_by_hand_is_the_kept_one(text: str, kept: dict[str, Any]) -> None:
    member, gine = kept["qm7_member"], kept["qm7"]["GINE"]
    errors = [spread(member[part]) for part in ("validation", "test")]
    searched = kept["qm7_from_member"]["test"]
    row = f"| `sum`, a member of the space, made by hand | – | {errors[0]} | {errors[1]} |"
    assert f"{row} {interval(difference(member['test'], gine))} |" in text
    less_member = interval(difference(searched, member["test"]))
    assert f"less that of `sum` is {less_member} kcal/mol" in text
    evolution, bo = (kept[part]["test"] for part in ("qm7", "qm7_bo"))
    less_evolution = interval(difference(bo, evolution))
    assert f"less that of evolution's choice is {less_evolution} kcal/mol" in text


def difference(
    ours: Mapping[str, list[float]], theirs: Mapping[str, list[float]]
) -> dict[str, float]:
    """The difference with its interval, paired by split."""
    first, second = ({str(k): v for k, v in enumerate(each["values"])} for each in (ours, theirs))
    found = paired_difference(first, second)
    assert found is not None
    return asdict(found)


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
