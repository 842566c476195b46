"""Which files can give a benchmark its numbers.

A look-up that names no source uses what the data root has, its published files and its prepared
tables. A file that is named by its path gives its numbers to that look-up and changes no other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from datasets.benchmark import NoMeasurementsError
from datasets.benchmarks.tables import (
    TABLE_VARIABLE,
    checksum,
    current_tables,
    identity,
    kept_table,
    prepared_table,
    table_folders,
    table_name,
    writable_table_folder,
)
from datasets.downloads.published import PUBLISHED
from datasets.formats.arrays import array_names
from datasets.source_record import SourceRecord
from datasets.table import Table, is_table, read_header, read_table, write_table
from experiment.errors import InputError

__all__ = [
    "TABLE_VARIABLE",
    "LocatedSource",
    "Source",
    "candidates",
    "choose",
    "discover",
    "table_folders",
    "writable_table_folder",
]


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


@dataclass(frozen=True)
class LocatedSource:
    """A source that is there: as the published file, as a compact table, or as both.

    Attributes:
        space: name of the search space.
        source: what it is.
        root: data root.
        file: the published file or folder.
        lone_table: a compact table that counts without its file.
    """

    space: str
    source: Source
    root: Path
    file: Path | None = None
    lone_table: Path | None = None

    @property
    def table(self) -> Path | None:
        """The compact table of the file as it is now, or the one that counts without it."""
        return next(self._tables(), None)

    def open(self, wanted: Callable[[str], bool] | None = None) -> Table:
        """Open the compact table; without one, read the file, and keep its table if it was slow.

        Args:
            wanted: says of a column's name whether it is needed.

        Raises:
            InputError: the file is damaged, or a table that has no file beside it.
        """
        for path in self._tables():
            try:
                return self._open_table(path, wanted)
            except InputError:
                if self.file is None:
                    raise  # damaged, and there is no file that has the same numbers
        table = self.read()
        if self.source.slow and self.file is not None:
            with suppress(InputError):  # a full disk: the numbers are here all the same
                write_table(kept_table(self.space, self.file, self.root), table)
        return table

    def read(self) -> Table:
        """Read the published file.

        Raises:
            InputError: it is not there, damaged, or holds architectures of another space.
        """
        if self.file is None:
            raise InputError(f"the published file of source {self.source.name!r} is not there")
        known_by = identity(self.file, self.root)  # before: a change while reading shows later
        table = self.source.read(self.file)
        self._check_space(table, self.file)
        record = SourceRecord(self.file, known_by["sha256"], len(table))
        return replace(table, source=known_by, record=record)

    def convert(self) -> tuple[Table, Path]:
        """Read a file of the data root and write its prepared table; returns both.

        Raises:
            InputError: the file is damaged, or the table cannot be written.
        """
        table = self.read()
        assert self.file is not None  # it was just read
        own = self.file in self.source.files(self.root)
        place = prepared_table if own else kept_table
        path = place(self.space, self.file, self.root)
        write_table(path, table)
        return table, path

    def _tables(self) -> Iterator[Path]:
        if self.file is not None:
            yield from current_tables(self.space, self.file, self.root)
        elif self.lone_table is not None:
            yield self.lone_table

    def _open_table(self, path: Path, wanted: Callable[[str], bool] | None) -> Table:
        table = read_table(path, wanted)
        self._check_space(table, path)
        if self.file is None:
            record = SourceRecord(
                path, checksum(path, self.root), len(table), made_from=table.source
            )
        else:
            record = SourceRecord(self.file, checksum(self.file, self.root), len(table), path)
        return replace(table, record=record)

    def _check_space(self, table: Table, path: Path) -> None:
        if table.space != self.space:
            raise InputError(
                f"{str(path)!r} holds architectures of {table.space}, not of {self.space}"
            )


def discover(space: str, sources: Sequence[Source], root: Path) -> Iterator[LocatedSource]:
    """The sources of a data root, the best first: its own files and prepared tables, no others.

    A file belongs to the first source that it fits: a wide pattern finds the others only. Of
    several files of one source the last by name counts, and where there is none, the last
    prepared table of one.
    """
    taken: set[str] = set()  # names of the tables that files of the sources so far have
    for source in sources:
        files = {table_name(space, file.name): file for file in source.files(root)}
        # The project's own folder may hold tables of another data root: not asked here.
        pattern = table_name(space, Path(source.pattern).name)
        tables = {table.name: table for table in table_folders(root)[0].glob(pattern)}
        if left := files.keys() - taken:
            yield LocatedSource(space, source, root, file=max(files[name] for name in left))
        elif left := tables.keys() - taken:
            yield LocatedSource(space, source, root, lone_table=tables[max(left)])
        taken |= files.keys() | tables.keys()


def choose(
    space: str, sources: Sequence[Source], root: Path, wish: str | Path | None = None
) -> LocatedSource:
    """The source that the user wishes for, or the best that there is; see :func:`candidates`."""
    return candidates(space, sources, root, wish)[0]


def candidates(
    space: str, sources: Sequence[Source], root: Path, wish: str | Path | None = None
) -> list[LocatedSource]:
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


def _how_to_fetch(space: str) -> str:
    """The command that puts a published file there, for the spaces that it knows."""
    return f" by python -m datasets.download --space {space}" if space in PUBLISHED else ""


def _at_path(space: str, sources: Sequence[Source], root: Path, path: Path) -> LocatedSource:
    if path.suffix == ".npz" and is_table(path):
        found = read_header(path)["space"]
        if found != space:
            raise InputError(f"{str(path)!r} is a table of {found}, not of {space}")
        return LocatedSource(space, Source(path.name, path.name, read_table), root, lone_table=path)
    for source in sources:
        if source.fits(path):
            return LocatedSource(space, source, root, file=path)
    patterns = ", ".join(Path(source.pattern).name for source in sources)
    raise InputError(
        f"{str(path)!r} is neither a compact table nor a file that {space} is published in "
        f"({patterns})"
    )
