"""Predictors and searches on the nine tables of NAS-Bench-Graph.

    python benchmarks/graph_networks.py predict transfer search tested front --seeds 20
    python benchmarks/graph_networks.py search --methods transfer_bo --datasets cora --seeds 5
    python benchmarks/graph_networks.py table

``predict``: labels are validation values, of architectures drawn with each seed; Kendall's τ is
counted against the test values of 4,000 others. ``transfer``: the same with few labels of the
target, by predictors that have read the tables of the eight other data sets. ``search``: a query is
one look-up of a validation value; kept are the regret by validation, and the test value of the best
by validation. ``tested``: the same where a query looks up the *test* value, as the official
examples do. ``front``: 20 random architectures, then 60 queries for the front between validation
performance and latency, among 4,000 random rows of the table. ``informed``: trees that are fitted
to a random half of the table rank the other half; kept are the regrets of what they rank first,
among that half. What is kept is not measured again.

``benchmarks/extrapolation.py 'operations, cora'`` … measures predictors beyond two operations, and
``benchmarks/graph_networks_figures.py`` draws.
"""

from __future__ import annotations

import functools
import sys
import time
from argparse import Namespace
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from filelock import FileLock
from scipy.stats import kendalltau

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from analysis.statistics import Spread, paired_difference
from benchmarks import gradient_front
from benchmarks.prediction import RESULTS, Task, kept, note_machine
from benchmarks.search import INITIAL, true_means
from datasets import get_benchmark
from datasets.benchmark import Benchmark
from datasets.registry import measured_on
from estimators.evaluations import Evaluations
from experiment.arguments import output_file, parser, positive_int
from experiment.errors import run_command
from experiment.files import write_json
from experiment.progress import progress
from predictors.features import describe, make_features
from predictors.features.background import OTHERS, of_dataset
from predictors.regressor import FeatureMatrix
from predictors.trees import BoostedTrees
from searchers.domain import Candidates
from searchers.initial_design import initial_size
from searchers.loop import Budget, SearchLoop
from searchers.methods import make_searcher
from searchers.problem import known_rows, table_problem

SPACE = "NAS_BENCH_GRAPH"
KEPT = RESULTS / "graph_networks.json"
DATASETS = tuple(measured_on(SPACE))
RANKED = 4_000
"""Architectures that predictors rank, and that fronts are searched among: of all 26,206 an ensemble
takes a minute."""

TREES = "boosted trees"
CONTENDERS: dict[str, tuple[str, tuple[str, ...]] | None] = {
    "the suite's default": None,
    TREES: ("trees", ("statistics", "walks")),
    "boosted trees on one-hots": ("trees", ("one_hot",)),
    "GP on one-hots": ("gp", ("one_hot",)),
    "GP on latents": ("gp", ("latents",)),
}
PARAMETERS = "parameters"
"""What ranks without a label: the larger network first."""
VALIDATION = "validation"
"""What ranks with every label: the validation values themselves."""
AMOUNTS = (25, 50, 100, 200)

TRANSFERS: dict[str, tuple[str, tuple[str, ...]]] = {
    "transfer": ("transfer", ("statistics", OTHERS)),
    "ridge on the other data sets": ("ridge", (OTHERS,)),
}
MEAN = "mean of the other data sets"
"""What ranks without a label of the target."""
FEW = (5, 10, 25, 50)

QUERIES = {
    "random": 200,
    "evolution": 200,
    "local_search": 200,
    "rl": 200,
    "reinforce": 200,
    "bo": 50,
    "transfer_bo": 50,
    "dngo": 50,
    "latent_bo": 50,
}
"""Searcher → its budget, unless ``--queries`` gives another. Those that fit a model stop where the
goal is."""
TESTED = ("random", "evolution")
POINTS = (5, 10, 15, 20, 25, 30, 40, 50, 65, 80, 100, 125, 150, 175, 200)
"""Queries after which values are kept."""

COST, FIRST, FRONT_QUERIES = "latency_seconds", 20, 60
FRONTS = ("hypervolume", "evolution of the front", "evolution", "random")


@functools.cache
def table(dataset: str) -> Benchmark:
    """Read once."""
    return get_benchmark(SPACE, dataset=dataset)


