"""``docs/mpnn.md``: its code runs and gives what it says."""

from __future__ import annotations

from collections.abc import Callable

from experiment.paths import REPOSITORY_ROOT

Blocks = Callable[[str, str], list[str]]
PAGE = "mpnn.md"


def test_code_of_the_page_runs(blocks: Blocks) -> None:
    session: dict[str, object] = {}
    for block in blocks(PAGE, "python"):
        exec(block, session)
    text = (REPOSITORY_ROOT / "docs" / PAGE).read_text(encoding="utf-8")
    space, graph = session["space"], session["graph"]
    assert f"`{space.format(graph)}`" in text  # type: ignore[attr-defined]
    assert f"{space.size:,} architectures" in text  # type: ignore[attr-defined]
    assert f"the {len(space.neighbours(graph))} arch" in text  # type: ignore[attr-defined]
