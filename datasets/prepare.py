"""Convert the published files that a data root has into compact tables that open at once.

``python -m datasets.prepare [--space NB101] [--data_root FOLDER]``
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

from datasets.benchmarks.sources import LocatedSource, Source, discover
from datasets.registry import BENCHMARKS
from experiment.errors import run_command


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


def _converted(found: LocatedSource, *, again: bool) -> str:
    if found.table is not None and (found.file is None or not again):
        return f"{found.table} is there"
    table, path = found.convert()
    return f"{path} made, {path.stat().st_size / 1e6:.1f} MB. {table.description}"


if __name__ == "__main__":
    from datasets.commands.prepare import main

    run_command(main)
