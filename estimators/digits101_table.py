"""Make the table of DIGITS101: train every cell of at most 5 nodes, and the sample of larger ones.

``python -m estimators.digits101_table --store runs/digits101.sqlite --out table.npz`` resumes
where it was interrupted, however that happened.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from datasets.batch import GraphBatch
from datasets.benchmark import Metric
from datasets.graph import ArchitectureGraph
from datasets.registry import get_space
from datasets.spaces.digits101 import larger_cells
from datasets.table import Table
from estimators.digits101 import SPACE, estimator
from estimators.evaluations import sweep
from estimators.from_scratch import representative
from estimators.measurement import Measurement
from estimators.store import Store
from experiment.engine import Engine
from experiment.environment import describe_environment
from experiment.errors import run_command
from experiment.progress import progress

ACCURACIES = {
    "validation": "share of the 497 validation images classified rightly, after 4 epochs",
    "test": "share of the 500 test images classified rightly, after 4 epochs",
    "halfway_validation": "the same on the validation images, after 2 epochs",
    "halfway_test": "the same on the test images, after 2 epochs",
}
DESCRIPTION = (
    "NAS-Bench-101 cells trained on scikit-learn's digits (800 images to train on): all 2,532 of "
    "at most 5 nodes, and 300 of 6, 7 and 8 nodes. Settings in the header; docs/digits101.md."
)

Measured = dict[str, list[Measurement]]
"""Hash → a measurement a seed."""


def all_cells() -> list[ArchitectureGraph]:
    """The 2,532 cells of the space, then the sample of larger ones, as they are trained."""
    space = get_space(SPACE)
    inside = [graph for batch in space.enumerate() for graph in batch]
    return inside + [representative(cell, space) for cell in larger_cells()]


def sweep_seeds(
    cells: Sequence[ArchitectureGraph], store: Store, seeds: int, engine: Engine
) -> tuple[Measured, dict[str, Any]]:
    """Measure every cell with every seed; returns the measurements, and how they were made."""
    space = get_space(SPACE)
    measured: Measured = {space.hash(cell): [] for cell in cells}
    settings: dict[str, Any] = {}
    with progress(seeds * len(cells), "training", "cells") as bar:
        for seed in range(seeds):
            measuring = estimator(seed, store=store)
            settings = {**measuring.settings, "seed": list(range(seeds))}
            for measurement in sweep(measuring, cells, engine):
                measured[measurement.hash].append(measurement)
                bar.advance()
    return measured, settings


def as_table(
    cells: Sequence[ArchitectureGraph], measured: Measured, settings: dict[str, Any]
) -> Table:
    """The compact table of all measurements; NaN where a training failed."""
    space = get_space(SPACE)
    hashes = [space.hash(cell) for cell in cells]
    rows = [measured[hash] for hash in hashes]
    trials = tuple(f"seed {seed}" for seed in settings["seed"])
    columns: dict[str, Metric] = {}

    def add(
        name: str, unit: str, description: str, values: list[list[float]], by_seed: bool = False
    ) -> None:
        array = np.array(values, dtype=np.float64)
        of_trials = trials if by_seed else ()
        columns[name] = Metric(name, unit, description, array, trial_names=of_trials)

    for name, description in ACCURACIES.items():
        values = [[_figure(one, name) for one in each] for each in rows]
        add(f"digits/4/{name}", "fraction", description, values, by_seed=True)
    seconds = [[_figure(one, "cost_seconds") for one in each] for each in rows]
    add("digits/4/training_seconds", "seconds", "time of the training, one thread", seconds, True)
    parameters = [[_first(each, "parameters")] for each in rows]
    add("parameters", "parameters", "trainable parameters", parameters)
    mflops = [[_first(each, "flops") / 1e6] for each in rows]
    add("mflops", "MFLOPs", "millions of multiply-adds for one image", mflops)
    machine = describe_environment(seed=0)
    source = {"name": "digits101", "settings": settings, "environment": machine}
    return Table(
        SPACE, GraphBatch.from_graphs(cells), np.array(hashes), columns, DESCRIPTION, source
    )


def _first(measurements: list[Measurement], name: str) -> float:
    """A figure of the network alone: the same in every measurement that did not fail."""
    values = [_figure(one, name) for one in measurements]
    return next((value for value in values if not np.isnan(value)), np.nan)


def _figure(measurement: Measurement, name: str) -> float:
    value = measurement.figures().get(name, measurement.details.get(name))
    return np.nan if value is None else float(value)


if __name__ == "__main__":
    from estimators.commands.digits101_table import main

    run_command(main)
