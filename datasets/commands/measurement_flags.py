"""The flags of commands that read measurements of one's own."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from pathlib import Path

from datasets.measurement_files import Measurements, read_measurements
from datasets.row_files import read_rows
from datasets.space import SearchSpace
from experiment.errors import InputError

USUAL = "validation"
"""Column that is meant where none is named: what the project's own files call it."""


def add_measurement_flags(flags: ArgumentParser) -> None:
    """Add ``--labels_file``, what describes it, ``--minimise`` and ``--unit``."""
    flags.add_argument(
        "--labels_file",
        type=Path,
        help="measurements of one's own instead of the benchmark's: CSV, JSON lines or a JSON "
        "array with an architecture and a value a row",
    )
    flags.add_argument(
        "--arch_column",
        metavar="NAME",
        help="its column of architectures (default: the only one that has them)",
    )
    flags.add_argument(
        "--arch_form",
        metavar="FORM",
        help="how it, and other files of architectures, write them: a form of python -m "
        "datasets.convert --list (default: official notation, or the objects of the project's own "
        "files)",
    )
    flags.add_argument(
        "--value_column",
        metavar="NAME",
        help=f"its column of values (default: {USUAL}, else the only column of numbers)",
    )
    flags.add_argument(
        "--minimise", "--minimize", action="store_true", help="lower values are better"
    )
    flags.add_argument(
        "--unit", help="unit of its values, for what is printed; fraction is printed in percent"
    )


def check_measurement_flags(given: Namespace, also: Path | None = None) -> None:
    """Refuse flags that describe a file where none is given.

    Args:
        given: has the flags.
        also: another file whose architectures are written in the same form.

    Raises:
        InputError: there is such a flag.
    """
    if given.labels_file is None:
        names = ["arch_column", "arch_form", "value_column", "unit"]
        if also is not None:
            names.remove("arch_form")
        for name in names:
            if getattr(given, name) is not None:
                raise InputError(f"--{name} describes a file of measurements: add --labels_file")


def file_measurements(
    given: Namespace, space: SearchSpace, value_column: str | None, others: Sequence[str] = ()
) -> Measurements:
    """What the file of ``--labels_file`` holds; its notes go to standard error.

    Args:
        given: has the flags.
        space: of the architectures.
        value_column: of the labels; default :data:`USUAL` where the file has it, else the only
            column of numbers.
        others: further columns to read.

    Raises:
        InputError: see :func:`~datasets.measurement_files.read_measurements`.
    """
    file = read_rows(given.labels_file)
    if value_column is None and USUAL in file.columns:
        value_column = USUAL
    found = read_measurements(
        file,
        space,
        arch_column=given.arch_column,
        value_column=value_column,
        others=[name for name in others if name != value_column],
        form=given.arch_form,
        data_root=given.data_root,
    )
    for note in found.notes:
        print(note, file=sys.stderr)
    return found
