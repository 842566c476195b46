"""Make the table of DIGITS101: the flags of ``python -m estimators.digits101_table``."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import torch

from datasets.table import write_table
from estimators.digits101_table import all_cells, as_table, sweep_seeds
from estimators.store import Store
from experiment.arguments import add_engine_flags, engine_choice, parser, positive_int
from experiment.engines import PROCESSES
from experiment.files import check_output
from experiment.paths import REPOSITORY_ROOT
from experiment.threads import available_cores


def main(arguments: Sequence[str] | None = None) -> int:
    """Train what is missing in the store, then write the table."""
    flags = parser("Train all cells of DIGITS101 and write their table.")
    flags.add_argument("--out", type=Path, required=True, help="the table to write")
    flags.add_argument(
        "--store",
        type=Path,
        default=REPOSITORY_ROOT / "runs" / "digits101.sqlite",
        help="where measurements are kept, and not made again",
    )
    flags.add_argument("--seeds", type=positive_int, default=3, help="trainings of each cell")
    add_engine_flags(flags, available_cores(), PROCESSES)
    flags.add_argument("--limit", type=positive_int, help="only so many of the cells, for a trial")
    flags.add_argument("--overwrite", action="store_true", help="replace the table that is there")
    given = flags.parse_args(arguments)
    torch.set_num_threads(1)  # as the workers have, for the table's header
    check_output(given.out, ".npz", overwrite=given.overwrite)
    choice = engine_choice(given)
    cells = all_cells()[: given.limit]
    store = Store(given.store)
    began = time.monotonic()
    with choice.start() as engine:
        measured, settings = sweep_seeds(cells, store, given.seeds, engine)
    minutes = (time.monotonic() - began) / 60
    write_table(given.out, as_table(cells, measured, settings))
    failed = sum(not one.ok for each in measured.values() for one in each)
    print(
        f"{len(cells):,} cells with {given.seeds} seeds, {failed} failed, in {minutes:.1f} "
        f"minutes: {given.out} ({given.out.stat().st_size / 1e6:.2f} MB)"
    )
    return 0
