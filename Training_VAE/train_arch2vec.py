"""Train arch2vec on a search space, and report what it can do.

From the repository root::

    PYTHONPATH=$PWD python Training_VAE/train_arch2vec.py --data_search_space NB201

``--config`` chooses what is trained and how: ``default`` and ``directed`` are ours, ``published``
trains as the released code of arch2vec, ``info_nas`` as that of info-NAS. Run folders are those of
``train_svge.py``.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
if str(ROOT) not in sys.path[:1]:
    sys.path.insert(0, str(ROOT))

from collections.abc import Sequence

from experiment.errors import run_command
from Training_VAE.training_command import ARCH2VEC, run


def main(arguments: Sequence[str] | None = None) -> int:
    """Train, or only evaluate, as the flags say."""
    return run(ARCH2VEC, arguments)


if __name__ == "__main__":
    run_command(main)
