"""Searches on citation graphs: what is found beside a tuned GAT.

    python benchmarks/citation_searches.py run [--datasets cora] [--seconds 200]
    python benchmarks/citation_searches.py run --seconds 1000 --population 20 --tournament 5
    python benchmarks/citation_searches.py table

Public splits, row-normalised features. Seconds are those of the processor, of one thread. A search
ends with the training by which it has used as many as its budget; the seconds of the searcher
count. Every accuracy is that of the first epoch with the best validation accuracy.

GraphNAS's spaces, each architecture together with settings of its training, and GAT with
settings of its own (:data:`~benchmarks.citation_sides.SIDES`). The rule is one for all of them.
Aging evolution trains candidates with seed 0 for two thirds of the seconds. In the last third the
five best by validation are trained with the seeds 1, 2, …, one seed of all after the other, and
the best mean validation over these seeds is chosen. What is chosen is trained with the fresh seeds
100 to 119, and each of these is tested once. Differences to the tuned GAT are paired by seed.
``GCN`` and ``GAT`` are the published networks by the recipes of ``configs/citation.toml``, with the
same fresh seeds.

What is kept is not measured again: a run that was killed continues with its next training.
"""

from __future__ import annotations

import importlib
import sys
import time
from argparse import Namespace
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import torch

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from analysis.statistics import Spread, paired_difference
from benchmarks.citation_sides import GAT, MACRO, MICRO, SIDES, CandidateTrainings
from benchmarks.kept_trainings import KeptTrainings, Record, timed
from benchmarks.prediction import RESULTS
from datasets import FixedNetwork
from datasets.graph import ArchitectureGraph
from estimators.evaluations import Evaluations
from estimators.from_scratch import FromScratch
from estimators.measurement import Measurement
from estimators.node_designs import GATDesign, GCNDesign
from estimators.tasks.nodes import NodeRecipe, NodeTask
from experiment.arguments import Parser, output_file, parser, positive_int
from experiment.errors import InputError, run_command
from searchers.aging import AgingEvolution
from searchers.loop import Budget, SearchLoop
from searchers.problem import whole_space
from searchers.searcher import Searcher

KEPT = RESULTS / "citation_searches.json"
DATASETS = ("cora", "citeseer")
SPACES = (MICRO, MACRO)
BY_HAND = {"GCN": GCNDesign(), "GAT": GATDesign()}
SEARCHED = 2 / 3
"""Share of the seconds in which candidates are trained with seed 0."""
FINALISTS = 5
FIRST_SEED, FRESH = 100, 20
MOST = 4_000
"""Trainings of a search, which its seconds end long before."""

Training = Callable[[int], dict[str, Any]]
"""Trains a network with a seed."""


def search(
    training: KeptTrainings,
    searcher: Searcher,
    seconds: float,
    chosen: dict[str, float],
    start: Sequence[ArchitectureGraph] = (),
) -> tuple[list[Measurement], dict[str, Any]]:
    """One search with a budget of seconds: its measurements, and what is kept of it.

    ``chosen`` has the seconds that each of its choices took, and is extended: those that are kept
    end a search again where they ended it before.
    """
    ended = time.process_time() - training.spent
    loop = SearchLoop(searcher, Evaluations(training), Budget(MOST), start)
    trained = choosing = 0.0
    for number, step in enumerate(loop.steps()):
        trained += step.measurement.cost_seconds or 0.0
        began, ended = ended, time.process_time() - training.spent
        choosing += chosen.setdefault(str(number), round(ended - began, 4))
        if trained + choosing >= seconds:
            loop.stop()
    steps = [step.measurement for step in loop.history.steps]
    return steps, {
        "trainings": len(steps),
        "failed": sum(not each.ok for each in steps),
        "seconds": round(trained + choosing, 1),
        "choosing_seconds": round(choosing, 1),
    }


def best_of(measured: Sequence[Measurement], number: int) -> list[Measurement]:
    """Those with the best validation, the first of equal ones."""
    valid = [each for each in measured if each.ok]
    return sorted(valid, key=lambda each: -(each.validation or 0.0))[:number]


