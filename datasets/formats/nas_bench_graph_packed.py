"""The table of NAS-Bench-Graph that comes with the project: nine data sets in one megabyte.

Every official number is a mean over three seeds of something counted: nodes classified right,
ticks of a clock of 2⁻²² seconds, parameters. So it is a whole number over a divisor, and that
number is what is kept, byte by byte in order of significance, which packs well. The scores on
proteins (ROC-AUC) are no counts; they are kept in units of 2⁻⁴⁰. What is read back differs from the
official double-precision numbers by their rounding alone (below 10⁻¹²).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from datasets.formats.nas_bench_graph import DATASETS, QUANTITIES, SEEDS, Records
from experiment.errors import InputError
from experiment.files import atomic_path

TEST_NODES = {
    "cora": 1000,
    "citeseer": 1000,
    "pubmed": 1000,
    "cs": 17_583,
    "physics": 34_243,
    "photo": 7_087,
    "computers": 12_881,
    "arxiv": 48_603,
}
"""Test performances are multiples of one over three times so much: the whole table says so."""
FINE = 1 << 40
DIVISORS = {"valid_perf": SEEDS * 1000, "latency": SEEDS << 22, "para": SEEDS * 10**6}
"""Validation performances were rounded to three decimals before the mean over the seeds."""
SAME_KEYS = DATASETS[:-1]
"""Data sets on which all architectures were measured."""
FORMAT = "nas-bench-graph-table"


@dataclass(frozen=True, slots=True)
class PackedTable:
    """What was measured on one data set.

    Attributes:
        keys: official keys, ascending. **Shape** (rows,), int64.
        columns: ``valid_perf``, ``perf``, ``latency``, ``para`` → official numbers. **Shape**
            (rows,), float64.
    """

    keys: np.ndarray
    columns: dict[str, np.ndarray]


def divisor(dataset: str, quantity: str) -> int:
    """What the whole numbers of a column are over."""
    if quantity == "perf":
        return SEEDS * TEST_NODES[dataset] if dataset in TEST_NODES else FINE
    return DIVISORS[quantity]


def write_packed(path: Path, tables: dict[str, Records]) -> None:
    """Write the light records of the nine data sets.

    Raises:
        InputError: data sets do not have the keys that they should, or a number is no multiple of
            what it should be.
    """
    arrays: dict[str, np.ndarray] = {}
    offsets: dict[str, int] = {}
    for name in DATASETS:
        keys = np.array(sorted(tables[name]), dtype=np.int64)
        arrays[f"{_keys_of(name)}.keys"] = _planes(np.diff(keys, prepend=0))
        if name in SAME_KEYS and sorted(tables[SAME_KEYS[0]]) != keys.tolist():
            raise InputError(f"{name} has other architectures than {SAME_KEYS[0]}")
        for quantity in QUANTITIES:
            values = np.array([tables[name][key][quantity] for key in keys.tolist()])
            numbers = _whole(values, divisor(name, quantity), f"{quantity} of {name}")
            offsets[f"{name}.{quantity}"] = int(numbers.min())
            arrays[f"{name}.{quantity}"] = _planes(numbers - numbers.min())
    header = json.dumps({"format": FORMAT, "version": 1, "offsets": offsets})
    arrays["header"] = np.frombuffer(header.encode(), dtype=np.uint8)
    with atomic_path(path) as partial, partial.open("wb") as file:
        np.savez_compressed(file, **arrays)  # type: ignore[arg-type]


def read_packed(path: Path, dataset: str) -> PackedTable:
    """Read the columns of one data set.

    Raises:
        InputError: the file is absent, damaged, or another table.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            header = json.loads(archive["header"].tobytes())
            if (header["format"], header["version"]) != (FORMAT, 1):
                raise ValueError("another format or version")
            keys = _numbers(archive[f"{_keys_of(dataset)}.keys"]).cumsum()
            columns = {name: _column(archive, header, dataset, name) for name in QUANTITIES}
    except Exception as error:  # zipfile and numpy raise a dozen kinds for damaged bytes
        raise InputError(
            f"{str(path)!r} is damaged or no packed table of NAS-Bench-Graph "
            f"({type(error).__name__}: {error}): make it again by "
            "python -m datasets.pack_nas_bench_graph"
        ) from error
    if any(len(column) != len(keys) for column in columns.values()):
        raise InputError(f"{str(path)!r} is damaged: its columns differ in length")
    return PackedTable(keys, columns)


def _column(archive: Any, header: dict[str, Any], dataset: str, quantity: str) -> np.ndarray:
    name = f"{dataset}.{quantity}"
    return (_numbers(archive[name]) + int(header["offsets"][name])) / divisor(dataset, quantity)


def _keys_of(dataset: str) -> str:
    return SAME_KEYS[0] if dataset in SAME_KEYS else dataset


def _whole(values: np.ndarray, over: int, what: str) -> np.ndarray:
    """``values`` times ``over``, which are whole numbers. **Shape** (rows,), int64."""
    numbers = np.round(values * over)
    if over != FINE and np.abs(values * over - numbers).max() > 1e-3:
        raise InputError(f"{what} has numbers that are no multiples of 1/{over}")
    return numbers.astype(np.int64)


def _planes(numbers: np.ndarray) -> np.ndarray:
    """Bytes of numbers ≥ 0, the lowest of all first. **Shape** (rows,) → (bytes, rows) uint8."""
    width = max(1, -(-int(numbers.max()).bit_length() // 8))
    octets = numbers.astype("<i8").view(np.uint8).reshape(len(numbers), 8)
    return np.ascontiguousarray(octets[:, :width].T)


def _numbers(planes: np.ndarray) -> np.ndarray:
    """Inverse of :func:`_planes`. **Shape** (bytes, rows) → (rows,) int64."""
    if planes.dtype != np.uint8 or planes.ndim != 2 or not 1 <= len(planes) <= 7:
        raise ValueError(f"an array of {planes.dtype} {planes.shape}, expected bytes")
    octets = np.zeros((planes.shape[1], 8), dtype=np.uint8)
    octets[:, : len(planes)] = planes.T
    return octets.view("<i8")[:, 0].astype(np.int64)
