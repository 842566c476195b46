"""Measurements of one's own: files with architectures and what was measured of them.

    measurements = read_measurements(Path("mine.csv"), get_space("NB201"), value_column="val_loss")

reads CSV, JSON lines or a JSON array (see :mod:`datasets.row_files`). The architecture is in one
column: the official notation, or an object or list as the space's files have; a row may also have
the keys of the space's own JSON lines (``matrix`` and ``ops`` of NB101) as columns. A column that
is not named is guessed where only one can be meant, and the guess is put into words.
"""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from datasets.architecture_fields import Parse, architecture_of, reader, shown
from datasets.batch import GraphBatch
from datasets.benchmark import Benchmark, Metric
from datasets.graph import ArchitectureError, ArchitectureGraph
from datasets.objective import SHARE
from datasets.row_files import JSON_ROWS, Row, RowFile, read_rows
from datasets.source_record import SourceRecord
from datasets.space import SearchSpace, as_space
from experiment.checks import shown as kind_of
from experiment.config import nearest
from experiment.errors import InputError

VALUE = "value"
"""Column that is meant where several hold numbers: that of a search by a function, in
``queries.csv``."""
STATUS, UNMEASURED = "status", ("failed", "unknown")
"""Column of the project's own files, and what it says of rows without a value."""
TRIED = 100
"""Rows by which columns are guessed; what is wrong in later ones is blamed on the row."""
_NUMBER = re.compile(
    r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?|[-+]?(inf|infinity|nan)", re.IGNORECASE
)
_DECIMAL_COMMA = re.compile(r"[-+]?\d*,\d+")
_NUMBER_AND_MORE = re.compile(r"[-+]?\.?\d")


@dataclass(frozen=True)
class Measurements:
    """Architectures of a space, each once, with what was measured of them.

    Attributes:
        path: of the file.
        space: the search space.
        graphs: the architectures, in the order in which the file first has them. B of them.
        hashes: the space's hash of each. **Shape** (B,), strings.
        values: what was measured, in the file's own unit; of an architecture that has several
            rows their mean. **Shape** (B,).
        others: the same of further columns that were requested, by name. **Shape** (B,) each.
        counts: how many rows each architecture has. **Shape** (B,).
        names: each as the file first writes it.
        lines: physical line of each one's first row, from 1 on. **Shape** (B,).
        arch_columns: the columns of the architecture: one, or the keys of the space's own files.
        value_column: the column of ``values``.
        sha256: of the file's bytes, hexadecimal.
        notes: what was guessed and what was averaged, a sentence each, for the user.
    """

    path: Path
    space: SearchSpace
    graphs: GraphBatch
    hashes: np.ndarray
    values: np.ndarray
    others: dict[str, np.ndarray]
    counts: np.ndarray
    names: list[str]
    lines: np.ndarray
    arch_columns: tuple[str, ...]
    value_column: str
    sha256: str
    notes: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.hashes)

    def benchmark(self, unit: str | None = None) -> Benchmark:
        """The same as a benchmark, with a metric for each column of numbers.

        Larger values are better; a caller that minimises says so itself.

        Args:
            unit: of the values; ``fraction`` for shares from 0 to 1.

        Raises:
            InputError: the unit is ``fraction``, and a value is no share.
        """
        columns = {self.value_column: self.values, **self.others}
        for name, values in columns.items():
            if unit == SHARE and (values.min() < 0 or values.max() > 1):
                raise InputError(
                    f"{name!r} of {str(self.path)!r} goes from {values.min():g} to "
                    f"{values.max():g}, expected 0 to 1 with the unit {SHARE}: give the unit % "
                    "for percentages"
                )
        metrics = {
            name: Metric(
                name,
                unit or "",
                f"column {name!r}",
                values[:, None],
                averaged=True,
                maximise=True,
                kind="quality",
            )
            for name, values in columns.items()
        }
        graphs = [self.space.canonical(graph) for graph in self.graphs]
        return Benchmark(
            self.space,
            self.path.name,
            GraphBatch.from_graphs(graphs, self.space.max_nodes),
            self.hashes,
            metrics,
            f"{len(self):,} architectures of {self.path}, SHA-256 {self.sha256}",
            source=SourceRecord(self.path, self.sha256, len(self)),
            chosen_by=self.value_column,
        )


