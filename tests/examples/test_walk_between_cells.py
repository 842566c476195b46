"""The example of a walk: it runs as it stands, here with small random weights."""

from __future__ import annotations

import json
import runpy
from pathlib import Path

import pytest
import torch

from experiment.paths import REPOSITORY_ROOT
from models import SVGE, Sizes, checkpoints


def test_the_walk_ends_at_the_cells_it_was_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.manual_seed(0)
    sizes = Sizes(num_types=5, max_nodes=7, node_width=12, graph_width=8)
    folder = tmp_path / "SVGE_NB101"
    folder.mkdir()
    torch.save(SVGE(sizes).state_dict(), checkpoints.checkpoint_path(folder, 1))
    (folder / "config.json").write_text(json.dumps({"sizes": {"max_nodes": 7}}))
    monkeypatch.setattr(checkpoints, "STATE_DICTS", tmp_path)
    monkeypatch.chdir(tmp_path)
    shown = runpy.run_path(str(REPOSITORY_ROOT / "examples" / "walk_between_cells.py"))
    assert (tmp_path / "walk.png").stat().st_size > 1000
    path, *hashes = capsys.readouterr().out.split()
    assert path == "walk.png"
    assert hashes == shown["space"].hashes(shown["decoded"]).tolist()
    assert len(hashes) == 9
