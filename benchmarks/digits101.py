"""How good a benchmark DIGITS101 is, and how fast it is made.

    python benchmarks/digits101.py quality [--out FILE.json] [--figure FILE.png]
    python benchmarks/digits101.py speed [--cells 30] [--repeats 5] [--out FILE.json]

``quality`` reads the committed table. Its *signal-to-noise* is the std between cells, of
their means over the seeds and corrected for what the seeds alone would make of it, over that
between the seeds of one cell. ``speed`` trains the same random cells over and over, by turns with
one worker of one thread and with two, workers started beforehand; it keeps no measurement. How the
recipe was chosen: ``tuning/digits101_recipes.py``.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import kendalltau

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))


from datasets import get_benchmark, get_space
from datasets.benchmark import Benchmark
from datasets.benchmarks.digits101 import TABLE
from datasets.table import read_header
from estimators.digits101 import estimator
from estimators.evaluations import sweep
from experiment.arguments import output_file, parser, positive_int
from experiment.engine import Processes
from experiment.environment import describe_environment
from experiment.errors import run_command
from experiment.files import write_json


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and write what was measured."""
    flags = parser("How good a benchmark DIGITS101 is, and how fast it is made.")
    flags.add_argument("what", choices=("quality", "speed"))
    flags.add_argument("--out", type=output_file, help="JSON file to write")
    flags.add_argument("--figure", type=Path, help="picture of the accuracies (quality)")
    flags.add_argument("--cells", type=positive_int, default=30, help="random cells to train")
    flags.add_argument("--repeats", type=positive_int, default=5, help="rounds (speed)")
    given = flags.parse_args(arguments)
    if given.what == "quality":
        result = {"table": read_header(TABLE)["source"]["environment"], **quality()}
        if given.figure:
            draw(given.figure)
    else:
        result = {"environment": describe_environment(0), **speed(given.cells, given.repeats)}
    print(json.dumps(result, indent=2))
    if given.out:
        write_json(given.out, result)
    return 0


def quality() -> dict[str, Any]:
    """The figures of the complete cells and of the larger ones."""
    return {
        cells: of_table(get_benchmark("DIGITS101", cells=cells)) for cells in ("complete", "larger")
    }


def of_table(table: Benchmark) -> dict[str, Any]:
    """Spread, signal-to-noise and rank correlations (Kendall's τ) of one set of cells."""
    validation, test = (table.metric(name).values for name in ("validation", "test"))
    mean, tested = validation.mean(axis=1), test.mean(axis=1)
    best = mean >= np.quantile(mean, 0.9)
    seeds = range(validation.shape[1])
    seconds = table.metric("training_seconds").values
    return {
        "cells": len(table),
        "seeds": len(seeds),
        "failed_trainings": int(np.isnan(validation).sum()),
        "test_accuracy": {
            "lowest": tested.min(),
            "median": np.median(tested),
            "highest": tested.max(),
        },
        "best_by_validation": {
            "hash": str(table.hashes[mean.argmax()]),
            "validation": mean.max(),
            "test": tested[mean.argmax()],
        },
        "signal_to_noise": {
            "validation": signal_to_noise(validation),
            "validation_best_tenth": signal_to_noise(validation[best]),
        },
        "tau": {
            "validation_test_means": tau(mean, tested),
            "validation_test_means_best_tenth": tau(mean[best], tested[best]),
            "validation_test_one_seed": np.mean(
                [tau(validation[:, seed], test[:, seed]) for seed in seeds]
            ),
            "between_seeds": np.mean(
                [tau(validation[:, a], validation[:, b]) for a, b in combinations(seeds, 2)]
            )
            if len(seeds) > 1
            else None,
            "halfway_validation": tau(
                table.metric("halfway_validation").values.mean(axis=1), tested
            ),
            "parameters": tau(table.metric("parameters").mean(), tested),
            "mflops": tau(table.metric("mflops").mean(), tested),
        },
        "seconds_a_training": {"median": np.median(seconds), "sum": seconds.sum()},
    }


