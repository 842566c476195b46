"""Convert the published files that a data root has into compact tables that open at once.

``python -m datasets.prepare [--space NB101] [--data_root FOLDER]``
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path

from datasets.benchmarks.sources import Found, Source, discover, table_folders
from datasets.registry import BENCHMARKS
from experiment.arguments import parser
from experiment.errors import InputError, run_command
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


def prepare(space: str, root: Path, *, again: bool = False) -> Iterator[str]:
    """Convert every published file of one space; yields a line on each.

    Args:
        space: name of a benchmark.
        root: data root.
        again: convert files that have a current table, too.

    Raises:
        InputError: a file is damaged, or a table cannot be written.
    """
    module, _ = BENCHMARKS[space]
    sources: tuple[Source, ...] = getattr(import_module(module), "SOURCES", ())
    for found in discover(space, sources, root):
        yield _converted(found, again=again)
    for source in sources:
        if not source.files(root) and not source.name.startswith("other_"):
            yield f"missing {source.pattern}"


def _converted(found: Found, *, again: bool) -> str:
    if found.table is not None and (found.file is None or not again):
        return f"{found.table} is there"
    table, path = found.convert()
    return f"{path} made, {path.stat().st_size / 1e6:.1f} MB. {table.description}"


if __name__ == "__main__":
    run_command(main)
