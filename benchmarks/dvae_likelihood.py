"""−log p of the held-out architectures after equally many training graphs: published recipe, ours.

    python Training_VAE/train_ngae.py --config published --epochs 2 --seed 1 --log_dir published
    python Training_VAE/train_ngae.py --config default --epochs 2 --seed 1 --log_dir default
    python benchmarks/dvae_likelihood.py published/NGAE_ENAS default/NGAE_ENAS

Only weights are read, so that the evaluation of the trainings may be cut short: the search for the
most probable decodings of a model that has learnt little is slow. Printed is ``dvae.nll``, in nats,
with products in float32, also of a training in bfloat16. It is what ``result.json`` has of a
training with ``--precision float32``.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import torch

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from datasets.registry import SPACES
from experiment.arguments import Parser, parser, positive_int
from experiment.errors import run_command
from models import DVAE
from Training_VAE.evaluation import mean_nll
from Training_VAE.trained import load_trained, trained_architectures

SEED = 1
"""Of the split of weights without a configuration, such as published ones."""


def measure(model: str, space: str, folder: Path, data_root: Path | None) -> float:
    """−log p of the architectures that a training held out."""
    trained = load_trained(model, space, folder, None, torch.device("cpu"))
    assert isinstance(trained.model, DVAE)
    return mean_nll(trained.model, trained_architectures(trained, data_root, SEED).test)


def make_parser() -> Parser:
    """The command line."""
    flags = parser("Likelihood of held-out architectures by trained D-VAEs.")
    flags.add_argument("runs", nargs="+", type=Path, help="folders of trained models")
    flags.add_argument("--model", choices=["DVAE", "NGAE"], default="NGAE")
    flags.add_argument("--data_search_space", choices=list(SPACES), default="ENAS")
    flags.add_argument("--data_root", type=Path, help="folder of the measured data")
    flags.add_argument("--threads", type=positive_int, default=1)
    return flags


def main(arguments: Sequence[str] | None = None) -> int:
    """Print a line for each run."""
    given = make_parser().parse_args(arguments)
    torch.set_num_threads(given.threads)
    for folder in given.runs:
        found = measure(given.model, given.data_search_space, folder, given.data_root)
        print(f"{folder}: −log p {found:.4f} nats")
    return 0


if __name__ == "__main__":
    run_command(main)
