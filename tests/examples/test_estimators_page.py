"""``docs/estimators.md`` and ``docs/digits101.md``: their code runs."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from datasets.registry import get_space
from estimators.commands import digits101, digits101_table
from estimators.digits101 import find_cell
from estimators.digits101_table import all_cells

Blocks = Callable[[str, str], list[str]]


def test_code_of_the_page_runs(
    blocks: Blocks,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """As the script that its second block says it may be; one cell is left to a worker."""
    monkeypatch.chdir(tmp_path)
    session: dict[str, object] = {"__name__": "__main__"}
    shown = blocks("estimators.md", "python")
    assert len(shown) == 3
    said = []
    for block in shown:
        exec(block, session)
        said.append(capsys.readouterr().out.splitlines())
    records = [json.loads(line) for line in said[0]]
    assert [record["status"] for record in records] == ["ok", "ok"]
    assert said[1][:2] == [f"ok {record['validation']}" for record in records]
    assert len(said[1]) == 3
    assert [file.name for file in tmp_path.iterdir()] == ["measurements.sqlite"]


def test_commands_of_digits101_are_understood(
    blocks: Blocks, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every flag is known, the cell and the hash are of the space."""
    commands = [
        shlex.split(line) for block in blocks("digits101.md", "bash") for line in block.splitlines()
    ]
    modules = {"estimators.digits101": digits101, "estimators.digits101_table": digits101_table}
    assert [command[2] for command in commands] == [*["estimators.digits101"] * 3, [*modules][1]]
    for _, _, module, *arguments in commands:
        with pytest.raises(SystemExit):
            modules[module].main(["--help"])
        known = capsys.readouterr().out
        assert all(word in known for word in arguments if word.startswith("--"))
    space = get_space("DIGITS101")
    assert space.is_legal(find_cell(commands[0][4]))
    assert commands[1][4] in {space.hash(cell) for cell in all_cells()}
