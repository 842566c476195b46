"""``docs/citation_spaces.md``: its code runs; notations and sizes are those of the spaces."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from datasets import get_space
from experiment.paths import DATA_ROOT_VARIABLE, REPOSITORY_ROOT
from models.networks.node_operations import OPERATIONS

Blocks = Callable[[str, str], list[str]]
PAGE = "citation_spaces.md"


def test_code_of_the_page_runs(
    blocks: Blocks, data_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not (data_root / "planetoid" / "ind.cora.x").is_file():
        pytest.skip("the raw files of Planetoid are not here")
    monkeypatch.setenv(DATA_ROOT_VARIABLE, str(data_root))
    session: dict[str, object] = {}
    for block in blocks(PAGE, "python"):
        exec(block, session)
    assert session["measurement"].ok  # type: ignore[attr-defined]


def test_notations_and_sizes_of_the_page(blocks: Blocks) -> None:
    text = (REPOSITORY_ROOT / "docs" / PAGE).read_text(encoding="utf-8")
    (block,) = blocks(PAGE, "text")
    shown = dict(line.split(": ", 1) for line in block.splitlines())
    for name, notation in shown.items():
        space = get_space(name)
        assert space.format(space.parse(notation)) == notation
        (row,) = [line for line in text.splitlines() if line.startswith(f"| `{name}` |")]
        assert f"| {space.max_nodes}, {len(space.types)} |" in row
        powers = {"SINGLE_PATH": "2²", "GASSO": "5²"}
        assert powers.get(name, f"{space.size:,}") in row
    assert " ".join(OPERATIONS) in text
