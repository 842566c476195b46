"""From the columns of a compact table to the metrics of a benchmark."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from datasets.benchmark import Benchmark
from datasets.space import SearchSpace
from datasets.table import Table
from experiment.errors import InputError


class NoSuchColumnError(InputError):
    """A source is at hand, and has no accuracies of the kind that is asked for."""


def measured(
    table: Table,
    space: SearchSpace,
    dataset: str,
    names: Mapping[str, str],
    chosen_by: str = "validation",
) -> Benchmark:
    """A benchmark with those of the named columns that the table has.

    Args:
        table: architectures and columns.
        space: their search space.
        dataset: what the networks were trained on.
        names: name of the metric → name of the column.
        chosen_by: the metric that architectures are chosen by.

    Raises:
        NoSuchColumnError: the table does not have this metric.
    """
    if names[chosen_by] not in table.columns:
        raise NoSuchColumnError(
            f"this source has no {names[chosen_by]!r} for {space.name}, choose another: "
            f"{table.description}"
        )
    metrics = {
        metric: replace(table.columns[column], name=metric)
        for metric, column in names.items()
        if column in table.columns
    }
    record = None if table.record is None else replace(table.record, rows=len(table))
    return Benchmark(
        space,
        dataset,
        table.graphs,
        table.hashes,
        metrics,
        table.description,
        record,
        chosen_by,
    )
