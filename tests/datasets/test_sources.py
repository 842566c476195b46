"""What is a default source of a data root, and what is read again."""

import os
import shutil
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from datasets import get_benchmark
from datasets.benchmarks import enas, sources, tables
from datasets.benchmarks.sources import TABLE_VARIABLE, Source, choose
from datasets.commands.prepare import main as prepare
from datasets.formats.enas import read_structures
from datasets.source_record import announce
from datasets.table import read_header, read_table, write_table
from experiment.errors import InputError
from experiment.files import sha256
from experiment.run import RunFolder

LINE = "[[{}], [4, 0], [5, 0, 1], [0, 0, 0, 0], [1, 0, 0, 0, 0], [2, 0, 0, 0, 0, 0]], {}"
PLACE = "ENAS/final_structures6.txt"


def structures(*accuracies: float) -> str:
    """A file of as many ENAS networks, after the burn-in."""
    good = [LINE.format(row % 6, accuracy) for row, accuracy in enumerate(accuracies)]
    return "\n".join([LINE.format(0, 0.5)] * 1000 + good) + "\n"


def put(root: Path, *accuracies: float, name: str = PLACE) -> Path:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(structures(*accuracies))
    return path


def accuracies(root: Path | None = None, source: Path | None = None) -> list[float]:
    benchmark = get_benchmark("ENAS", root, source=source)
    return benchmark.metric("validation").mean().tolist()


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Makes of the ENAS file one that is slow to read; the files that were read, in order."""
    done: list[Path] = []

    def read(path: Path) -> object:
        done.append(path)
        return read_structures(path, layers=6)

    slow = Source("final_structures6", PLACE, read, slow=True, suffixes=(".txt",))  # type: ignore[arg-type]
    monkeypatch.setattr(enas, "SOURCES", (slow,))
    return done


@pytest.fixture(params=["below the root", "in a named folder"])
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Path:
    """A data root that nothing was read from yet, and that is the default."""
    made = tmp_path / "root"
    made.mkdir()
    monkeypatch.setenv("NAS_DATA_ROOT", str(made))
    if request.param == "below the root":
        monkeypatch.delenv(TABLE_VARIABLE, raising=False)
    else:
        monkeypatch.setenv(TABLE_VARIABLE, str(tmp_path / "named"))
    return made


def test_a_file_named_once_changes_no_default(
    root: Path, tmp_path: Path, reads: list[Path]
) -> None:
    foreign = put(tmp_path / "else", 0.1, 0.2, 0.3)
    assert accuracies(source=foreign) == [0.1, 0.2, 0.3]
    with pytest.raises(InputError, match="no measured numbers of ENAS"):
        accuracies()
    put(root, 0.6, 0.7)
    assert accuracies() == [0.6, 0.7]
    assert accuracies(source=foreign) == [0.1, 0.2, 0.3]
    shutil.rmtree(tmp_path / "else")
    assert accuracies() == [0.6, 0.7]
    (root / PLACE).unlink()
    with pytest.raises(InputError, match="no measured numbers of ENAS"):
        accuracies()  # what a look-up kept is no source of its own
    assert reads == [foreign, root / PLACE]


def test_the_public_interface_changes_no_default_either(root: Path, tmp_path: Path) -> None:
    pytest.importorskip("numpy")
    from datasets.nasbench import api

    shared = Path(__file__).resolve().parents[3] / "shared" / "data" / "nasbench101"
    if not shared.is_dir():
        pytest.skip("measured data not here")
    (tmp_path / "else").mkdir()
    foreign = tmp_path / "else" / "nasbench_only108.tfrecord"
    shutil.copyfile(shared / "nasbench_only108_sample.tfrecord", foreign)
    (root / "nasbench101").mkdir()
    shutil.copyfile(shared / "nb101_multibudget_val.npz", root / "nasbench101" / "own.npz")
    before = get_benchmark("NB101", epochs=36)
    api.NASBench(foreign)
    foreign.unlink()
    after = get_benchmark("NB101", epochs=36)
    assert after.source == before.source
    assert after.hashes.tolist() == before.hashes.tolist()


def test_a_kept_table_is_used_for_the_same_content_only(
    root: Path, tmp_path: Path, reads: list[Path]
) -> None:
    path = put(root, 0.6, 0.7)
    stat = path.stat()
    assert accuracies() == accuracies() == [0.6, 0.7]
    assert len(reads) == 1
    moved = tmp_path / "moved"
    shutil.move(root / "ENAS", moved)
    assert accuracies(source=moved / "final_structures6.txt") == [0.6, 0.7]
    assert len(reads) == 1
    put(root, 0.8, 0.7)  # as many bytes
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert accuracies() == [0.8, 0.7]
    assert accuracies(source=moved / "final_structures6.txt") == [0.6, 0.7]
    assert len(reads) == 2


def test_damaged_and_foreign_kept_tables_are_not_used(root: Path, reads: list[Path]) -> None:
    path = put(root, 0.6, 0.7)
    accuracies()
    (first,) = tables.table_folders(root)[0].glob("kept.ENAS.*")
    whole = first.read_bytes()
    path.write_text(structures(0.8))
    assert accuracies() == [0.8]
    (second,) = set(tables.table_folders(root)[0].glob("kept.ENAS.*")) - {first}
    first.replace(second)  # of another source
    assert accuracies() == [0.8]
    for damage in (whole[:-100], b"", whole[:3000] + b"\0" * 40 + whole[3040:]):
        second.write_bytes(damage)
        assert accuracies() == [0.8]


def test_prepared_tables_are_sources_until_their_file_changes(
    root: Path, reads: list[Path]
) -> None:
    path = put(root, 0.6, 0.7)
    prepare(["--space", "ENAS", "--data_root", str(root)])
    (table,) = tables.table_folders(root)[0].glob("ENAS.*")
    assert accuracies() == [0.6, 0.7]
    assert len(reads) == 1
    moved = path.rename(root / "elsewhere.txt")
    benchmark = get_benchmark("ENAS")
    assert benchmark.metric("validation").mean().tolist() == [0.6, 0.7]
    assert benchmark.source is not None
    assert benchmark.source.path == table
    assert benchmark.source.made_from["sha256"] == sha256(moved)
    path.write_text(structures(0.9, 0.7))
    assert accuracies() == [0.9, 0.7]
    table.write_bytes(b"damaged")
    assert accuracies() == [0.9, 0.7]
    path.unlink()
    with pytest.raises(InputError, match="damaged"):
        accuracies()


@pytest.mark.parametrize("file_is_there", [True, False])
def test_tables_of_earlier_versions_go_on_being_sources(
    root: Path, reads: list[Path], file_is_there: bool
) -> None:
    path = put(root, 0.6, 0.7)
    old = {"name": path.name, "bytes": path.stat().st_size}
    old["fingerprint"] = tables._first_fingerprint(path)
    table = tables.table_folders(root)[0] / "ENAS.final_structures6.txt.npz"
    content = read_structures(path)
    content.source.update(old)
    write_table(table, content)
    if not file_is_there:
        path.unlink()
    assert accuracies() == [0.6, 0.7]
    assert not reads


def test_a_root_that_cannot_be_written_gives_the_project_no_source(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "table_folders", lambda root: [root / "tables", tmp_path / "own"])
    monkeypatch.setattr(tables, "writable_table_folder", lambda root: tmp_path / "own")
    monkeypatch.setattr(sources, "table_folders", tables.table_folders)
    put(tmp_path, 0.6)
    _, table = choose("ENAS", enas.SOURCES, tmp_path).convert()
    assert table.parent == tmp_path / "own"
    assert table.name.startswith("kept.ENAS.")
    assert choose("ENAS", enas.SOURCES, tmp_path).table == table


def test_the_checksum_of_a_large_file_is_noted(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "QUICK_BYTES", 0)
    path = put(root, 0.6)
    first = tables.checksum(path, root)
    assert first == sha256(path)
    with monkeypatch.context() as patch:
        patch.setattr(tables, "sha256", lambda path: pytest.fail("computed again"))
        assert tables.checksum(path, root) == first
    put(root, 0.7)
    assert tables.checksum(path, root) == sha256(path) != first
    (note,) = tables.table_folders(root)[0].glob("checksum.*")
    note.write_text("damaged")
    assert tables.checksum(path, root) == sha256(path)


def test_a_folder_is_known_by_its_contents(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "x").write_text("1")
    first = tables.identity(tmp_path / "a", tmp_path)
    (tmp_path / "a" / "x").write_text("2")
    second = tables.identity(tmp_path / "a", tmp_path)
    assert first["bytes"] == second["bytes"] == 1
    assert first["sha256"] != second["sha256"]


def test_a_benchmark_says_what_it_was_read_from(
    root: Path, reads: list[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    path = put(root, 0.6, 0.7)
    for benchmark in get_benchmark("ENAS"), get_benchmark("ENAS"):  # from the file, its table
        entry = {
            "space": "ENAS",
            "dataset": "cifar10",
            "path": str(path),
            "rows": 2,
            "sha256": sha256(path),
        }
        assert benchmark.source_entry() == entry
        announce([benchmark], json=True)
        announce([benchmark], aside=True)
    announce([benchmark])
    line, errors = capsys.readouterr()
    assert line.startswith(f"ENAS on cifar10: 2 architectures from {path} (sha256 ")
    assert sha256(path)[:12] in line
    assert errors.count("\n") == 2
    (table,) = tables.table_folders(root)[0].glob("kept.ENAS.*")
    assert read_header(table)["source"]["sha256"] == sha256(path)
    assert read_table(table).record is None


def test_a_run_goes_on_with_the_numbers_that_it_began_with(tmp_path: Path) -> None:
    first = {"space": "ENAS", "path": "/a", "rows": 2, "sha256": "1" * 64}
    RunFolder.start(tmp_path / "run", {"sources": [first]}, 0, resume=False)
    moved = {**first, "path": "/b"}
    RunFolder.start(tmp_path / "run", {"sources": [moved]}, 0, resume=True)
    for other in ([{**first, "sha256": "2" * 64}], [], [first, first]):
        with pytest.raises(InputError, match="used other measured numbers"):
            RunFolder.start(tmp_path / "run", {"sources": other}, 0, resume=True)
    RunFolder.start(tmp_path / "old", {}, 0, resume=False)
    RunFolder.start(tmp_path / "old", {"sources": [first]}, 0, resume=True)


# Whichever line is wrong is blamed.


@pytest.mark.parametrize("place", [1000, 1001, 1003])
@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (LINE.format(1, 0.5).replace("[1, 0, 0, 0, 0], ", ""), "5 layers in brackets, expected 6"),
        (LINE.format(1, 0.5).replace("[[1]", "[[1], [1, 0]"), "7 layers in brackets, expected 6"),
        ("", "0 layers in brackets, expected 6"),
        (LINE.format(7, 0.5), "layer 1 has operation '7'"),
    ],
)
def test_the_wrong_line_is_blamed_wherever_it_stands(
    tmp_path: Path, place: int, line: str, expected: str
) -> None:
    lines = structures(0.1, 0.2, 0.3, 0.4, 0.5).splitlines()
    lines[place] = line
    path = tmp_path / PLACE
    path.parent.mkdir()
    path.write_text("\n".join(lines) + "\n")
    for root, source in ((tmp_path, None), (None, path)):
        with pytest.raises(InputError, match=f"line {place + 1}: .*{expected}"):
            get_benchmark("ENAS", root, source=source)
    with pytest.raises(InputError, match=f"line {place + 1}: "):
        partial(read_structures, burn_in=1000)(path)


def test_two_lines_of_which_the_first_is_wrong(tmp_path: Path) -> None:
    path = tmp_path / "two.txt"
    five = LINE.format(1, 0.5).replace("[1, 0, 0, 0, 0], ", "")
    path.write_text("\n".join([*["burn-in"] * 1000, five, LINE.format(0, 0.5)]))
    with pytest.raises(InputError, match="line 1001: 5 layers in brackets, expected 6"):
        get_benchmark("ENAS", source=path)


def test_rows_are_counted(root: Path) -> None:
    path = put(root, *np.linspace(0.1, 0.6, 6).tolist())
    benchmark = get_benchmark("ENAS", source=path)
    assert benchmark.source is not None
    assert benchmark.source.rows == len(benchmark) == 6
