"""``docs/fidelity.md``: its code runs, its commands are understood."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from typing import Any

from Bayesian_Optimization.search_flags import check_flags, make_parser
from searchers.methods import MULTI_FIDELITY

Blocks = Callable[[str, str], list[str]]


def test_code_of_the_page_runs(blocks: Blocks) -> None:
    session: dict[str, Any] = {"__name__": "page"}
    first, by_hand, own = blocks("fidelity.md", "python")
    exec(first, session)
    assert session["history"].queries == 60
    assert session["best"].fidelity == 4
    exec(by_hand, session)
    assert len(session["searcher"].observations) == 64
    exec(own, session)
    measured = [step.measurement for step in session["history"].steps]
    longest = [one.validation for one in measured if one.fidelity == 9]
    assert session["history"].incumbent.measurement.validation == min(longest)


def test_commands_of_the_page_are_understood(blocks: Blocks) -> None:
    lines = [line for block in blocks("fidelity.md", "bash") for line in block.splitlines()]
    searches = [shlex.split(line) for line in lines if "search.py" in line]
    for words in searches:
        given = make_parser().parse_args(words[2:])
        check_flags(given)
        assert given.method in MULTI_FIDELITY
    assert len(searches) == 3
