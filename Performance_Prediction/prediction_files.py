"""Predictions as files that other programs read: CSV, or JSON lines, by the name's ending."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from experiment.errors import InputError
from experiment.files import atomic_path, check_output, plain

ENDINGS = (".csv", ".jsonl")


def check_place(path: Path, overwrite: bool, inputs: Iterable[Path | None]) -> None:
    """Refuse a file that could not be written, before the work for it begins.

    Args:
        path: of the file.
        overwrite: whether one that is there may be replaced.
        inputs: files that are read, which are never replaced.

    Raises:
        InputError: another ending, a file that is there, or a folder that cannot be.
    """
    if path.suffix.lower() not in ENDINGS:
        raise InputError(
            f"--out is {str(path)!r}, expected a name that ends in .csv or in .jsonl (one JSON "
            "object a line)"
        )
    if any(each is not None and each.resolve() == path.resolve() for each in inputs):
        raise InputError(f"--out is {str(path)!r}, which is read as well: choose another name")
    check_output(path, overwrite=overwrite)


def write_records(
    path: Path, records: Iterable[Mapping[str, Any]], columns: Sequence[str] | None = None
) -> None:
    """Write records one by one; the file is whole or not there at all.

    In CSV what is absent is an empty field, and lists and objects are JSON.

    Args:
        path: of the file; its ending says which of the two it is.
        records: what to write.
        columns: of a CSV file, where records have different keys; default those of the first.
    """
    with atomic_path(path) as partial, partial.open("w", encoding="utf-8", newline="") as file:
        if path.suffix.lower() == ".jsonl":
            for record in records:
                file.write(json.dumps(plain(record), ensure_ascii=False) + "\n")
            return
        writer = csv.writer(file)
        for number, record in enumerate(records):
            columns = columns or list(record)
            if number == 0:
                writer.writerow(columns)
            writer.writerow([_field(record.get(name)) for name in columns])


def _field(value: Any) -> Any:
    value = plain(value)
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict) else value
