from __future__ import annotations

import dataclasses
import errno
import hashlib
import json
import resource
from pathlib import Path

import numpy as np
import pytest

from experiment.errors import InputError
from experiment.files import atomic_path, plain, read_json, sha256, write_json


def test_success_replaces_and_leaves_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "table.npz"
    for content in (b"old", b"new"):
        with atomic_path(target) as partial:
            assert partial.suffix == ".npz"
            assert partial.parent == target.parent
            partial.write_bytes(content)
    assert target.read_bytes() == b"new"
    assert list(target.parent.iterdir()) == [target]


def test_failure_keeps_the_old_file(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    target.write_text("old")

    def write_half() -> None:
        with atomic_path(target) as partial:
            partial.write_text("half")
            raise RuntimeError("boom")

    with pytest.raises(RuntimeError, match="boom"):
        write_half()
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_write_that_the_system_cuts_short_is_one_sentence(tmp_path: Path) -> None:
    """A file-size limit stops the writing in the middle, as a full disk does."""
    target = tmp_path / "big.bin"
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, hard))
    try:
        with (
            pytest.raises(InputError, match=r"cannot write .*big\.bin"),
            atomic_path(target) as partial,
        ):
            partial.write_bytes(b"x" * (1 << 17))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_named(tmp_path: Path) -> None:
    with (
        pytest.raises(InputError, match="No space left on device"),
        atomic_path(tmp_path / "a"),
    ):
        raise OSError(errno.ENOSPC, "No space left on device")


def test_an_error_about_an_input_stays_what_it_is(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="absent"), atomic_path(tmp_path / "a"):
        (tmp_path / "absent").read_text()


def test_a_file_in_the_place_of_a_folder_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot write"):
        write_json(tmp_path / "file" / "a.json", {})


@dataclasses.dataclass
class Point:
    x: float
    where: Path


def test_json_round_trip_of_what_runs_write(tmp_path: Path) -> None:
    value = {
        "a": np.float32(0.5),
        "b": np.arange(3),
        "c": (1, "é"),
        "d": float("nan"),
        "e": Point(1.5, Path("x/y")),
        3: np.bool_(True),
    }
    write_json(tmp_path / "v.json", value)
    assert read_json(tmp_path / "v.json") == {
        "a": 0.5,
        "b": [0, 1, 2],
        "c": [1, "é"],
        "d": None,
        "e": {"x": 1.5, "where": "x/y"},
        "3": True,
    }
    assert json.dumps(plain(value), allow_nan=False)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe{", b"{'a': 1}", b"[" * 100_000])
def test_what_is_not_json_is_an_input_error(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.json").write_bytes(content)
    with pytest.raises(InputError, match=r"x\.json"):
        read_json(tmp_path / "x.json")
    with pytest.raises(InputError, match="cannot read"):
        read_json(tmp_path / "absent.json")


def test_sha256(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"abc" * 100_000)
    assert sha256(tmp_path / "f") == hashlib.sha256(b"abc" * 100_000).hexdigest()
