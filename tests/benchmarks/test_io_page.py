"""The page on input–output information: its tables are what the benchmarks measured."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from benchmarks import io_curves, io_prediction, io_search
from experiment.files import read_json
from experiment.paths import REPOSITORY_ROOT

RESULTS = REPOSITORY_ROOT / "benchmarks" / "results"
PAGE = REPOSITORY_ROOT / "docs" / "io_information.md"


def measured() -> Iterator[str]:
    """Every line that the tables of the benchmarks have."""
    curves = read_json(RESULTS / "io_curves.json")
    yield from io_curves.table_lines(curves["results"])
    yield from io_curves.source_lines(curves["sources"])
    yield from io_prediction.table_lines(results("io_prediction"))
    yield from io_search.table_lines(results("io_search"))


def results(name: str) -> Any:
    return read_json(RESULTS / f"{name}.json")["results"]


def test_tables_of_the_page_are_what_was_measured() -> None:
    lines = set(measured())
    text = PAGE.read_text(encoding="utf-8").split("## What was measured")[1]
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    assert len(rows) > 40
    assert [row for row in rows if row not in lines] == []
