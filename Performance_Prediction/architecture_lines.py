"""Files with an architecture a line, read with the other fields of their lines."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from datasets.convert import form_of, parse
from datasets.graph import ArchitectureError, ArchitectureGraph
from datasets.row_files import file_lines
from datasets.space import SearchSpace
from datasets.spaces.notation import about
from experiment.errors import InputError


@dataclass(frozen=True)
class Line:
    """One architecture of a file.

    Attributes:
        record: its JSON object; for a line in the space's notation the object that says the same,
            for one in another form the same object and the line as it was ``given``.
        graph: the architecture.
    """

    record: dict[str, Any]
    graph: ArchitectureGraph


def read_lines(
    path: Path, space: SearchSpace, form: str | None = None, data_root: Path | None = None
) -> list[Line]:
    """All architectures of a file, which are members of the space; blank lines are skipped.

    Args:
        path: of the file.
        space: of the architectures.
        form: how they are written, a name of ``space.forms()``; default: JSON objects, or the
            space's own notation.
        data_root: where measured architectures are, for the form ``hash``.

    Raises:
        ArchitectureError: a line is no member of the space; the message says which line.
        InputError: the file cannot be read, or is empty.
    """
    lines = file_lines(path)
    if form is not None:
        form_of(space, form)
    found = []
    for place, text in lines:
        try:
            graph, record = _read(text, space, form, data_root)
        except (ArchitectureError, InputError) as error:
            raise type(error)(f"{place}: {about(text, error)}") from error
        found.append(Line(record, graph))
    return found


def _read(
    text: str, space: SearchSpace, form: str | None, data_root: Path | None
) -> tuple[ArchitectureGraph, dict[str, Any]]:
    """The architecture of a line, and its record."""
    if form is not None:
        graph = parse(space, form, text, data_root)
        return graph, {"given": text, **space.to_record(graph)}
    graph = space.parse(text)
    return graph, json.loads(text) if text.startswith("{") else space.to_record(graph)