def signal_to_noise(values: np.ndarray) -> dict[str, float | None]:
    """Std between architectures and between seeds, and their ratio. **Shape** (rows, seeds).

    The variance of an architecture's mean holds that of the seeds divided by their number, which
    is taken off.
    """
    if values.shape[1] < 2:
        return {"between": float(values.std(ddof=1)), "within": None, "ratio": None}
    within = values.var(axis=1, ddof=1).mean()
    between = values.mean(axis=1).var(ddof=1) - within / values.shape[1]
    between_deviation, within_deviation = np.sqrt([max(between, 0.0), within])
    return {
        "between": float(between_deviation),
        "within": float(within_deviation),
        "ratio": float(between_deviation / within_deviation),
    }


def tau(first: np.ndarray, second: np.ndarray) -> float:
    """Kendall's rank correlation."""
    return float(kendalltau(first, second).statistic)


def speed(cells: int, repeats: int) -> dict[str, Any]:
    """Cells a minute with one worker and with two, and the ratio, round by round."""
    sample = get_space("DIGITS101").sample(cells, np.random.default_rng(0))
    rates: dict[int, list[float]] = {1: [], 2: []}
    for _ in range(repeats):
        for count, found in rates.items():
            found.append(cells_a_minute(sample, count))
            print(f"{count} workers: {found[-1]:.1f} cells a minute", file=sys.stderr)
    ratios = [two / one for one, two in zip(rates[1], rates[2], strict=True)]
    return {
        "cells": cells,
        "cells_a_minute": {str(count): spread(found) for count, found in rates.items()},
        "two_over_one": spread(ratios),
    }


def cells_a_minute(sample: Sequence[Any], workers: int) -> float:
    """Rate from the first result of each worker on, so that their start is left out."""
    with Processes(workers) as engine:
        results = sweep(estimator(), sample, engine)
        for _ in range(workers):
            next(results)
        began = time.monotonic()
        done = sum(1 for _ in results)
        return 60 * done / (time.monotonic() - began)


def spread(values: Sequence[float]) -> dict[str, float]:
    """Median and extremes."""
    return {
        "median": statistics.median(values),
        "lowest": min(values),
        "highest": max(values),
    }


def draw(path: Path) -> None:
    """Validation against test of every cell, by number of nodes, and its cost."""
    from matplotlib.figure import Figure

    from analysis.figures import save_figure

    figure = Figure(figsize=(9, 3.8), layout="constrained")
    left, right = figure.subplots(1, 2)
    colours = {3: "#bbbbbb", 4: "#66ccee", 5: "#4477aa", 6: "#228833", 7: "#ccbb44", 8: "#ee6677"}
    for nodes, validation, test, parameters in _by_size():
        marks = {"s": 5, "linewidths": 0, "alpha": 0.7, "color": colours.get(nodes, "#bbbbbb")}
        left.scatter(100 * validation, 100 * test, label=f"{nodes} nodes", **marks)
        right.scatter(parameters, 100 * test, **marks)
    left.set(xlabel="validation accuracy, % (mean over seeds)", ylabel="test accuracy, %")
    right.set(xlabel="parameters", xscale="log")
    left.legend(frameon=False, markerscale=3)
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
    save_figure(figure, path)


def _by_size() -> Iterator[tuple[int, np.ndarray, np.ndarray, np.ndarray]]:
    for cells in ("complete", "larger"):
        table = get_benchmark("DIGITS101", cells=cells)
        values = [table.metric(name).mean() for name in ("validation", "test", "parameters")]
        sizes = table.graphs.num_nodes.numpy()
        for nodes in np.unique(sizes):
            rows = sizes == nodes
            yield int(nodes), values[0][rows], values[1][rows], values[2][rows]


if __name__ == "__main__":
    run_command(main)
