"""The store: what was put stays, whoever else writes, and what is wrong with it is a sentence."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from estimators.store import Store, digest
from experiment.errors import InputError
from experiment.paths import REPOSITORY_ROOT

SETTINGS = {"seed": 0, "recipe": {"epochs": 4, "rate": 0.01}, "images": "digits"}
FIGURES = {"status": "ok", "validation": 0.5, "test": None, "details": {"halfway_test": 0.25}}


def test_what_is_put_is_there(tmp_path: Path) -> None:
    store = Store(tmp_path / "new" / "folder" / "store.sqlite")
    assert store.get(SETTINGS, "a") is None
    assert store.get_all(SETTINGS) == {}
    store.put(SETTINGS, "a", FIGURES)
    store.put(SETTINGS, "b", {"status": "failed", "reason": "größer als 10 µm ’"})
    again = Store(store.path)
    assert again.get(SETTINGS, "a") == FIGURES
    assert again.get_all(SETTINGS) == {
        "a": FIGURES,
        "b": {"status": "failed", "reason": "größer als 10 µm ’"},
    }


def test_some_are_read_however_many_are_asked_for(tmp_path: Path) -> None:
    store = Store(tmp_path / "store.sqlite")
    for name in ("a", "b"):
        store.put(SETTINGS, name, FIGURES)
    store.put({"seed": 1}, "c", FIGURES)
    names = ["b", "c", *map(str, range(2_000)), "a"]
    assert store.get_some(SETTINGS, names) == {"a": FIGURES, "b": FIGURES}
    assert store.get_some(SETTINGS, ["c"]) == store.get_some(SETTINGS, []) == {}


def test_a_later_measurement_takes_the_place_of_the_first(tmp_path: Path) -> None:
    store = Store(tmp_path / "store.sqlite")
    store.put(SETTINGS, "a", FIGURES)
    store.put(SETTINGS, "a", {"status": "ok", "validation": 0.75})
    assert store.get_all(SETTINGS) == {"a": {"status": "ok", "validation": 0.75}}


@pytest.mark.parametrize(
    "changed",
    [
        {"seed": 1},
        {"recipe": {"epochs": 4, "rate": 0.010000000000000002}},
        {"recipe": {"epochs": 4}},
        {"images": "cifar10"},
        {"device": "cuda"},
    ],
)
def test_one_changed_setting_is_another_measurement(
    tmp_path: Path, changed: dict[str, object]
) -> None:
    store = Store(tmp_path / "store.sqlite")
    store.put(SETTINGS, "a", FIGURES)
    others = {**SETTINGS, **changed}
    assert store.get(others, "a") is None
    assert digest(others) != digest(SETTINGS)


def test_the_order_of_settings_does_not_matter(tmp_path: Path) -> None:
    store = Store(tmp_path / "store.sqlite")
    store.put(SETTINGS, "a", FIGURES)
    turned = {"images": "digits", "recipe": {"rate": 0.01, "epochs": 4}, "seed": 0}
    assert store.get(turned, "a") == FIGURES


def test_the_settings_can_be_read_in_the_file(tmp_path: Path) -> None:
    store = Store(tmp_path / "store.sqlite")
    store.put(SETTINGS, "a", FIGURES)
    with sqlite3.connect(store.path) as connection:
        ((text,),) = connection.execute("SELECT settings FROM settings").fetchall()
    assert '"seed": 0' in text


WRITER = """
import os, signal, sys
sys.path.insert(0, sys.argv[1])
from estimators.store import Store

store = Store(sys.argv[2])
for number in range(int(sys.argv[4])):
    store.put({"seed": 0}, f"{sys.argv[3]}{number}", {"number": number})
    if sys.argv[5] == "dies" and number == 20:
        os.kill(os.getpid(), signal.SIGKILL)
"""


def writer(path: Path, name: str, count: int, end: str) -> subprocess.Popen[bytes]:
    arguments = [str(REPOSITORY_ROOT), str(path), name, str(count), end]
    return subprocess.Popen([sys.executable, "-c", WRITER, *arguments])


def test_two_processes_write_at_once_and_one_is_killed(tmp_path: Path) -> None:
    """None of what either of them put is lost, and the file is in order."""
    path = tmp_path / "store.sqlite"
    both = [writer(path, "x", 60, "ends"), writer(path, "y", 60, "dies")]
    assert [process.wait(60) for process in both] == [0, -signal.SIGKILL]
    found = Store(path).get_all({"seed": 0})
    expected = [("x", 60), ("y", 21)]
    assert found == {f"{who}{k}": {"number": k} for who, count in expected for k in range(count)}
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_a_writer_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And if it never ends, that is a sentence."""
    store = Store(tmp_path / "store.sqlite")
    monkeypatch.setattr("estimators.store._PATIENCE", 0.1)
    with sqlite3.connect(store.path) as other:
        other.execute("INSERT INTO settings VALUES ('x', 'y')")  # a transaction, still open
        with pytest.raises(InputError, match=r"cannot be used \(database is locked\)"):
            store.put(SETTINGS, "a", FIGURES)
    store.put(SETTINGS, "a", FIGURES)


def damaged(path: Path) -> Path:
    path.write_bytes(b"not a database, but long enough to be one\n" * 100)
    return path


def in_a_file(path: Path) -> Path:
    path.write_text("a file")
    return path / "store.sqlite"


def a_folder(path: Path) -> Path:
    path.mkdir()
    return path


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (damaged, "file is not a database"),
        (in_a_file, "File exists|Not a directory"),
        (a_folder, "unable to open database file"),
    ],
)
def test_what_is_no_store_is_a_sentence(
    tmp_path: Path, make: Callable[[Path], Path], reason: str
) -> None:
    path = make(tmp_path / "store.sqlite")
    with pytest.raises(InputError, match=rf"^the store of .* \(({reason})\): name another file"):
        Store(path)


def test_a_read_only_store_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """To write into it, or to begin one there, is refused in a sentence."""
    store = Store(tmp_path / "store.sqlite")
    store.put(SETTINGS, "a", FIGURES)
    connect = sqlite3.connect

    def read_only(path: Path, timeout: float) -> sqlite3.Connection:
        return connect(f"file:{path}?mode=ro", timeout=timeout, uri=True)

    monkeypatch.setattr(sqlite3, "connect", read_only)
    again = Store(store.path)
    assert again.get(SETTINGS, "a") == FIGURES
    with pytest.raises(InputError, match=r"\(attempt to write a readonly database\): name another"):
        again.put(SETTINGS, "b", FIGURES)
    with pytest.raises(InputError, match="unable to open"):
        Store(tmp_path / "another.sqlite")


def test_a_full_disk_is_a_sentence_and_keeps_what_was_there(tmp_path: Path) -> None:
    store = Store(tmp_path / "store.sqlite")
    store.put(SETTINGS, "a", FIGURES)
    script = (
        "import resource, signal, sys; sys.path.insert(0, sys.argv[1])\n"
        "from estimators.store import Store\n"
        "store = Store(sys.argv[2])\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, 40_000))\n"
        "store.put({'seed': 0}, 'b', {'text': 'x' * 100_000})\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(REPOSITORY_ROOT), str(store.path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "InputError: the store of measurements" in done.stderr
    assert "make room there" in done.stderr
    assert store.get_all(SETTINGS) == {"a": FIGURES}
    assert store.get_all({"seed": 0}) == {}
    store.put({"seed": 0}, "b", FIGURES)