def choose(
    finalists: Sequence[ArchitectureGraph],
    trainings: Callable[[int], KeptTrainings],
    seconds: float,
) -> tuple[list[float], dict[str, Any]]:
    """Train finalists with the seeds 1, 2, … until the seconds are spent.

    Args:
        finalists: candidates.
        trainings: of a seed.
        seconds: that may be spent; all are trained with seed 1 in any case.

    Returns:
        The mean validation of each over the seeds that all of them have; what is kept of it.
    """
    spent, made = 0.0, 0
    values: list[list[float]] = [[] for _ in finalists]
    for seed in count(1):
        training = trainings(seed)
        for graph, known in zip(finalists, values, strict=True):
            if seed > 1 and spent >= seconds:
                break
            (found,) = training.measure([graph])
            spent += found.cost_seconds or 0.0
            made += 1
            known.append(found.validation or 0.0)
        if spent >= seconds:
            break
    whole = min(map(len, values))
    means = [float(np.mean(known[:whole])) for known in values]
    return means, {"trainings": made, "seeds": whole, "seconds": round(spent, 1)}


def find_on(name: str, dataset: str, given: Namespace, record: Record) -> dict[str, Any]:
    """Search a side and choose of it by validation alone; what is kept."""
    side = SIDES[name]

    def trainings(seed: int) -> KeptTrainings:
        training = CandidateTrainings(side, dataset, seed, given.data_root)
        return KeptTrainings(training, record, ("candidates", dataset, name, str(seed)))

    searcher = AgingEvolution(whole_space(side.space), 0, given.population, given.tournament)
    first = trainings(0)
    choosing = record.of("choosing", dataset, name, str(given.seconds))
    measured, searched = search(first, searcher, SEARCHED * given.seconds, choosing, side.first())
    best = best_of(measured, FINALISTS)
    graphs = [each.architecture for each in best]
    means, final = choose(graphs, trainings, given.seconds - searched["seconds"])
    chosen = int(np.argmax(means))
    return {
        "choice": side.space.format(graphs[chosen]),
        "validation": round(means[chosen], 5),
        "searched": best[chosen].validation,
        "rank": chosen + 1,
        "seconds": round(searched["seconds"] + final["seconds"], 1),
        "evolution": [given.population, given.tournament],
        "search": searched,
        "final": final,
        "finalists": {
            side.space.format(graph): round(mean, 5)
            for graph, mean in zip(graphs, means, strict=True)
        },
    }


def candidate(name: str, choice: str, dataset: str, given: Namespace) -> Training:
    """What trains a chosen candidate."""
    graph = SIDES[name].space.parse(choice)
    return lambda seed: timed(
        CandidateTrainings(SIDES[name], dataset, seed, given.data_root), graph
    )


def by_hand(name: str, dataset: str, given: Namespace) -> Training:
    """What trains a published network."""
    space, recipe = FixedNetwork(name), NodeRecipe.load("citation", name)
    task = NodeTask(dataset, data_root=given.data_root)
    return lambda seed: timed(
        FromScratch(space, task, BY_HAND[name], recipe, seed=seed), space.member
    )


def fresh(dataset: str, choice: str, train: Training, given: Namespace, record: Record) -> None:
    """Train what was chosen with the fresh seeds that are not kept."""
    keys = ("fresh", dataset, choice)
    for seed in range(FIRST_SEED, FIRST_SEED + given.fresh):
        if str(seed) not in record.of(*keys):
            print(f"{dataset}, {choice}: seed {seed}", flush=True)
            record.put(keys, str(seed), train(seed))


