"""Files with an architecture a line, read with whatever else their lines say."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from datasets.graph import ArchitectureError, ArchitectureGraph
from datasets.row_files import decode, split_lines
from datasets.space import SearchSpace
from experiment.errors import InputError


@dataclass(frozen=True)
class Line:
    """One architecture of a file.

    Attributes:
        number: of the line in the file, from 1 on.
        record: its JSON object; for a line in the space's notation the object that says the same.
        graph: the architecture.
    """

    number: int
    record: dict[str, Any]
    graph: ArchitectureGraph


def read_lines(path: Path, space: SearchSpace) -> list[Line]:
    """All architectures of a file: JSON objects, or the space's notation; blank lines are skipped.

    Raises:
        ArchitectureError: a line is no member of the space; the message says which line.
        InputError: the file cannot be read, or is empty.
    """
    try:
        text_of_file = decode(path.read_bytes(), path)
    except OSError as error:
        raise InputError(f"cannot read architectures from {str(path)!r}: {error}") from error
    found = []
    for number, text in enumerate(split_lines(text_of_file), start=1):
        if not text.strip():
            continue
        try:
            graph = space.parse(text.strip())
        except ArchitectureError as error:
            raise ArchitectureError(f"line {number} of {str(path)!r}: {error}") from error
        record = json.loads(text) if text.strip().startswith("{") else space.to_record(graph)
        found.append(Line(number, record, graph))
    if not found:
        raise InputError(f"{str(path)!r} holds no architectures, expected one a line")
    return found