@functools.cache
def domain(dataset: str) -> Candidates:
    """All rows of a table, whose features are computed once."""
    return known_rows(table(dataset))


class Part(Task):
    """Random rows of a table: labels are drawn and architectures ranked among them.

    Args:
        dataset: of the table.
        seed: of the rows.
    """

    def __init__(self, dataset: str, seed: int) -> None:
        super().__init__(table(dataset))
        rows = np.random.default_rng([seed, 1]).permutation(len(self.labels))[:RANKED]
        self.graphs = self.graphs[torch.from_numpy(rows)]
        self.labels, self.truth = self.labels[rows], self.truth[rows]
        self.parameters = table(dataset).metric(PARAMETERS).mean()[rows]


@functools.cache
def part(dataset: str, seed: int) -> Part:
    """Made once."""
    return Part(dataset, seed)


def predict(dataset: str, amount: int, contender: str, seed: int) -> dict[str, float]:
    """Fit without transfer."""
    task = part(dataset, seed)
    if contender == PARAMETERS:
        return {"tau": float(kendalltau(task.parameters, task.truth).statistic)}
    if contender == VALIDATION:
        return {"tau": float(kendalltau(task.labels, task.truth).statistic)}
    return rounded(task.judge(CONTENDERS[contender], amount, seed))


def transfer(dataset: str, amount: int, contender: str, seed: int) -> dict[str, float]:
    """Fit with all of the other tables."""
    task = part(dataset, seed)
    if contender == MEAN:
        scores = describe(make_features(f"{OTHERS}:{dataset}", task.space), task.graphs).mean(1)
        return {"tau": float(kendalltau(scores, task.truth).statistic)}
    method, features = TRANSFERS[contender]
    return rounded(task.judge((method, of_dataset(features, dataset)), amount, seed))


def rounded(outcome: dict[str, float]) -> dict[str, float]:
    """Four decimals, without seconds: rows come from a busy machine."""
    return {name: round(one, 4) for name, one in outcome.items() if "seconds" not in name}


def search(dataset: str, method: str, queries: int, seed: int) -> dict[str, Any]:
    """One search by validation values."""
    problem = table_problem(table(dataset), domain(dataset))
    first = initial_size(None, queries, method)
    searcher = make_searcher(method, problem.domain, seed, first, objective=problem.objective)
    started = time.process_time()
    loop = SearchLoop(searcher, Evaluations(problem.estimator), Budget(queries))
    loop.run()
    found = true_means(loop.history, problem)
    best = (problem.optimum() or {})["validation"] or 0.0
    shown = POINTS[: points(queries)]
    return {
        "regret": [round(best - (found["validation"][n - 1] or 0.0), 5) for n in shown],
        "test": [round(found["test"][n - 1] or 0.0, 5) for n in shown],
        "cpu_seconds": round(time.process_time() - started, 1),
    }


def tested(dataset: str, method: str, seed: int) -> dict[str, Any]:
    """One search by test values: what it reaches is what it selected on."""
    known = table(dataset)
    parts = (known.space, known.dataset, known.graphs, known.hashes, known.metrics)
    chosen = Benchmark(*parts, known.description, known.source, chosen_by="test")
    problem = table_problem(chosen, domain(dataset))
    searcher = make_searcher(method, problem.domain, seed, INITIAL, objective=problem.objective)
    loop = SearchLoop(searcher, Evaluations(problem.estimator), Budget(QUERIES[method]))
    loop.run()
    values = np.maximum.accumulate([each.value or 0.0 for each in searcher.succeeded])
    return {"test": [round(float(values[n - 1]), 5) for n in POINTS if n <= len(values)]}


def informed(dataset: str, seed: int) -> dict[str, list[float]]:
    """The regrets of a search whose model has seen every second architecture before it begins."""
    known, values = domain(dataset), table(dataset).metric("validation").mean()
    order = np.random.default_rng(seed).permutation(len(known))
    seen, other = np.array_split(order, 2)
    values = values[table(dataset).rows(known.hashes)]
    trees = BoostedTrees(seed=seed)
    features = known.describe(["statistics", "one_hot"])
    trees.fit([FeatureMatrix(each.rows[seen]) for each in features], values[seen])
    scores, _ = trees.scores([FeatureMatrix(each.rows[other]) for each in features])
    best = np.maximum.accumulate(values[other[np.argsort(-scores)]])
    return {"regret": [round(float(best[-1] - best[n - 1]), 5) for n in POINTS]}


