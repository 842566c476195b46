"""Which optimiser the graph VAE is trained by: curves of exactness against CPU minutes.

    python benchmarks/tuning/optimiser.py DIGITS101 [--seeds 1] [--candidates …]
    python benchmarks/tuning/optimiser.py NB201 --candidates 'AdamW 2e-3' 'Muon 4e-3, blocks of 64'

Trains the small job's VAE (DIGITS101) or that of NAS-Bench-201 with each candidate, on splits and
seeds that no reported number uses, on one thread, in float32. Kept of every epoch: mean loss, share
of held-out graphs that are decoded exactly, CPU seconds of the training and of the optimiser in it.
At the end a Gaussian process on the latents is fitted to 100 labels, three draws, and ranks all
other architectures: Kendall's τ with their validation accuracy. Candidates that are kept in
``benchmarks/results/tuning_optimiser.json`` are not trained again.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.stats import kendalltau
from torch import nn

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from benchmarks.tuning.choosing import FIRST_SEED, measure_all, place
from datasets import get_benchmark, get_space
from experiment.arguments import output_file, parser, positive_int
from experiment.errors import run_command
from experiment.muon import POLYNOMIALS, Muon, Polynomial
from experiment.optimisation import Optimisers, Schedule, hidden_matrices
from models import Embedding, build_model
from predictors.processes.regressors import GaussianProcess
from predictors.regressor import FeatureMatrix, NormalScores
from Training_VAE.data import epoch_graphs, load_architectures
from Training_VAE.evaluation import greedy_reconstruction
from Training_VAE.settings import load_settings

JORDAN: Polynomial = (3.4445, -4.775, 2.0315)
"""Of Jordan et al. 2024, applied five times."""
TWO: tuple[Polynomial, ...] = ((7.711, -22.1138, 16.2487), (3.2153, -2.4112, 0.5013))
"""Best odd polynomials of degree five one after the other, for singular values from 0.02 to 1, as
``POLYNOMIALS`` are from 0.01 on; :func:`best_polynomials` computes both."""
WHOLE = 10**6
BLOCKS: dict[str, dict[str, Any]] = {
    "whole matrices, 5 iterations": {"side": WHOLE, "polynomials": (JORDAN,) * 5},
    "blocks of 128, 3 iterations": {"side": 128, "polynomials": POLYNOMIALS},
    "blocks of 64, 2 iterations": {"side": 64, "polynomials": TWO},
}
CANDIDATES: dict[str, tuple[float, dict[str, Any] | None]] = {
    **{f"AdamW {rate:g}": (rate, None) for rate in (1e-3, 2e-3, 4e-3)},
    **{f"Muon 0.004, {name}": (4e-3, blocks) for name, blocks in BLOCKS.items()},
}
"""Learning rate, and of Muon how it orthogonalises."""
TRAININGS: dict[str, dict[str, int]] = {
    "DIGITS101": {"epochs": 12, "batch_size": 32},
    "NB201": {"epochs": 3, "batch_size": 64},
}
HELD_OUT = 500
LABELS, DRAWS = 100, 3


def best_polynomials(lowest: float, count: int) -> list[Polynomial]:
    """Odd polynomials of degree five that bring [``lowest``, 1] closest to 1, each in its turn."""
    from scipy.optimize import linprog

    found, highest = [], 1.0
    for _ in range(count):
        x = np.geomspace(lowest, highest, 4_000)
        terms = np.stack([x, x**3, x**5], axis=1)
        bounds = np.block([[terms, -np.ones((len(x), 1))], [-terms, -np.ones((len(x), 1))]])
        sides = np.concatenate([np.ones(len(x)), -np.ones(len(x))])
        free = [(None, None)] * 3 + [(0, None)]
        *polynomial, error = linprog([0, 0, 0, 1], bounds, sides, bounds=free).x
        found.append((polynomial[0], polynomial[1], polynomial[2]))
        lowest, highest = 1 - error, 1 + error
    return found


def optimisers(model: nn.Module, rate: float, blocks: dict[str, Any] | None) -> Optimisers:
    """AdamW for everything, or Muon for the hidden matrices and AdamW at a quarter of its rate."""
    if blocks is None:
        adamw = torch.optim.AdamW(model.parameters(), rate, weight_decay=0.01, fused=True)
        return Optimisers([adamw], model)
    matrices = hidden_matrices(model)
    fitted = {id(matrix) for matrix in matrices}
    rest = [weight for weight in model.parameters() if id(weight) not in fitted]
    return Optimisers(
        [
            Muon(matrices, rate, weight_decay=0.01, **blocks),
            torch.optim.AdamW(rest, rate / 4, weight_decay=0.01, fused=True),
        ],
        model,
    )


def train(space_name: str, candidate: str, seed: int) -> dict[str, float]:
    """Train one candidate; its figures, with a flat key an epoch."""
    rate, blocks = CANDIDATES[candidate]
    space = get_space(space_name)
    architectures = load_architectures(space, None, seed)
    overrides = {**TRAININGS[space_name], "learning_rate": rate, "precision": "float32"}
    settings = load_settings("default", space_name, overrides)
    torch.manual_seed(seed)
    model = build_model("SVGE", settings.sizes(space))
    parts = optimisers(model, rate, blocks)
    examples = epoch_graphs(architectures, settings, seed, torch.device("cpu"))
    size = settings.batch_size
    schedule = Schedule(parts, settings.optimisation, -(-len(examples(0)) // size))
    generator = torch.Generator().manual_seed(seed)
    held_out = architectures.test[:HELD_OUT]
    figures: dict[str, float] = {}
    seconds = stepping = 0.0
    for epoch in range(settings.epochs):
        model.train()
        graphs, total = examples(epoch), 0.0
        for first in range(0, len(graphs), size):
            batch = graphs[first : first + size]
            began = time.process_time()
            parts.zero_grad()
            loss = model.loss(batch, settings.objective, generator).total
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), settings.gradient_clip or float("inf"))
            ready = time.process_time()
            parts.step()
            schedule.after_batch()
            done = time.process_time()
            seconds, stepping = seconds + done - began, stepping + done - ready
            total += float(loss.detach()) * len(batch)
        model.eval()
        exact = greedy_reconstruction(model, held_out)["joint"]
        now = {"loss": total / len(graphs), "exact": exact, "seconds": seconds}
        figures |= {f"{name}_{epoch + 1}": value for name, value in now.items()}
        print(f"{candidate}, seed {seed}, epoch {epoch + 1}: {now}", file=sys.stderr, flush=True)
    ranks = latent_tau(model, space_name)
    last = {"exact": exact, "loss": total / len(graphs), "seconds": seconds}
    ratio = {"step_over_the_rest": seconds / (seconds - stepping)}
    return {
        **last,
        "tau": float(np.mean(ranks)),
        "tau_std": float(np.std(ranks)),
        **ratio,
        **figures,
    }


def latent_tau(model: Embedding, space_name: str) -> list[float]:
    """Kendall's τ of a process on the latents, fitted to 100 labels, for each draw of them."""
    benchmark = get_benchmark(space_name)
    values = benchmark.metric("validation").mean()
    rows = np.flatnonzero(np.isfinite(values))
    with torch.no_grad():
        latents = model.encode_all(benchmark.graphs[torch.from_numpy(rows)]).flat.double().numpy()
    values, found = values[rows], []
    for draw in range(FIRST_SEED, FIRST_SEED + DRAWS):
        order = np.random.default_rng(draw).permutation(len(rows))
        known, rest = order[:LABELS], order[LABELS:]
        process = GaussianProcess(NormalScores, draw)
        process.fit([FeatureMatrix(latents[known])], values[known])
        scores = process.forecast([FeatureMatrix(latents[rest])]).scores
        found.append(float(kendalltau(scores, values[rest]).statistic))
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Train what is missing, and print a row for each candidate."""
    flags = parser("Compare optimisers of the graph VAE.")
    flags.add_argument("space", choices=list(TRAININGS), help="search space")
    flags.add_argument("--candidates", nargs="+", choices=list(CANDIDATES), default=[*CANDIDATES])
    flags.add_argument("--seeds", type=positive_int, default=1, help="trainings of each")
    flags.add_argument(
        "--out", type=output_file, default=place("optimiser"), help="file that keeps all"
    )
    given = flags.parse_args(arguments)
    torch.set_num_threads(1)
    runs = measure_all(
        given.out,
        f"{given.space}, VAE",
        given.candidates,
        given.seeds,
        lambda name, seed: train(given.space, name, seed),
    )
    for name, seeds in runs.items():
        for seed, scores in seeds.items():
            print(
                f"{name:<45} seed {seed}  exact {scores['exact']:.2%}  loss {scores['loss']:.3f}  "
                f"CPU {scores['seconds'] / 60:.1f} min, step {scores['step_over_the_rest']:.2f} × "
                f"its gradient  τ {scores['tau']:.3f} ± {scores['tau_std']:.3f}"
            )
    return 0


if __name__ == "__main__":
    run_command(main)
