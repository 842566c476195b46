"""``docs/one_shot.md``: its code runs, and its numbers are the kept ones."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from Bayesian_Optimization.search_flags import check_flags, make_parser

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
