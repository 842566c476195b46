"""Files with an architecture a line, read with whatever else their lines say."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from datasets.graph import ArchitectureError, ArchitectureGraph
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
        texts = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read architectures from {str(path)!r}: {error}") from error
    found = []
    for number, text in enumerate(texts, start=1):
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


def values_of(lines: Sequence[Line], metric: str, path: Path) -> np.ndarray:
    """What every line says that was measured. **Shape** (n,).

    Args:
        lines: of the file.
        metric: the key, ``validation`` or ``test``.
        path: of the file, for messages.

    Raises:
        InputError: a line has no finite number there; the message says which line.
    """
    values = []
    for line in lines:
        value = line.record.get(metric)
        if isinstance(value, bool) or not isinstance(value, int | float) or not np.isfinite(value):
            has = f"has {metric!r}: {value}" if metric in line.record else f"has no {metric!r}"
            raise InputError(
                f"line {line.number} of {str(path)!r} {has}, expected a finite number: "
                "leave lines out whose measurement failed"
            )
        values.append(float(value))
    return np.array(values)
