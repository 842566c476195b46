"""Architectures as the fields of a row write them."""

from __future__ import annotations

import ast
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from datasets.convert import form_of
from datasets.convert import parse as read_form
from datasets.graph import ArchitectureError, ArchitectureGraph
from datasets.row_files import Row
from datasets.space import SearchSpace
from datasets.spaces.notation import about, excerpt

Parse = Callable[[Any], ArchitectureGraph]
"""The architecture of a value; raises ArchitectureError or InputError."""


def architecture_of(row: Row, columns: tuple[str, ...], parse: Parse) -> ArchitectureGraph:
    """The architecture of a row.

    Raises:
        ArchitectureError: it has none; the message repeats what it has.
    """
    for name in columns:
        if row.fields.get(name) in (None, ""):
            raise ArchitectureError("there is nothing, expected an architecture")
    if len(columns) == 1:
        return parse(row.fields[columns[0]])
    return parse({name: _structure(row.fields[name]) for name in columns})


def reader(space: SearchSpace, form: str | None, data_root: Path | None) -> Parse:
    """What reads an architecture.

    Raises:
        InputError: the space has no such form.
    """
    if form is None:
        return lambda value: _usual(value, space)
    form_of(space, form, data_root)
    return lambda value: read_form(space, form, value, data_root)


def _usual(value: Any, space: SearchSpace) -> ArchitectureGraph:
    """An architecture in the official notation, or as an object or a list.

    Raises:
        ArchitectureError: it is none; the message repeats what was given.
    """
    value = _structure(value)
    if not isinstance(value, str | dict | list):
        raise ArchitectureError(f"{shown(value)} is no architecture")
    text = value if isinstance(value, str) else json.dumps(value)
    try:
        return space.parse(text)
    except ArchitectureError as error:
        raise ArchitectureError(about(text, error)) from error


def _structure(value: Any) -> Any:
    """A text that writes a list or an object, as what it writes; all else as it is.

    In a CSV file lists and dictionaries are JSON, or Python's own spelling as pandas writes it.
    """
    if not isinstance(value, str) or value.strip()[:1] not in ("{", "[", "("):
        return value
    for read in (json.loads, ast.literal_eval):
        try:
            found = json.loads(json.dumps(read(value.strip())))
        except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
            continue
        if isinstance(found, dict | list):
            return found
    return value


def shown(value: Any) -> str:
    """What the user gave, as the file writes it, short enough for a message."""
    if isinstance(value, str):
        return excerpt(value)
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else text[:57] + "..."
