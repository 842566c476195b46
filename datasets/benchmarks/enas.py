"""ENAS: macro architectures of 6 layers with weight-sharing accuracies."""

from __future__ import annotations

from collections.abc import Callable, Sequence
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


def shared_weights(name: str, sources: Sequence[Source]) -> Callable[..., Benchmark]:
    """What loads the benchmark of the space called ``name`` from one of its sources."""

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
            source: name of a source, or a path.

        Raises:
            InputError: no such data set or source, or a damaged file.
        """
        if dataset != "cifar10":
            raise InputError(f"{name} was measured on cifar10 only, not on {dataset!r}")
        table = choose(name, sources, find_data_root(data_root), source).open()
        column = {"validation": "cifar10/shared/validation"}
        return measured(table, get_space(name), dataset, column)

    return load


SOURCES = final_structures(6)
load = shared_weights("ENAS", SOURCES)
