"""Measure NB101 cells on handwritten digits, as in the table of DIGITS101.

``python -m estimators.digits101 --train '{"matrix": …, "ops": …}'`` trains a cell of any size, or
the one with a hash; ``--check 20`` trains a random sample of the table's cells again.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
import torch

from datasets.benchmark import NoMeasurementsError
from datasets.graph import ArchitectureGraph
from datasets.registry import get_benchmark, get_space
from datasets.spaces.digits101 import Digits101
from estimators.from_scratch import FromScratch, representative
from estimators.measurement import Measurement
from estimators.networks import load_design
from estimators.recipe import load_recipe
from estimators.store import Store
from estimators.tasks.images import ImageClassification
from experiment.arguments import non_negative_int, parser, positive_int
from experiment.errors import InputError, run_command
from experiment.progress import progress

SPACE = "DIGITS101"
CONFIG = "digits101"


def estimator(seed: int = 0, *, store: Store | None = None) -> FromScratch:
    """The estimator by which the table was made: from scratch, on the CPU.

    The same seed gives the same accuracies on the same kind of machine, whoever does the work, as
    long as each does it with one thread.

    Args:
        seed: of weights and order of the images; the table has seeds 0, 1 and 2.
        store: where measurements are kept and looked for; default: nowhere.
    """
    return FromScratch(
        get_space(SPACE),
        ImageClassification("digits"),
        load_design(CONFIG, Digits101()),
        load_recipe(CONFIG),
        seed=seed,
        store=store,
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Train one cell, or check the table."""
    flags = parser("Measure NB101 cells on handwritten digits, as in the table of DIGITS101.")
    what = flags.add_mutually_exclusive_group(required=True)
    what.add_argument(
        "--train",
        metavar="CELL",
        help="a cell of any size as JSON, or the hash of one in the table",
    )
    what.add_argument(
        "--check", type=positive_int, metavar="N", help="train N of the table's cells again"
    )
    flags.add_argument(
        "--seed", type=non_negative_int, default=0, help="first seed; of --check, of the sample"
    )
    flags.add_argument("--seeds", type=positive_int, default=1, help="trainings, a seed each")
    flags.add_argument("--source", help="another table of DIGITS101 than the committed one")
    flags.add_argument("--json", action="store_true", help="one JSON object a training")
    given = flags.parse_args(arguments)
    torch.set_num_threads(1)  # as the table was made
    if given.check:
        if given.json or given.seeds > 1:
            flags.error("--json and --seeds go with --train only")
        return check_table(given.check, given.seed, given.source)
    cell = find_cell(given.train, given.source)
    failed = 0
    for seed in range(given.seed, given.seed + given.seeds):
        (measurement,) = estimator(seed).measure([cell])
        failed += not measurement.ok
        if given.json:
            record = {**measurement.to_record(get_space(SPACE)), "seed": seed}
            print(json.dumps(record, ensure_ascii=False))
        else:
            print(describe(measurement, seed))
    if not given.json and not failed:
        report_table_row(cell, given.source)
    return 2 if failed else 0


def find_cell(text: str, source: str | Path | None = None) -> ArchitectureGraph:
    """The cell that ``text`` describes by a JSON object, or by the hash of one in the table.

    Raises:
        ArchitectureError: it is no cell, or one without a path from input to output.
        InputError: the table has no such hash.
    """
    space = Digits101()
    if text.lstrip().startswith("{"):
        cell = space.read(text)
        representative(cell, space)  # refuses one whose output cannot be reached
        return cell
    for cells in ("complete", "larger"):
        benchmark = get_benchmark(SPACE, cells=cells, source=source)
        with suppress(InputError):  # neither a hash nor a cell
            if (row := benchmark.row(text)) is not None:
                return benchmark.graphs.graph(row)
    raise InputError(
        f"{text!r} is neither a cell as JSON nor the hash of one in the table: expected "
        '{"matrix": [[0, 1], [0, 0]], "ops": ["input", "output"]}'
    )


def describe(measurement: Measurement, seed: int) -> str:
    """A measurement as a line for people."""
    if not measurement.ok:
        return f"seed {seed}: {measurement.status}: {measurement.reason}"
    return (
        f"seed {seed}: validation {100 * (measurement.validation or 0):.2f} %, "
        f"test {100 * (measurement.test or 0):.2f} % in {measurement.cost_seconds:.2f} s; "
        f"{measurement.parameters:,} parameters, {measurement.flops:,} FLOPs"
    )


def report_table_row(cell: ArchitectureGraph, source: str | Path | None = None) -> None:
    """Say what the table has of the cell."""
    try:
        table = get_benchmark(SPACE, source=source)
    except NoMeasurementsError:
        if source is None:
            return  # it was just trained, which is what was asked for
        raise
    if not table.space.is_legal(cell):
        print(f"the cell is larger than those of {SPACE}: no other was measured to rank it among")
        return
    row = table.row(cell)
    mean = table.metric("validation").mean()
    if row is None or np.isnan(mean[row]):
        print("in the table: no accuracy of this cell")
        return
    print(
        f"in the table: validation {100 * mean[row]:.2f} % on average, "
        f"rank {1 + int((mean > mean[row]).sum())} of {len(table):,}"
    )


def check_table(count: int, seed: int, source: str | Path | None) -> int:
    """Train ``count`` of the table's cells, drawn with ``seed``, again, and compare.

    Returns:
        0 if the mean difference is within the deviation between seeds, and no training failed
        that has a number in the table; else 1.
    """
    table = get_benchmark(SPACE, source=source)
    rows = np.random.default_rng(seed).choice(len(table), min(count, len(table)), replace=False)
    trials = table.metric("test").values[rows]
    cells = [table.graphs.graph(int(row)) for row in rows]
    measured = progress(estimator(0).measure(cells), "training again", "cells")
    again = {one.hash: np.nan if one.test is None else one.test for one in measured}
    recorded = ~np.isnan(trials).any(axis=1)  # a failed training is none to compare with
    found = np.array([again[name] for name in table.hashes[rows]])[recorded]
    trials = trials[recorded]
    difference = np.abs(found - trials[:, 0])
    between = trials.std(axis=1, ddof=1).mean() if trials.shape[1] > 1 else 0.0
    print(
        f"{len(found)} cells trained again with seed 0: {int((difference == 0).sum())} to the very "
        f"same test accuracy; mean difference {100 * difference.mean():.3f} %, "
        f"between the table's own seeds {100 * between:.3f} %"
    )
    return 0 if difference.mean() <= between else 1


if __name__ == "__main__":
    run_command(main)
