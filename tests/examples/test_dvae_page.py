"""``docs/dvae.md``: its code runs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from models import DVAE, NGAE, DVAESizes, Embedding, WithHeads, checkpoints, stored_state


def test_code_of_the_page_runs(
    blocks: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One session, with small random weights."""
    torch.manual_seed(0)
    sizes = DVAESizes(8, 8, 12, 8)
    kept: dict[str, Embedding | WithHeads] = {
        "DVAE_ENAS": DVAE(sizes),
        "NGAE_ENAS": WithHeads.fresh(NGAE(sizes), NGAE.own_heads),
    }
    for name, model in kept.items():
        (tmp_path / name).mkdir()
        torch.save(stored_state(model), tmp_path / name / "model_checkpoint300.pth")
    monkeypatch.setattr(checkpoints, "STATE_DICTS", tmp_path)
    session: dict[str, object] = {}
    shown = blocks("dvae.md", "python")
    assert len(shown) == 2
    for block in shown:
        exec(block, session)