@functools.cache
def front_task(dataset: str) -> gradient_front.Task:
    """The same rows for every search."""
    whole = table(dataset)
    rows = np.sort(np.random.default_rng(0).permutation(len(whole))[:RANKED])
    metrics = {
        name: replace(metric, values=metric.values[rows]) for name, metric in whole.metrics.items()
    }
    graphs = whole.graphs[torch.from_numpy(rows)]
    parts = (whole.space, whole.dataset, graphs, whole.hashes[rows], metrics)
    return gradient_front.Task(Benchmark(*parts, whole.description, whole.source), COST, FIRST)


def front(dataset: str, method: str, seed: int) -> dict[str, Any]:
    """One search for a front."""
    make = gradient_front.METHODS[method]
    return gradient_front.search(front_task(dataset), make, seed, FRONT_QUERIES)


Job = tuple[tuple[str, ...], Callable[[int], Any]]
"""Where in the results the runs of a row are, and one run with a seed."""


def jobs(what: str, dataset: str, given: Namespace) -> Iterator[Job]:
    """The rows of one part of the comparison."""
    if what == "predict":
        for amount in given.labels:
            for name in CONTENDERS:
                yield (str(amount), name), functools.partial(predict, dataset, amount, name)
        yield ("0", PARAMETERS), functools.partial(predict, dataset, 0, PARAMETERS)
        yield ("all", VALIDATION), functools.partial(predict, dataset, 0, VALIDATION)
    if what == "transfer":
        for amount in FEW:
            for name in TRANSFERS:
                yield (str(amount), name), functools.partial(transfer, dataset, amount, name)
        yield ("0", MEAN), functools.partial(transfer, dataset, 0, MEAN)
    if what == "search":
        for name in QUERIES:
            queries = given.queries or QUERIES[name]
            yield (name,), functools.partial(search, dataset, name, queries)
    if what == "informed":
        yield (TREES,), functools.partial(informed, dataset)
    rows = {"tested": (TESTED, tested), "front": (FRONTS, front)}
    if what in rows:
        names, run = rows[what]
        for name in names:
            yield (name,), functools.partial(run, dataset, name)


def measure(what: str, given: Namespace) -> None:
    """Run what is not kept yet, seed by seed."""
    wanted = [
        (dataset, keys, run, seed)
        for seed in range(given.seeds)
        for dataset in given.datasets
        for keys, run in jobs(what, dataset, given)
        if not given.methods or keys[-1] in given.methods
    ]
    for dataset, keys, run, seed in progress(wanted, what, "runs"):
        known = runs_of(kept(given.out), what, dataset, keys).get(str(seed))
        if known and len(known.get("regret", POINTS)) >= points(given.queries or 0):
            continue
        outcome = run(seed)
        with FileLock(f"{given.out}.lock"):  # several processes may measure at once
            record = kept(given.out)
            runs = runs_of(record, what, dataset, keys)
            note_machine(record, f"{what}: {keys[-1]}", runs)
            runs[str(seed)] = outcome
            write_json(given.out, record)


def points(queries: int) -> int:
    """How many of :data:`POINTS` a search of so many queries has."""
    return sum(n <= queries for n in POINTS)


def runs_of(record: dict[str, Any], what: str, dataset: str, keys: Sequence[str]) -> dict[str, Any]:
    """The runs of a row, seed → what was measured; made where there are none."""
    runs: dict[str, Any] = record["results"]
    for key in (what, dataset, *keys):
        runs = runs.setdefault(key, {})
    return runs


Runs = Mapping[str, Mapping[str, Any]]
"""Seed → what was measured."""


def quality(runs: Runs, key: str = "tau") -> dict[str, float]:
    """Seed → a number of each run."""
    return {seed: float(run[key]) for seed, run in runs.items() if key in run}


