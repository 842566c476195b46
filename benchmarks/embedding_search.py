r"""Searches by the vectors of an embedding, under a budget of simulated seconds or of queries.

    python benchmarks/embedding_search.py --methods reinforce 'reinforce, published' --runs 500
    python benchmarks/embedding_search.py --methods dngo 'dngo, published' --runs 100
    python benchmarks/embedding_search.py --methods bo latent_bo evolution random --runs 20
    python benchmarks/embedding_search.py --space NB201 --dataset cifar10 --weights SVGE_NB201 …
    python benchmarks/embedding_search.py --weights runs/arch2vec_NB101 …

The protocol of arch2vec (NeurIPS 2020, arXiv:2006.06936) on the cells of NB101 that the table
knows: a query is a cell's mean validation accuracy over three trials and costs its mean training
time, until 1e6 s are spent. The tables of NB201 have no times: there every query costs one, and 200
are the budget, as on DIGITS101. REINFORCE begins at an architecture for free, DNGO with 16 and then
chooses 5 a round, on NB201 one, as published; other searchers begin with ten and choose one at a
time. All see the same architectures. Kept are the regrets of the incumbent by validation at twenty
shares of the budget; what is there is not measured again. ``embedding_search_figure.py`` draws and
tabulates it.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from analysis.statistics import Spread
from benchmarks.prediction import kept, note_machine
from datasets import get_benchmark
from datasets.batch import GraphBatch
from datasets.benchmark import Benchmark
from estimators.lookup import COST_METRIC, LookUp
from experiment.arguments import parser, positive_float, positive_int
from experiment.errors import InputError, run_command
from experiment.files import write_json
from experiment.progress import progress
from searchers.domain import Candidates
from searchers.embedded.distinct_nodes import DistinctNodes
from searchers.embedded.dngo import PUBLISHED_DNGO, DNGOSettings, FixedTarget, best_rows
from searchers.embedded.policy import PUBLISHED_POLICY, FixedBaseline, Policy, PolicySettings
from searchers.embedded.supervised import (
    LAYERS,
    PUBLISHED_SUPERVISED_DNGO,
    PUBLISHED_SUPERVISED_POLICY,
    SupervisedDNGO,
    SupervisedPolicy,
    SupervisedRows,
    walk_supervised,
)
from searchers.embedded.traces import NB101_OPTIMA, EmbeddedTable, Trace, improve_tables
from searchers.embedded.vectors import embedding_vectors
from searchers.embedded.walks import walk_tables
from searchers.methods import make_searcher
from searchers.problem import known_rows

RESULTS = ROOT / "benchmarks" / "results"
SHARES = np.linspace(0.05, 1, 20)
"""Shares of the budget at which regrets are kept."""
INITIAL = 10
"""Random architectures that other searchers begin with."""
DIGITS = 6
"""Decimals of a regret, a fraction: a ten-thousandth of a percentage point."""


@dataclass(frozen=True)
class Protocol:
    """What the published searches do on a space.

    Attributes:
        budget: of a run; on NB101, where the published figures end.
        timed: whether the budget is in simulated seconds; else it is in queries.
        optima: highest validation and test accuracy; ``None``: those of the table.
        policy: settings of the published REINFORCE.
        dngo: settings of the published DNGO.
        batch: architectures that DNGO chooses a round.
    """

    budget: float
    timed: bool
    optima: tuple[float, float] | None
    policy: PolicySettings
    dngo: DNGOSettings
    batch: int


PROTOCOLS = {
    "NB101": Protocol(1e6, True, NB101_OPTIMA, PUBLISHED_POLICY, PUBLISHED_DNGO, 5),
    "DIGITS101": Protocol(200, False, None, PUBLISHED_POLICY, PUBLISHED_DNGO, 5),
    "NB201": Protocol(
        200,
        False,
        None,
        replace(PUBLISHED_POLICY, credit=FixedBaseline(0.4)),
        replace(PUBLISHED_DNGO, target=FixedTarget(1.0)),
        1,
    ),
}
"""By the name of the space."""


@dataclass(frozen=True)
class Setup:
    """What every method sees.

    Attributes:
        benchmark: has the values.
        domain: the architectures, in the order of the table's rows.
        table: vectors, accuracies and times.
        weights: of the embedding.
        protocol: of the space.
        budget: of a run.
    """

    benchmark: Benchmark
    domain: Candidates
    table: EmbeddedTable
    weights: str
    protocol: Protocol
    budget: float

    @property
    def graphs(self) -> tuple[GraphBatch, int]:
        """The architectures with as many places as the space has nodes, and its types' number."""
        space = self.domain.space
        return self.domain.graphs.padded(space.max_nodes), len(space.types)


@dataclass(frozen=True)
class Method:
    """A search that is compared.

    Attributes:
        search: makes the runs of some seeds.
        at_once: seeds that it takes at a time: their weights and distances fit into a cache.
    """

    search: Callable[[Setup, Sequence[int]], list[Trace]]
    at_once: int = 1


