"""Searchers of other packages on NB201, beside our own: the optimum, query by query.

    python benchmarks/other_searchers.py                     # every row, three data sets, 20 seeds
    python benchmarks/other_searchers.py --methods 'Optuna TPE' --seeds 5
    python benchmarks/other_searchers.py table               # what is kept, beside our searchers

Each search sees mean validation accuracies and starts from the ten random architectures that ours
start from with the same seed, except CatCMAwM, whose first generation is its own. All settings are
the packages' defaults. Other packages propose architectures again: a query is the first look-up of
an architecture, later ones repeat the answer and cost nothing. A search ends after so many queries,
or after ten times as many proposals. What is kept is not measured again.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from analysis.statistics import Spread, median_queries, paired_difference
from benchmarks.prediction import kept, note_machine
from benchmarks.search import INITIAL, REFERENCE, RESULTS
from datasets import get_benchmark
from datasets.benchmark import Benchmark
from estimators.measurement import Measurement
from experiment.arguments import parser, positive_int
from experiment.errors import run_command
from experiment.files import write_json
from experiment.progress import progress
from searchers.adapters.blackbox import syne_tune_space
from searchers.adapters.function import ConfigurationFunction
from searchers.adapters.optional import not_installed
from searchers.adapters.parameters import Parameters, Value, parameters_of
from searchers.adapters.study import suggest
from searchers.methods import make_searcher
from searchers.problem import known_rows

Configuration = dict[str, Value]
DATASETS = ("cifar10", "cifar100", "ImageNet16-120")
BUDGETS = (10, 30, 50, 64, 100, 150, 200)
PROPOSALS = 10
"""Proposals for each query, after which a search that repeats itself is ended."""
OURS = (REFERENCE, "bo, one setting", "local_search", "evolution", "random")
KEPT = RESULTS / "other_searchers.json"


class Proposer(Protocol):
    """A searcher of another package, which maximises."""

    def ask(self) -> Configuration:
        """The next configuration."""
        ...

    def tell(self, value: float) -> None:
        """The value of the configuration that was requested last."""
        ...


class OptunaStudy:
    """A study by one of Optuna's samplers."""

    def __init__(
        self, sampler: str, parameters: Parameters, seed: int, start: Sequence[Configuration]
    ) -> None:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self.parameters = parameters
        made = getattr(optuna.samplers, sampler)(seed=seed)
        self.study = optuna.create_study(direction="maximize", sampler=made)
        for each in start:
            self.study.enqueue_trial(each)

    def ask(self) -> Configuration:
        """The next configuration."""
        self.trial = self.study.ask()
        return suggest(self.trial, self.parameters)

    def tell(self, value: float) -> None:
        """The value of the configuration that was requested last."""
        self.study.tell(self.trial, value)


class SyneTuneScheduler:
    """One of Syne Tune's schedulers for a single fidelity."""

    def __init__(
        self, scheduler: str, parameters: Parameters, seed: int, start: Sequence[Configuration]
    ) -> None:
        from syne_tune.optimizer import baselines
        from syne_tune.optimizer.schedulers.ask_tell_scheduler import AskTellScheduler

        # Some of them draw from NumPy's global generator beside their own seed.
        np.random.seed(seed)  # noqa: NPY002
        made = getattr(baselines, scheduler)(
            syne_tune_space(parameters.space),
            metric="validation",
            do_minimize=False,
            random_seed=seed,
            points_to_evaluate=list(start),
        )
        self.scheduler = AskTellScheduler(made)

    def ask(self) -> Configuration:
        """The next configuration."""
        self.trial = self.scheduler.ask()
        return dict(self.trial.config)

    def tell(self, value: float) -> None:
        """The value of the configuration that was requested last."""
        self.scheduler.tell(self.trial, {"validation": value})


