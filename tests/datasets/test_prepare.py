import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from datasets import get_benchmark
from datasets.benchmarks.sources import TABLE_VARIABLE, table_folders, writable_table_folder
from datasets.commands.prepare import main
from experiment.errors import InputError
from experiment.paths import REPOSITORY_ROOT


@pytest.fixture
def small_root(tmp_path: Path, data_root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data root of its own with two small published files."""
    monkeypatch.delenv(TABLE_VARIABLE, raising=False)
    for name in (
        "nasbench201/NAS-Bench-201-three-records.pth",
        "ENAS/final_structures6.txt",
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copyfile(data_root / name, tmp_path / name)
    return tmp_path


def test_found_files_become_tables_beside_them(
    small_root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--data_root", str(small_root)]) == 0
    names = {path.name for path in (small_root / "tables").iterdir()}
    assert names == {
        "ENAS.final_structures6.txt.npz",
        "NB201.NAS-Bench-201-three-records.pth.npz",
    }
    output = capsys.readouterr().out
    assert "ENAS12: missing ENAS/final_structures12.txt" in output
    assert "19,015 architectures" in output
    # The published file is not needed any more.
    (small_root / "ENAS" / "final_structures6.txt").unlink()
    assert len(get_benchmark("ENAS", small_root)) == 19_015


def test_current_tables_are_left_alone_unless_asked(
    small_root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--space", "ENAS", "--data-root", str(small_root)]
    main(arguments)
    table = small_root / "tables" / "ENAS.final_structures6.txt.npz"
    made = table.stat().st_mtime_ns
    main(arguments)
    assert table.stat().st_mtime_ns == made
    assert "is there" in capsys.readouterr().out
    main([*arguments, "--again"])
    assert table.stat().st_mtime_ns != made


def test_nothing_to_convert_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(TABLE_VARIABLE, raising=False)
    with pytest.raises(InputError, match="no published file was found"):
        main(["--data_root", str(tmp_path)])


def test_damaged_file_leaves_no_table(small_root: Path) -> None:
    path = small_root / "nasbench201" / "NAS-Bench-201-three-records.pth"
    path.write_bytes(path.read_bytes()[:1_000_000])
    with pytest.raises(InputError, match="cannot be read"):
        main(["--space", "NB201", "--data_root", str(small_root)])
    assert not (small_root / "tables").exists()


def test_tables_go_where_they_can_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(TABLE_VARIABLE, str(tmp_path / "named"))
    assert writable_table_folder(tmp_path) == tmp_path / "named"
    assert table_folders(tmp_path) == [tmp_path / "named"]
    monkeypatch.delenv(TABLE_VARIABLE)
    assert writable_table_folder(tmp_path) == tmp_path / "tables"
    monkeypatch.setattr(os, "access", lambda path, mode: tmp_path not in (path, *path.parents))
    assert writable_table_folder(tmp_path) == REPOSITORY_ROOT / "datasets" / "tables"


def command(*arguments: str, root: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "datasets.prepare", *arguments],
        cwd=REPOSITORY_ROOT,
        env=os.environ | {"NAS_DATA_ROOT": str(root)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_command_ends_with_code_2_and_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "ENAS" / "final_structures6.txt"
    path.parent.mkdir()
    path.write_text("[[1], [4, 0]], 0.5\n" * 1000 + "[[1], [4]], 0.5\n")
    result = command("--space", "ENAS", root=tmp_path)
    assert result.returncode == 2
    assert result.stderr.startswith("error: ")
    assert "line 1001: layer 2 has 1 numbers, expected 2" in result.stderr
    assert result.stderr.count("\n") == 1
