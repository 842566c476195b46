"""``final_structures6.txt`` and ``final_structures12.txt``: ENAS macro architectures.

Files of the D-VAE repository (Zhang et al., *D-VAE: A Variational Autoencoder for Directed
Acyclic Graphs*, NeurIPS 2019). A line is a Python literal, ``[[op], [op, b0], …], accuracy``:
the operation of each layer and, from the second layer on, one bit for each earlier output.
"""

from __future__ import annotations

import re
from collections import Counter
from functools import lru_cache
from pathlib import Path

import numpy as np

from datasets.benchmark import Metric
from datasets.spaces.enas import ENAS, NUM_OPERATIONS, layers_of
from datasets.table import Table
from experiment.errors import InputError

MOST_LAYERS = 12
"""Layers of the largest architectures that a table holds."""
BURN_IN = 1000
"""First lines, written before the controller had settled; D-VAE leaves them out, so do we."""
NUMBER = r"(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"


def read_structures(path: Path, burn_in: int = BURN_IN, layers: int | None = None) -> Table:
    """Read a file of ENAS architectures with their weight-sharing accuracies.

    An architecture that stands on several lines becomes one row, where its first line is; its
    accuracies become the trials of that row, so that the mean over trials is their mean.

    Args:
        path: the text file.
        burn_in: lines to skip.
        layers: that the architectures have; see :func:`parse_structures`.

    Raises:
        InputError: the file is absent or a line is malformed; the message names the line.
    """
    rows, accuracy = parse_structures(_read_text(path), str(path), burn_in, layers)
    first, row_of_line, counts = _distinct(rows)
    values = np.full((len(first), int(counts.max())), np.nan)
    order = np.argsort(row_of_line, kind="stable")
    trial = np.arange(len(order)) - np.repeat(np.cumsum(counts) - counts, counts)
    values[row_of_line[order], trial] = accuracy[order]
    space = ENAS(layers_of(rows.shape[1]))
    graphs = space.rows_to_batch(rows[first])
    return Table(
        space=space.name,
        graphs=graphs,
        hashes=space.hashes(graphs),
        columns={
            "cifar10/shared/validation": Metric(
                "cifar10/shared/validation",
                "fraction",
                "accuracy on a CIFAR-10 validation batch with the shared weights of ENAS; "
                "one column for each time that the architecture was listed",
                values,
            )
        },
        description=(
            f"ENAS macro architectures of {space.layers} layers from {path.name}, "
            f"the first {burn_in:,} lines (burn-in) left out; {len(rows):,} lines give "
            f"{len(first):,} architectures, repeated ones merged: their accuracies are trials. "
            "The accuracy is the weight-sharing one; there is no test accuracy."
        ),
    )


def parse_structures(
    text: str, name: str = "text", burn_in: int = BURN_IN, layers: int | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of each line after the burn-in.

    Args:
        text: of the file.
        name: of the file, for messages.
        burn_in: lines to skip.
        layers: that the architectures have; default, and where no line has so many: what most
            lines of the file have, burn-in included. A line with another number is wrong,
            wherever it stands.

    Returns:
        The flat rows (operation, then bits, layer by layer), **shape** (lines, L + L·(L−1)/2),
        int64, and the accuracies, **shape** (lines,).

    Raises:
        InputError: a line is malformed; the message says which and what is wrong.
    """
    lines = text.splitlines()
    while lines and not lines[-1].strip():
        lines.pop()
    kept = lines[burn_in:]
    if not kept:
        raise InputError(
            f"{name} has {len(lines):,} lines, of which the first {burn_in:,} are burn-in and "
            "skipped: none is left, is the file complete?"
        )
    layers = _layers_of_file(lines, layers)
    matches = _line_pattern(layers).fullmatch
    for number, line in enumerate(kept, burn_in + 1):
        if matches(line) is None:
            raise InputError(f"{name}, line {number}: {_line_fault(line, layers)}")
    numbers = np.array(" ".join(kept).translate(_SPACES).split(), dtype=np.float64)
    table = numbers.reshape(len(kept), -1)
    strange = np.flatnonzero(table[:, -1] > 1)
    if len(strange):
        raise InputError(
            f"{name}, line {burn_in + 1 + strange[0]}: the accuracy is {table[strange[0], -1]}, "
            "expected a fraction from 0 to 1"
        )
    return table[:, :-1].astype(np.int64), table[:, -1]


def _layers_of_file(lines: list[str], expected: int | None) -> int:
    """How many layers the architectures of a file have; ``expected`` where any line has those."""
    counts = Counter(line.count("[") - 1 for line in lines)
    if expected is not None and expected in counts:
        return expected
    possible = {number: counts[number] for number in counts if 1 <= number <= MOST_LAYERS}
    return max(possible, key=possible.__getitem__, default=expected or 6)


_SPACES = str.maketrans("[],", "   ")


@lru_cache
def _line_pattern(layers: int) -> re.Pattern[str]:
    parts = [rf"\[[0-{NUM_OPERATIONS - 1}]" + r", ?[01]" * layer + r"\]" for layer in range(layers)]
    return re.compile(rf"\s*\[{', ?'.join(parts)}\], ?{NUMBER}\s*", re.ASCII)


def _line_fault(line: str, layers: int) -> str:
    """What is wrong with a line that the pattern refused, in one sentence."""
    groups = re.findall(r"\[([^\[\]]*)\]", line)
    if len(groups) != layers:
        return (
            f"{len(groups)} layers in brackets, expected {layers}, as in "
            "[[op], [op, b0], …], accuracy"
        )
    for layer, group in enumerate(groups):
        numbers = [part.strip() for part in group.split(",")]
        if len(numbers) != layer + 1 or "" in numbers:
            found = len([n for n in numbers if n])
            return (
                f"layer {layer + 1} has {found} numbers, expected {layer + 1}: "
                f"its operation and {layer} skip bits"
            )
        if not re.fullmatch(f"[0-{NUM_OPERATIONS - 1}]", numbers[0]):
            return (
                f"layer {layer + 1} has operation {numbers[0]!r}, "
                f"expected 0 to {NUM_OPERATIONS - 1}"
            )
        bad = [n for n in numbers[1:] if n not in ("0", "1")]
        if bad:
            return f"layer {layer + 1} has the skip bit {bad[0]!r}, expected 0 or 1"
    if not re.search(rf"\]\s*,\s*{NUMBER}\s*$", line):
        return "no accuracy after the layers, expected [[op], [op, b0], …], accuracy"
    return "not of the form [[op], [op, b0], …], accuracy"


def _distinct(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """First line of each distinct row, in file order; the row of each line; lines of each row."""
    key = np.ascontiguousarray(rows.astype(np.uint8)).view(f"V{rows.shape[1]}").ravel()
    _, first, inverse, counts = np.unique(
        key, return_index=True, return_inverse=True, return_counts=True
    )
    order = np.argsort(first)
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    return first[order], rank[inverse], counts[order]


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii")
    except UnicodeDecodeError as error:
        raise InputError(
            f"{str(path)!r} has the byte {error.object[error.start]:#04x} at offset "
            f"{error.start:,}, which is no text: expected lines [[op], [op, b0], …], accuracy"
        ) from error
    except OSError as error:
        raise InputError(f"cannot read {str(path)!r}: {error.strerror or error}") from error
