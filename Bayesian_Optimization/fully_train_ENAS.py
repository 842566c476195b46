"""Train the 6-layer ENAS networks that a search found, from scratch and to the end.

From the repository root::

    PYTHONPATH=$PWD python Bayesian_Optimization/fully_train_ENAS.py found.txt

Each argument is a file with an architecture a line, or an architecture: a flat string of
21 numbers, or a row ``[[op],[op,b0],…]``. By default the training is ENAS's own, 310 epochs on
CIFAR-10; one that was killed goes on with ``--resume``.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
if str(ROOT) not in sys.path[:1]:
    sys.path.insert(0, str(ROOT))

from collections.abc import Sequence

from datasets.convert import add_form_flag
from estimators.training_command import add_training_flags, train_macros
from experiment.arguments import parser
from experiment.errors import run_command


def main(arguments: Sequence[str] | None = None) -> int:
    """Train every architecture that is asked for with every seed."""
    flags = parser("Train the 6-layer ENAS networks that a search found, from scratch to the end.")
    flags.add_argument("architectures", nargs="+", help="files or architectures")
    add_form_flag(flags, "the architectures")
    add_training_flags(flags, "fully_train_ENAS", config="published")
    given = flags.parse_args(arguments)
    return train_macros(given.architectures, given, layers=6)


if __name__ == "__main__":
    run_command(main)
