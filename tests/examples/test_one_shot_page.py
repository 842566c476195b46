"""``docs/one_shot.md``: its code runs, and its numbers are the kept ones."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from analysis.statistics import Spread
from Bayesian_Optimization.search_flags import check_flags, make_parser
from benchmarks.one_shot_report import gain_of_mending
from experiment.files import read_json
from experiment.paths import REPOSITORY_ROOT

Blocks = Callable[[str, str], list[str]]


def test_code_of_the_page_runs(
    blocks: Blocks, data_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not (data_root / "planetoid" / "ind.cora.x").is_file():
        pytest.skip("the raw files of Planetoid are not here")
    monkeypatch.setenv("NAS_DATA_ROOT", str(data_root))
    session: dict[str, object] = {}
    shown = blocks("one_shot.md", "python")
    assert len(shown) == 2
    for block in shown:
        exec(block, session)


def test_commands_of_the_page_are_understood(blocks: Blocks) -> None:
    shown = blocks("one_shot.md", "bash")
    commands = [shlex.split(line) for block in shown for line in block.splitlines()]
    searches = [words[3:] for words in commands if words[2].endswith("/search.py")]
    assert searches
    for arguments in searches:
        check_flags(make_parser().parse_args(arguments))


ROWS = {
    "supernet without training": "untrained",
    "published, after 100 steps": "published, 100 steps",
    "published": "published",
    "published, dropout off": "published, dropout off",
    "mended, our default": "mended",
    "mended, running statistics": "mended, running statistics",
    "mended, paths uniform over architectures": "uniform over architectures",
    "the same, after 1,000 steps": "uniform over architectures, 1,000 steps",
    "the same, running statistics": "uniform over architectures, running statistics",
    "mended, fair paths": "fair paths",
    "parameters": "parameters",
    "gradient norm, no training": "gradient norm",
    "SNIP, no training": "SNIP",
    "predictor, 20 labels": "predictor, 20 labels",
    "predictor, 50 labels": "predictor, 50 labels",
}
"""Row of the page → of the results."""


@pytest.mark.parametrize(("row", "name"), ROWS.items())
def test_numbers_of_the_page_are_the_kept_ones(row: str, name: str) -> None:
    text = (REPOSITORY_ROOT / "docs" / "one_shot.md").read_text(encoding="utf-8")
    kept = read_json(REPOSITORY_ROOT / "benchmarks" / "results" / "one_shot_ranks.json")["results"]
    (line,) = [line for line in text.splitlines() if line.startswith(f"| {row} |")]
    cells = [cell.strip() for cell in line.split("|")[2:6]]
    keys = [(one, key) for one in ("cora", "citeseer") for key in ("tau", "tau_best_tenth")]
    for cell, (dataset, key) in zip(cells, keys, strict=True):
        values = [run[key] for run in kept[dataset].get(name, {}).values() if key in run]
        assert cell == shown(values)


def test_intervals_of_the_page_are_those_of_the_kept_seeds() -> None:
    text = (REPOSITORY_ROOT / "docs" / "one_shot.md").read_text(encoding="utf-8")
    kept = read_json(REPOSITORY_ROOT / "benchmarks" / "results" / "one_shot_ranks.json")["results"]
    for dataset in ("Cora", "Citeseer"):
        apart = gain_of_mending(kept[dataset.lower()])
        assert apart is not None
        assert apart.count == 5
        assert f"{apart.text(3).replace('0.', '.').replace('-', '−')} on {dataset}" in text


def shown(values: list[float]) -> str:
    """As the page writes a mean and, of several, its standard deviation."""
    if not values:
        return "–"
    spread = Spread.of(values)
    text = f"{spread.mean:.3f}" if len(values) == 1 else spread.text(3)
    return text.replace("0.", ".").replace("-", "−")
