"""Tables of the same architectures, trained for fewer and for more epochs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import replace
from pathlib import Path

import numpy as np

from datasets.benchmark import Benchmark
from datasets.benchmarks.build import NoSuchColumnError
from datasets.registry import benchmark_epochs, get_benchmark
from experiment.errors import InputError

SECONDS = "training_seconds"


def fidelity_tables(
    name: str,
    data_root: str | Path | None = None,
    epochs: Sequence[int] | None = None,
    **choices: object,
) -> dict[int, Benchmark]:
    """A benchmark at several numbers of epochs, all from the source that has the fewest.

    Seconds of training that were recorded for the most epochs alone are scaled by the epochs for
    the others, and the metric's description says so.

    Args:
        name: as for :func:`~datasets.registry.get_benchmark`.
        data_root: folder with the data files.
        epochs: those that are wanted, ascending; default: all that the files at hand hold.
        choices: what the benchmark lets one choose beside the epochs.

    Raises:
        InputError: the benchmark, or the files at hand, do not hold them, or hold one alone.
    """
    held = benchmark_epochs(name)
    if len(held) < 2:
        raise InputError(
            f"{name} was measured for one number of epochs: several fidelities are in the tables "
            "of NB101, NB201 and DIGITS101, or in real training (--estimator train)"
        )
    if foreign := [each for each in epochs or () if each not in held]:
        raise InputError(
            f"{name} was measured for {_listed(held)} epochs, not for {foreign[0]}: choose from "
            "those"
        )
    found: dict[int, Benchmark] = {}
    for each in epochs or held:
        try:
            table = get_benchmark(name, data_root, **{**choices, "epochs": each})
        except NoSuchColumnError:
            if epochs is None:
                continue
            there = _held(name, data_root, held, choices)
            raise InputError(
                f"the files of {name} at hand hold {_listed(there)} epochs, not {each}: choose "
                "from those, or name another data root"
            ) from None
        if table.source is not None:
            choices = {**choices, "source": table.source.path}
        found[each] = table
    if epochs is None and len(found) < 2:
        raise InputError(
            f"the files of {name} at hand hold {_listed(list(found))} epochs alone: a search that "
            "chooses among fidelities needs two at least, name a data root with more"
        )
    return _with_seconds(found)


def rows_of_all(tables: Mapping[int, Benchmark], trial: int | None = None) -> np.ndarray:
    """Rows of the table of the most epochs whose values to choose by all tables have.

    Args:
        tables: number of epochs → table.
        trial: which trial is looked up, counted from 0; default: the mean over them.

    Returns:
        **Shape** (n,), int64, ascending.

    Raises:
        InputError: there is no such trial.
    """
    longest = tables[max(tables)]
    known = np.ones(len(longest), dtype=bool)
    for table in tables.values():
        metric = table.metric(table.chosen_by)
        values = metric.mean() if trial is None else metric.trial(trial)
        rows = table.rows(longest.hashes)
        known &= (rows >= 0) & np.isfinite(values[rows])
    return np.flatnonzero(known)


def _held(
    name: str, data_root: str | Path | None, epochs: Sequence[int], choices: Mapping[str, object]
) -> list[int]:
    """Those that the files at hand hold."""
    there = []
    for each in epochs:
        try:
            get_benchmark(name, data_root, **{**choices, "epochs": each})
        except NoSuchColumnError:
            continue
        there.append(each)
    return there


def _with_seconds(tables: dict[int, Benchmark]) -> dict[int, Benchmark]:
    most = max(tables)
    recorded = tables[most].metrics.get(SECONDS)
    if recorded is None:
        return tables
    filled = {}
    for epochs, table in tables.items():
        filled[epochs] = table
        if SECONDS in table.metrics or not np.array_equal(table.hashes, tables[most].hashes):
            continue
        scaled = replace(
            recorded,
            values=recorded.values * (epochs / most),
            description=f"not recorded: {epochs}/{most} of the {recorded.description}",
        )
        filled[epochs] = copy(table)
        filled[epochs].metrics = {**table.metrics, SECONDS: scaled}
    return filled


def _listed(epochs: Sequence[int]) -> str:
    return ", ".join(map(str, epochs)) or "no"
