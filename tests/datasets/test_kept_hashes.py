"""Hashes kept in a file: the same as computed ones, and never those of other graphs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from datasets import kept_hashes as module
from datasets.batch import GraphBatch
from datasets.benchmarks.sources import TABLE_VARIABLE
from datasets.kept_hashes import kept_hashes
from datasets.spaces.nb101 import NB101
from datasets.spaces.nb201 import NB201


class Counted(NB101):
    """Counts how many graphs it was asked to hash."""

    def __init__(self) -> None:
        self.hashed = 0

    def hashes(self, batch: GraphBatch) -> np.ndarray:
        self.hashed += len(batch)
        return super().hashes(batch)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(module, "MANY", 10)
    monkeypatch.setenv(TABLE_VARIABLE, str(tmp_path / "tables"))
    return tmp_path / "tables"


@pytest.fixture
def graphs() -> GraphBatch:
    return GraphBatch.cat(NB101().enumerate(max_nodes=5))


def test_what_is_kept_is_what_was_computed(graphs: GraphBatch, folder: Path) -> None:
    space = Counted()
    first = kept_hashes(space, graphs, None)
    second = kept_hashes(space, graphs, None)
    assert space.hashed == len(graphs)
    assert first.dtype == second.dtype
    assert first.tolist() == second.tolist() == NB101().hashes(graphs).tolist()
    assert len(list(folder.iterdir())) == 1


def test_other_graphs_are_hashed_anew(graphs: GraphBatch, folder: Path) -> None:
    space = Counted()
    kept_hashes(space, graphs, None)
    parts = (graphs.types, graphs.adjacency, graphs.num_nodes)
    turned = GraphBatch(*(part.flip(0) for part in parts))
    for other in (turned, graphs[:1000], graphs.padded(8)):
        assert kept_hashes(space, other, None).tolist() == NB101().hashes(other).tolist()
    cells = GraphBatch.cat(NB201().enumerate())[:20]
    assert kept_hashes(NB201(), cells, None).tolist() == NB201().hashes(cells).tolist()
    assert len(list(folder.iterdir())) == 5


@pytest.mark.parametrize("damage", ["empty", "truncated", "no archive", "changed"])
def test_a_damaged_file_is_made_again(graphs: GraphBatch, folder: Path, damage: str) -> None:
    space = Counted()
    expected = kept_hashes(space, graphs, None).tolist()
    (path,) = folder.iterdir()
    content = path.read_bytes()
    changed = bytearray(content)
    changed[len(content) // 2] ^= 0xFF
    wrong = {
        "empty": b"",
        "truncated": content[: len(content) // 2],
        "no archive": b"no hashes",
        "changed": bytes(changed),
    }
    path.write_bytes(wrong[damage])
    assert kept_hashes(space, graphs, None).tolist() == expected
    assert space.hashed == 2 * len(graphs)
    assert path.read_bytes() == content


def test_arrays_of_another_shape_are_not_taken(graphs: GraphBatch, folder: Path) -> None:
    expected = kept_hashes(NB101(), graphs, None).tolist()
    (path,) = folder.iterdir()
    for wrong in (np.zeros((3, 16), np.uint8), np.zeros((len(graphs), 16))):
        np.savez(path, hash=wrong)
        assert kept_hashes(NB101(), graphs, None).tolist() == expected


def test_few_graphs_leave_no_file(graphs: GraphBatch, folder: Path) -> None:
    kept_hashes(NB101(), graphs[:9], None)
    assert not folder.exists()


def test_without_a_place_to_keep_them_they_are_returned(
    graphs: GraphBatch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("no folder")
    monkeypatch.setenv(TABLE_VARIABLE, str(blocked / "tables"))
    assert kept_hashes(NB101(), graphs, None).tolist() == NB101().hashes(graphs).tolist()
