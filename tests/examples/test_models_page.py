"""``docs/models.md``: its code runs, and its tables of weights are those of the models."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path

import pytest
import torch

from experiment.paths import REPOSITORY_ROOT
from models import DGMG, SVGE, Embedding, Sizes, SVGEDegrees, WithHeads, checkpoints

PAGE = "models.md"
SIZES = Sizes(num_types=5, max_nodes=7, node_width=10, graph_width=16)


def test_code_of_the_page_runs(
    blocks: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One session, with small random weights where it loads published ones."""
    torch.manual_seed(0)
    model = SVGE(SIZES)
    kept: dict[str, tuple[Embedding | WithHeads, int]] = {
        "SVGE_acc_NB101": (WithHeads.fresh(model), 100),
        "SVGE_NB101": (model, 300),
    }
    for name, (each, epoch) in kept.items():
        folder = tmp_path / name
        folder.mkdir()
        torch.save(checkpoints.stored_state(each), checkpoints.checkpoint_path(folder, epoch))
    (folder / "config.json").write_text(json.dumps({"sizes": {"max_nodes": SIZES.max_nodes}}))
    monkeypatch.setattr(checkpoints, "STATE_DICTS", tmp_path)
    session: dict[str, object] = {}
    shown = blocks(PAGE, "python")
    assert len(shown) == 19
    for block in shown:
        exec(block, session)


def table(head: str) -> list[tuple[str, str]]:
    """Key pattern and shapes in the rows of the table whose first column is called ``head``."""
    text = (REPOSITORY_ROOT / "docs" / PAGE).read_text(encoding="utf-8")
    _, _, rest = text.partition(f"| {head} | shape |\n|---|---|\n")
    rows = re.findall(r"\| `(.*)` \| (.*) \|\n", rest.partition("\n\n")[0] + "\n")
    assert rows
    return rows


def expanded(rows: list[tuple[str, str]]) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Every key with its shape; the shapes of a row go with the last alternatives of its key."""
    sizes = {"T": 5, "D": 10, "H": 5, "G": 16, "N": 7}
    for pattern, shapes in rows:
        pieces = [part.split(",") for part in re.split(r"[{}]", pattern)]
        wanted = [
            tuple(eval(re.sub(r"(\d)([A-Z])", r"\1*\2", width), sizes) for width in part.split(","))
            for part in re.findall(r"\((.*?)\)", shapes)
        ]
        last = next((piece for piece in reversed(pieces) if len(piece) > 1), pieces[0])
        assert len(wanted) in (1, len(last))
        for number, choice in enumerate(product(*pieces)):
            yield "".join(choice), wanted[number % len(wanted)]


def shapes(model: Embedding | WithHeads) -> dict[str, tuple[int, ...]]:
    return {key: tuple(each.shape) for key, each in checkpoints.stored_state(model).items()}


def test_tables_of_weights_are_those_of_the_models() -> None:
    svge, head, dgmg = (list(expanded(table(name))) for name in ("SVGE", "head", "DGMG"))
    assert len(dict(svge)) == len(svge)
    assert dict(svge) == shapes(SVGE(SIZES))
    assert dict(svge + head) == shapes(WithHeads.fresh(SVGE(SIZES)))
    reach = list(expanded(table("SVGE_degrees")))
    assert dict(svge + reach) == shapes(SVGEDegrees(SIZES))
    shared = list(expanded(table("SVGE")[3:]))
    assert dict(shared + dgmg) == shapes(DGMG(SIZES))