def reinforce(published: bool, setup: Setup, seeds: Sequence[int]) -> list[Trace]:
    """Policies with fresh weights, each from a random architecture."""
    settings = setup.protocol.policy if published else PolicySettings()
    vectors = settings.scaling(setup.table.vectors)
    count, width = vectors.shape
    generators = [np.random.default_rng(seed) for seed in seeds]
    return walk_tables(
        setup.table,
        vectors,
        [Policy.seeded(width, settings.hidden, seed) for seed in seeds],
        settings,
        [int(each.integers(count)) for each in generators],
        [noises(width, each) for each in generators],
        setup.budget,
    )


def noises(width: int, generator: np.random.Generator) -> Iterator[Tensor]:
    """Action − mean of one query after the other. **Shape** (width,) each."""
    while True:
        yield torch.from_numpy(generator.standard_normal(width, dtype=np.float32))


def dngo(published: bool, setup: Setup, seeds: Sequence[int]) -> list[Trace]:
    """16 random architectures, then rounds."""
    settings = setup.protocol.dngo if published else DNGOSettings()
    return improve_tables(
        setup.table,
        partial(best_rows, setup.table.vectors, settings),
        [np.random.default_rng(seed) for seed in seeds],
        setup.budget,
        batch=setup.protocol.batch,
    )


def supervised_reinforce(
    settings: SupervisedPolicy, setup: Setup, seeds: Sequence[int]
) -> list[Trace]:
    """A policy and an encoder with fresh weights."""
    graphs, num_types = setup.graphs
    nodes = DistinctNodes.of(graphs, num_types, LAYERS)
    return [
        walk_supervised(setup.table, graphs, nodes, settings, seed, setup.budget) for seed in seeds
    ]


def supervised_dngo(settings: SupervisedDNGO, setup: Setup, seeds: Sequence[int]) -> list[Trace]:
    """16 random architectures, then rounds by an encoder that is trained anew in each."""
    return [
        improve_tables(
            setup.table,
            SupervisedRows.of(settings, *setup.graphs, seed),
            [np.random.default_rng(seed)],
            setup.budget,
            batch=setup.protocol.batch,
        )[0]
        for seed in seeds
    ]


def searcher(name: str, setup: Setup, seeds: Sequence[int]) -> list[Trace]:
    """Any other searcher, a query at a time."""
    return [searcher_run(name, setup, seed) for seed in seeds]


def searcher_run(name: str, setup: Setup, seed: int) -> Trace:
    """The run of one seed."""
    weights = setup.weights if name == "latent_bo" else None
    made = make_searcher(name, setup.domain, seed, INITIAL, weights)
    estimator = LookUp(setup.benchmark)
    chosen: list[int] = []
    spent = 0.0
    while spent < setup.budget and (asked := made.ask()):
        made.tell(list(estimator.measure(asked)))
        rows = [setup.domain.row_of[made.space.hash(graph)] for graph in asked]
        chosen += rows
        spent += float(setup.table.seconds[rows].sum())
    return setup.table.trace(chosen)


METHODS: dict[str, Method] = {
    "reinforce": Method(partial(reinforce, False), 50),
    "reinforce, published": Method(partial(reinforce, True), 50),
    "dngo": Method(partial(dngo, False), 10),
    "dngo, published": Method(partial(dngo, True), 10),
    "supervised reinforce": Method(partial(supervised_reinforce, SupervisedPolicy())),
    "supervised reinforce, published": Method(
        partial(supervised_reinforce, PUBLISHED_SUPERVISED_POLICY)
    ),
    "supervised dngo": Method(partial(supervised_dngo, SupervisedDNGO())),
    "supervised dngo, published": Method(partial(supervised_dngo, PUBLISHED_SUPERVISED_DNGO)),
    **{
        name: Method(partial(searcher, name))
        for name in ("bo", "latent_bo", "evolution", "local_search", "random")
    },
}
"""What is compared, by name."""


def make_setup(benchmark: Benchmark, weights: str, budget: float) -> Setup:
    """The architectures that the table knows, with vectors, mean accuracies and costs.

    Raises:
        InputError: the budget is shorter than one query, or the weights are of another space.
    """
    protocol = PROTOCOLS[benchmark.space.name]
    domain = known_rows(benchmark)
    row_of = dict(zip(benchmark.hashes.tolist(), range(len(benchmark)), strict=True))
    rows = [row_of[hash] for hash in domain.hashes.tolist()]
    validation, test = (benchmark.metric(name).mean()[rows] for name in ("validation", "test"))
    costs = benchmark.metric(COST_METRIC).mean()[rows] if protocol.timed else np.ones(len(rows))
    optima = protocol.optima or (float(validation.max()), float(test.max()))
    table = EmbeddedTable(torch.zeros(len(rows), 1), validation, test, costs, optima)
    table.check_budget(budget)
    table = replace(table, vectors=embedding_vectors(domain, weights))
    return Setup(benchmark, domain, table, weights, protocol, budget)


def summarise(trace: Trace, budget: float) -> dict[str, Any]:
    """Regrets of the incumbent at :data:`SHARES`, ``None`` before the first query has ended."""
    ended = np.searchsorted(trace.runtime, SHARES * budget, side="right")
    return {
        "queries": int(ended[-1]),
        **{
            name: [float(values[count - 1]) if count else None for count in ended]
            for name, values in (
                ("validation", trace.regret_validation),
                ("test", trace.regret_test),
            )
        },
    }


