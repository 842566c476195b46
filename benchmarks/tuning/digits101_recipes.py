"""Which recipe the cells of DIGITS101 are trained by.

    python benchmarks/tuning/digits101_recipes.py [--cells 30] [--out FILE.json]

By the validation accuracies of some random cells with three seeds each, the benchmark's recipe is
compared with others: a benchmark is the better the further its architectures are apart, compared
with the seeds. No test accuracy is looked at.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))


from benchmarks.digits101 import signal_to_noise, tau
from datasets import get_space
from estimators.digits101 import CONFIG, SPACE
from estimators.evaluations import sweep
from estimators.from_scratch import FromScratch
from estimators.networks import load_design
from estimators.tasks.images import ImageClassification, ImageRecipe
from experiment.arguments import output_file, parser, positive_int
from experiment.engine import Processes
from experiment.environment import describe_environment
from experiment.errors import run_command
from experiment.files import write_json

RECIPES: tuple[dict[str, Any], ...] = (
    {},
    {"learning_rate": 0.025},
    {"optimiser": "sgd", "schedule": "cosine", "learning_rate": 0.0125, "weight_decay": 5e-4},
    {"optimiser": "sgd", "schedule": "cosine", "learning_rate": 0.025, "weight_decay": 5e-4},
    {"optimiser": "sgd", "schedule": "cosine", "learning_rate": 0.05, "weight_decay": 5e-4},
    {"optimiser": "sgd", "learning_rate": 0.025, "weight_decay": 5e-4},
    {"optimiser": "sgd", "learning_rate": 0.05, "weight_decay": 5e-4},
)
"""What is changed in the benchmark's recipe; first nothing."""


def recipes(cells: int) -> list[dict[str, Any]]:
    """Signal-to-noise of validation accuracies by recipe, over all cells and the better half."""
    space = get_space(SPACE)
    sample = space.sample(cells, np.random.default_rng(5))
    hashes = [space.hash(cell) for cell in sample]
    found = []
    for overrides in RECIPES:
        recipe = ImageRecipe.load(CONFIG, overrides=overrides)
        trials = []
        for seed in range(3):
            measuring = FromScratch(
                space,
                ImageClassification("digits"),
                load_design(CONFIG, space),
                recipe,
                seed=seed,
            )
            with Processes(2) as engine:
                measured = {one.hash: one.validation for one in sweep(measuring, sample, engine)}
            trials.append([measured[hash] for hash in hashes])
        values = np.array(trials, dtype=np.float64).T
        mean = values.mean(axis=1)
        found.append(
            {
                "overrides": overrides,
                "median": float(np.median(mean)),
                "signal_to_noise": signal_to_noise(values),
                "better_half": signal_to_noise(values[mean >= np.median(mean)]),
                "tau_between_seeds": float(
                    np.mean([tau(values[:, a], values[:, b]) for a, b in ((0, 1), (0, 2), (1, 2))])
                ),
            }
        )
        print(json.dumps(found[-1]), file=sys.stderr)
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Train, print, and write what was measured."""
    flags = parser("Which recipe the cells of DIGITS101 are trained by.")
    flags.add_argument("--cells", type=positive_int, default=30, help="random cells to train")
    flags.add_argument("--out", type=output_file, help="JSON file to write")
    given = flags.parse_args(arguments)
    result = {"environment": describe_environment(0), "recipes": recipes(given.cells)}
    print(json.dumps(result, indent=2))
    if given.out:
        write_json(given.out, result)
    return 0


if __name__ == "__main__":
    run_command(main)
