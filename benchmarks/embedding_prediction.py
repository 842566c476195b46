"""What embeddings know of accuracy, under the protocols of the papers that introduced them.

    python benchmarks/embedding_prediction.py process NB101 --weights arch2vec_masked_NB101
    python benchmarks/embedding_prediction.py forest NB101 --weights SVGE_NB101 --labels 1000 10000
    python benchmarks/embedding_prediction.py ranks NB201 --weights arch2vec_masked_NB201

``process`` is arch2vec's protocol (NeurIPS 2020, arXiv:2006.06936): a Gaussian process on 250
random cells predicts the others whose test accuracy is above 0.8; RMSE and Pearson's r. The paper
says nothing of the process. This one is fitted to normal scores of the labels' ranks, as all
predictors of the suite are, and predicts means in the labels' unit. ``forest`` is that of info-NAS:
a random forest of 200 trees, four features a split, on 1,000 cells and more. Both take test
accuracies, means over the trials, as labels; here cells are those of NB101's table that were drawn
uniformly. ``ranks`` is that of ``prediction.py``: validation accuracies are the labels, and
Kendall's τ is counted against the test accuracies of all others; its predictions are scores of
ranks, and their RMSE says nothing.

The vectors are the flat means of the latents, ``graph_vectors`` (of arch2vec the means over the
nodes, published), and ``both``, for a process a kernel each. What
``benchmarks/results/embedding_prediction.json`` has is not measured again.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.stats import kendalltau, pearsonr
from sklearn.ensemble import RandomForestRegressor

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from analysis.statistics import Spread
from benchmarks.prediction import RESULTS, kept, note_machine
from datasets import get_benchmark
from experiment.arguments import output_file, parser, positive_int
from experiment.errors import run_command
from experiment.files import write_json
from experiment.progress import progress
from predictors.features import describe, make_features
from predictors.processes.regressors import GaussianProcess
from predictors.regressor import FeatureMatrix, Forecast, NormalScores

LEAST_ACCURACY = 0.8
TREES, FEATURES_A_SPLIT = 200, 4
LABELS = {"process": [250], "forest": [1_000, 10_000], "ranks": [78, 156]}
"""Protocols, and numbers of labels that their papers and tables have."""
VECTORS: dict[str, tuple[str, ...]] = {
    "latents": ("latents",),
    "graph_vectors": ("graph_vectors",),
    "both": ("graph_vectors", "latents"),
}


class Task:
    """Vectors, labels and truths of the architectures of a table.

    Args:
        protocol: a key of :data:`LABELS`.
        space: name of the search space.
        weights: folder or name of the embedding.
        data_root: folder of the measured data.
    """

    def __init__(self, protocol: str, space: str, weights: str, data_root: Path | None) -> None:
        benchmark = get_benchmark(space, data_root)
        self.protocol, self.weights, self.space = protocol, weights, benchmark.space
        label = "validation" if protocol == "ranks" else "test"
        rows = benchmark.rows_with(label, "test")
        self.graphs = benchmark.graphs[torch.from_numpy(rows)]
        self.labels, self.truth = (benchmark.metric(name).mean()[rows] for name in (label, "test"))

    @cached_property
    def vectors(self) -> dict[str, np.ndarray]:
        """Each kind of vectors. **Shape** (B, F)."""
        return {
            name: describe(make_features(name, self.space, self.weights), self.graphs)
            for name in ("graph_vectors", "latents")
        }

    def measure(self, chosen: str, amount: int, seed: int) -> dict[str, float]:
        """Fit to ``amount`` labels, and predict others."""
        order = np.random.default_rng(seed).permutation(len(self.labels))
        known, rest = order[:amount], order[amount:]
        if self.protocol != "ranks":
            rest = rest[self.truth[rest] > LEAST_ACCURACY]
        blocks = [self.vectors[name] for name in VECTORS[chosen]]
        fit = METHODS[self.protocol]
        predicted = fit(
            [b[known] for b in blocks], self.labels[known], [b[rest] for b in blocks], seed
        )
        truth = self.truth[rest]
        error = predicted - truth
        return {
            "rmse": float(np.sqrt(np.mean(error**2))),
            "pearson": float(pearsonr(predicted, truth).statistic),
            "tau": float(kendalltau(predicted, truth).statistic),
        }


def forecast(
    known: Sequence[np.ndarray], labels: np.ndarray, rest: Sequence[np.ndarray], seed: int
) -> Forecast:
    """Of a Gaussian process on the ranks, with a kernel for each block of vectors."""
    process = GaussianProcess(NormalScores, seed)
    process.fit([FeatureMatrix(block) for block in known], labels)
    return process.forecast([FeatureMatrix(block) for block in rest])


def forest(
    known: Sequence[np.ndarray], labels: np.ndarray, rest: Sequence[np.ndarray], seed: int
) -> np.ndarray:
    """Means of the trees. **Shape** (rest,)."""
    trees = RandomForestRegressor(TREES, max_features=FEATURES_A_SPLIT, random_state=seed)
    trees.fit(np.concatenate(known, axis=1), labels)
    return np.asarray(trees.predict(np.concatenate(rest, axis=1)))


def expected(
    known: Sequence[np.ndarray], labels: np.ndarray, rest: Sequence[np.ndarray], seed: int
) -> np.ndarray:
    """What a process expects, in the labels' unit. **Shape** (rest,)."""
    return forecast(known, labels, rest, seed).mean


