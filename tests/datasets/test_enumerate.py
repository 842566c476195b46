"""The command that writes every architecture of a space into a file."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from datasets.batch import GraphBatch
from datasets.commands.enumerate import main
from datasets.enumerate import processes
from datasets.spaces.enas import ENAS
from datasets.spaces.nb101 import NB101
from datasets.spaces.nb201 import NB201
from experiment.errors import InputError
from experiment.paths import REPOSITORY_ROOT

ALL_CELLS = "fd31f7f1f77457f31cdb1cd7d7f282ff280640395a42145b33d341a0bf884085"
HASHES_UP_TO_6 = "37307b1d96d9042806cf43f52e7a1369d38425569393efc9743ccb4cfea73c8c"
HASHES_OF_EVERY_16TH = "26fc63b5d023a63a3fef5f4f1bdb9338144501524a9ba12f72333431d5deac60"
"""SHA-256 of types, adjacency and sizes of all cells in order, of the sorted hashes of those of at
most six nodes, and of the hashes of every 16th, from a run whose hashes held all 145,646 of the
table."""


def run(path: Path, *arguments: str) -> dict[str, np.ndarray]:
    main([*arguments, "--out", str(path)])
    with np.load(path) as file:
        return dict(file)


@pytest.mark.parametrize("flag", ["--max_nodes", "--max-nodes"])
def test_small_nb101_cells_with_their_hashes(flag: str, tmp_path: Path) -> None:
    table = run(tmp_path / "made" / "cells.npz", "--space", "NB101", flag, "5")
    assert table["types"].shape == (2532, 7)
    assert table["adjacency"].shape == (2532, 7, 7)
    assert table["module_hash"].shape == (2532, 16)
    assert all(column.dtype == np.uint8 for column in table.values())
    assert len(np.unique(table["module_hash"], axis=0)) == 2532
    space = NB101()
    graphs = [graph for batch in space.enumerate(5) for graph in batch]
    for row in range(0, 2532, 250):
        n = table["num_nodes"][row]
        assert table["types"][row, :n].tolist() == list(graphs[row].types)
        assert (table["adjacency"][row, :n, :n] == graphs[row].adjacency).all()
        assert table["module_hash"][row].tobytes().hex() == space.hash(graphs[row])


def test_nb201_stands_in_the_order_of_the_index(tmp_path: Path) -> None:
    table = run(tmp_path / "cells.npz", "--space", "NB201")
    assert set(table) == {"types", "adjacency", "num_nodes"}
    assert len(table["types"]) == 15_625
    assert table["types"][11].tolist() == list(NB201().from_index(11).types)


def test_enas_needs_a_limit(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"1,528,823,808 .*--limit"):
        main(["--space", "ENAS", "--out", str(tmp_path / "nets.npz")])
    assert not list(tmp_path.iterdir())
    table = run(tmp_path / "nets.npz", "--space", "ENAS", "--limit", "5000")
    assert table["types"].shape == (5000, 8)
    # Number 4999 is 26 · 192 + 7: 26 = 1 · 16 + 0b1010 in layer 4, 7 = 0b00111 in layer 5.
    last = ENAS().parse("0 0 0 0 0 0 0 0 0 0  1 1 0 1 0  0 0 0 1 1 1")
    assert table["types"][-1].tolist() == list(last.types)
    assert (table["adjacency"][-1] == last.adjacency).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--space", "NB201", "--max_nodes", "5"], "all NB201 architectures have 8 nodes"),
        (["--space", "NB101", "--max_nodes", "8"], "2 to 7"),
        (["--space", "NB101", "--max_nodes", "1"], "2 to 7"),
    ],
)
def test_bad_choices_leave_nothing_behind(
    arguments: list[str], message: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=message):
        main([*arguments, "--out", str(tmp_path / "cells.npz")])
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("available", "expected"), [(1, 1), (3, 3), (64, 4)])
def test_processes_are_those_that_may_run_and_at_most_four(
    available: int, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(available)), raising=False)
    assert processes() == expected
    monkeypatch.delattr(os, "sched_getaffinity")
    assert processes() == 4


def test_other_file_types_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"ends in \.npz"):
        main(["--space", "NB201", "--out", str(tmp_path / "cells.csv")])


def test_command_ends_with_one_sentence_and_code_2(
    command: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    for out in (blocked / "cells.npz", tmp_path / "cells.txt"):
        code, _, err = command(main, "--space", "NB201", "--out", out)
        assert code == 2
        assert err.startswith("error: ")
        assert err.count("\n") == 1


@pytest.mark.slow
def test_nb101_up_to_6_nodes_in_two_processes(tmp_path: Path) -> None:
    path = tmp_path / "nb101.npz"
    more = ["--max_nodes", "6", "--out", str(path)]
    subprocess.run(
        [sys.executable, "-m", "datasets.enumerate", "--space", "NB101", *more],
        cwd=REPOSITORY_ROOT,
        check=True,
    )
    with np.load(path) as file:
        hashes = sorted(row.tobytes() for row in file["module_hash"])
    assert len(set(hashes)) == 64_542
    assert hashlib.sha256(b"".join(hashes)).hexdigest() == HASHES_UP_TO_6


@pytest.mark.slow
def test_whole_nb101() -> None:
    """All cells, and the hashes of every 16th: what they all are was checked as they were made."""
    space = NB101()
    graphs = GraphBatch.cat(space.enumerate())
    columns = (graphs.types, graphs.adjacency, graphs.num_nodes)
    content = b"".join(column.numpy().astype(np.uint8).tobytes() for column in columns)
    assert len(graphs) == 423_624
    assert hashlib.sha256(content).hexdigest() == ALL_CELLS
    hashes = space.module_hashes(graphs[::16])
    assert hashlib.sha256(hashes.tobytes()).hexdigest() == HASHES_OF_EVERY_16TH
