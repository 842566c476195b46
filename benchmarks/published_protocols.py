"""Predictors under the protocols that other papers report, to stand beside their numbers.

    python benchmarks/published_protocols.py enas [--seeds 10] [--contenders …]
    python benchmarks/published_protocols.py nb101 [--seeds 10]

``enas``, D-VAE's: nine tenths of the architectures with their accuracies, standardised, predict
the last tenth; RMSE in stds, and Pearson's r. ``nb101``, arch2vec's: 250 random cells (here
of the uniformly sampled ones) predict all others whose test accuracy is above 0.8. Labels and
truths are mean test accuracies there, validation accuracies on ENAS, which has no others; what is
learnt are values, not ranks. What is there is not measured again.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from scipy.stats import kendalltau, pearsonr

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from analysis.statistics import Spread
from benchmarks.prediction import RESULTS, kept
from datasets import get_benchmark
from datasets.batch import GraphBatch
from datasets.space import SearchSpace
from datasets.splits import split_rows
from experiment.arguments import output_file, parser, positive_int
from experiment.errors import run_command
from experiment.files import write_json
from predictors.methods import make_predictor
from predictors.regressor import Standardised

LABELS, LEAST_ACCURACY = 250, 0.8
CONTENDERS: dict[str, tuple[str, tuple[str, ...]] | None] = {
    "the suite's default": None,
    "sparse GP on latents": ("sparse_gp", ("latents",)),
    "GP on latents": ("gp", ("latents",)),
    "ridge on pairs of one-hots": ("ridge", ("one_hot_pairs",)),
    "boosted trees on one-hots": ("trees", ("one_hot",)),
}


class Problem:
    """Which architectures are labelled and which are predicted, by seed.

    Args:
        name: ``enas`` or ``nb101``.
        data_root: folder of the measured data.
    """

    def __init__(self, name: str, data_root: Path | None) -> None:
        self.name = name
        benchmark = get_benchmark(name.upper(), data_root)
        self.space: SearchSpace = benchmark.space
        self.graphs: GraphBatch = benchmark.graphs
        self.hashes = benchmark.hashes
        self.values = benchmark.metric("validation" if name == "enas" else "test").mean()
        self.pool = benchmark.rows_with()

    def split(self, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """Labelled rows, and rows to predict."""
        if self.name == "enas":
            split = split_rows(self.hashes, seed)
            return split.train, split.test
        order = np.random.default_rng(seed).permutation(self.pool)
        rest = order[LABELS:]
        return order[:LABELS], rest[self.values[rest] > LEAST_ACCURACY]

    def measure(self, contender: str, seed: int) -> dict[str, float]:
        """Fit and predict once; ENAS in standard deviations of the labels, NB101 in accuracy."""
        known, rest = self.split(seed)
        method, features = CONTENDERS[contender] or (None, None)
        predictor = make_predictor(self.space, method, features, scale=Standardised, seed=seed)
        start = time.perf_counter()
        predictor.fit(self.graphs[torch.from_numpy(known)], self.values[known])
        mean = predictor.forecast(self.graphs[torch.from_numpy(rest)]).mean
        unit = self.values[known].std() if self.name == "enas" else 1.0
        truth = self.values[rest]
        return {
            "rmse": float(np.sqrt(np.mean((mean - truth) ** 2)) / unit),
            "pearson": float(pearsonr(mean, truth).statistic),
            "tau": float(kendalltau(mean, truth).statistic),
            "seconds": time.perf_counter() - start,
        }


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure what is not kept yet, and print the table."""
    flags = parser("Predictors under the protocols that other papers report.")
    flags.add_argument("protocol", choices=("enas", "nb101"))
    flags.add_argument("--seeds", type=positive_int, default=10)
    flags.add_argument(
        "--contenders", nargs="+", choices=list(CONTENDERS), default=list(CONTENDERS)
    )
    flags.add_argument("--data_root", type=Path, help="folder of the measured data")
    flags.add_argument("--threads", type=positive_int, default=1)
    flags.add_argument("--out", type=output_file, default=RESULTS / "published_protocols.json")
    given = flags.parse_args(arguments)
    torch.set_num_threads(given.threads)
    problem = Problem(given.protocol, given.data_root)
    for contender in given.contenders:
        for seed in range(given.seeds):
            record = kept(given.out)
            runs = record["results"].setdefault(given.protocol, {}).setdefault(contender, {})
            if str(seed) not in runs:
                runs[str(seed)] = problem.measure(contender, seed)
                write_json(given.out, record)
        runs = kept(given.out)["results"][given.protocol][contender].values()
        rmse, pearson, tau = (
            Spread.of([run[key] for run in runs]) for key in ("rmse", "pearson", "tau")
        )
        print(
            f"{given.protocol:<6} {contender:<28} RMSE {rmse.text(4)}, r {pearson.text(4)}, "
            f"τ {tau.text(3)} ({tau.count} seeds)"
        )
    return 0


if __name__ == "__main__":
    run_command(main)
