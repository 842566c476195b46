"""Train the 12-layer ENAS networks that a search found, from scratch and to the end.

From the repository root::

    PYTHONPATH=$PWD python Bayesian_Optimization/fully_train_ENAS12.py found.txt

Each argument is a file with an architecture a line, or an architecture: a flat string of
78 numbers, or a row ``[[op],[op,b0],…]``. By default the training is ENAS's own, 310 epochs on
CIFAR-10; one that was killed resumes with ``--resume``. Without an argument the first architectures
of the newest finished ranking or search below ``runs/`` are trained.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
if str(ROOT) not in sys.path[:1]:
    sys.path.insert(0, str(ROOT))

from collections.abc import Sequence

from Bayesian_Optimization.full_training import fully_train
from experiment.errors import run_command


def main(arguments: Sequence[str] | None = None) -> int:
    """Train every requested architecture with every seed."""
    return fully_train(12, "fully_train_ENAS12", arguments)


if __name__ == "__main__":
    run_command(main)
