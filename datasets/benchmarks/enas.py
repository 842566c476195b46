"""ENAS: macro architectures of 6 layers with weight-sharing accuracies."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from datasets.benchmark import Benchmark
from datasets.benchmarks.build import measured
from datasets.benchmarks.sources import Source, choose
from datasets.formats.enas import read_structures
from datasets.registry import get_space
from experiment.errors import InputError
from experiment.paths import data_root as find_data_root


def final_structures(layers: int) -> tuple[Source, ...]:
    """The published file of architectures of so many layers."""
    name = f"final_structures{layers}"
    read = partial(read_structures, layers=layers)
    return (Source(name, f"ENAS/{name}.txt", read, suffixes=(".txt",)),)


SOURCES = final_structures(6)


def load(
    data_root: str | Path | None = None,
    *,
    dataset: str = "cifar10",
    source: str | Path | None = None,
) -> Benchmark:
    """ENAS of 6 layers; arguments and errors as of :func:`load_shared_weights`."""
    return load_shared_weights("ENAS", SOURCES, data_root, dataset, source)


def load_shared_weights(
    name: str,
    sources: Sequence[Source],
    data_root: str | Path | None,
    dataset: str,
    source: str | Path | None,
) -> Benchmark:
    """A benchmark with one metric, ``validation``: the accuracy with shared weights.

    Args:
        name: of the space.
        sources: files that it may be read from.
        data_root: folder with ``ENAS/``.
        dataset: only ``cifar10`` was measured.
        source: name of a source, or a path.

    Raises:
        InputError: no such data set or source, or a damaged file.
    """
    if dataset != "cifar10":
        raise InputError(f"{name} was measured on cifar10 only, not on {dataset!r}")
    table = choose(name, sources, find_data_root(data_root), source).open()
    column = {"validation": "cifar10/shared/validation"}
    return measured(table, get_space(name), dataset, column)
