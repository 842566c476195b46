"""What each setting of NGAE is worth after a few passes over ENAS.

    python benchmarks/tuning/ngae_settings.py default 'default optimiser=muon' --epochs 2

A candidate is a preset and what differs from it. It is trained with splits and seeds that no
reported number uses, on one thread, for ``--epochs`` of its schedule; 'epochs' in a candidate wins.
Kept are, on held-out architectures: the negative log-likelihood given the latent mean, the share
that is decoded exactly, and the error of both heads in standard deviations of the truth; and of the
training: graphs and the processor's seconds. What ``benchmarks/results/tuning_ngae.json`` has is
not trained again.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from benchmarks.tuning.choosing import measure_all, place, settings_of
from datasets import get_space
from experiment.arguments import output_file, parser, positive_int
from experiment.errors import run_command
from experiment.loop import TrainingLoop
from models import WithHeads
from models.dvae import DVAE
from models.heads import parts_of
from Training_VAE.data import load_architectures
from Training_VAE.evaluation import greedy_reconstruction, mean_nll
from Training_VAE.head_targets import joint_losses, judge, targets_of
from Training_VAE.training import epochs_of, fresh

SPACE, MODEL = "ENAS", "NGAE"


def measure(candidate: str, seed: int) -> dict[str, float]:
    """Train one candidate; its figures."""
    settings = settings_of(candidate, SPACE, "ngae")
    architectures = load_architectures(get_space(SPACE), None, seed)
    targets = targets_of(MODEL, settings, architectures, None)
    assert targets is not None
    device = torch.device("cpu")
    torch.manual_seed(seed)
    trained = fresh(MODEL, settings.sizes(architectures.space, MODEL), targets, device)
    assert isinstance(trained, WithHeads)
    model, heads = parts_of(trained)
    model.compute_dtype = settings.compute_dtype(device)

    def loss(batch: Any, generator: torch.Generator) -> Any:
        return joint_losses(trained, batch, settings.objective, targets.weights, generator)

    loop = TrainingLoop(
        trained,
        settings.optimisation,
        epochs_of(architectures, settings, targets, seed, device),
        loss,
        seed,
        None,
    )

    def after_epoch(epoch: int, means: dict[str, float]) -> None:
        shown = ", ".join(f"{name} {value:.4g}" for name, value in means.items())
        print(f"  epoch {epoch}: {shown}", file=sys.stderr, flush=True)

    began = time.process_time()
    loop.run(after_epoch)
    seconds = time.process_time() - began
    trained.eval()
    assert isinstance(model, DVAE)
    rows = architectures.test_rows
    judged = judge(model, heads, targets, architectures, rows)
    return {
        "nll": mean_nll(model, architectures.test),
        "exact": greedy_reconstruction(model, architectures.test)["forward"],
        **{
            f"{name} error": figures["rmse"] / float(np.std(targets.values[name][rows]))
            for name, figures in judged.items()
        },
        "graphs": settings.epochs * len(loop.examples(0)),
        "seconds": seconds,
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Train what is missing, and print a row for each candidate."""
    flags = parser("Compare settings of NGAE on ENAS.")
    flags.add_argument("candidates", nargs="+", help="preset, or 'preset setting=value …'")
    flags.add_argument("--epochs", type=positive_int, default=2, help="passes of the training")
    flags.add_argument("--seeds", type=positive_int, default=1, help="trainings of each")
    flags.add_argument("--out", type=output_file, default=place("ngae"), help="file that keeps all")
    given = flags.parse_args(arguments)
    torch.set_num_threads(1)
    asked = {name: with_epochs(name, given.epochs) for name in given.candidates}
    for candidate in asked.values():
        settings_of(candidate, SPACE, "ngae")
    runs = measure_all(given.out, SPACE, list(asked.values()), given.seeds, measure)
    for name, seeds in runs.items():
        for seed, figures in seeds.items():
            shown = "  ".join(f"{key} {value:.4g}" for key, value in figures.items())
            print(f"{name:<60} seed {seed}  {shown}")
    return 0


def with_epochs(candidate: str, epochs: int) -> str:
    """The candidate, with the number of epochs unless it names one itself."""
    preset, *changes = candidate.split()
    return " ".join([preset, f"epochs={epochs}", *changes])


if __name__ == "__main__":
    run_command(main)
