"""``docs/scale.md``: its code runs, and its tables are what is kept."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from typing import Any

import pytest

from benchmarks import scale
from experiment.files import read_json
from experiment.paths import REPOSITORY_ROOT

Blocks = Callable[[str, str], list[str]]


def test_code_of_the_page_runs(blocks: Blocks, capsys: pytest.CaptureFixture[str]) -> None:
    session: dict[str, Any] = {"__name__": "page"}
    for block in blocks("scale.md", "python"):
        exec(block, session)
    assert "busy" in capsys.readouterr().out
    assert len(session["curve"]) == len(session["account"].received) == 500
    assert 0 < session["account"].utilisation() < 1


def test_commands_of_the_page_are_understood(blocks: Blocks) -> None:
    lines = "\n".join(blocks("scale.md", "bash")).splitlines()
    assert len(lines) >= 5
    for line in lines:
        python, file, *words = shlex.split(line)
        assert (python, file) == ("python", "benchmarks/scale.py")
        scale.make_parser().parse_args(words)


def test_tables_of_the_page_are_what_was_measured() -> None:
    page = (REPOSITORY_ROOT / "docs" / "scale.md").read_text(encoding="utf-8").splitlines()
    record = read_json(scale.RESULTS)
    lines = [
        *scale.table_lines(record["results"]),
        *scale.choice_lines(record["choices"]),
        *scale.difference_lines(record["sparse"]),
    ]
    assert len(lines) > 20
    assert [line for line in lines if line not in page] == []
