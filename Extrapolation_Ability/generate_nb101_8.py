"""Write cells of 8 nodes, beyond NAS-Bench-101, for a surrogate to rank.

From the repository root::

    PYTHONPATH=$PWD python Extrapolation_Ability/generate_nb101_8.py

writes the 1,384 of the published experiment; ``--extend_best 10`` every extension of the ten best
measured cells by a node, and ``--random 1000`` random ones.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
if str(ROOT) not in sys.path[:1]:
    sys.path.insert(0, str(ROOT))

import time
from collections.abc import Sequence

from datasets import get_space
from experiment.arguments import Parser, add_common, parser
from experiment.errors import run_command
from experiment.files import check_output
from Extrapolation_Ability.candidate_flags import (
    CANDIDATES,
    CELL_FLAGS,
    add_cell_flags,
    add_random_flag,
    wanted_cells,
    write_candidates,
)
from Extrapolation_Ability.families import beyond, extended_spaces


def spaces() -> list[str]:
    """Names of the spaces of cells beyond which candidates are made."""
    return [name for name in extended_spaces() if beyond(get_space(name)).flags == CELL_FLAGS]


def make_parser() -> Parser:
    """The command line."""
    flags = parser("Write cells beyond a space of NAS-Bench-101 cells, by default the published.")
    flags.add_argument("--space", default="NB101", choices=spaces(), help="what they lie beyond")
    add_cell_flags(flags)
    add_random_flag(flags)
    flags.add_argument(
        "--out",
        type=Path,
        help="file of JSON lines (default: runs/candidates/<SPACE>_<NODES>_nodes.jsonl)",
    )
    flags.add_argument("--overwrite", action="store_true", help="replace the file that is there")
    add_common(flags)
    return flags


def main(arguments: Sequence[str] | None = None) -> int:
    """Make the requested cells and write them."""
    given = make_parser().parse_args(arguments)
    began = time.perf_counter()
    space = get_space(given.space)
    if given.out:
        check_output(given.out, overwrite=given.overwrite)
    cells = wanted_cells(given, space)
    nodes = int(cells.num_nodes.max())
    out = given.out or CANDIDATES / f"{space.name}_{nodes}_nodes.jsonl"
    write_candidates(out, space, cells, given.overwrite)
    seconds = time.perf_counter() - began
    print(f"{len(cells):,} cells of {nodes} nodes, no two isomorphic, in {seconds:.1f} s: {out}")
    return 0


if __name__ == "__main__":
    run_command(main)
