"""Files that are whole or not there at all."""

from __future__ import annotations

import dataclasses
import glob
import hashlib
import json
import math
import os
import secrets
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from experiment.errors import InputError

PARTIAL = ".partial-"
"""Part of the name of every file that is still being written."""


@contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """Write a file so that it is either the old one or the complete new one.

    Yields a path beside ``path`` with the same suffix. When the block ends, what was written
    there is forced to the disk and takes the place of ``path``; when it fails, it is removed, and
    so are files that a library made beside it by adding an ending of its own. Missing folders are
    made, and removed again when nothing was written.

    Raises:
        InputError: the operating system refused, as it does when the disk is full.
    """
    path = Path(path)
    partial = path.with_name(f".{path.stem}{PARTIAL}{secrets.token_hex(4)}{path.suffix}")
    made = [folder for folder in path.parents if not folder.exists()]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield partial
        _flush_to_disk(partial)
        os.replace(partial, path)
    except OSError as error:
        if _is_about_another_file(error, partial, path):
            raise
        raise InputError(
            f"cannot write {str(path)!r}: {error.strerror or error}; "
            "nothing was left half-written, choose another place or make room there"
        ) from error
    finally:
        with suppress(OSError):  # the first error is the one to tell
            for leftover in path.parent.glob(f"{glob.escape(partial.name)}*"):
                leftover.unlink()
        with suppress(OSError):  # not empty: the file is there, or another process's
            for folder in made:
                folder.rmdir()


def check_output(
    path: Path, *endings: str, overwrite: bool = False, otherwise: str = "choose --out"
) -> Path:
    """Return the path of a file that can be written; called before a command's work begins.

    Args:
        path: the file.
        endings: one of which its name must have, if any are given.
        overwrite: whether a file that is there may be replaced.
        otherwise: what the user can do besides giving ``--overwrite``.

    Raises:
        InputError: the name has another ending, a file is there, it is a folder, or its folder
            cannot be made or written.
    """
    try:
        is_folder, is_there = path.is_dir(), path.exists()
        folder = next(place for place in path.absolute().parents if place.exists())
    except OSError as error:  # a name that is too long, a folder that may not be looked into
        raise InputError(f"cannot write {str(path)!r}: {error.strerror or error}") from error
    if is_folder:
        raise InputError(f"{str(path)!r} is a folder: give the name of a file")
    if endings and path.suffix not in endings:
        raise InputError(
            f"{str(path)!r} is no name for this file: expected one that ends in "
            f"{' or '.join(endings)}"
        )
    if is_there and not overwrite:
        raise InputError(f"{str(path)!r} is there already: add --overwrite or {otherwise}")
    if not folder.is_dir():
        raise InputError(f"cannot write {str(path)!r}: {str(folder)!r} is a file, no folder")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise InputError(
            f"cannot write {str(path)!r}: permission denied in {str(folder)!r}, choose another"
        )
    return path


def refuse_existing(
    paths: Iterable[Path], overwrite: bool, otherwise: str = "choose --out"
) -> None:
    """:func:`check_output` of several files.

    Args:
        paths: that it will write.
        overwrite: whether they may be replaced.
        otherwise: what the user can do besides giving ``--overwrite``.

    Raises:
        InputError: one of them is there, or cannot be written.
    """
    for path in paths:
        check_output(path, overwrite=overwrite, otherwise=otherwise)


def _is_about_another_file(error: OSError, partial: Path, path: Path) -> bool:
    """Whether ``error`` names a file that is not being written, such as an input."""
    if not isinstance(error.filename, str | bytes):
        return False
    return Path(os.fsdecode(error.filename)) not in (partial, path, *path.parents)


def _flush_to_disk(path: Path) -> None:
    """Force a closed file's content out of the system's cache."""
    with path.open("rb+") as handle:
        os.fsync(handle.fileno())


def plain(value: Any) -> Any:
    """``value`` as JSON knows it.

    Dataclasses and mappings become objects, sequences and arrays lists, paths strings, and
    numbers that JSON has no word for (NaN and the infinities) ``null``.
    """
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, bool | int | str) or value is None:
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if hasattr(value, "tolist"):  # NumPy arrays and scalars, tensors
        return plain(value.tolist())
    return str(value)


def write_json(path: str | Path, obj: Any) -> None:
    """Write ``obj`` as indented JSON, atomically; see :func:`plain` for what can be written."""
    text = json.dumps(plain(obj), indent=2, ensure_ascii=False, allow_nan=False)
    with atomic_path(path) as partial:
        partial.write_text(text + "\n", encoding="utf-8")


def read_json(path: str | Path) -> Any:
    """Read a JSON file.

    Raises:
        InputError: there is no such file, or it is not JSON.
    """
    try:
        return json.loads(Path(path).read_bytes())
    except OSError as error:
        raise InputError(f"cannot read {str(path)!r}: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{str(path)!r} is not a JSON file: {error}") from error


def sha256(path: str | Path) -> str:
    """SHA-256 of a file's content, hexadecimal."""
    with Path(path).open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
