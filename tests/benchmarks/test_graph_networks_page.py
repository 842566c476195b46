"""The page on graph networks: its tables are what the benchmarks measured."""

from __future__ import annotations

from benchmarks import graph_networks_tables
from experiment.paths import REPOSITORY_ROOT

PAGE = REPOSITORY_ROOT / "docs" / "graph_networks.md"


def test_tables_of_the_page_are_what_was_measured() -> None:
    lines = set(graph_networks_tables.measured())
    text = PAGE.read_text(encoding="utf-8").split("### Predictors without transfer")[1]
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    heads = [line for line in rows if line.startswith(("| data set |", "| predictor |"))]
    assert len(rows) - len(heads) > 60
    assert [row for row in rows if row not in lines and row not in heads] == []
