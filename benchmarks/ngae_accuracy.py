"""The accuracy head of NGAE on ENAS, beside boosted trees, on what its training held out.

    python benchmarks/ngae_accuracy.py
    python benchmarks/ngae_accuracy.py --weights runs/NGAE_ENAS

All are fitted to the same nine tenths, those of the weights' split, and predict the same tenth:
the head by the latent mean; histogram gradient boosting by the published flat row (the operation of
each layer and a bit for each possible skip connection), as it is and with the latent mean beside
it; and the mean of the head's and the first trees' predictions. The settings of the trees are
fixed: 2,000 steps at a rate of 0.05, ended by a tenth of the training rows that has not got better
for 100 steps. Kept in ``benchmarks/results/ngae_accuracy.json``: RMSE as raw accuracy and in
standard deviations of the training accuracies, Pearson's r, and the processor's seconds of a fit.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from scipy.stats import pearsonr
from sklearn.ensemble import HistGradientBoostingRegressor

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.prediction import RESULTS, kept
from datasets.batch import GraphBatch
from experiment.arguments import output_file, parser
from experiment.errors import InputError, run_command
from experiment.files import write_json
from models.heads import ACCURACY
from Training_VAE.head_targets import recorded_targets
from Training_VAE.trained import load_trained, trained_architectures

SPACE, MODEL = "ENAS", "NGAE"
SEED = 1


def flat_rows(graphs: GraphBatch) -> np.ndarray:
    """The type of every node and a column for every possible edge. **Shape** → (B, F)."""
    nodes = graphs.types.shape[1]
    above = torch.triu_indices(nodes, nodes, 1)
    edges = graphs.adjacency[:, above[0], above[1]]
    return torch.cat([graphs.types, edges], 1).double().numpy()


def boosted(
    known: np.ndarray, labels: np.ndarray, rest: np.ndarray, types: int
) -> tuple[np.ndarray, float]:
    """Predictions of boosted trees, and the processor's seconds. **Shape** → (rest,).

    Args:
        known: columns of the training rows. **Shape** (n, F).
        labels: their accuracies. **Shape** (n,).
        rest: columns of the rows to predict. **Shape** (m, F).
        types: how many of the first columns are categories.
    """
    began = time.process_time()
    trees = HistGradientBoostingRegressor(
        learning_rate=0.05,
        max_iter=2_000,
        early_stopping=True,
        n_iter_no_change=100,
        categorical_features=list(range(types)),
        random_state=SEED,
    )
    trees.fit(known, labels)
    return np.asarray(trees.predict(rest)), time.process_time() - began


def measure(weights: str) -> dict[str, dict[str, float]]:
    """Every predictor's figures.

    Raises:
        InputError: the weights have no head for accuracy.
    """
    trained = load_trained(MODEL, SPACE, Path(weights), None, torch.device("cpu"))
    if ACCURACY not in trained.heads:
        raise InputError(f"the weights in {weights!r} have no head for accuracy: train NGAE")
    architectures = trained_architectures(trained, None, SEED)
    targets = recorded_targets(trained, architectures, None)
    values = targets.values[ACCURACY]
    known, rest = targets.labelled, architectures.test_rows
    latents = trained.model.encode_all(architectures.graphs).flat
    with torch.no_grad():
        head = trained.heads[ACCURACY](latents[torch.from_numpy(rest)]).double().numpy()
    head = targets.scales[ACCURACY].back(head)
    rows = flat_rows(architectures.graphs)
    types = architectures.graphs.types.shape[1]
    both = np.concatenate([rows, latents.double().numpy()], 1)
    trees, seconds = boosted(rows[known], values[known], rows[rest], types)
    trees_on_both, seconds_on_both = boosted(both[known], values[known], both[rest], types)
    unit = float(values[known].std())

    def figures(predicted: np.ndarray, seconds: float | None = None) -> dict[str, float]:
        error = float(np.sqrt(np.mean((predicted - values[rest]) ** 2)))
        found = {"rmse": error, "rmse_stds": error / unit}
        found["pearson"] = float(pearsonr(predicted, values[rest]).statistic)
        return found if seconds is None else {**found, "seconds": round(seconds, 1)}

    return {
        "head of NGAE": figures(head),
        "boosted trees on the flat row": figures(trees, seconds),
        "mean of both": figures((head + trees) / 2),
        "boosted trees on the flat row and the latents": figures(trees_on_both, seconds_on_both),
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, keep and print."""
    flags = parser("The accuracy head of NGAE on ENAS, beside boosted trees.")
    flags.add_argument("--weights", default="NGAE_ENAS", help="folder or name of the weights")
    flags.add_argument("--out", type=output_file, default=RESULTS / "ngae_accuracy.json")
    given = flags.parse_args(arguments)
    torch.set_num_threads(1)
    record = kept(given.out)
    record["results"][Path(given.weights).name] = found = measure(given.weights)
    write_json(given.out, record)
    for name, figures in found.items():
        print(f"{name:<46} " + "  ".join(f"{key} {value:.4g}" for key, value in figures.items()))
    return 0


if __name__ == "__main__":
    run_command(main)
