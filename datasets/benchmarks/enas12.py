"""ENAS12: macro architectures of 12 layers with weight-sharing accuracies."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from datasets.benchmark import Benchmark
from datasets.benchmarks.enas import with_shared_weights
from datasets.benchmarks.sources import Source
from datasets.formats.enas import read_structures

SOURCES = (
    Source(
        "final_structures12",
        "ENAS/final_structures12.txt",
        partial(read_structures, layers=12),
        suffixes=(".txt",),
    ),
)


def load(
    data_root: str | Path | None = None,
    *,
    dataset: str = "cifar10",
    source: str | Path | None = None,
) -> Benchmark:
    """ENAS12 with one metric, ``validation``: the accuracy with shared weights.

    Args:
        data_root: folder with ``ENAS/``.
        dataset: only ``cifar10`` was measured.
        source: ``final_structures12``, or a path.

    Raises:
        InputError: no such data set or source, or a damaged file.
    """
    return with_shared_weights("ENAS12", SOURCES, data_root, dataset, source)