def read_measurements(
    file: str | Path | RowFile,
    space: SearchSpace,
    *,
    arch_column: str | None = None,
    value_column: str | None = None,
    others: Sequence[str] = (),
    form: str | None = None,
    data_root: Path | None = None,
    least: int = 2,
) -> Measurements:
    """The architectures and the measurements that two columns of a file hold.

    An architecture with several rows is one that was measured several times (other seeds, other
    machines): the mean of its values is an estimate of the same quantity with less noise, and
    one value an architecture is what predictors and searches take. It is said in ``notes``. Rows
    that the project's own files mark as failed or unknown are left out, and counted there.

    Args:
        file: its path, or what :func:`~datasets.row_files.read_rows` found in it.
        space: of the architectures.
        arch_column: name of the column with architectures, or the names of the space's own keys
            with commas between them; ``None`` for the only column whose values are architectures.
        value_column: name of the column with what was measured; ``None`` for the only column of
            numbers besides, or of several the one called ``value``.
        others: further columns of numbers to read.
        form: how architectures are written, a name of ``space.forms()``, such as ``index`` or
            ``naslib``; ``None`` for the official notation and the objects of the project's files.
        data_root: where tables are, for the form ``hash``.
        least: fewest architectures that are enough.

    Raises:
        InputError: the file cannot be read; a column is absent, or more than one could be meant
            (the message lists the columns there are); a row has no architecture of the space, or no
            finite number (the message names the line and repeats its text); too few architectures.
    """
    as_space(space)
    if not isinstance(file, RowFile):
        if not isinstance(file, str | os.PathLike):
            raise InputError(f"the file of measurements is {kind_of(file)}, expected its path")
        file = read_rows(Path(file))
    file, left_out = _measured(file)
    numbers = [name for name in (value_column, *others) if name is not None]
    parse = reader(space, form, data_root)
    if _names_architectures(file, parse):
        if not file.has_header:
            raise InputError(f"{str(file.path)!r} has architectures for keys, expected {JSON_ROWS}")
        raise InputError(
            f"{str(file.path)!r} begins with an architecture: add a first line that names the "
            "columns, such as arch,value"
        )
    for name in numbers:
        _check_column(file, name)
    arch_columns = _arch_columns(file, space, parse, arch_column, numbers)
    value = value_column or _value_column(file, arch_columns)
    graphs, names = _architectures(file, parse, arch_columns)
    columns = {name: _numbers(file, name) for name in (value, *others)}

    batch = GraphBatch.from_graphs(graphs, space.max_nodes)
    hashes, first, group = np.unique(space.hashes(batch), return_index=True, return_inverse=True)
    if len(hashes) < least:
        raise InputError(
            f"{str(file.path)!r} holds {len(hashes)} measured architecture{'s'[: len(hashes) != 1]}"
            f", expected at least {least}"
        )
    counts = np.bincount(group)
    means = {name: np.bincount(group, weights=each) / counts for name, each in columns.items()}
    order = np.argsort(first)
    first = first[order]
    notes = left_out + _guessed(file, arch_columns, value, (arch_column, value_column))
    notes += _averaged(file, counts, len(graphs))
    return Measurements(
        path=file.path,
        space=space,
        graphs=batch[torch.from_numpy(first)],
        hashes=hashes[order],
        values=means[value][order],
        others={name: means[name][order] for name in others},
        counts=counts[order],
        names=[names[row] for row in first.tolist()],
        lines=np.array([file.rows[row].line for row in first.tolist()]),
        arch_columns=arch_columns,
        value_column=value,
        sha256=file.sha256,
        notes=tuple(notes),
    )


def _measured(file: RowFile) -> tuple[RowFile, list[str]]:
    """The file without the rows that say that there is no value, and how many these are."""
    kept = file.without(STATUS, UNMEASURED)
    count = len(file.rows) - len(kept.rows)
    if not kept.rows:
        raise InputError(f"every row of {str(file.path)!r} failed, expected some with a value")
    return kept, [f"{file.path.name}: {count:,} rows that failed are left out"] if count else []


def _there_are(file: RowFile) -> str:
    return f"the columns of {str(file.path)!r} are {', '.join(map(repr, file.columns))}"


def _check_column(file: RowFile, name: str) -> None:
    if name not in file.columns:
        raise InputError(
            f"{str(file.path)!r} has no column {name!r}: {nearest(name, list(file.columns))} "
            f"({_there_are(file)})"
        )


def _arch_columns(
    file: RowFile, space: SearchSpace, parse: Parse, named: str | None, taken: Sequence[str]
) -> tuple[str, ...]:
    """The columns that the architecture is in: those named, or the only ones that could be."""
    if named is not None:
        if named in file.columns:
            return (named,)
        parts = tuple(part.strip() for part in named.split(","))
        for part in parts:
            _check_column(file, part)
        return parts
    free = [name for name in file.columns if name not in taken]
    candidates: list[tuple[str, ...]] = [(name,) for name in free]
    keys = tuple(space.to_record(space.sample(1, np.random.default_rng(0))[0]))
    if len(keys) > 1 and set(keys) <= set(free):
        candidates.append(keys)
    head = file.rows[:TRIED]
    found = [columns for columns in candidates if any(_is_one(row, columns, parse) for row in head)]
    if not found:
        # The only column of words is what must be meant: its rows then say what is wrong.
        words = [name for name in free if not _is_numeric(file, name)]
        if len(words) == 1:
            return (words[0],)
        raise InputError(
            f"no column of {str(file.path)!r} has architectures of {space.name}: name it by "
            f"--arch_column, or choose another space; {_there_are(file)}"
        )
    if len(found) > 1:
        several = " and ".join(repr(",".join(columns)) for columns in found)
        raise InputError(
            f"{several} could both be the architectures: choose by --arch_column; "
            f"{_there_are(file)}"
        )
    return found[0]