def scores(
    known: Sequence[np.ndarray], labels: np.ndarray, rest: Sequence[np.ndarray], seed: int
) -> np.ndarray:
    """What a process orders by. **Shape** (rest,)."""
    return forecast(known, labels, rest, seed).scores


METHODS = {"process": expected, "forest": forest, "ranks": scores}
"""By protocol."""


def measure(given: Any) -> None:
    """Measure what is not kept yet, and print what is kept."""
    row_name = f"{given.space} {given.protocol} {Path(given.weights).name}"
    amounts = given.labels or LABELS[given.protocol]
    wanted = [
        (f"{amount} labels, {vectors}", amount, vectors, seed)
        for amount in amounts
        for vectors in given.vectors
        for seed in range(given.seeds)
    ]
    task = Task(given.protocol, given.space, given.weights, given.data_root)
    for name, amount, vectors, seed in progress(wanted, row_name, "fits"):
        record = kept(given.out)
        runs = record["results"].setdefault(row_name, {}).setdefault(name, {})
        if str(seed) not in runs:
            note_machine(record, f"{row_name}, {name}", runs)
            runs[str(seed)] = task.measure(vectors, amount, seed)
            write_json(given.out, record)
    for name, runs in kept(given.out)["results"][row_name].items():
        rmse, pearson, tau = (
            Spread.of([run[key] for run in runs.values()]) for key in ("rmse", "pearson", "tau")
        )
        print(
            f"{row_name:<44} {name:<28} RMSE {rmse.text(4)}, r {pearson.text(3)}, "
            f"τ {tau.text(3)} ({tau.count} seeds)"
        )


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and print."""
    flags = parser("What embeddings know of accuracy.")
    flags.add_argument("protocol", choices=list(LABELS))
    flags.add_argument("space", choices=("NB101", "NB201", "DIGITS101"))
    flags.add_argument("--weights", required=True, help="folder or name of the embedding")
    flags.add_argument("--vectors", nargs="+", choices=list(VECTORS), default=list(VECTORS))
    flags.add_argument("--labels", type=positive_int, nargs="+")
    flags.add_argument("--seeds", type=positive_int, default=10, help="draws of the labels")
    flags.add_argument("--data_root", type=Path, help="folder of the measured data")
    flags.add_argument("--threads", type=positive_int, default=1)
    flags.add_argument("--out", type=output_file, default=RESULTS / "embedding_prediction.json")
    given = flags.parse_args(arguments)
    torch.set_num_threads(given.threads)
    measure(given)
    return 0


if __name__ == "__main__":
    run_command(main)
