"""What measured numbers were read from: the file, its checksum, and how many rows it gave."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datasets.benchmark import Benchmark

SHOWN_DIGITS = 12
"""Digits of a checksum in a line for people; records have all 64."""


@dataclass(frozen=True, slots=True)
class SourceRecord:
    """Where the rows of a table or of a benchmark come from.

    Attributes:
        path: the published file or folder; the compact table, where that stands alone.
        sha256: of the content of ``path``, hexadecimal; of a folder, of its names and contents.
        rows: architectures that were taken from it.
        table: the compact table that was read in place of ``path``, if one was.
        made_from: of a compact table that stands alone: name, size in bytes and checksum of the
            file that it was made from.
    """

    path: Path
    sha256: str
    rows: int
    table: Path | None = None
    made_from: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        """A few words for people."""
        words = f"{self.path} (sha256 {self.sha256[:SHOWN_DIGITS]}…)"
        if self.table is not None:
            return f"{words}, read from its table {self.table.name}"
        if self.made_from.get("name"):
            return f"{words}, a table of {self.made_from['name']}"
        return words

    def entry(self) -> dict[str, Any]:
        """The record for the configuration of a run; the same whichever table was read."""
        entry: dict[str, Any] = {
            "path": str(self.path.absolute()),
            "rows": self.rows,
            "sha256": self.sha256,
        }
        if self.made_from:
            entry["made_from"] = dict(self.made_from)
        return entry


def announce(benchmarks: Iterable[Benchmark], *, json: bool = False, aside: bool = False) -> None:
    """Print a line on each benchmark that a command uses: what it is and what it was read from.

    Args:
        benchmarks: that are used.
        json: whether the command prints JSON alone; nothing is printed here then.
        aside: whether standard output is for something else; the lines go to standard error.
    """
    if json:
        return
    for benchmark in benchmarks:
        print(benchmark.source_line(), file=sys.stderr if aside else sys.stdout, flush=True)


def source_entries(benchmarks: Iterable[Benchmark]) -> list[dict[str, Any]]:
    """``sources`` of a run's configuration: an object for each benchmark that the run uses."""
    return [benchmark.source_entry() for benchmark in benchmarks]
