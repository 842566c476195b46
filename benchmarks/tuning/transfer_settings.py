"""How predictors and searches transfer between data sets, and how searches without transfer choose.

    python benchmarks/tuning/transfer_settings.py predict --labels 10 --seeds 2
    python benchmarks/tuning/transfer_settings.py search --queries 25 --seeds 2
    python benchmarks/tuning/transfer_settings.py bo --queries 50 --seeds 4

Protocol: the nine data sets of NAS_BENCH_GRAPH, each in turn the target, of which a random half of
the rows (``choosing.own_half``) is labelled, ranked and searched. Draws and starts have the seeds
from 100 on; the reported figures have the seeds from 0 on and all rows. ``predict`` chooses the
candidate with the largest Kendall's τ with the *validation* values of 4,000 others, ``search`` that
with the smallest regret, in parts of the distance from the best value to the best tenth; both are
means over the data sets. Of the other data sets all rows are read. ``bo`` chooses features,
criterion and start of the search that reads no other data set, by the same regret.
"""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from scipy.stats import kendalltau
from torch import Tensor

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from benchmarks.tuning.choosing import Measure, Scores, measure_all, own_half, place, verdict
from datasets import get_benchmark, get_space
from datasets.benchmark import Benchmark
from datasets.graph import ArchitectureGraph
from datasets.registry import measured_on
from estimators.evaluations import Evaluations
from experiment.arguments import output_file, parser, positive_int
from experiment.errors import run_command
from predictors.features.background import OTHERS, of_dataset
from predictors.methods import METHODS, make_predictor
from searchers.candidate_bo import CandidateBO
from searchers.criteria import (
    CRITERIA,
    Criterion,
    expected_value,
    log_expected_improvement,
    upper_confidence_bound,
)
from searchers.defaults import search_defaults
from searchers.domain import Candidates
from searchers.initial_design import INITIAL, INITIAL_OF
from searchers.loop import Budget, SearchLoop
from searchers.problem import Problem, known_rows, table_problem
from searchers.transfer_bo import TransferBO

SPACE = "NAS_BENCH_GRAPH"
RANKED = 4_000
PREDICTORS = (
    ("transfer", ("statistics", OTHERS)),
    ("transfer", (OTHERS,)),
    ("transfer", ("statistics", "walks", OTHERS)),
    ("transfer", ("statistics", "one_hot", OTHERS)),
    ("gp", ("statistics", "walks", OTHERS)),
    ("ridge", (OTHERS,)),
    ("ensemble", ("statistics", "walks", OTHERS)),
)
CRITERIA_COMPARED = ("upper_confidence_bound", "expected_improvement", "expected_value")
USUAL = ("statistics", "one_hot")
"""Features of ``bo``."""


def narrow_confidence_bound(
    mean: Tensor, std: Tensor, best: float, generator: np.random.Generator
) -> Tensor:
    """Half a standard deviation above the mean: less exploration than usual."""
    return mean + std / 2


BO: dict[str, tuple[tuple[str, ...], Criterion, int]] = {
    f"{' '.join(features)}; {criterion.__name__}; {initial} random": (features, criterion, initial)
    for features, criterion, initial in (
        (USUAL, upper_confidence_bound, 10),
        (USUAL, upper_confidence_bound, 5),
        (USUAL, narrow_confidence_bound, 10),
        (USUAL, log_expected_improvement, 10),
        (USUAL, expected_value, 10),
        (("statistics",), upper_confidence_bound, 10),
        (("statistics", "walks"), upper_confidence_bound, 10),
    )
}
"""Candidates for the search without transfer: features, criterion, random architectures first."""

STARTS: dict[str, tuple[int, int]] = {
    "10 random": (10, 0),
    "5 random": (5, 0),
    "3 random": (3, 0),
    "1 random": (1, 0),
    "5 ranked first": (5, 5),
}
"""How many architectures a search begins with, and how many of them are those that the other data
sets rank first; the rest is random."""


def tables(data_root: Path | None) -> dict[str, Benchmark]:
    """Data set → table."""
    return {name: get_benchmark(SPACE, data_root, dataset=name) for name in measured_on(SPACE)}


def predict(
    benchmarks: dict[str, Benchmark], one: tuple[str, tuple[str, ...]], amount: int, seed: int
) -> Scores:
    """Fit to some labels of each data set, and rank others."""
    taus = []
    for dataset, table in benchmarks.items():
        rows = np.random.default_rng(seed).permutation(own_half(len(table)))
        known, ranked = rows[:amount], rows[amount : amount + RANKED]
        values = table.metric("validation").mean()
        features = of_dataset(one[1], dataset)
        predictor = make_predictor(table.space, one[0], features, seed=seed)
        predictor.fit(table.graphs[torch.from_numpy(known)], values[known])
        scores = predictor.forecast(table.graphs[torch.from_numpy(ranked)]).scores
        taus.append(kendalltau(scores, values[ranked]).statistic)
    return {"tau": float(np.mean(taus)), "worst_tau": float(np.min(taus))}


