"""``*.bench``: the official files of NAS-Bench-Graph, pickled dictionaries from key to record.

Qin et al., *NAS-Bench-Graph: Benchmarking Graph Neural Architecture Search*, NeurIPS 2022. The
*light* files are in the package ``nas-bench-graph``, one a data set; their records have
``valid_perf``, ``perf`` (test), ``latency`` (seconds) and ``para`` (millions of parameters), means
over three seeds. The *full* files (https://figshare.com/articles/dataset/NAS-bench-Graph/20070371)
are one a data set and seed; their records have learning curves, ``dur[epoch]``.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from datasets.formats.safe_pickle import PickleRefused, read_pickle
from experiment.errors import InputError

DATASETS = (
    *("cora", "citeseer", "pubmed", "cs", "physics", "photo", "computers", "arxiv"),
    "proteins",
)
"""In the official order."""
QUANTITIES = ("valid_perf", "perf", "latency", "para")
CURVE = "dur"
CURVE_COLUMNS = (
    *("train", "validation", "test", "train_loss", "validation_loss", "test_loss"),
    "best",
)
"""What ``dur[epoch]`` holds."""
SEEDS = 3
_WHEEL_MEMBER = "nas_bench_graph/light/{}.bench"

Records = dict[int, dict[str, Any]]


def read_bench(path: Path, keep: Callable[[np.ndarray], Any] = np.asarray) -> Records:
    """Read an official file, light or full, without running anything that is in it.

    Args:
        path: of the file.
        keep: what is kept of each learning curve, **shape** (epochs, 7), float64; default: all.

    Raises:
        InputError: the file is absent, damaged, no such dictionary, or wants to run code.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot read {str(path)!r}: {error.strerror or error}") from error
    return _records(data, str(path), keep)


def read_package(path: Path) -> dict[str, Records]:
    """Data set → light records, of the wheel of the package ``nas-bench-graph``.

    Raises:
        InputError: the file is absent, no such wheel, or damaged.
    """
    try:
        with zipfile.ZipFile(path) as wheel:
            files = {name: wheel.read(_WHEEL_MEMBER.format(name)) for name in DATASETS}
    except (OSError, zipfile.BadZipFile, KeyError, NotImplementedError, RuntimeError) as error:
        raise InputError(
            f"{str(path)!r} is no wheel of the package nas-bench-graph ({error}): fetch it by "
            "pip download --no-deps nas-bench-graph==1.4.0"
        ) from error
    return {name: _light(data, f"{name} of {str(path)!r}") for name, data in files.items()}


def _light(data: bytes, place: str) -> Records:
    """Records that all have the four numbers of a light file."""
    records = _records(data, place, np.asarray)
    for key, record in records.items():
        for name in QUANTITIES:
            value = record.get(name)
            if not isinstance(value, int | float) or not np.isfinite(value):
                raise InputError(f"{place}: key {key} has no number {name!r}")
    return records


def _records(data: bytes, place: str, keep: Callable[[np.ndarray], Any]) -> Records:
    def shorten(entry: dict[Any, Any]) -> None:
        if type(entry.get(CURVE)) is list:
            entry[CURVE] = keep(_curve(entry[CURVE]))

    try:
        records, _ = read_pickle(data, forget=shorten)
    except PickleRefused as error:
        raise InputError(f"{place} is no file of NAS-Bench-Graph: {error}") from error
    if not isinstance(records, dict) or not records:
        raise InputError(f"{place} is no file of NAS-Bench-Graph: expected a dictionary of keys")
    for key, record in records.items():
        if type(key) is not int or type(record) is not dict:
            raise InputError(
                f"{place} is no file of NAS-Bench-Graph: expected whole numbers as keys and a "
                "dictionary for each"
            )
    return records


def _curve(rows: list[Any]) -> np.ndarray:
    """A learning curve as an array. **Shape** (epochs, 7)."""
    curve = np.array(rows, dtype=np.float64)
    if curve.ndim != 2 or curve.shape[1] != len(CURVE_COLUMNS):
        raise PickleRefused(
            f"a learning curve has shape {curve.shape}, expected seven numbers an epoch"
        )
    return curve
