"""``docs/cluster.md``: its code runs, and its commands are those that there are."""

from __future__ import annotations

import asyncio
import re
import shlex
from collections.abc import Callable

import pytest

from Bayesian_Optimization.search_flags import make_parser
from experiment.engines import ENGINES
from experiment.paths import REPOSITORY_ROOT

Blocks = Callable[[str, str], list[str]]


def test_code_of_the_page_runs_as_in_a_notebook(blocks: Blocks) -> None:
    """A cell of a notebook is called by a loop that runs."""
    pytest.importorskip("ray")
    session: dict[str, object] = {"__name__": "page"}
    (block,) = blocks("cluster.md", "python")

    async def cell() -> None:
        exec(block, session)

    asyncio.run(cell())
    assert len(session["found"].history) == 20  # type: ignore[attr-defined]


def test_commands_of_the_page_are_understood(blocks: Blocks) -> None:
    text = "\n".join(blocks("cluster.md", "bash")).replace("\\\n", " ")
    flags = re.findall(r"Bayesian_Optimization/search\.py([^'\n]*)", text)
    assert len(flags) == 4
    for each in flags:
        given = make_parser().parse_args(shlex.split(each))
        assert given.engine == "ray"


def test_the_page_tells_of_every_flag() -> None:
    text = (REPOSITORY_ROOT / "docs" / "cluster.md").read_text(encoding="utf-8")
    told = set(re.findall(r"^\| `--(\w+)`", text, re.MULTILINE))
    given = vars(make_parser().parse_args([]))
    assert told == {"engine", "address", "workers", "cpus_per_task", "gpus_per_task"}
    assert told <= given.keys()
    assert all(f"`{name}`" in text for name in ENGINES)
