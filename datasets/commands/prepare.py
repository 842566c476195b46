"""Convert published files into tables: the flags of ``python -m datasets.prepare``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from datasets.benchmarks.sources import table_folders
from datasets.prepare import prepare
from datasets.registry import BENCHMARKS
from experiment.arguments import parser
from experiment.errors import InputError
from experiment.paths import data_root


def main(arguments: Sequence[str] | None = None) -> int:
    """Convert what is there, say what was found and what is missing."""
    command = parser("Convert published benchmark files into compact tables.")
    command.add_argument(
        "--space", action="append", choices=list(BENCHMARKS), help="only this one; may be repeated"
    )
    command.add_argument("--data_root", type=Path, help="folder with ENAS/, nasbench101/, …")
    command.add_argument(
        "--again", action="store_true", help="convert files again that have a current table"
    )
    options = command.parse_args(arguments)
    root = data_root(options.data_root)
    found_any = False
    for space in options.space or BENCHMARKS:
        for line in prepare(space, root, again=options.again):
            print(f"{space}: {line}", flush=True)
            found_any = found_any or not line.startswith("missing")
    if not found_any:
        raise InputError(
            f"no published file was found below {str(root)!r}: python -m datasets.download fetches "
            "them, docs/data-formats.md says where they go"
        )
    print("tables are looked for in: " + ", ".join(str(folder) for folder in table_folders(root)))
    return 0
