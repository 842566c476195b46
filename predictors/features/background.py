"""Measured numbers that features hold beside the labels that a predictor or a search receives."""

from __future__ import annotations

import functools
from collections.abc import Iterable

from datasets import get_benchmark
from datasets.benchmark import Benchmark
from datasets.registry import other_datasets
from datasets.space import SearchSpace

SOURCE = "DIGITS101"
"""The benchmark that the features ``digits`` were fitted to."""
OTHERS = "other_datasets"
"""The features that are scores on other data sets; users write ``other_datasets:cora`` where the
labels are of Cora."""
NEW = "new"
"""In the place of the data set: one that the benchmark was not measured on."""


def left_out(feature: str) -> str | None:
    """The data set that ``other_datasets:<data set>`` leaves out; ``None`` for other features."""
    name, _, dataset = feature.partition(":")
    return dataset if name == OTHERS else None


def of_dataset(features: Iterable[str], dataset: str) -> tuple[str, ...]:
    """The features of a command, whose labels are of a data set that need not be named again."""
    return tuple(f"{OTHERS}:{dataset}" if name == OTHERS else name for name in features)


def read_datasets(space: SearchSpace, dataset: str) -> list[str]:
    """The data sets that ``other_datasets:<dataset>`` reads.

    Raises:
        InputError: the benchmark lacks the data set, or has no others.
    """
    return other_datasets(space.name, None if dataset == NEW else dataset)


@functools.cache
def table_on(space: str, dataset: str) -> Benchmark:
    """The benchmark of a space on a data set, read once a process."""
    return get_benchmark(space, dataset=dataset)


def background_tables(features: Iterable[str], space: SearchSpace) -> list[Benchmark]:
    """The benchmarks that the named features hold numbers of; most features need none.

    Args:
        features: names as users write them.
        space: that the features are of.

    Raises:
        InputError: a table is absent or damaged.
    """
    names = list(features)
    tables = []
    if "digits" in names:
        tables += [get_benchmark(SOURCE, cells=cells) for cells in ("complete", "larger")]
    for dataset in filter(None, map(left_out, names)):
        tables += [table_on(space.name, each) for each in read_datasets(space, dataset)]
    return tables