def after(runs: Runs, queries: int, value: str = "regret") -> dict[str, float]:
    """Seed → a value after so many queries; of the runs that have so many."""
    place = POINTS.index(queries)
    return {seed: run[value][place] for seed, run in runs.items() if place < len(run[value])}


def lines(results: Mapping[str, Any]) -> Iterator[str]:
    """Means ± standard deviations, and the differences that the goals are about."""
    for what in ("predict", "transfer"):
        for dataset, amounts in results.get(what, {}).items():
            for amount, rows in amounts.items():
                for name, runs in rows.items():
                    tau = Spread.of([*quality(runs).values()])
                    inside = quality(runs, "inside_90%").values()
                    held = f", 90 % interval holds {np.mean([*inside]):.1%}" if inside else ""
                    yield f"{what} {dataset:<10} {amount:>4} {name:<36} {tau.text(3)}{held}"
    for dataset, methods in results.get("search", {}).items():
        for name, runs in methods.items():
            shown = []
            for queries in (25, 50, 100, 200):
                if regrets := after(runs, queries):
                    tests = Spread.of([*after(runs, queries, "test").values()])
                    regret = Spread.of([*regrets.values()])
                    shown.append(f"{queries}: {regret.text(2, 100)} (test {tests.text(1, 100)})")
            yield f"search {dataset:<10} {name:<14} {'; '.join(shown)} ({len(runs)} seeds)"
        yield from against_evolution(dataset, methods)
    for dataset, methods in results.get("tested", {}).items():
        for name, runs in methods.items():
            best = Spread.of([run["test"][-1] for run in runs.values()])
            yield f"selected on test {dataset:<10} {name:<14} 200: {best.text(2, 100)}"
    for dataset, methods in results.get("informed", {}).items():
        for runs in methods.values():
            shown = [Spread.of([*after(runs, n).values()]).text(2, 100) for n in (25, 50)]
            yield f"informed {dataset:<10} 25: {shown[0]}; 50: {shown[1]}"
    for dataset, methods in results.get("front", {}).items():
        for name, runs in methods.items():
            reached = [Spread.of([run["validation"][n] for run in runs.values()]) for n in (0, 60)]
            shown = [f"{n}: {one.text(1, 100)}" for n, one in zip((0, 60), reached, strict=True)]
            yield f"front {dataset:<10} {name:<24} {'; '.join(shown)} % ({len(runs)} seeds)"


def against_evolution(dataset: str, methods: Mapping[str, Runs]) -> Iterator[str]:
    """The regrets of the goals less evolution's after 200 queries, paired."""
    for name, queries in (("bo", 50), ("transfer_bo", 25), ("transfer_bo", 50)):
        ours, theirs = methods.get(name, {}), methods.get("evolution", {})
        if found := paired_difference(after(ours, queries), after(theirs, 200)):
            text = found.text(2, 100)
            yield f"search {dataset:<10} {name} after {queries} − evolution after 200: {text}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure what is not kept yet, and print the tables."""
    parts = ("predict", "transfer", "search", "tested", "front", "informed")
    flags = parser("Predictors and searches on the nine tables of NAS-Bench-Graph.")
    flags.add_argument("what", nargs="+", choices=(*parts, "table"))
    flags.add_argument("--datasets", nargs="+", choices=DATASETS, default=DATASETS)
    flags.add_argument("--labels", type=positive_int, nargs="+", default=AMOUNTS, help="of predict")
    flags.add_argument("--methods", nargs="+", help="rows to measure; default: all")
    flags.add_argument(
        "--queries", type=positive_int, help="of each search; shorter ones are rerun"
    )
    flags.add_argument("--seeds", type=positive_int, default=3, help="runs of each row")
    flags.add_argument("--threads", type=positive_int, default=1)
    flags.add_argument("--out", type=output_file, default=KEPT, help="file that keeps all")
    given = flags.parse_args(arguments)
    torch.set_num_threads(given.threads)
    for what in given.what:
        if what != "table":
            measure(what, given)
    print("\n".join(lines(kept(given.out)["results"])))
    return 0


if __name__ == "__main__":
    run_command(main)
