"""Write ENAS macro architectures of 12 layers for a surrogate that knows those of 6.

From the repository root::

    PYTHONPATH=$PWD python Extrapolation_Ability/generate_enas12.py --random 1000 --stack_best 10
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
if str(ROOT) not in sys.path[:1]:
    sys.path.insert(0, str(ROOT))

from collections.abc import Sequence

from datasets.spaces.enas import ENAS, enas12
from experiment.arguments import Parser, add_common, parser
from experiment.errors import run_command
from experiment.files import check_output
from Extrapolation_Ability.candidate_flags import (
    CANDIDATES,
    add_network_flags,
    add_random_flag,
    wanted_networks,
    write_candidates,
)


def make_parser() -> Parser:
    """The command line."""
    flags = parser("Write ENAS macro architectures of 12 layers, 1,000 random ones by default.")
    add_network_flags(flags)
    add_random_flag(flags)
    flags.add_argument(
        "--out", type=Path, default=CANDIDATES / "ENAS_12_layers.jsonl", help="file of JSON lines"
    )
    flags.add_argument("--overwrite", action="store_true", help="replace the file that is there")
    add_common(flags)
    return flags


def main(arguments: Sequence[str] | None = None) -> int:
    """Make the requested architectures and write them."""
    given = make_parser().parse_args(arguments)
    check_output(given.out, overwrite=given.overwrite)
    networks = wanted_networks(given, ENAS())
    write_candidates(given.out, enas12(), networks, given.overwrite)
    print(f"{len(networks):,} different architectures of 12 layers: {given.out}")
    return 0


if __name__ == "__main__":
    run_command(main)
