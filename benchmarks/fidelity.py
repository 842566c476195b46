"""Searches that train most architectures for few epochs, beside searches that train all in full.

    python benchmarks/fidelity.py measure [--tasks NB101 …] [--methods asha …] [--seeds 20]
    python benchmarks/fidelity.py table
    python benchmarks/fidelity.py correlations --tasks NB101 'NB201 cifar10'
    python benchmarks/fidelity_figure.py

Every search of a task has the same candidates, those that all the task's tables know, and the same
simulated time: that of 60 trainings of the most epochs, of mean length, divided among the workers.
Workers are simulated (``experiment/simulated_engine.py``): a training takes as long as is recorded,
a decision no time. Where no time is recorded (NB201's table), every epoch takes equally long, as on
DIGITS101, whose cells are trained here. In tables a promoted architecture is trained anew, for all
the epochs of its rung; on DIGITS101 it continues. Kept is, at 60 moments, what the incumbent
reaches when it is trained for the most epochs. What is there is not measured again.

No setting was chosen on these tables: eta 3 is the papers', and ``eta by ratio`` is the rule of
successive halving that every rung costs about the same: 200 / 12 epochs on NB201, rounded down, and
2 on DIGITS101.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from scipy import stats

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from analysis.statistics import Spread, paired_difference
from benchmarks.prediction import kept, note_machine
from benchmarks.search import without_transfer
from datasets import get_benchmark
from datasets.benchmark import Benchmark, Metric
from datasets.fidelities import SECONDS, fidelity_tables
from datasets.graph import ArchitectureGraph
from datasets.registry import benchmark_epochs
from datasets.space import SearchSpace
from estimators import digits101
from estimators.evaluations import Evaluations
from estimators.fidelity import ByFidelity
from estimators.measurement import Estimator, Measurement, recorded_seconds
from estimators.partial_training import train_partly
from estimators.store import Store
from experiment.arguments import output_file, parser, positive_int
from experiment.errors import run_command
from experiment.files import write_json
from experiment.progress import progress
from experiment.simulated_engine import Simulated
from searchers.domain import Candidates
from searchers.halving import ASHA, SuccessiveHalving
from searchers.loop import Budget, SearchLoop
from searchers.methods import make_searcher
from searchers.problem import Problem, fidelity_problem, known_rows, table_problem
from searchers.searcher import Searcher

RESULTS = ROOT / "benchmarks" / "results" / "fidelity.json"
STORE = ROOT / "runs" / "fidelity_digits.sqlite"
TRAININGS = 60
"""Trainings of the most epochs, of mean length, that a search has the time for."""
MOMENTS = 60
SHOWN = (10, 20, 40, 60)
"""Trainings after which the table shows what is reached."""
REFERENCES = ("asha", "asha, eta by ratio")
"""What the other methods are compared with."""
INITIAL = 10

Make = Callable[[Candidates, tuple[int, ...], int], Searcher]
"""Makes a searcher of candidates, fidelities and a seed."""


def in_full(name: str, domain: Candidates, fidelities: tuple[int, ...], seed: int) -> Searcher:
    """A searcher that trains for the most epochs."""
    return make_searcher(name, domain, seed, INITIAL)


def by_ratio(
    kind: type[ASHA] | type[SuccessiveHalving],
    domain: Candidates,
    fidelities: tuple[int, ...],
    seed: int,
) -> Searcher:
    """Promotes one in as many as the next training is longer: every rung costs the same."""
    return kind(domain, fidelities, eta=fidelities[1] // fidelities[0], seed=seed)


METHODS: dict[str, Make] = {
    "random": partial(in_full, "random"),
    "evolution": partial(in_full, "evolution"),
    "successive_halving": lambda domain, epochs, seed: SuccessiveHalving(domain, epochs, seed=seed),
    "asha": lambda domain, epochs, seed: ASHA(domain, epochs, seed=seed),
    "successive_halving, eta by ratio": partial(by_ratio, SuccessiveHalving),
    "asha, eta by ratio": partial(by_ratio, ASHA),
    "bo, no transfer": lambda domain, epochs, seed: without_transfer(domain, seed, INITIAL),
    "bo": partial(in_full, "bo"),
}
BY_RATIO = ("successive_halving, eta by ratio", "asha, eta by ratio")
"""Rows beside NB101's, where the ratio is 3 itself."""
NO_TRANSFER = ("bo, no transfer",)
"""Rows of NB101 alone: ``bo`` reads what was learnt on DIGITS101 there, and this row does not."""


