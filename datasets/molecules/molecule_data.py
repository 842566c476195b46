"""Labelled molecules in memory, and how they are read."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np

from datasets.molecules.graphs import MoleculeGraphs
from datasets.molecules.molecule import Molecule
from datasets.molecules.smiles import (
    LACKING,
    ReaderName,
    UnreadableSmilesError,
    choose_reader,
    get_reader,
)
from datasets.molecules.sources import MoleculeSource, find_file
from datasets.row_files import Row, RowFile, read_rows
from datasets.spaces.notation import excerpt
from experiment.errors import DataWarning, InputError

MISSING = {"", "nan", "na", "n/a", "none", "null", "-"}
"""What stands in a file where there is no label, in lower case."""
NAMED = 3
"""Rows that are left out and named one by one in a message."""


class LeftOut(NamedTuple):
    """A row that gives no example.

    Attributes:
        line: of the file, from 1 on.
        smiles: that stands in it.
        reason: why it is left out.
    """

    line: int
    smiles: str
    reason: str


@dataclass(frozen=True, slots=True, eq=False)
class MoleculeData:
    """Molecules with a number each.

    Attributes:
        source: the table they are from.
        reader: that read the SMILES.
        smiles: as they stand in the file.
        targets: the numbers, in the unit of the source. **Shape** (M,), float64.
        molecules: what was read of the SMILES.
        left_out: rows that gave no example.
        graphs: the features of the molecules.
    """

    source: MoleculeSource
    reader: ReaderName
    smiles: tuple[str, ...]
    targets: np.ndarray
    molecules: tuple[Molecule, ...]
    left_out: tuple[LeftOut, ...] = ()
    graphs: MoleculeGraphs = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "graphs", MoleculeGraphs.of(self.molecules))

    def __len__(self) -> int:
        return len(self.smiles)

    @property
    def notes(self) -> list[str]:
        """What a user has to know of the data, a sentence each."""
        found = [self.source.warning] if self.source.warning else []
        if self.left_out:
            found.append(_left_out_note(self))
        if self.reader == "pysmiles":
            found.append(LACKING)
        return found


def read_molecules(
    source: MoleculeSource,
    data_root: str | Path | None = None,
    reader: ReaderName | None = None,
) -> MoleculeData:
    """Read a table; rows without a label or with an unreadable SMILES are left out.

    Each of :attr:`MoleculeData.notes` is a warning.

    Args:
        source: the table.
        data_root: as for :func:`experiment.paths.data_root`.
        reader: of the SMILES; default: RDKit where it is installed.

    Raises:
        InputError: the file is absent or no such table, a label is no number, no row is left, or
            there is no reader.
    """
    reader = choose_reader(reader)
    read = get_reader(reader)
    file = read_rows(find_file(source, data_root))
    label = _column(file, source.labels)
    smiles_column = _column(file, (source.smiles,))
    kept: list[tuple[str, float, Molecule]] = []
    left_out = []
    for row in file.rows:
        smiles = str(row.fields.get(smiles_column, "")).strip()
        target = _label(row, label, file)
        if target is None:
            left_out.append(LeftOut(row.line, smiles, f"no {label}"))
            continue
        try:
            kept.append((smiles, target, read(smiles)))
        except UnreadableSmilesError as error:
            left_out.append(LeftOut(row.line, smiles, str(error)))
    if not kept:
        raise InputError(f"no row of {str(file.path)!r} has both a readable SMILES and a label")
    texts, targets, molecules = zip(*kept, strict=True)
    data = MoleculeData(source, reader, texts, np.array(targets), molecules, tuple(left_out))
    for note in data.notes:
        warnings.warn(note, DataWarning, stacklevel=3)
    return data


def _column(file: RowFile, names: tuple[str, ...]) -> str:
    for name in names:
        if name in file.columns:
            return name
    raise InputError(
        f"{str(file.path)!r} has no column {' or '.join(map(repr, names))}: "
        f"its columns are {', '.join(file.columns)}"
    )


def _label(row: Row, column: str, file: RowFile) -> float | None:
    """The label of a row; ``None`` where there is none."""
    text = str(row.fields.get(column, "")).strip()
    if text.lower() in MISSING:
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise InputError(f"{file.place(row)} has the {column} {excerpt(text)}, expected a number")
    return value


def _left_out_note(data: MoleculeData) -> str:
    named = "; ".join(
        f"line {one.line} ({excerpt(one.smiles)}): {one.reason}" for one in data.left_out[:NAMED]
    )
    rest = len(data.left_out) - NAMED
    more = f"; and {rest:,} more" if rest > 0 else ""
    count = len(data.left_out)
    of_all = f"{count:,} of {count + len(data):,} rows of {data.source.name}"
    return f"{of_all} are left out: {named}{more}"
