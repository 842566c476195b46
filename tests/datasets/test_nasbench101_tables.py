"""NB101's published arrays: what is checked in them, and that they are known under any name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from datasets import get_benchmark
from datasets.commands.prepare import main as prepare
from datasets.formats.nasbench101_tables import CHECKED_HASHES, read_108_epochs, read_budgets
from datasets.nasbench import api
from datasets.spaces.nb101 import NB101
from datasets.table import Table, pack_edges
from experiment.errors import InputError

Arrays = dict[str, np.ndarray]
Read = Callable[[Path], Table]
DIGIT_OF_TYPE = np.array([-1, -1, 1, 0, 2])
"""Output and input (which have no operation), conv1x1, conv3x3, maxpool3x3."""


def cells(rows: int) -> Arrays:
    """The first cells of the space as the arrays that both layouts have."""
    graphs = next(NB101().enumerate(5))[:rows]
    packed = pack_edges(graphs.adjacency.numpy()).astype(np.uint32)
    return {
        "module_hash": NB101().module_hashes(graphs),
        "n_vertices": graphs.num_nodes.numpy().astype(np.uint8),
        "adj_bits": packed @ (1 << np.array([0, 8, 16], dtype=np.uint32)),
        "ops": DIGIT_OF_TYPE[graphs.types.numpy()[:, 1:-1]].astype(np.int8),
        "trainable_parameters": np.arange(rows, dtype=np.int32),
    }


def three_repeats(rows: int) -> Arrays:
    counts = {
        f"{when}_{part}_correct9984": np.full((rows, 3), 4992, dtype=np.uint16)
        for when in ("final", "halfway")
        for part in ("validation", "test", "train")
    }
    times = {f"{when}_training_time": np.ones((rows, 3)) for when in ("final", "halfway")}
    return cells(rows) | counts | times | {"sampled_from": np.ones(rows, dtype=np.uint8)}


def four_budgets(rows: int) -> Arrays:
    counts = {
        f"val_correct9984_ep{epochs}": np.full(rows, 2496, dtype=np.uint16)
        for epochs in (4, 12, 36, 108)
    }
    return cells(rows) | counts | {"final_training_time_108": np.ones(rows)}


LAYOUTS = pytest.mark.parametrize(
    ("layout", "read"), [(three_repeats, read_108_epochs), (four_budgets, read_budgets)]
)


def saved(path: Path, arrays: Arrays) -> Path:
    path.parent.mkdir(exist_ok=True)
    np.savez(path, **arrays)  # type: ignore[arg-type]
    return path


@LAYOUTS
def test_cells_come_back_as_they_were_enumerated(
    tmp_path: Path, layout: Callable[[int], Arrays], read: Read
) -> None:
    table = read(saved(tmp_path / "a.npz", layout(CHECKED_HASHES + 500)))
    assert list(table.graphs[:60]) == list(next(NB101().enumerate(5))[:60])
    assert table.hashes[40] == NB101().hash(table.graphs.graph(40))


@LAYOUTS
def test_hash_on_two_rows_is_refused(
    tmp_path: Path, layout: Callable[[int], Arrays], read: Read
) -> None:
    arrays = layout(30)
    for name in arrays:
        arrays[name][25] = arrays[name][3]
    with pytest.raises(InputError, match=r"a\.npz', rows 3 and 25 have the same module hash"):
        read(saved(tmp_path / "a.npz", arrays))


@LAYOUTS
def test_cell_of_another_hash_is_refused(
    tmp_path: Path, layout: Callable[[int], Arrays], read: Read
) -> None:
    arrays = layout(30)
    arrays["module_hash"][17, 5] ^= 1
    with pytest.raises(InputError, match=r"a\.npz', row 17: .* not those of module hash"):
        read(saved(tmp_path / "a.npz", arrays))


def test_cells_out_of_step_with_their_hashes_are_found_in_a_large_table(tmp_path: Path) -> None:
    arrays = four_budgets(CHECKED_HASHES + 500)
    arrays["module_hash"] = np.roll(arrays["module_hash"], 1, axis=0)
    with pytest.raises(InputError, match="not those of module hash"):
        read_budgets(saved(tmp_path / "a.npz", arrays))


@pytest.mark.parametrize(
    ("name", "value"),
    [("adj_bits", 0), ("adj_bits", 1 << 21), ("n_vertices", 8), ("ops", -1), ("ops", -5)],
)
def test_what_is_no_cell_is_refused(tmp_path: Path, name: str, value: int) -> None:
    arrays = four_budgets(30)
    arrays[name][8] = value
    with pytest.raises(InputError, match="row 8: "):
        read_budgets(saved(tmp_path / "a.npz", arrays))


def test_files_of_other_names_are_known_by_their_arrays(tmp_path: Path) -> None:
    repeats = saved(tmp_path / "repeats.npz", three_repeats(20))
    budgets = saved(tmp_path / "budgets.npz", four_budgets(10))
    assert len(get_benchmark("NB101", source=repeats).metric("test").trial(2)) == 20
    short = get_benchmark("NB101", source=budgets, epochs=4)
    assert short.metric("validation").mean().tolist() == [0.25] * 10
    assert api.NASBench(repeats).valid_epochs == {108}
    assert api.NASBench(budgets).valid_epochs == {4, 12, 36, 108}
    other = saved(tmp_path / "other.npz", {"numbers": np.ones(3)})
    with pytest.raises(InputError, match="neither a compact table nor a file that NB101 is"):
        get_benchmark("NB101", source=other)


def test_renamed_files_are_found_below_the_data_root(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NAS_TABLE_DIR", str(tmp_path / "tables"))
    saved(tmp_path / "nasbench101" / "mine.npz", three_repeats(20))
    saved(tmp_path / "nasbench101" / "more.npz", four_budgets(10))
    assert len(get_benchmark("NB101", tmp_path)) == 20
    assert len(get_benchmark("NB101", tmp_path, epochs=36)) == 10
    prepare(["--space", "NB101", "--data_root", str(tmp_path)])
    tables = {path.name for path in (tmp_path / "tables").iterdir()}
    assert tables == {"NB101.mine.npz", "NB101.more.npz"}
    assert "missing nasbench101/nb101_108ep_3rep.npz" not in capsys.readouterr().out
    # The published name wins over a file that merely looks like it.
    saved(tmp_path / "nasbench101" / "nb101_108ep_3rep.npz", three_repeats(5))
    assert len(get_benchmark("NB101", tmp_path)) == 5