@dataclass(frozen=True)
class Task:
    """Where the methods are compared.

    Attributes:
        space: name of the search space.
        dataset: ``None`` for the only one.
        workers: simulated ones.
    """

    space: str
    dataset: str | None = None
    workers: int = 1

    @property
    def timed(self) -> bool:
        """Whether its time is in hours: the seconds of its trainings are recorded."""
        return self.space == "NB101"

    def problems(self, data_root: Path | None, store: Store) -> tuple[Problem, Problem]:
        """Of searches that choose fidelities, and of those that train in full."""
        if self.space == "DIGITS101":
            return trained_problems(store)
        choices: dict[str, Any] = {} if self.dataset is None else {"dataset": self.dataset}
        found = fidelity_tables(self.space, data_root, **choices)
        tables = {epochs: charged(table, epochs) for epochs, table in found.items()}
        several = fidelity_problem(tables)
        return several, table_problem(tables[max(tables)], several.domain)

    def methods(self) -> list[str]:
        """The rows of its table."""
        foreign = BY_RATIO if self.space == "NB101" else NO_TRANSFER
        return [name for name in METHODS if name not in foreign]


TASKS = {
    "NB101": Task("NB101"),
    "NB101, 8 workers": Task("NB101", workers=8),
    **{
        f"NB201 {dataset}": Task("NB201", dataset)
        for dataset in ("cifar10", "cifar100", "ImageNet16-120")
    },
    "DIGITS101, trained": Task("DIGITS101"),
}


@dataclass(frozen=True)
class CountedEpochs:
    """An estimator whose measurements cost a second an epoch, however fast the machine is.

    Attributes:
        estimator: that measures.
        epochs: that it trains beyond where it starts.
    """

    estimator: Estimator
    epochs: int

    @property
    def space(self) -> SearchSpace:
        """The estimator's."""
        return self.estimator.space

    def measure(self, architectures: Sequence[ArchitectureGraph]) -> Iterator[Measurement]:
        """As the estimator does."""
        for one in self.estimator.measure(architectures):
            yield replace(one, cost_seconds=float(self.epochs))


def trained_problems(store: Store) -> tuple[Problem, Problem]:
    """Cells of DIGITS101, trained here for 1, 2 and 4 epochs, each from where the last stopped.

    Searches that train in full look the same trainings up: those with seed 0 in the table. All are
    judged by the table's mean over three seeds.

    Args:
        store: of the trainings, which all searches share.
    """
    table = get_benchmark("DIGITS101")
    epochs = max(benchmark_epochs("DIGITS101"))
    timed = copy(table)
    timed.metrics = {name: one for name, one in table.metrics.items() if name != SECONDS}
    full = table_problem(charged(timed, epochs), known_rows(table), trial=0)
    partly = train_partly(digits101.estimator(0)).with_store(store)
    lower = (0, *partly.fidelities)
    at = {
        fidelity: CountedEpochs(partly.estimators[fidelity], fidelity - before)
        for fidelity, before in zip(partly.fidelities, lower, strict=False)
    }
    settings = {"fidelities": list(partly.fidelities)}
    return replace(full, estimator=ByFidelity(at), settings=settings), full


def charged(table: Benchmark, epochs: int) -> Benchmark:
    """The same where a training without a recorded time takes a second an epoch."""
    if SECONDS in table.metrics:
        return table
    same = np.full((len(table), 1), float(epochs))
    timed = copy(table)
    timed.metrics = {**table.metrics, SECONDS: Metric(SECONDS, "seconds", "its epochs", same)}
    return timed


def search(problem: Problem, searcher: Searcher, workers: int, seconds: float) -> dict[str, Any]:
    """One search of so many simulated seconds, and what its incumbent reaches in the course of it.

    Returns:
        ``validation`` and, where it is known, ``test``: a value for each of :data:`MOMENTS`,
        ``None`` before the first measurement; ``trained``: epochs → how many architectures were
        measured after so many.
    """
    assert problem.truth is not None
    started = time.perf_counter()
    engine = Simulated(workers, recorded_seconds, clock=lambda: 0.0)
    budget = Budget(problem.size or 1, at_once=workers)
    loop = SearchLoop(searcher, Evaluations(problem.estimator, engine), budget)
    moments = seconds * np.arange(1, MOMENTS + 1) / MOMENTS
    reached: list[str | None] = []
    best: str | None = None
    trained: Counter[str] = Counter()
    with engine:
        for step in loop.steps():
            reached += [best] * int((moments[len(reached) :] < engine.now).sum())
            if len(reached) == MOMENTS:
                break
            best = None if step.incumbent is None else step.incumbent.measurement.hash
            trained[str(step.measurement.fidelity or "in full")] += 1
    reached += [best] * (MOMENTS - len(reached))
    truths = [{} if hash is None else problem.truth.of(hash) for hash in reached]
    values = {name: [one.get(f"true_{name}") for one in truths] for name in problem.truth.means}
    return {
        **{name: [each and round(each, 6) for each in found] for name, found in values.items()},
        "trained": trained,
        "seconds": time.perf_counter() - started,
    }