class CategoricalCMAES:
    """CatCMAwM (Hamano et al. 2025): CMA-ES for continuous, integer and categorical parameters.

    Where all are categories, as here, it is natural gradient ascent on their probabilities.
    """

    def __init__(self, parameters: Parameters, seed: int, start: Sequence[Configuration]) -> None:
        from cmaes import CatCMAwM

        self.choices = parameters.choices
        self.optimiser = CatCMAwM(c_space=[len(each) for each in self.choices.values()], seed=seed)
        self.generation: list[tuple[Any, float]] = []

    def ask(self) -> Configuration:
        """The next configuration."""
        self.solution = self.optimiser.ask()
        places = self.solution.c.argmax(axis=1).tolist()
        return {
            name: choices[place]
            for (name, choices), place in zip(self.choices.items(), places, strict=True)
        }

    def tell(self, value: float) -> None:
        """The value of the configuration that was requested last."""
        self.generation.append((self.solution, -value))  # it minimises
        if len(self.generation) == self.optimiser.population_size:
            self.optimiser.tell(self.generation)
            self.generation = []


METHODS: dict[str, Callable[[Parameters, int, Sequence[Configuration]], Proposer]] = {
    "Optuna TPE": partial(OptunaStudy, "TPESampler"),
    "Optuna GP": partial(OptunaStudy, "GPSampler"),
    "Optuna random": partial(OptunaStudy, "RandomSampler"),
    "CatCMAwM": CategoricalCMAES,
    "Syne Tune REA": partial(SyneTuneScheduler, "REA"),
    "Syne Tune TPE": partial(SyneTuneScheduler, "TPE"),
    "Syne Tune BORE": partial(SyneTuneScheduler, "BORE"),
}


PACKAGES = {"Optuna": "optuna", "CatCMAwM": "cmaes", "Syne Tune": "syne-tune"}
"""Beginning of a method's name → the distribution that it is of."""


def first_architectures(table: Benchmark, seed: int) -> list[Configuration]:
    """The random architectures that our own searches start from with this seed."""
    searcher = make_searcher("random", known_rows(table), seed, INITIAL)
    parameters = parameters_of(table.space)
    return [parameters.configuration(searcher.ask()[0]) for _ in range(INITIAL)]


def search(table: Benchmark, proposer: Proposer, queries: int) -> dict[str, Any]:
    """One search: true means of the best architecture by validation, at the budgets.

    A search that ends early, because it only repeats itself, keeps what it has.
    """
    started = time.perf_counter()
    function = ConfigurationFunction(table)
    optimum = float(np.nanmax(table.metric("validation").mean()))
    incumbents: list[Measurement] = []
    seen: set[str] = set()
    proposals = 0
    while len(seen) < queries and proposals < PROPOSALS * queries:
        found = function.measure(proposer.ask())
        assert found.validation is not None  # each configuration is a cell of the table
        proposer.tell(found.validation)
        proposals += 1
        if found.hash not in seen:
            seen.add(found.hash)
            best = incumbents[-1] if incumbents else found
            incumbents.append(found if found.validation > (best.validation or 0.0) else best)
    found_at = [n for n, each in enumerate(incumbents, 1) if each.validation == optimum]
    at = {str(n): incumbents[min(n, len(seen)) - 1] for n in BUDGETS if n <= queries}
    return {
        "hit": found_at[0] if found_at else None,
        "validation": {n: each.validation for n, each in at.items()},
        "test": {n: each.test for n, each in at.items()},
        "queries": len(seen),
        "proposals": proposals,
        "seconds": time.perf_counter() - started,
    }


def measure(given: Any) -> None:
    """Search as often as is asked for and not kept yet."""
    tables = {name: get_benchmark("NB201", given.data_root, dataset=name) for name in DATASETS}
    wanted = [
        (method, dataset, seed)
        for method in given.methods
        for seed in range(given.seeds)
        for dataset in given.datasets
    ]
    for method, dataset, seed in progress(wanted, "searching NB201", "searches"):
        record = kept(given.out)
        record["environment"]["packages"] |= installed(method)
        runs = record["results"].setdefault(dataset, {}).setdefault(method, {})
        if str(seed) not in runs:
            table = tables[dataset]
            parameters = parameters_of(table.space)
            start = first_architectures(table, seed)
            proposer = METHODS[method](parameters, seed, start)
            note_machine(record, method, runs)
            runs[str(seed)] = search(table, proposer, given.queries)
            write_json(given.out, record)


