"""How well scores of networks at initialisation rank architectures, and whether they help.

    python benchmarks/zero_cost.py scores [--data_root FOLDER] [--sample 300] [--out FILE.json]
    python benchmarks/zero_cost.py features [--data_root FOLDER] [--sample 2000] [--out FILE.json]

``scores``: Kendall's τ and Spearman's ρ with the mean test accuracy, on random architectures of
NB201 (three data sets) and DIGITS101, for five initialisations, for the mean of their scores, and
for parameters and FLOPs. How size and images of the networks were chosen:
``tuning/zero_cost_sizes.py``. ``features``: τ with the
test accuracy of a Gaussian process that learns from validation accuracies (the first data set),
with the scores or the costs among its features and without, on random architectures that were not
labelled; three draws of the labels. Scores that an earlier run kept are taken. ``--space`` measures
one space alone.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.stats import kendalltau, spearmanr

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from datasets import get_benchmark
from datasets.benchmark import Benchmark
from experiment.arguments import output_file, parser, positive_int
from experiment.environment import describe_environment
from experiment.errors import run_command
from experiment.files import write_json
from experiment.progress import progress
from predictors.features.zero_cost import ZeroCost
from predictors.predictor import FeaturePredictor
from predictors.processes.regressors import GaussianProcess
from predictors.zero_cost import SCORES

DATA_SETS = {"NB201": ("cifar10", "cifar100", "ImageNet16-120"), "DIGITS101": ("digits",)}
INITIALISATIONS = range(5)
LABELS = {"NB201": (78, 156), "DIGITS101": (50, 100)}
DRAWS = range(3)
FEATURE_SETS = (
    ("statistics", "walks"),
    ("statistics", "walks", "zero_cost"),
    ("statistics", "walks", "costs"),
    ("statistics", "walks", "costs", "zero_cost"),
    ("zero_cost",),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and write what was measured."""
    flags = parser("How well scores of networks at initialisation rank architectures.")
    flags.add_argument("what", choices=("scores", "features"))
    flags.add_argument("--data_root", type=Path, help="folder with nasbench201/")
    flags.add_argument("--sample", type=positive_int, default=300, help="random architectures")
    flags.add_argument("--space", choices=tuple(DATA_SETS), help="one space (default: both)")
    flags.add_argument("--out", type=output_file, help="JSON file to write")
    given = flags.parse_args(arguments)
    torch.set_num_threads(1)
    result: dict[str, Any] = {"environment": describe_environment(0)}
    measure = {"scores": of_scores, "features": of_features}[given.what]
    for space in [given.space] if given.space else DATA_SETS:
        tables = {
            name: get_benchmark(space, given.data_root, dataset=name) for name in DATA_SETS[space]
        }
        result[space] = measure(tables, given.sample)
        print(json.dumps({space: result[space]}, indent=2), flush=True)
    if given.out:
        write_json(given.out, result)
    return 0


def sample(table: Benchmark, count: int, seed: int) -> np.ndarray:
    """Rows of some architectures."""
    size = min(count, len(table))
    return np.sort(np.random.default_rng(seed).choice(len(table), size, replace=False))


def of_scores(tables: dict[str, Benchmark], count: int) -> dict[str, Any]:
    """Rank correlations of the scores of some architectures."""
    table = next(iter(tables.values()))
    rows = sample(table, count, seed=101)
    seconds = time.process_time()
    values = np.stack(
        [score(ZeroCost(table.space, seeds=(seed,)), table, rows) for seed in INITIALISATIONS]
    )  # (initialisations, architectures, scores)
    seconds = time.process_time() - seconds
    costs = {name: table.metric(name).mean()[rows] for name in ("parameters", "mflops")}
    found: dict[str, Any] = {
        "architectures": len(rows),
        "milliseconds_a_network": round(1000 * seconds / (len(rows) * len(values)), 1),
        "tau_between_initialisations": {
            name: round(tau(values[0, :, place], values[1, :, place]), 3)
            for place, name in enumerate(SCORES)
        },
    }
    for name, other in tables.items():
        accuracy = other.metric("test").mean()[rows]
        single = {
            score_name: correlations(values[:, :, place], accuracy)
            for place, score_name in enumerate(SCORES)
        }
        joined = {
            f"{score_name}, mean of {len(values)}": correlations(
                values[:, :, place].mean(axis=0)[None], accuracy
            )
            for place, score_name in enumerate(SCORES)
        }
        counted = {key: correlations(value[None], accuracy) for key, value in costs.items()}
        found[name] = single | joined | counted
    return found


def score(features: ZeroCost, table: Benchmark, rows: np.ndarray) -> np.ndarray:
    """Scores of some rows, nothing kept on the disk. **Shape** (n, 3)."""
    cells = [features.networks.representative(table.graphs.graph(int(row))) for row in rows]
    once = {cell: features.score(cell) for cell in progress(set(cells), "scoring") if cell}
    return np.array([once[cell] if cell else np.zeros(len(SCORES)) for cell in cells])


def correlations(values: np.ndarray, accuracy: np.ndarray) -> dict[str, Any]:
    """Of several columns of values with the accuracies: mean and std. **Shape** (S, n)."""
    taus = [tau(column, accuracy) for column in values]
    rhos = [float(spearmanr(column, accuracy).statistic) for column in values]
    return {"tau": mean_and_deviation(taus), "rho": mean_and_deviation(rhos)}


def mean_and_deviation(numbers: Sequence[float]) -> dict[str, float]:
    """Of one number the standard deviation is left out."""
    found = {"mean": round(float(np.mean(numbers)), 3)}
    if len(numbers) > 1:
        found["deviation"] = round(float(np.std(numbers, ddof=1)), 3)
    return found


def tau(first: np.ndarray, second: np.ndarray) -> float:
    """Kendall's rank correlation."""
    return float(kendalltau(first, second).statistic)


def of_features(tables: dict[str, Benchmark], count: int) -> dict[str, Any]:
    """τ of a Gaussian process on what was not labelled, with zero-cost scores and without."""
    table = next(iter(tables.values()))
    space = table.space
    found: dict[str, Any] = {}
    for labels in LABELS[space.name]:
        taus: dict[str, list[float]] = {}
        for seed in DRAWS:
            rows = np.random.default_rng(seed).permutation(len(table))[: labels + count]
            graphs = table.graphs[torch.from_numpy(rows)]
            validation, test = (table.metric(name).mean()[rows] for name in ("validation", "test"))
            for names in FEATURE_SETS:
                predictor = FeaturePredictor(space, names, GaussianProcess(seed=seed))
                predictor.fit(graphs[:labels], validation[:labels])
                mean, _ = predictor.predict(graphs[labels:])
                taus.setdefault(", ".join(names), []).append(tau(mean, test[labels:]))
        found[f"{labels} labels"] = {
            names: mean_and_deviation(each) for names, each in taus.items()
        }
    return found


if __name__ == "__main__":
    run_command(main)
