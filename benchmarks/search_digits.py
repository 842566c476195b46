"""Search DIGITS101 by training for real, and compare what is found with the best of the table.

    python benchmarks/search_digits.py --queries 60 --seeds 5 [--method bo] [--workers 2]

Every search trains cells of at most 5 nodes on the digits, with a training seed that the table does
not have. The best observed cell, the one that the searcher recommends, and the table's best by
validation are then trained again with ten fresh seeds. What is there is not measured again.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from analysis.statistics import Spread
from benchmarks.prediction import kept
from datasets import get_benchmark
from datasets.graph import ArchitectureGraph
from estimators.digits101 import estimator
from estimators.evaluations import Evaluations
from experiment.arguments import output_file, parser, positive_int
from experiment.engine import make_engine
from experiment.errors import run_command
from experiment.files import write_json
from experiment.progress import progress
from searchers.loop import Budget, SearchLoop
from searchers.methods import SEARCHERS, make_searcher
from searchers.problem import known_rows, training_problem
from searchers.recommendation import recommended

OUT = ROOT / "benchmarks" / "results" / "search_digits.json"
TRAINING_SEED = 1_000
"""Of the first search's trainings."""
FRESH = range(2_000, 2_010)
"""Seeds of the trainings that judge."""


def search(method: str, queries: int, seed: int, workers: int) -> dict[str, Any]:
    """One search by real training: hashes of what it found."""
    domain = known_rows(get_benchmark("DIGITS101"))
    problem = training_problem(domain, TRAINING_SEED + seed)
    searcher = make_searcher(method, domain, seed)
    started = time.perf_counter()
    with make_engine(workers) as engine:
        measuring = Evaluations(problem.estimator, engine)
        history = SearchLoop(searcher, measuring, Budget(queries, batch=workers)).run()
    measured = {step.measurement.hash: step.measurement for step in history.steps}
    final = recommended(searcher, measured, None)
    assert history.incumbent is not None
    return {
        "best_observed": history.incumbent.measurement.hash,
        "recommended": None if final is None else final["hash"],
        "seconds": time.perf_counter() - started,
        "training_seconds": history.simulated_seconds,
    }


def judge(cell: ArchitectureGraph) -> dict[str, list[float | None]]:
    """Validation and test accuracies of a cell with the fresh seeds."""
    measured = [next(iter(estimator(seed).measure([cell]))) for seed in FRESH]
    return {
        "validation": [one.validation for one in measured],
        "test": [one.test for one in measured],
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Search and judge what is not kept yet, and print the table."""
    flags = parser("Search DIGITS101 by training for real.")
    flags.add_argument("--method", default="bo", choices=list(SEARCHERS), help="searcher")
    flags.add_argument("--queries", type=positive_int, default=60, help="trainings of a search")
    flags.add_argument("--seeds", type=positive_int, default=5, help="searches")
    flags.add_argument("--workers", type=positive_int, default=2, help="processes that train")
    flags.add_argument("--out", type=output_file, default=OUT, help="file to write")
    given = flags.parse_args(arguments)
    torch.set_num_threads(1)  # as the table was measured
    table = get_benchmark("DIGITS101")
    record = kept(given.out)
    judged = record.setdefault("judged", {})
    runs = record["results"].setdefault(given.method, {})
    best = str(table.hashes[table.metric("validation").mean().argmax()])
    for seed in progress(range(given.seeds), "searching by training", "searches"):
        if str(seed) not in runs:
            runs[str(seed)] = search(given.method, given.queries, seed, given.workers)
        for name in (best, runs[str(seed)]["best_observed"], runs[str(seed)]["recommended"]):
            if name is not None and name not in judged:
                row = table.row(name)
                assert row is not None
                judged[name] = judge(table.graphs.graph(row))
        write_json(given.out, record)
    print(f"the table's best            {summary([judged[best]])}")
    for key in ("best_observed", "recommended"):
        found = [judged[run[key]] for run in runs.values() if run[key] is not None]
        if found:
            print(f"{given.method}, {key:<22} {summary(found)}")
    seconds = [run["seconds"] for run in runs.values()]
    print(f"{np.mean(seconds):.0f} s a search of {given.queries} trainings, with {given.workers}")
    return 0


def summary(found: Sequence[dict[str, list[float]]]) -> str:
    """Mean accuracies in per cent, and the standard deviation of the cells' means."""
    parts = []
    for name in ("validation", "test"):
        means = Spread.of([float(np.mean(one[name])) for one in found])
        error = 100 * np.mean([Spread.of(one[name]).std / len(one[name]) ** 0.5 for one in found])
        parts.append(f"{name} {means.text(2, 100)} (of a cell: ± {error:.2f})")
    return ", ".join(parts)


if __name__ == "__main__":
    run_command(main)