def measure(given: Any) -> None:
    """Search as often as is asked for and not kept yet."""
    wanted = [
        (task, method, seed)
        for method in given.methods
        for task in given.tasks
        if method in TASKS[task].methods()
        for seed in range(given.seeds)
    ]
    problems: dict[str, tuple[Problem, Problem]] = {}
    for name, method, seed in progress(wanted, "searching", "searches"):
        record = kept(given.results)
        runs = record["results"].setdefault(name, {}).setdefault(method, {})
        if str(seed) in runs:
            continue
        task = TASKS[name]
        if name not in problems:
            problems[name] = task.problems(given.data_root, Store(given.store))
        several, full = problems[name]
        fidelities = tuple(several.settings["fidelities"])
        domain = several.domain
        assert isinstance(domain, Candidates)
        searcher = METHODS[method](domain, fidelities, seed)
        problem = several if searcher.fidelities else full
        seconds = TRAININGS * mean_seconds(full) / task.workers
        if task.timed:
            record.setdefault("simulated_hours", {})[name] = seconds / 3600
        note_machine(record, method, runs)
        runs[str(seed)] = search(problem, searcher, task.workers, seconds)
        write_json(given.results, record)


def mean_seconds(problem: Problem) -> float:
    """Mean time of a training of the most epochs, over the candidates, seconds."""
    assert problem.truth is not None
    table, domain = problem.truth.benchmark, problem.domain
    assert isinstance(domain, Candidates)
    return float(table.metric(SECONDS).mean()[table.rows(domain.hashes)].mean())


def target_of(runs: Mapping[str, Mapping[str, Any]]) -> str:
    """What searches are judged by: test values, where the table has them."""
    return "test" if all("test" in run for run in runs.values()) else "validation"


def after(runs: Mapping[str, Mapping[str, Any]], trainings: int) -> dict[str, float]:
    """Seed → what was reached after the time of so many trainings; of those that had something."""
    position = trainings * MOMENTS // TRAININGS - 1
    values = {seed: run[target_of(runs)][position] for seed, run in runs.items()}
    return {seed: value for seed, value in values.items() if value is not None}


def lines(results: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """The table, in per cent: what every method reached, and how far it is below ASHA."""
    for name, methods in results.items():
        yield f"{name}: {target_of(next(iter(methods.values())))} accuracy, %"
        for method, runs in methods.items():
            reached = [f"{n}: {Spread.of([*after(runs, n).values()]).text(2, 100)}" for n in SHOWN]
            trained = sum((Counter(run["trained"]) for run in runs.values()), Counter())
            counts = ", ".join(f"{n / len(runs):.0f} × {epochs}" for epochs, n in trained.items())
            yield f"  {method:<34} {'; '.join(reached)}; trained {counts} ({len(runs)} seeds)"
        for ours, method in product(REFERENCES, methods):
            if ours not in methods or ours == method:
                continue
            pairs = [
                (n, paired_difference(after(methods[ours], n), after(methods[method], n)))
                for n in SHOWN
            ]
            shown = [f"{n}: {found.text(2, 100)}" for n, found in pairs if found]
            yield f"  {ours} − {method}, paired, 95 % intervals: {'; '.join(shown)}"


def correlations(task: Task, data_root: Path | None, store: Store) -> str:
    """Spearman's rank correlation of the accuracies at every fidelity with those at the last."""
    several, full = task.problems(data_root, store)
    assert isinstance(several.estimator, ByFidelity)
    cells = list(cast(Candidates, full.domain).graphs)
    values = {
        epochs: np.array([one.validation for one in each.measure(cells)])
        for epochs, each in several.estimator.estimators.items()
    }
    last = values[max(values)]
    best = last >= np.quantile(last, 0.9)
    found = [
        f"{epochs} epochs {stats.spearmanr(each, last)[0]:.2f}, among the best tenth "
        f"{stats.spearmanr(each[best], last[best])[0]:.2f}"
        for epochs, each in values.items()
        if epochs != max(values)
    ]
    return f"{len(cells):,} candidates: {'; '.join(found)}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, or print what is kept."""
    flags = parser("Searches with several fidelities beside searches that train in full.")
    flags.add_argument("what", choices=("measure", "table", "correlations"))
    flags.add_argument("--tasks", nargs="+", choices=list(TASKS), default=list(TASKS))
    flags.add_argument("--methods", nargs="+", choices=list(METHODS), default=list(METHODS))
    flags.add_argument("--seeds", type=positive_int, default=20, help="searches of each method")
    flags.add_argument("--data_root", type=Path, help="folder of the measured data")
    flags.add_argument("--store", type=Path, default=STORE, help="file of the trainings of digits")
    flags.add_argument("--results", type=output_file, default=RESULTS, help="file of the results")
    given = flags.parse_args(arguments)
    torch.set_num_threads(1)
    if given.what == "measure":
        measure(given)
    if given.what == "correlations":
        for name in given.tasks:
            print(name, correlations(TASKS[name], given.data_root, Store(given.store)))
        return 0
    record = kept(given.results)
    print("\n".join(lines(record["results"])))
    return 0


if __name__ == "__main__":
    run_command(main)