def find(dataset: str, given: Namespace, record: Record) -> None:
    """Search all sides, and train what was chosen with fresh seeds."""
    rows = record.of("found", dataset, str(given.seconds))
    sizes = [given.population, given.tournament]
    for name in (GAT, *given.spaces):
        if name in rows and rows[name].get("evolution", [10, 3]) != sizes:
            raise InputError(
                f"{record.path} has a search of {name} on {dataset} for {given.seconds} seconds by "
                f"another evolution than {sizes}: give another file by --results"
            )
        if name not in rows:
            print(f"{dataset}, {name}: search", flush=True)
            found = find_on(name, dataset, given, record)
            record.put(("found", dataset, str(given.seconds)), name, found)
        choice = rows[name]["choice"]
        fresh(dataset, choice, candidate(name, choice, dataset, given), given, record)
    for name in BY_HAND:
        fresh(dataset, name, by_hand(name, dataset, given), given, record)


def lines(results: Mapping[str, Any]) -> Iterator[str]:
    """Accuracies in per cent, mean ± standard deviation over seeds, and paired differences."""
    for dataset, budgets in results.get("found", {}).items():
        for seconds, rows in budgets.items():
            if not rows:  # of a run that was killed in its first search
                continue
            yield f"found on {dataset}, {seconds} processor seconds a search"
            yield from found_lines(rows, results.get("fresh", {}).get(dataset, {}))


def values(runs: Mapping[str, Mapping[str, Any]], name: str) -> dict[str, float]:
    """Seed → a value of each run that has one."""
    return {seed: run[name] for seed, run in runs.items() if name in run}


def found_lines(rows: Mapping[str, Any], trained: Mapping[str, Any]) -> Iterator[str]:
    """What each side chose, what that reaches, and how far it is from the tuned GAT."""
    choices = {**{name: row["choice"] for name, row in rows.items()}, **{n: n for n in BY_HAND}}
    tests = {name: values(trained.get(each, {}), "test") for name, each in choices.items()}
    for name, test in tests.items():
        both = (test, values(trained.get(choices[name], {}), "validation"))
        shown = [Spread.of([*each.values()]).text(2, 100) for each in both]
        yield f"  {name:<14} test {shown[0]}, validation {shown[1]} ({len(test)} seeds)"
        if name in rows:
            row = rows[name]
            parts = [
                f"{row[part]['trainings']} trainings in {row[part]['seconds']} s"
                for part in ("search", "final")
            ]
            yield f"    {row['choice']}"
            yield (
                f"    {' and '.join(parts)} ({row['search']['failed']} failed, "
                f"{row['final']['seeds']} seeds of the finalists); validation "
                f"{100 * row['searched']:.1f}, then {100 * row['validation']:.1f}"
            )
        apart = paired_difference(test, tests.get(GAT, {}))
        if name != GAT and apart:
            yield f"    − {GAT}: {apart.text(2, 100)} ({apart.count} pairs)"


def make_parser() -> Parser:
    """The command line."""
    flags = parser("Searches on citation graphs.")
    flags.add_argument("what", choices=("run", "table"))
    flags.add_argument("--datasets", nargs="+", choices=DATASETS, default=DATASETS)
    flags.add_argument("--spaces", nargs="+", choices=SPACES, default=SPACES)
    flags.add_argument("--seconds", type=positive_int, default=200, help="of every search")
    flags.add_argument("--population", type=positive_int, default=10, help="of the evolution")
    flags.add_argument("--tournament", type=positive_int, default=3, help="of the evolution")
    flags.add_argument("--fresh", type=positive_int, default=FRESH, help="seeds of a choice")
    flags.add_argument("--data_root", type=Path, help="folder of the graphs")
    flags.add_argument("--results", type=output_file, default=KEPT, help="what is kept")
    return flags


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure what is not kept yet, and print the tables."""
    given = make_parser().parse_args(arguments)
    torch.set_num_threads(1)
    record = Record(given.results)
    if given.what == "run":
        # Imported now, so that no training is charged for it.
        importlib.import_module("torch_geometric.nn")
        for dataset in given.datasets:
            find(dataset, given, record)
    print("\n".join(lines(record.results)))
    return 0


if __name__ == "__main__":
    run_command(main)
