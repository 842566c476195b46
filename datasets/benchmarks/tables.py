"""Where compact tables are, and whether one was made from a file as that file is now.

There are two kinds. A *prepared* table is made by ``python -m datasets.prepare`` from a file of a
data root, has the plain name ``<space>.<file name>.npz``, and is a source of that data root like
the file itself. A *kept* table is what a look-up leaves of a slow file so that the next one need
not read it again: its name holds the checksum of the file, it is found through that file only,
and it is never a source of its own.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from datasets.table import read_header
from experiment.errors import InputError
from experiment.files import read_json, sha256, write_json
from experiment.paths import REPOSITORY_ROOT

TABLE_VARIABLE = "NAS_TABLE_DIR"
"""Environment variable that names the folder of the compact tables."""
QUICK_BYTES = 64 << 20
"""Checksums of smaller files are computed each time: it takes a fraction of a second."""
_MEBIBYTE = 1 << 20


def table_folders(root: Path) -> list[Path]:
    """Where compact tables are looked for, in this order; prepared ones are in the first."""
    named = os.environ.get(TABLE_VARIABLE)
    if named:
        return [Path(named)]
    return [root / "tables", REPOSITORY_ROOT / "datasets" / "tables"]


def writable_table_folder(root: Path) -> Path:
    """The first of :func:`table_folders` in which a file can be made."""
    folders = table_folders(root)
    for folder in folders:
        there = next(place for place in (folder, *folder.parents) if place.exists())
        if there.is_dir() and os.access(there, os.W_OK | os.X_OK):
            return folder
    return folders[-1]


def table_name(space: str, file_name: str) -> str:
    """Name of the prepared table of a file; patterns of file names give patterns."""
    return f"{space}.{file_name.removesuffix('.npz')}.npz"


def prepared_table(space: str, file: Path, root: Path) -> Path:
    """Where ``datasets.prepare`` puts the table of a data root's file.

    In a folder that other data roots use as well, as the project's own is where ``root`` cannot
    be written, the table would become a source of theirs: there it is a kept one.
    """
    folder = writable_table_folder(root)
    if folder != table_folders(root)[0]:
        return kept_table(space, file, root)
    return folder / table_name(space, file.name)


def kept_table(space: str, file: Path, root: Path) -> Path:
    """Where a look-up keeps the table of a file."""
    return writable_table_folder(root) / _kept_name(space, file, root)


def current_tables(space: str, file: Path, root: Path) -> Iterator[Path]:
    """The tables that were made from the file as it is now, the prepared ones first."""
    folders = table_folders(root)
    for folder in folders:
        table = folder / table_name(space, file.name)
        if table.is_file() and _made_from(table, space, file, root):
            yield table
    name = _kept_name(space, file, root)
    for folder in folders:
        if (folder / name).is_file() and _made_from(folder / name, space, file, root):
            yield folder / name


def identity(file: Path, root: Path) -> dict[str, Any]:
    """What distinguishes a file from others: its name, size in bytes, and SHA-256."""
    return {"name": file.name, "bytes": _size(file), "sha256": checksum(file, root)}


def checksum(file: Path, root: Path) -> str:
    """SHA-256 of a file's content; of a folder's names and contents.

    That of a large file takes seconds. It is noted beside the tables, and the note counts as long
    as size, time of modification and time of change stay as they are.
    """
    if file.is_file() and _size(file) < QUICK_BYTES:
        return sha256(file)
    stamp = _stamp(file)
    place = hashlib.sha256(str(file.resolve()).encode()).hexdigest()[:16]
    name = f"checksum.{file.name}.{place}.json"
    for folder in table_folders(root):
        with suppress(InputError, KeyError, TypeError):
            note = read_json(folder / name)
            if note["stamp"] == stamp:
                return str(note["sha256"])
    digest = _folder_sha256(file) if file.is_dir() else sha256(file)
    with suppress(InputError):  # nowhere to write: computed again the next time
        write_json(writable_table_folder(root) / name, {"stamp": stamp, "sha256": digest})
    return digest


def _kept_name(space: str, file: Path, root: Path) -> str:
    return f"kept.{space}.{file.name.removesuffix('.npz')}.{checksum(file, root)[:16]}.npz"


def _made_from(table: Path, space: str, file: Path, root: Path) -> bool:
    """Whether a table of this version was made from the file as it is now."""
    try:
        header = read_header(table)
    except InputError:
        return False  # damaged, or of an older version: to be made again
    source = header["source"]
    same = (header["space"], source.get("name"), source.get("bytes"))
    if same != (space, file.name, _size(file)):
        return False
    if "sha256" in source:
        return bool(source["sha256"] == checksum(file, root))
    return bool(source.get("fingerprint") == _first_fingerprint(file))


def _first_fingerprint(file: Path) -> str:
    """What the tables of earlier versions have in place of the checksum.

    It is SHA-256 of the size and of the first and last mebibyte; of a folder, of the names and
    sizes in it.
    """
    digest = hashlib.sha256()
    if file.is_dir():
        entries = sorted((p.name, p.stat().st_size) for p in file.iterdir())
        digest.update(repr(entries).encode())
    else:
        size = _size(file)
        digest.update(str(size).encode())
        with file.open("rb") as handle:
            digest.update(handle.read(_MEBIBYTE))
            handle.seek(max(0, size - _MEBIBYTE))
            digest.update(handle.read(_MEBIBYTE))
    return digest.hexdigest()


def _size(file: Path) -> int:
    """Bytes of a file, or of the files in a folder."""
    if file.is_dir():
        return sum(entry.stat().st_size for entry in file.iterdir())
    return file.stat().st_size


def _stamp(file: Path) -> list[Any]:
    """Changes whenever a file, or a file in a folder, is written."""
    entries = sorted(file.iterdir()) if file.is_dir() else [file]
    facts = [(e.name, (s := e.stat()).st_size, s.st_mtime_ns, s.st_ctime_ns) for e in entries]
    digest = hashlib.sha256(repr(facts).encode()).hexdigest()
    return [len(entries), sum(size for _, size, _, _ in facts), digest]


def _folder_sha256(folder: Path) -> str:
    digest = hashlib.sha256()
    for entry in sorted(folder.iterdir()):
        content = sha256(entry) if entry.is_file() else "folder"
        digest.update(f"{entry.name} {content}\n".encode())
    return digest.hexdigest()
