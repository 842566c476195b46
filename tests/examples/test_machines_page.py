"""``docs/machines.md``: its code runs."""

from __future__ import annotations

from collections.abc import Callable


def test_code_of_the_page_runs(blocks: Callable[[str, str], list[str]]) -> None:
    session: dict[str, object] = {}
    shown = blocks("machines.md", "python")
    assert len(shown) == 1
    for block in shown:
        exec(block, session)
