"""What each setting of arch2vec is worth: exactness, members, uniqueness, and order of its latents.

    python benchmarks/tuning/arch2vec_settings.py NB201 default 'default dropout=0.3' published
    python benchmarks/tuning/arch2vec_settings.py NB101 default directed --seeds 2

A candidate is a preset and what differs from it; ``standard_prior`` keeps the prior of our models
at the standard normal. It is trained with splits and seeds that no
reported number uses, on one thread in float32. Kept are shares of the held-out graphs whose means
are decoded exactly, the published counts of 10,000 argmax decodings of prior points beside the
share that are members, and CPU seconds of the training. On the latents, means over the nodes and
all of them, a Gaussian process is fitted to 100 labels, three draws: Kendall's τ with the
validation accuracy of the other architectures. What ``benchmarks/results/tuning_arch2vec.json``
has is not trained again.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from scipy.stats import kendalltau
from torch import Tensor

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from benchmarks.tuning.choosing import FIRST_SEED, measure_all, place, settings_of
from datasets import get_benchmark, get_space
from datasets.batch import GraphBatch
from experiment.arguments import output_file, parser, positive_int
from experiment.errors import InputError, run_command
from experiment.loop import TrainingLoop
from models import build_model
from models.arch2vec import Arch2vec, Arch2vecMasked
from predictors.processes.regressors import GaussianProcess
from predictors.regressor import FeatureMatrix, NormalScores
from Training_VAE.arch2vec_measures import prior_measures
from Training_VAE.data import Architectures, epoch_graphs, load_architectures
from Training_VAE.evaluation import greedy_reconstruction
from Training_VAE.settings import Arch2vecSettings

SPACES = ("NB201", "NB101", "DIGITS101")
ENCODED = 20_000
"""Training graphs whose means set the prior, as in the reports of a training."""
LABELS, DRAWS = 100, 3
STANDARD_PRIOR = "standard_prior"
RANKED = 20_000
"""Architectures that a process orders at most."""


def arch2vec_settings(candidate: str, space: str) -> Arch2vecSettings:
    """The settings of a candidate.

    Raises:
        InputError: as :func:`benchmarks.tuning.choosing.settings_of`, or they are not arch2vec's.
    """
    words = " ".join(part for part in candidate.split() if part != STANDARD_PRIOR)
    settings = settings_of(words, space, "arch2vec")
    if not isinstance(settings, Arch2vecSettings):
        raise InputError(f"{candidate!r} has no settings of arch2vec")
    return settings


def train(
    settings: Arch2vecSettings, architectures: Architectures, seed: int, fits_prior: bool
) -> tuple[Arch2vec, float]:
    """A trained model in evaluation mode, and the processor's seconds."""
    torch.manual_seed(seed)
    model = build_model(settings.model, settings.sizes(architectures.space, settings.model))
    assert isinstance(model, Arch2vec)
    if isinstance(model, Arch2vecMasked):
        model.prior_mean.requires_grad_(fits_prior)
        model.prior_log_std.requires_grad_(fits_prior)

    def loss(batch: GraphBatch, generator: torch.Generator) -> dict[str, Tensor]:
        model.train(settings.trains_in_train_mode(loop.epoch))
        parts = model.loss(batch, settings.objective_at(loop.share_done), generator)
        return {"loss": parts.total, "reconstruction": parts.reconstruction, "kl": parts.divergence}

    loop = TrainingLoop(
        model,
        settings.optimisation,
        epoch_graphs(architectures, settings, seed, torch.device("cpu")),
        loss,
        seed,
        None,
    )

    def after_epoch(epoch: int, means: dict[str, float]) -> None:
        shown = ", ".join(f"{name} {value:.4g}" for name, value in means.items())
        print(f"  epoch {epoch}: {shown}", file=sys.stderr, flush=True)

    began = time.process_time()
    loop.run(after_epoch)
    return model.eval(), time.process_time() - began


def measure(candidate: str, space_name: str, seed: int) -> dict[str, float]:
    """Train one candidate; its figures."""
    settings = arch2vec_settings(candidate, space_name)
    architectures = load_architectures(get_space(space_name), None, seed)
    model, seconds = train(settings, architectures, seed, STANDARD_PRIOR not in candidate.split())
    prior = prior_measures(
        model,
        architectures.space,
        architectures.train[:ENCODED],
        torch.Generator().manual_seed(seed),
    )
    exact = greedy_reconstruction(model, architectures.test)["greedy"]
    return {
        "exact": exact,
        **{name: value for name, value in prior.items() if name != "points"},
        **latent_taus(model, space_name),
        "seconds": seconds,
    }


def latent_taus(model: Arch2vec, space_name: str) -> dict[str, float]:
    """Kendall's τ of a process on 100 labelled latents, mean over the draws."""
    benchmark = get_benchmark(space_name)
    values = benchmark.metric("validation").mean()
    rows = np.flatnonzero(np.isfinite(values))
    rows = np.random.default_rng(FIRST_SEED).permutation(rows)[:RANKED]
    latent = model.encode_all(benchmark.graphs[torch.from_numpy(rows)])
    values = values[rows]
    found = {}
    for name, vectors in (("tau", model.graph_vector(latent)), ("tau_all_nodes", latent.flat)):
        features = vectors.double().numpy()
        taus = []
        for draw in range(FIRST_SEED, FIRST_SEED + DRAWS):
            order = np.random.default_rng(draw).permutation(len(rows))
            known, rest = order[:LABELS], order[LABELS:]
            process = GaussianProcess(NormalScores, draw)
            process.fit([FeatureMatrix(features[known])], values[known])
            scores = process.forecast([FeatureMatrix(features[rest])]).scores
            taus.append(float(kendalltau(scores, values[rest]).statistic))
        found[name] = float(np.mean(taus))
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Train what is missing, and print a row for each candidate."""
    flags = parser("Compare settings of arch2vec.")
    flags.add_argument("space", choices=SPACES, help="search space")
    flags.add_argument("candidates", nargs="+", help="preset, or 'preset setting=value …'")
    flags.add_argument("--seeds", type=positive_int, default=1, help="trainings of each")
    flags.add_argument(
        "--out", type=output_file, default=place("arch2vec"), help="file that keeps all"
    )
    given = flags.parse_args(arguments)
    torch.set_num_threads(1)
    for candidate in given.candidates:
        arch2vec_settings(candidate, given.space)
    runs = measure_all(
        given.out,
        given.space,
        given.candidates,
        given.seeds,
        lambda name, seed: measure(name, given.space, seed),
    )
    for name, seeds in runs.items():
        for seed, figures in seeds.items():
            shown = "  ".join(f"{key} {value:.4g}" for key, value in figures.items())
            print(f"{name:<40} seed {seed}  {shown}")
    return 0


if __name__ == "__main__":
    run_command(main)