def _is_one(row: Row, columns: tuple[str, ...], parse: Parse) -> bool:
    try:
        architecture_of(row, columns, parse)
    except (ArchitectureError, InputError):
        return False
    return True


def _names_architectures(file: RowFile, parse: Parse) -> bool:
    """Whether a name of a column is an architecture."""
    header = Row(1, dict(zip(file.columns, file.columns, strict=True)))
    return any(_is_one(header, (name,), parse) for name in file.columns)


def _value_column(file: RowFile, arch_columns: tuple[str, ...]) -> str:
    """The only column of numbers besides."""
    others = [name for name in file.columns if name not in arch_columns]
    numeric = [name for name in others if _is_numeric(file, name)]
    if not numeric and len(others) == 1 and _begins_with_number(file.rows[0].fields.get(others[0])):
        return others[0]  # it must be meant: its rows then say what is wrong
    if VALUE in numeric:
        return VALUE
    if len(numeric) != 1:
        which = f"{len(numeric)} columns of numbers" if numeric else "no column of numbers"
        raise InputError(
            f"{str(file.path)!r} has {which} beside the architectures, expected one: name what "
            f"was measured by --value_column; {_there_are(file)}"
        )
    return numeric[0]


def _is_numeric(file: RowFile, name: str) -> bool:
    """Whether at least half of what the first rows have there is numbers."""
    given = [row.fields.get(name) for row in file.rows[:TRIED]]
    present = [value for value in given if value is not None and value != ""]
    numbers = sum(_number(value) is not None for value in present)
    return bool(present) and 2 * numbers >= len(present)


def _number(value: Any) -> float | None:
    """``value`` as a number, ``None`` where it is none."""
    if isinstance(value, str):
        return float(value) if _NUMBER.fullmatch(value.strip()) else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value)
    except OverflowError:
        return math.inf


def _numbers(file: RowFile, name: str) -> np.ndarray:
    """What every row says in a column. **Shape** (rows,)."""
    values = []
    for row in file.rows:
        given = row.fields.get(name)
        value = _number(given)
        if value is None or not math.isfinite(value):
            missing = name not in row.fields or given == ""
            has = f"has no {name!r}" if missing else f"has {name!r}: {shown(given)}"
            raise InputError(f"{file.place(row)} {has}, expected a finite number: {_mend(given)}")
        values.append(value)
    return np.array(values, dtype=np.float64)


def _mend(given: Any) -> str:
    """What to do with a value that is no finite number."""
    text = given.strip() if isinstance(given, str) else ""
    if _DECIMAL_COMMA.fullmatch(text):
        return "write decimals with a point"
    if _number(given) is None and _begins_with_number(given):
        return "write the number alone; --unit is for what stands behind it"
    return "leave rows out whose measurement failed"


def _begins_with_number(given: Any) -> bool:
    """Whether it is a text such as ``71.3 %``."""
    return isinstance(given, str) and _NUMBER_AND_MORE.match(given.strip()) is not None


def _architectures(
    file: RowFile, parse: Parse, columns: tuple[str, ...]
) -> tuple[list[ArchitectureGraph], list[str]]:
    """The architecture of every row, and how the file writes it."""
    graphs, names = [], []
    for row in file.rows:
        try:
            graphs.append(architecture_of(row, columns, parse))
        except (ArchitectureError, InputError) as error:
            where = " and ".join(map(repr, columns))
            raise InputError(f"{file.place(row)}, column {where}: {error}") from error
        given = [row.fields[name] for name in columns]
        if len(columns) > 1:
            names.append(json.dumps(dict(zip(columns, given, strict=True)), ensure_ascii=False))
        else:
            names.append(given[0] if isinstance(given[0], str) else json.dumps(given[0]))
    return graphs, names


def _guessed(
    file: RowFile,
    arch_columns: tuple[str, ...],
    value_column: str,
    named: tuple[str | None, str | None],
) -> list[str]:
    parts = []
    if named[0] is None:
        parts.append(f"architectures from {' and '.join(map(repr, arch_columns))}")
    if named[1] is None:
        parts.append(f"values from {value_column!r}")
    if not parts:
        return []
    if value_column == VALUE and named[1] is None:
        return [f"{file.path.name}: {', '.join(parts)}"]
    kind = "the only columns of their kinds" if len(parts) > 1 else "the only column of its kind"
    return [f"{file.path.name}: {', '.join(parts)}, {kind}"]


def _averaged(file: RowFile, counts: np.ndarray, rows: int) -> list[str]:
    repeated = int((counts > 1).sum())
    if not repeated:
        return []
    return [
        f"{file.path.name}: {rows:,} rows are {len(counts):,} architectures; of {repeated:,} with "
        "several rows the mean counts"
    ]
