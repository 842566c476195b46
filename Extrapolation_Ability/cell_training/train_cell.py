"""Train the network of a cell on images.

From the repository root::

    PYTHONPATH=$PWD python Extrapolation_Ability/cell_training/train_cell.py \
        --cell svge_8_nodes --data_set cifar10

Every training has a folder ``runs/cells/<name>/<hash>_seed<k>/`` with its curve, its weights and
its result; one that was killed resumes with ``--resume``.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
if str(ROOT) not in sys.path[:1]:
    sys.path.insert(0, str(ROOT))

from collections.abc import Sequence

from datasets import get_space
from datasets.architecture_files import NAMED, read_architectures
from datasets.commands.form_flag import add_form_flag
from estimators.commands.training import add_training_flags, train_all
from experiment.arguments import parser
from experiment.errors import run_command


def main(arguments: Sequence[str] | None = None) -> int:
    """Train every requested cell with every seed."""
    flags = parser("Train the network of a cell on images.")
    flags.add_argument(
        "--data_search_space", default="NB101", choices=("NB101", "NB201"), help="kind of the cell"
    )
    flags.add_argument(
        "--cell",
        default="svge_8_nodes",
        help="a file with a cell a line, a hash, a cell in its notation (of NB101 with any number "
        f"of nodes), or {', '.join(NAMED['nb101_cell'])}",
    )
    add_form_flag(flags, "--cell")
    add_training_flags(flags, "train_cell")
    given = flags.parse_args(arguments)
    space = get_space(given.data_search_space)
    cells = read_architectures(given.cell, space, given.data_root, given.arch_form)
    return train_all(space, cells, given)


if __name__ == "__main__":
    run_command(main)
