"""How long it takes to fit a predictor and rank a whole space with it.

    python benchmarks/whole_space.py --threads 2 --out benchmarks/results/whole_space.json

NB201: the suite's default, fitted to 469 labels, predicts all 15,625 architectures. NB101: the
423,624 cells by their latents, which are stored first (that time is distinguished), with a Gaussian
process that is fitted to 1,000 of them.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from datasets import get_benchmark
from datasets.batch import GraphBatch
from experiment.arguments import output_file, parser, positive_int
from experiment.environment import describe_environment
from experiment.errors import run_command
from experiment.files import write_json
from predictors.features.latents import Latents
from predictors.methods import make_predictor
from predictors.processes.regressors import GaussianProcess
from predictors.regressor import FeatureMatrix

PORTION = 65_536


def nb201(data_root: Path | None, labels: int = 469) -> dict[str, float]:
    """Seconds of the default on all of NB201."""
    table = get_benchmark("NB201", data_root, dataset="cifar10")
    rows = np.random.default_rng(0).permutation(len(table))[:labels]
    predictor = make_predictor(table.space)
    started = time.perf_counter()
    predictor.fit(table.graphs[torch.from_numpy(rows)], table.metric("validation").mean()[rows])
    fitted = time.perf_counter()
    predictor.predict(table.graphs)
    return {"fit_seconds": fitted - started, "predict_seconds": time.perf_counter() - fitted}


def nb101(data_root: Path | None, labels: int = 1_000) -> dict[str, float]:
    """Seconds of a Gaussian process on the latents of all of NB101."""
    table = get_benchmark("NB101", data_root)
    graphs = GraphBatch.cat(table.space.enumerate())
    usable = table.rows_with()
    rows = np.random.default_rng(0).permutation(usable)[:labels]
    features = Latents(table.space)
    started = time.perf_counter()
    latents = np.concatenate([features(graphs[k : k + PORTION]) for k in _starts(len(graphs))])
    with tempfile.TemporaryDirectory() as folder:
        stored = Path(folder) / "latents.npy"
        np.save(stored, latents.astype(np.float32))
        encoded = time.perf_counter()
        latents = np.load(stored).astype(np.float64)
        learner = GaussianProcess()
        known = features(table.graphs[torch.from_numpy(rows)])
        learner.fit([FeatureMatrix(known)], table.metric("validation").mean()[rows])
        fitted = time.perf_counter()
        scores = [
            learner.forecast([FeatureMatrix(latents[k : k + PORTION])]).scores
            for k in _starts(len(latents))
        ]
        np.argsort(-np.concatenate(scores))
    return {
        "encode_seconds": encoded - started,
        "fit_seconds": fitted - encoded,
        "rank_seconds": time.perf_counter() - fitted,
    }


def _starts(count: int) -> range:
    return range(0, count, PORTION)


def main(arguments: Sequence[str] | None = None) -> int:
    """Time both, and print."""
    flags = parser("How long it takes to fit a predictor and rank a whole space with it.")
    flags.add_argument("--data_root", type=Path, help="folder of the measured data")
    flags.add_argument("--threads", type=positive_int, default=2)
    flags.add_argument("--out", type=output_file, help="file to write")
    given = flags.parse_args(arguments)
    torch.set_num_threads(given.threads)
    results: dict[str, Any] = {}
    for name, timed in (("NB201", nb201), ("NB101", nb101)):
        results[name] = timed(given.data_root)
        print(name, ", ".join(f"{key} {value:.1f}" for key, value in results[name].items()))
    if given.out:
        write_json(
            given.out,
            {
                "environment": describe_environment(seed=0),
                "threads": given.threads,
                "results": results,
            },
        )
    return 0


if __name__ == "__main__":
    run_command(main)
