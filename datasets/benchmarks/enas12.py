"""ENAS12: macro architectures of 12 layers with weight-sharing accuracies."""

from __future__ import annotations

from pathlib import Path

from datasets.benchmark import Benchmark
from datasets.benchmarks.enas import final_structures, load_shared_weights

SOURCES = final_structures(12)


def load(
    data_root: str | Path | None = None,
    *,
    dataset: str = "cifar10",
    source: str | Path | None = None,
) -> Benchmark:
    """ENAS of 12 layers; arguments and errors as of :func:`load_shared_weights`."""
    return load_shared_weights("ENAS12", SOURCES, data_root, dataset, source)