def search(
    halves: dict[str, tuple[Benchmark, Candidates]],
    one: tuple[str, str],
    queries: int,
    seed: int,
) -> Scores:
    """Search half of each table."""
    initial, first = STARTS[one[0]]
    regrets = []
    for table, domain in halves.values():
        problem = table_problem(table, domain)
        searcher = TransferBO(domain, problem.objective, seed, initial, CRITERIA[one[1]])
        scores = searcher.feature_matrices[-1].rows.mean(1)
        start = [domain.graphs.graph(int(row)) for row in np.argsort(-scores)[:first]]
        regrets.append(regret(table, problem, searcher, queries, start))
    return summary(regrets)


def regret(
    table: Benchmark,
    problem: Problem,
    searcher: CandidateBO,
    queries: int,
    start: Sequence[ArchitectureGraph] = (),
) -> float:
    """Search, and what is missing to the best of the domain in parts of the best tenth."""
    SearchLoop(searcher, Evaluations(problem.estimator), Budget(queries), start).run()
    values = table.metric("validation").mean()[table.rows(searcher.candidates.hashes)]
    found = max(each.value for each in searcher.succeeded if each.value is not None)
    return float((values.max() - found) / (values.max() - np.quantile(values, 0.9)))


def summary(regrets: Sequence[float]) -> Scores:
    """Mean and largest over the data sets."""
    return {"regret": float(np.mean(regrets)), "worst_regret": float(np.max(regrets))}


def search_alone(
    halves: dict[str, tuple[Benchmark, Candidates]],
    one: tuple[tuple[str, ...], Criterion, int],
    queries: int,
    seed: int,
) -> Scores:
    """Search half of each table without the others."""
    features, criterion, initial = one
    regrets = []
    for table, domain in halves.values():
        searcher = CandidateBO(domain, features, criterion, seed=seed, initial=initial)
        regrets.append(regret(table, table_problem(table, domain), searcher, queries))
    return summary(regrets)


def half(table: Benchmark) -> tuple[Benchmark, Candidates]:
    """A table, and the candidates that are searched."""
    domain = known_rows(table)
    rows = own_half(len(domain))
    graphs = domain.graphs[torch.from_numpy(rows)]
    return table, Candidates(domain.space, graphs, domain.hashes[rows])


def measured(
    given: Namespace, task: str, chosen: Sequence[str], measure: Measure
) -> dict[str, dict[str, Scores]]:
    """What is kept of the candidates that are compared; others may have fewer seeds."""
    runs = measure_all(given.out, task, chosen, given.seeds, measure)
    return {name: runs[name] for name in chosen}


def choose_predictor(given: Namespace) -> list[str]:
    """Compare the predictors."""
    named = {
        f"{method}: {' '.join(features)}": (method, features) for method, features in PREDICTORS
    }
    chosen = [name for name in named if name in (given.candidates or named)]
    benchmarks = tables(given.data_root)

    def measure(name: str, seed: int) -> Scores:
        return predict(benchmarks, named[name], given.labels, seed)

    task = f"{SPACE} transfer, {given.labels} labels"
    runs = measured(given, task, chosen, measure)
    today = f"transfer: {' '.join(METHODS['transfer'].features or ())}"
    return verdict(task, runs, today, largest=True)


def choose_search(given: Namespace) -> list[str]:
    """Compare the searches."""
    named = {f"{start}; {name}": (start, name) for start in STARTS for name in CRITERIA_COMPARED}
    chosen = [name for name in named if name in (given.candidates or named)]
    halves = {name: half(table) for name, table in tables(given.data_root).items()}
    task = f"{SPACE} transfer, {given.queries} queries"

    def measure(name: str, seed: int) -> Scores:
        return search(halves, named[name], given.queries, seed)

    runs = measured(given, task, chosen, measure)
    return verdict(
        task, runs, f"{INITIAL_OF['transfer_bo']} random; upper_confidence_bound", largest=False
    )


def choose_alone(given: Namespace) -> list[str]:
    """Compare the searches without transfer."""
    chosen = [name for name in BO if name in (given.candidates or BO)]
    halves = {name: half(table) for name, table in tables(given.data_root).items()}
    task = f"{SPACE} bo, {given.queries} queries"

    def measure(name: str, seed: int) -> Scores:
        return search_alone(halves, BO[name], given.queries, seed)

    runs = measured(given, task, chosen, measure)
    usual = search_defaults(get_space(SPACE))
    today = f"{' '.join(usual.features)}; {usual.criterion.__name__}; {INITIAL} random"
    return verdict(task, runs, today, largest=False)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure the candidates, and say which one is the first."""
    flags = parser("How predictors and searches transfer between data sets.")
    flags.add_argument("what", choices=("predict", "search", "bo"))
    flags.add_argument("--labels", type=positive_int, default=10)
    flags.add_argument("--queries", type=positive_int, default=25)
    flags.add_argument("--seeds", type=positive_int, default=2)
    flags.add_argument("--candidates", nargs="+", help="names of those to measure; default: all")
    flags.add_argument("--data_root", type=Path, help="folder of the measured data")
    flags.add_argument("--threads", type=positive_int, default=1)
    flags.add_argument(
        "--out", type=output_file, default=place("transfer"), help="file that keeps all"
    )
    given = flags.parse_args(arguments)
    torch.set_num_threads(given.threads)
    choices = {"predict": choose_predictor, "search": choose_search, "bo": choose_alone}
    print("\n".join(choices[given.what](given)))
    return 0


if __name__ == "__main__":
    run_command(main)
