"""Train a graph VAE on a search space, and report what it can do.

From the repository root::

    PYTHONPATH=$PWD python Training_VAE/train_svge.py --model SVGE --data_search_space NB101

The run's folder is ``runs/<MODEL>_<SPACE>/``, or below ``--log_dir``: checkpoints under the
published names beside ``config.json``, ``metrics.jsonl`` and ``result.json``. A run that was killed
resumes with ``--resume``. The shipped weights in ``state_dicts/`` are never touched.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
if str(ROOT) not in sys.path[:1]:
    sys.path.insert(0, str(ROOT))

from collections.abc import Sequence

from experiment.errors import run_command
from Training_VAE.training_command import SVGE, run


def main(arguments: Sequence[str] | None = None) -> int:
    """Train, or only evaluate, as the flags say."""
    return run(SVGE, arguments)


if __name__ == "__main__":
    run_command(main)
