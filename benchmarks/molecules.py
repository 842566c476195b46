"""Molecules: what is wrong with the labels of the common QM7 table, and how fast networks train.

    python benchmarks/molecules.py labels --out benchmarks/results/qm7_labels.json
    python benchmarks/molecules.py speed --out benchmarks/results/molecules_speed.json

``labels`` fits a sum over atoms to half of the rows before 5,460 of each QM7 table,
and gives the mean absolute error on the other half, on the rows from 5,500 on, and in blocks of
rows the shift of the labels with which it is least. ``speed`` trains the hand-made GINE for three
epochs on one thread; seconds are those of the processor, so that other work does not count.
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from datasets.fixed_network import FixedNetwork
from datasets.molecules import get_molecules
from datasets.molecules.atom_counts import AtomCountFit
from estimators.fitting import measure, training_loop
from estimators.networks import GINEDesign
from estimators.tasks.molecules import MoleculeRecipe, MoleculeTask
from experiment.arguments import output_file, parser
from experiment.environment import describe_environment
from experiment.errors import run_command
from experiment.files import write_json

RIGHT, WRONG = 5_460, 5_500
"""The last row whose label is right in the common table, and one from which on it is not."""
BLOCK = 200
SHIFTS = range(-6, 7)
EPOCHS = 3


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the figures."""
    command = parser("Measure the labels of QM7, or the speed of training on molecules.")
    command.add_argument("what", choices=("labels", "speed"))
    command.add_argument("--data_root", type=Path, help="folder with molecules/ …")
    command.add_argument("--out", type=output_file, help="JSON file to write")
    options = command.parse_args(arguments)
    torch.set_num_threads(1)
    measured = {"labels": labels, "speed": speed}[options.what](options.data_root)
    print(json.dumps(measured, indent=2))
    if options.out:
        environment = describe_environment(seed=0)
        write_json(options.out, {options.what: measured, "environment": environment})
    return 0


def labels(data_root: Path | None) -> dict[str, Any]:
    """Errors of a fit of atom counts by rows, for both tables, kcal/mol."""
    return {name: errors_by_row(name, data_root) for name in ("qm7_published", "qm7")}


def errors_by_row(name: str, data_root: Path | None) -> dict[str, Any]:
    """Mean absolute errors of one table."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what it warns of is measured here
        data = get_molecules(name, data_root)
    order = np.random.default_rng(0).permutation(RIGHT)
    fitted, held_out = order[: RIGHT // 2], order[RIGHT // 2 :]
    fit = AtomCountFit.fit([data.molecules[row] for row in fitted], data.targets[fitted])
    predicted = fit.predict(data.molecules)
    errors = np.abs(predicted - data.targets)
    later = data.targets[WRONG:]
    return {
        "rows": len(data),
        "error_before": round(float(errors[held_out].mean()), 1),
        "error_after": round(float(errors[WRONG:].mean()), 1),
        "error_after_of_the_mean": round(float(np.abs(later - later.mean()).mean()), 1),
        "blocks": [
            block(predicted, data.targets, first) for first in range(5_000, len(data), BLOCK)
        ],
    }


def block(predicted: np.ndarray, targets: np.ndarray, first: int) -> dict[str, Any]:
    """The shift of the labels of some rows by which they agree best with the molecules."""
    rows = np.arange(max(first, 6), min(first + BLOCK, len(targets) - 6))
    errors = {shift: np.abs(predicted[rows] - targets[rows + shift]).mean() for shift in SHIFTS}
    best = min(errors, key=lambda shift: errors[shift])
    return {
        "rows": [int(rows[0]), int(rows[-1])],
        "error": round(float(errors[0]), 1),
        "shift": best,
        "error_shifted": round(float(errors[best]), 1),
    }


def speed(data_root: Path | None) -> dict[str, Any]:
    """Processor seconds of reading QM7 and of an epoch, and the validation error."""
    started = time.process_time()
    overrides = {"epochs": EPOCHS}
    recipe = MoleculeRecipe.load("molecules", "qm7", overrides=overrides)
    task = MoleculeTask("qm7", data_root=data_root).prepare(recipe, "cpu")
    read = time.process_time() - started
    torch.manual_seed(0)
    network = GINEDesign().build(FixedNetwork("GINE").member, task.dimensions)
    loop = training_loop(network, task, 0, shown=False)
    graphs = len(task.examples(0, 0))
    epochs = []
    for epoch in range(1, EPOCHS + 1):
        started = time.process_time()
        losses: list[float] = []
        loop.run(lambda _, means: losses.append(means["loss"]), until=epoch)  # noqa: B023 (at once)
        seconds = time.process_time() - started
        validation = measure(network, task, ("validation",))["validation"]
        epochs.append(
            {
                "loss": round(losses[0], 4),
                "validation": round(validation, 3),
                "seconds": round(seconds, 2),
                "graphs_per_second": round(graphs / seconds),
            }
        )
    parameters = sum(each.numel() for each in network.parameters())
    return {"seconds_of_reading": round(read, 2), "parameters": parameters, "epochs": epochs}


if __name__ == "__main__":
    run_command(main)
