"""From the columns of a compact table to the metrics of a benchmark."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from datasets.benchmark import Benchmark
from datasets.space import SearchSpace
from datasets.table import Table


def measured(table: Table, space: SearchSpace, dataset: str, names: Mapping[str, str]) -> Benchmark:
    """A benchmark with those of the named columns that the table has.

    Args:
        table: architectures and columns.
        space: their search space.
        dataset: what the networks were trained on.
        names: name of the metric → name of the column.
    """
    metrics = {
        metric: replace(table.columns[column], name=metric)
        for metric, column in names.items()
        if column in table.columns
    }
    return Benchmark(space, dataset, table.graphs, table.hashes, metrics, table.description)
