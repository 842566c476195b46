"""ENAS: macro architectures of 6 layers with weight-sharing accuracies."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from datasets.benchmark import Benchmark
from datasets.benchmarks.build import measured
from datasets.benchmarks.sources import Source, choose
from datasets.formats.enas import read_structures
from datasets.registry import get_space
from experiment.errors import InputError
from experiment.paths import data_root as find_data_root

SOURCES = (
    Source(
        "final_structures6",
        "ENAS/final_structures6.txt",
        partial(read_structures, layers=6),
        suffixes=(".txt",),
    ),
)


def load(
    data_root: str | Path | None = None,
    *,
    dataset: str = "cifar10",
    source: str | Path | None = None,
) -> Benchmark:
    """ENAS with one metric, ``validation``: the accuracy with shared weights.

    Args:
        data_root: folder with ``ENAS/``.
        dataset: only ``cifar10`` was measured.
        source: ``final_structures6``, or a path.

    Raises:
        InputError: no such data set or source, or a damaged file.
    """
    return with_shared_weights("ENAS", SOURCES, data_root, dataset, source)


def with_shared_weights(
    name: str,
    sources: tuple[Source, ...],
    data_root: str | Path | None,
    dataset: str,
    source: str | Path | None,
) -> Benchmark:
    """The benchmark of the space called ``name``, whatever its number of layers.

    Raises:
        InputError: no such data set or source, or a damaged file.
    """
    if dataset != "cifar10":
        raise InputError(f"{name} was measured on cifar10 only, not on {dataset!r}")
    table = choose(name, sources, find_data_root(data_root), source).open()
    return measured(table, get_space(name), dataset, {"validation": "cifar10/shared/validation"})
