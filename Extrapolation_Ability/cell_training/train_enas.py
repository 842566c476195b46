"""Train the network of an ENAS macro architecture of any number of layers on images.

From the repository root::

    PYTHONPATH=$PWD python Extrapolation_Ability/cell_training/train_enas.py \
        --arch '1 3 0 3 0 0 …' --data_set cifar10

An architecture is a flat string of L(L+1)/2 numbers for L layers (6 or 12 in the paper), or a row
``[[op],[op,b0],…]``; a file has one a line.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
if str(ROOT) not in sys.path[:1]:
    sys.path.insert(0, str(ROOT))

from collections.abc import Sequence

from datasets.commands.form_flag import add_form_flag
from estimators.commands.training import add_training_flags, train_macros
from experiment.arguments import parser
from experiment.errors import run_command


def main(arguments: Sequence[str] | None = None) -> int:
    """Train every requested architecture with every seed."""
    flags = parser("Train the network of an ENAS macro architecture on images.")
    flags.add_argument(
        "--arch", required=True, help="a file with one a line, a hash, or an architecture"
    )
    add_form_flag(flags, "--arch")
    add_training_flags(flags, "train_enas")
    given = flags.parse_args(arguments)
    return train_macros([given.arch], given)


if __name__ == "__main__":
    run_command(main)