def installed(method: str) -> dict[str, str]:
    """The distribution that a method is of, and its version.

    Raises:
        InputError: it is not installed.
    """
    (package,) = [each for word, each in PACKAGES.items() if method.startswith(word)]
    try:
        return {package: version(package)}
    except PackageNotFoundError as error:
        raise not_installed(error, method, package) from error


def own_runs(dataset: str) -> dict[str, dict[str, dict[str, Any]]]:
    """Our searchers' runs that ``benchmarks/search.py`` kept, at the budgets they had."""
    results = kept(RESULTS / f"search_NB201_{dataset}.json")["results"]
    return {
        method: {
            seed: {
                "hit": run["hit"],
                **{
                    name: {str(n): run[name][n - 1] for n in BUDGETS if n <= len(run[name])}
                    for name in ("validation", "test")
                },
            }
            for seed, run in results[method].items()
        }
        for method in OURS
    }


def table_lines(dataset: str, path: Path) -> list[str]:
    """A table in Markdown: found, queries, values, and what the reference is ahead by.

    Each row is compared with the reference at the largest budget that the reference had, by
    validation accuracy, which the searches see.
    """
    rows = own_runs(dataset) | kept(path)["results"].get(dataset, {})
    reference = rows[REFERENCE]
    budget = max((int(n) for run in reference.values() for n in run["validation"]), default=0)
    lines = [
        f"| {dataset} | found within {budget} (200); median | validation after {budget}, % "
        "| test, % | `bo` − row, validation |",
        "|---|---|---|---|---|",
    ]
    for method, runs in rows.items():
        most = max(int(n) for run in runs.values() for n in run["validation"])
        hits = [run["hit"] for run in runs.values()]
        within = sum(hit is not None and hit <= budget for hit in hits)
        median = median_queries(hits)
        within_all = f" ({median.ended})" if most > budget else ""
        middle = f"{median.value:g}" if np.isfinite(median.value) else "–"
        label = f"`{method}`" if method in OURS else method
        values = {
            name: {seed: run[name][str(budget)] for seed, run in runs.items()}
            for name in ("validation", "test")
        }
        at = {seed: run["validation"][str(budget)] for seed, run in reference.items()}
        ahead = paired_difference(at, values["validation"])
        difference = "" if method == REFERENCE or ahead is None else ahead.text(2, 100)
        lines.append(
            f"| {label} | {within}{within_all} of {len(runs)}; {middle} "
            f"| {Spread.of(list(values['validation'].values())).text(2, 100)} "
            f"| {Spread.of(list(values['test'].values())).text(2, 100)} | {difference} |"
        )
    return lines


def repetitions(path: Path) -> list[str]:
    """How often each method proposed what it had proposed before, and its seconds a search."""
    lines = []
    results = kept(path)["results"]
    for method in METHODS:
        runs = [run for rows in results.values() for run in rows.get(method, {}).values()]
        if runs:
            proposals = Spread.of([run["proposals"] for run in runs])
            short = sum(run["queries"] < max(BUDGETS) for run in runs)
            seconds = np.mean([run["seconds"] for run in runs])
            lines.append(
                f"{method}: {proposals.text(0)} proposals a search, {short} of {len(runs)} ended "
                f"before {max(BUDGETS)} queries, {seconds:.1f} s a search"
            )
    return lines


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and print the tables."""
    flags = parser("Searchers of other packages on NB201, beside our own.")
    flags.add_argument("what", nargs="?", choices=("measure", "table"), default="measure")
    flags.add_argument("--methods", nargs="+", choices=list(METHODS), default=list(METHODS))
    flags.add_argument("--datasets", nargs="+", choices=DATASETS, default=list(DATASETS))
    flags.add_argument("--queries", type=positive_int, default=200, help="of each search")
    flags.add_argument("--seeds", type=positive_int, default=20, help="searches of each method")
    flags.add_argument("--data_root", type=Path, help="folder of the measured data")
    flags.add_argument("--out", type=Path, default=KEPT, help="file to write and to continue")
    given = flags.parse_args(arguments)
    torch.set_num_threads(1)
    if given.what == "measure":
        measure(given)
    for dataset in given.datasets:
        print("\n".join(table_lines(dataset, given.out)), end="\n\n")
    print("\n".join(repetitions(given.out)))
    return 0


if __name__ == "__main__":
    run_command(main)
