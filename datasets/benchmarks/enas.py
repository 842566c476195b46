"""ENAS: macro architectures with weight-sharing accuracies."""

from __future__ import annotations

from pathlib import Path

from datasets.benchmark import Benchmark
from datasets.benchmarks.build import measured
from datasets.benchmarks.sources import Source, choose
from datasets.formats.enas import read_structures
from datasets.spaces.enas import ENAS
from experiment.errors import InputError
from experiment.paths import data_root as find_data_root

SOURCES = (
    Source("final_structures6", "ENAS/final_structures6.txt", read_structures, suffixes=(".txt",)),
    Source("final_structures12", "ENAS/final_structures12.txt", read_structures),
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
        source: ``final_structures6`` (6 layers, the default), ``final_structures12``, or a path.

    Raises:
        InputError: no such data set or source, or a damaged file.
    """
    if dataset != "cifar10":
        raise InputError(f"ENAS was measured on cifar10 only, not on {dataset!r}")
    table = choose("ENAS", SOURCES, find_data_root(data_root), source).open()
    space = ENAS(layers=table.graphs.max_nodes - 2)
    return measured(table, space, dataset, {"validation": "cifar10/shared/validation"})
