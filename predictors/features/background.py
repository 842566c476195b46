"""Measured numbers that features hold beside the labels that a predictor or a search receives."""

from __future__ import annotations

from collections.abc import Iterable

from datasets import get_benchmark
from datasets.benchmark import Benchmark

SOURCE = "DIGITS101"
"""The benchmark that the features ``digits`` were fitted to."""


def background_tables(features: Iterable[str]) -> list[Benchmark]:
    """The benchmarks that the named features were fitted to; most features need none.

    Raises:
        InputError: the table of DIGITS101, which comes with the project, is absent or damaged.
    """
    if "digits" not in features:
        return []
    return [get_benchmark(SOURCE, cells=cells) for cells in ("complete", "larger")]
