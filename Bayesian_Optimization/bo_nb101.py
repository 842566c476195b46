"""The published Bayesian optimisation over the latent space of NAS-Bench-101.

From the repository root::

    PYTHONPATH=$PWD python Bayesian_Optimization/bo_nb101.py --random_baseline --seed 1

begins with 1,000 labelled cells, and chooses 50 points in each of ten rounds. Only cells that the
table knows are requested. ``summarize.py`` makes tables and plots of several seeds.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
if str(ROOT) not in sys.path[:1]:
    sys.path.insert(0, str(ROOT))

from collections.abc import Sequence

from Bayesian_Optimization.published_command import (
    add_cell_flags,
    run_published,
)
from experiment.arguments import Parser, parser
from experiment.errors import run_command


def make_parser() -> Parser:
    """The command line."""
    flags = parser("The published Bayesian optimisation over the latent space, on NB101.")
    add_cell_flags(flags, "NB101")
    return flags


def main(arguments: Sequence[str] | None = None) -> int:
    """Search, seed after seed."""
    return run_published(make_parser().parse_args(arguments))


if __name__ == "__main__":
    run_command(main)
