"""``docs/graph_networks.md``: its code runs, and its notations are one architecture."""

from __future__ import annotations

import shlex
from collections.abc import Callable

import pytest

from datasets import get_space
from datasets.commands import query as query_command

Blocks = Callable[[str, str], list[str]]
PAGE = "graph_networks.md"


def test_code_of_the_page_runs(blocks: Blocks) -> None:
    session: dict[str, object] = {}
    shown = [block for block in blocks(PAGE, "python") if 'source="full"' not in block]
    assert len(shown) == 6
    for block in shown:
        exec(block, session)
    assert session["record"].known  # type: ignore[attr-defined]
    assert session["info"]["perf"] == pytest.approx(  # type: ignore[index]
        session["record"].metrics["test"][0]  # type: ignore[attr-defined]
    )


def test_all_notations_are_one_architecture(blocks: Blocks) -> None:
    (block,) = blocks(PAGE, "text")
    space = get_space("NAS_BENCH_GRAPH")
    assert len({space.parse(line) for line in block.splitlines()}) == 1


def test_queries_of_the_page_run(blocks: Blocks, capsys: pytest.CaptureFixture[str]) -> None:
    lines = [line for block in blocks(PAGE, "bash") for line in block.splitlines()]
    queries = [shlex.split(line)[3:] for line in lines if "datasets.query" in line]
    assert len(queries) == 2
    for flags in queries:
        assert query_command.main(flags) == 0
    assert '"known": true' in capsys.readouterr().out
