from __future__ import annotations

import hashlib
import re
import signal
import subprocess
import sys
import time
import urllib.parse
from pathlib import Path
from typing import Any

import pytest

from datasets.benchmark import NoMeasurementsError
from datasets.commands.download import main
from datasets.downloads.part import part_of
from datasets.downloads.published import PUBLISHED, STATE_DICTS, published_file
from datasets.registry import BENCHMARKS, get_benchmark
from experiment.errors import InputError
from experiment.paths import REPOSITORY_ROOT

Server = Any  # the class is in conftest.py, which cannot be imported
PAGE = b"<!DOCTYPE html><html><head><title>Log in to the network</title></head></html>"


def parts(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def structures(lines: int) -> bytes:
    line = "[[1], [4, 0], [5, 0, 0], [0, 1, 1, 1], [2, 1, 1, 1, 1], [3, 0, 0, 0, 0, 1]], 0.7302\n"
    return (line * lines).encode()


ENAS = structures(1_500)
DIGITS = hashlib.sha256(ENAS).hexdigest()
PLACE = "ENAS/final_structures6.txt"


def get(*arguments: str, root: Path) -> int:
    return main(["--data_root", str(root), *arguments])


def enas(server: Server, *arguments: str, root: Path, digits: str = DIGITS) -> int:
    source = ["--url", f"{server.address}/file"]
    return get("--space", "ENAS", "--sha256", digits, *source, *arguments, root=root)


def test_command_fetches_checks_and_places(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server.serve("/file", ENAS, breaks=[50_000])
    assert enas(server, root=tmp_path) == 0
    assert parts(tmp_path / "ENAS") == ["final_structures6.txt"]
    assert (tmp_path / PLACE).read_bytes() == ENAS
    assert len(get_benchmark("ENAS", tmp_path)) == 1
    printed = capsys.readouterr()
    assert printed.out == (
        f"{tmp_path / PLACE} is in place, 126,000 bytes, with the expected checksum\n"
    )
    assert printed.err == ""  # no bar where nobody looks
    asked = len(server.asked)
    assert enas(server, root=tmp_path) == 0
    assert "is there already" in capsys.readouterr().out
    assert len(server.asked) == asked


def test_wrong_checksum_leaves_nothing(server: Server, tmp_path: Path) -> None:
    server.serve("/file", ENAS)
    with pytest.raises(
        InputError, match=f"it has sha256:{DIGITS}, expected sha256:0000.*been removed"
    ):
        enas(server, root=tmp_path, digits=64 * "0")
    assert parts(tmp_path / "ENAS") == []


def test_size_announced_too_small_is_found_by_the_checksum(server: Server, tmp_path: Path) -> None:
    server.serve("/file", ENAS, announced=-84)
    with pytest.raises(InputError, match="has been removed"):
        enas(server, root=tmp_path)
    assert parts(tmp_path / "ENAS") == []


def test_known_checksums_are_used(server: Server, tmp_path: Path) -> None:
    server.serve(f"/{PLACE}", ENAS)
    with pytest.raises(InputError, match=r"is not the published final_structures6.txt or damaged"):
        get("--space", "ENAS", "--mirror", f"{server.address}/", root=tmp_path)
    assert parts(tmp_path / "ENAS") == []


def test_content_is_read_where_no_checksum_is_known(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mirror = ["--space", "NB201", "--mirror", server.address]
    place = "/nasbench201/NAS-Bench-201-v1_0-e61699.pth"
    server.serve(place, b"x" + ENAS)
    with pytest.raises(InputError, match=r"expected a file of torch.save"):
        get(*mirror, root=tmp_path)
    assert parts(tmp_path / "nasbench201") == []
    server.serve(place, b"\x80\x02" + ENAS)
    assert get(*mirror, root=tmp_path) == 0
    digits = hashlib.sha256(b"\x80\x02" + ENAS).hexdigest()
    assert f"sha256:{digits}, and no checksum is known" in capsys.readouterr().out
    with pytest.raises(InputError, match="is there already, and no checksum is known"):
        get(*mirror, root=tmp_path)


def test_no_user_file_is_overwritten_unasked(server: Server, tmp_path: Path) -> None:
    server.serve("/file", ENAS)
    (tmp_path / "ENAS").mkdir()
    (tmp_path / PLACE).write_text("mine")
    with pytest.raises(InputError, match="is there already and is not the published file"):
        enas(server, root=tmp_path)
    assert (tmp_path / PLACE).read_text() == "mine"
    assert server.asked == []
    assert enas(server, "--overwrite", root=tmp_path) == 0
    assert (tmp_path / PLACE).read_bytes() == ENAS


def test_file_fetched_by_hand(tmp_path: Path) -> None:
    mine = tmp_path / "Downloads.txt"
    mine.write_bytes(ENAS)
    by_hand = ["--space", "ENAS", "--from", str(mine)]
    with pytest.raises(InputError, match="--sha256 gives another"):
        get(*by_hand, root=tmp_path)
    assert get(*by_hand, "--sha256", DIGITS.upper(), root=tmp_path) == 0
    assert (tmp_path / PLACE).read_bytes() == mine.read_bytes() == ENAS
    mine.write_bytes(PAGE)
    for arguments in (by_hand, ["--space", "ENAS12", "--from", str(mine)]):
        with pytest.raises(InputError, match=r"is a web page|is there already"):
            get(*arguments, root=tmp_path)
    mine.write_bytes(structures(5))
    with pytest.raises(InputError, match="is the file complete"):
        get("--space", "ENAS12", "--from", str(mine), root=tmp_path)
    with pytest.raises(InputError, match="cannot read"):
        get("--space", "ENAS12", "--from", str(tmp_path / "none"), root=tmp_path)
    assert parts(tmp_path / "ENAS") == ["final_structures6.txt"]


def test_official_enas_file_has_the_checksum(tmp_path: Path, data_root: Path) -> None:
    assert get("--space", "ENAS", "--from", str(data_root / PLACE), root=tmp_path) == 0
    assert len(get_benchmark("ENAS", tmp_path)) == 19_015


def test_official_record_format_is_accepted(tmp_path: Path, data_root: Path) -> None:
    from datasets.downloads.published import check_records, check_torch_file

    sample = data_root / "nasbench101" / "nasbench_only108_sample.tfrecord"
    check_records(sample)
    check_torch_file(data_root / "nasbench201" / "NAS-Bench-201-three-records.pth")
    (tmp_path / "cut").write_bytes(sample.read_bytes()[:1000])
    with pytest.raises(InputError, match="cut off"):
        check_records(tmp_path / "cut")


def test_what_is_not_known_has_to_be_given(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no address of final_structures12.txt is known: .*--url"):
        get("--space", "ENAS12", root=tmp_path)
    with pytest.raises(InputError, match="NB101 has no file 'x': choose one of nasbench_only108"):
        get("--space", "NB101", "--file", "x", root=tmp_path)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--url", "ftp://somewhere/file"],
        ["--proxy", "localhost:3128"],
        ["--sha256", "abc"],
        ["--url", "http://a/b", "--from", "c"],
        ["--timeout", "0"],
        ["--mirror", "http://[broken"],
    ],
)
def test_bad_options(
    tmp_path: Path, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        get("--space", "ENAS", *arguments, root=tmp_path)
    assert ended.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_killed_command_goes_on(server: Server, tmp_path: Path) -> None:
    server.serve("/file", ENAS, breaks=[90_000], hang=True)
    command = [sys.executable, "-m", "datasets.download", "--space", "ENAS", "--sha256", DIGITS]
    command += ["--url", f"{server.address}/file", "--data_root", str(tmp_path)]
    process = subprocess.Popen(command, cwd=REPOSITORY_ROOT)
    part = part_of(tmp_path / PLACE)
    while not (part.exists() and part.stat().st_size >= 65_536) and process.poll() is None:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (tmp_path / PLACE).exists()
    arrived = part.stat().st_size
    assert arrived > 0
    assert enas(server, root=tmp_path) == 0
    assert (tmp_path / PLACE).read_bytes() == ENAS
    assert server.ranges()[-1] == f"bytes={arrived}-"
    assert parts(tmp_path / "ENAS") == ["final_structures6.txt"]


def test_command_ends_with_code_2_and_one_line(server: Server, tmp_path: Path) -> None:
    server.serve("/file", PAGE)
    where = ["--url", f"{server.address}/file", "--data_root", str(tmp_path)]
    result = subprocess.run(
        [sys.executable, "-m", "datasets.download", "--space", "NB101", *where],
        cwd=REPOSITORY_ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 2
    assert result.stdout == ""
    assert result.stderr.startswith(f"error: {server.address}/file sent a web page (Log in")
    assert "--from FILE" in result.stderr
    assert result.stderr.count("\n") == 1
    assert parts(tmp_path / "nasbench101") == []


def test_missing_data_names_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NAS_TABLE_DIR", str(tmp_path / "tables"))
    for space in BENCHMARKS.keys() - {"DIGITS101", "NAS_BENCH_GRAPH"}:  # their tables are shipped
        with pytest.raises(NoMeasurementsError, match=f"datasets.download --space {space}"):
            get_benchmark(space, tmp_path)


def test_every_source_is_well_formed() -> None:
    spaces = {"ENAS", "ENAS12", "NB101", "NB201", "NAS_BENCH_GRAPH"}
    assert set(PUBLISHED) == {*spaces, "CIFAR10", "ImageNet16", STATE_DICTS}
    for space, files in PUBLISHED.items():
        for file in files:
            assert published_file(space, file.name) is file
            assert urllib.parse.urlsplit(file.page).scheme == "https"
            assert file.url is None or urllib.parse.urlsplit(file.url).scheme == "https"
            if file.checksum is not None:
                assert re.fullmatch("sha256:[0-9a-f]{64}|md5:[0-9a-f]{32}", file.checksum)