def shortened(run: Mapping[str, Any]) -> dict[str, Any]:
    """A run with :data:`DIGITS` decimals: thousands of runs are kept."""
    rounded = {
        name: [None if value is None else round(value, DIGITS) for value in run[name]]
        for name in ("validation", "test")
    }
    return {**run, **rounded, "cpu_seconds": round(run["cpu_seconds"], 2)}


def results_path(weights: str, dataset: str | None) -> Path:
    """Where the runs of an embedding are kept."""
    words = ["embedding_search", Path(weights).name, dataset]
    return RESULTS / f"{'_'.join(word for word in words if word)}.json"


def measure(given: Any) -> None:
    """Run what is not kept yet, and print the means.

    Raises:
        InputError: what is kept was measured under another budget, or see :func:`make_setup`.
    """
    path = given.results or results_path(given.weights, given.dataset)
    protocol = PROTOCOLS[given.space]
    budget = given.budget or protocol.budget
    record = kept_runs(path, budget, protocol.timed)
    groups = list(missing_groups(record["results"], given.methods, given.runs))
    if groups:
        benchmark = get_benchmark(given.space, given.data_root, dataset=given.dataset)
        setup = make_setup(benchmark, given.weights, budget)
        for method, seeds in progress(groups, f"searching {given.space}", "groups of runs"):
            found = run(setup, method, seeds)
            record = kept_runs(path, budget, protocol.timed)  # another process may have added some
            runs = record["results"].setdefault(method, {})
            note_machine(record, method, runs)
            runs.update({seed: shortened(each) for seed, each in found.items()})
            write_json(path, record)
    for method, runs in record["results"].items():
        print(f"{method:<31} {summary(list(runs.values()))}")


def kept_runs(path: Path, budget: float, timed: bool) -> dict[str, Any]:
    """The results of earlier calls, or a new record, with the budget of each run.

    Args:
        path: of the file.
        budget: of a run.
        timed: whether that is in simulated seconds, else in queries.

    Raises:
        InputError: they were measured under another budget.
    """
    record = kept(path)
    record["clock"] = "simulated seconds" if timed else "queries"
    if record.setdefault("budget", budget) != budget:
        raise InputError(
            f"{path.name} has runs with a budget of {record['budget']:g}, not of {budget:g}: "
            "give another file by --results"
        )
    return record


def missing_groups(
    results: Mapping[str, Mapping[str, Any]], methods: Sequence[str], runs: int
) -> Iterator[tuple[str, list[int]]]:
    """Methods, and the seeds that are to be run together."""
    for method in methods:
        seeds = [seed for seed in range(runs) if str(seed) not in results.get(method, {})]
        size = METHODS[method].at_once
        for start in range(0, len(seeds), size):
            yield method, seeds[start : start + size]


def run(setup: Setup, method: str, seeds: Sequence[int]) -> dict[str, Any]:
    """Runs of some seeds, by seed; each took an equal share of the processor's seconds."""
    started = time.process_time()
    traces = METHODS[method].search(setup, seeds)
    seconds = (time.process_time() - started) / len(seeds)
    return {
        str(seed): {**summarise(trace, setup.budget), "cpu_seconds": seconds}
        for seed, trace in zip(seeds, traces, strict=True)
    }


def summary(runs: Sequence[dict[str, Any]]) -> str:
    """Mean regrets at the end, queries and processor seconds, for people."""
    last = {name: np.array([run[name][-1] for run in runs]) for name in ("test", "validation")}
    shown = ", ".join(f"{name} {Spread.of(values).text(5)}" for name, values in last.items())
    queries, seconds = (np.mean([run[key] for run in runs]) for key in ("queries", "cpu_seconds"))
    return f"{len(runs)} runs, regret: {shown}; {queries:.0f} queries, {seconds:.1f} CPU s a run"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and print what is kept."""
    flags = parser("Searches by the vectors of an embedding, by simulated seconds or queries.")
    flags.add_argument("--space", choices=list(PROTOCOLS), default="NB101")
    flags.add_argument("--dataset", help="NB201: cifar10, cifar100, ImageNet16-120")
    flags.add_argument("--methods", nargs="+", choices=list(METHODS), default=list(METHODS))
    flags.add_argument("--weights", default="SVGE_NB101", help="folder or name of the embedding")
    flags.add_argument("--runs", type=positive_int, default=20, help="of each method")
    flags.add_argument(
        "--budget",
        type=positive_float,
        help="simulated seconds (1e6), on NB201 queries (200)",
    )
    flags.add_argument("--results", type=Path, help="file of the results")
    flags.add_argument("--data_root", type=Path, help="folder of the measured data")
    flags.add_argument("--threads", type=positive_int, default=1)
    given = flags.parse_args(arguments)
    torch.set_num_threads(given.threads)
    measure(given)
    return 0


if __name__ == "__main__":
    run_command(main)
