"""Which files can give a benchmark its numbers, and where their compact tables are."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from datasets.benchmark import NoMeasurementsError
from datasets.formats.arrays import array_names
from datasets.published import PUBLISHED
from datasets.table import Table, is_table, read_header, read_table, write_table
from experiment.errors import InputError
from experiment.paths import REPOSITORY_ROOT

TABLE_VARIABLE = "NAS_TABLE_DIR"
"""Environment variable that names the folder of the compact tables."""


@dataclass(frozen=True, slots=True)
class Source:
    """A published file, or folder, that a benchmark can be read from.

    Attributes:
        name: what users write as ``source=``.
        pattern: where it stands below the data root, as a glob pattern.
        read: reads it.
        slow: whether reading takes more than a second, so that a look-up keeps the compact
            table of what it read.
        suffixes: file name endings by which a file of another name is known to be of this kind.
        array: name of an array by which an ``.npz`` file of another name is known.
        folder: whether it is a folder.
    """

    name: str
    pattern: str
    read: Callable[[Path], Table]
    slow: bool = False
    suffixes: tuple[str, ...] = ()
    array: str | None = None
    folder: bool = False

    def files(self, root: Path) -> list[Path]:
        """The files below ``root`` of the published name; without any, those with the array."""
        place = root / self.pattern
        named = [path for path in root.glob(self.pattern) if path.is_dir() == self.folder]
        return named or [path for path in place.parent.glob("*.npz") if self._has_array(path)]

    def fits(self, path: Path) -> bool:
        """Whether a file, wherever it is, is of this kind: by its name or by what it holds."""
        named = path.match(Path(self.pattern).name) or path.name.endswith(self.suffixes)
        return path.is_dir() == self.folder and (named or self._has_array(path))

    def _has_array(self, path: Path) -> bool:
        return self.array is not None and path.suffix == ".npz" and self.array in array_names(path)


@dataclass(frozen=True, slots=True)
class Found:
    """A source that is there: as the published file, as its compact table, or as both.

    Attributes:
        space: name of the search space.
        source: what it is.
        file: the published file or folder.
        table: its compact table, made earlier.
        root: data root.
    """

    space: str
    source: Source
    file: Path | None
    table: Path | None
    root: Path

    def open(self, wanted: Callable[[str], bool] | None = None) -> Table:
        """Open the compact table; without one, read the file, and keep the table if it was slow.

        Args:
            wanted: says of a column's name whether it is needed.

        Raises:
            InputError: the file or the table is damaged.
        """
        if self.table is not None:
            return read_table(self.table, wanted)
        table = self.read()
        if self.source.slow:
            with suppress(InputError):  # a full disk: the numbers are here all the same
                write_table(self._table_path(table), table)
        return table

    def read(self) -> Table:
        """Read the published file.

        Raises:
            InputError: it is not there, damaged, or holds architectures of another space.
        """
        if self.file is None:
            raise InputError(f"the published file of source {self.source.name!r} is not there")
        table = self.source.read(self.file)
        if table.space != self.space:
            raise InputError(
                f"{str(self.file)!r} holds architectures of {table.space}, not of {self.space}"
            )
        return replace(table, source=identity(self.file))

    def convert(self) -> tuple[Table, Path]:
        """Read the published file and write its compact table; returns both.

        Raises:
            InputError: the file is damaged, or the table cannot be written.
        """
        table = self.read()
        path = self._table_path(table)
        write_table(path, table)
        return table, path

    def _table_path(self, table: Table) -> Path:
        return writable_table_folder(self.root) / _table_name(self.space, table.source["name"])


def discover(space: str, sources: Sequence[Source], root: Path) -> Iterator[Found]:
    """The sources that are there, the best first.

    A file belongs to the first source that it fits: a wide pattern finds the others only. Of
    several files of one source the last by name counts, and where there is none, a table made
    from one earlier.
    """
    taken: set[str] = set()  # names of the tables that files of the sources so far have
    for source in sources:
        files = {_table_name(space, file.name): file for file in source.files(root)}
        # The project's own folder may hold tables of another data root: not asked here.
        pattern = _table_name(space, Path(source.pattern).name)
        tables = {table.name: table for table in table_folders(root)[0].glob(pattern)}
        file = max((files[name] for name in files.keys() - taken), default=None)
        if file is not None:
            yield Found(space, source, file, _current_table(space, file, root), root)
        elif left := tables.keys() - taken:
            yield Found(space, source, None, tables[max(left)], root)
        taken |= files.keys() | tables.keys()


def choose(
    space: str, sources: Sequence[Source], root: Path, wish: str | Path | None = None
) -> Found:
    """The source that the user wishes for, or the best that there is; see :func:`candidates`."""
    return candidates(space, sources, root, wish)[0]


def candidates(
    space: str, sources: Sequence[Source], root: Path, wish: str | Path | None = None
) -> list[Found]:
    """The source that the user wishes for, or all that there are, the best first; never none.

    Args:
        space: name of the search space.
        sources: what the benchmark can be read from, the best first.
        root: data root.
        wish: a source's name, or the path of a published file or of a compact table.

    Raises:
        InputError: it is not there.
    """
    by_name = wish is None or str(wish) in {source.name for source in sources}
    if wish is not None and not by_name and Path(wish).exists():
        return [_at_path(space, sources, root, Path(wish))]
    found = list(discover(space, sources, root))
    if not found:
        places = ", ".join(source.pattern for source in sources)
        raise NoMeasurementsError(
            f"no measured numbers of {space} below {str(root)!r}: put one of these there "
            f"({places}){_how_to_fetch(space)}, or name another data root"
        )
    chosen = [f for f in found if wish is None or f.source.name == str(wish)]
    if not chosen:
        raise InputError(
            f"{space} has no source {str(wish)!r} below {str(root)!r}: "
            f"there are {', '.join(f.source.name for f in found)}; a path is taken too"
        )
    return chosen


def identity(path: Path) -> dict[str, Any]:
    """What tells one published file from another: name, size in bytes, and a fingerprint.

    The fingerprint is SHA-256 of the size and of the first and last mebibyte; of a folder, of
    the names and sizes in it. It changes with every release of a file and takes no time.
    """
    digest = hashlib.sha256()
    if path.is_dir():
        entries = sorted((p.name, p.stat().st_size) for p in path.iterdir())
        size = sum(bytes_ for _, bytes_ in entries)
        digest.update(repr(entries).encode())
    else:
        size = path.stat().st_size
        digest.update(str(size).encode())
        with path.open("rb") as file:
            digest.update(file.read(_MEBIBYTE))
            file.seek(max(0, size - _MEBIBYTE))
            digest.update(file.read(_MEBIBYTE))
    return {"name": path.name, "bytes": size, "fingerprint": digest.hexdigest()}


def table_folders(root: Path) -> list[Path]:
    """Where compact tables are looked for, in this order."""
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


_MEBIBYTE = 1 << 20


def _table_name(space: str, file_name: str) -> str:
    return f"{space}.{file_name.removesuffix('.npz')}.npz"


def _current_table(space: str, file: Path, root: Path) -> Path | None:
    """The table made from the file as it is now, if there is one."""
    for folder in table_folders(root):
        table = folder / _table_name(space, file.name)
        if table.is_file() and _made_from(table, file):
            return table
    return None


def _made_from(table: Path, file: Path) -> bool:
    """Whether a table of this version was made from the file as it is now."""
    try:
        return read_header(table)["source"] == identity(file)
    except InputError:
        return False  # damaged, or of an older version: to be made again


def _how_to_fetch(space: str) -> str:
    """The command that puts a published file there, for the spaces that it knows."""
    return f" by python -m datasets.download --space {space}" if space in PUBLISHED else ""


def _at_path(space: str, sources: Sequence[Source], root: Path, path: Path) -> Found:
    if path.suffix == ".npz" and is_table(path):
        found = read_header(path)["space"]
        if found != space:
            raise InputError(f"{str(path)!r} is a table of {found}, not of {space}")
        return Found(space, Source(path.name, path.name, read_table), None, path, root)
    for source in sources:
        if source.fits(path):
            return Found(space, source, path, _current_table(space, path, root), root)
    patterns = ", ".join(Path(source.pattern).name for source in sources)
    raise InputError(
        f"{str(path)!r} is neither a compact table nor a file that {space} is published in "
        f"({patterns})"
    )
