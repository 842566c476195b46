"""Train a cell on digits, or check the table: the flags of ``python -m estimators.digits101``."""

from __future__ import annotations

import json
from collections.abc import Sequence

import torch

from datasets.registry import get_space
from estimators.digits101 import (
    SPACE,
    describe,
    describe_table_row,
    estimator,
    find_cell,
    repeat,
)
from experiment.arguments import non_negative_int, parser, positive_int


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
    if given.json or failed:
        return 2 if failed else 0
    if (row := describe_table_row(cell, given.source)) is not None:
        print(row)
    return 0


def check_table(count: int, seed: int, source: str | None) -> int:
    """Train ``count`` of the table's cells, drawn with ``seed``, again, and compare.

    Returns:
        0 if the mean difference is within the std between seeds, and no training failed
        that has a number in the table; else 1.
    """
    found = repeat(count, seed, source)
    print(
        f"{len(found.again)} cells trained again with seed 0: {found.identical} to the very "
        f"same test accuracy; mean difference {100 * found.mean_difference:.3f} %, "
        f"between the table's own seeds {100 * found.seed_std:.3f} %"
    )
    return 0 if found.mean_difference <= found.seed_std else 1
