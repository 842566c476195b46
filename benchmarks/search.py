r"""Searchers against each other on tables: what the best one found reaches, query by query.

    python benchmarks/search.py NB201 --dataset cifar10 --queries 100 --seeds 20 [--methods …]
    python benchmarks/search.py NB101 --queries 200 --trial one
    python benchmarks/search.py NB101 --methods 'bo, no transfer' 'bo, one setting'
    python benchmarks/search.py figure NB101 NB201_cifar10 NB201_cifar100 NB201_ImageNet16-120 \
        --methods bo 'bo, no transfer' 'bo, one setting' local_search evolution random \
        --value validation
    python benchmarks/search.py figure NB101 NB101_one_trial --out docs/figures/search_rows.png

A query is one look-up of a validation accuracy: the mean over the trials, or with ``--trial one``
a single trial (that of the seed's number, counted round). Kept are, after each query, the true
mean accuracies of the best one so far; of what the searcher recommends by its own model, at some
budgets; and when the optimum by mean validation accuracy was found. What is searched are the
rows of the table. What is there is not measured again.

Beside the searchers stand rows that make the comparison fair (``METHODS``): ``bo`` without what it
reads of DIGITS101 and by one setting for all spaces, and the others with what it reads.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from analysis.statistics import Spread, median_queries, paired_difference
from benchmarks.prediction import TRANSFER, kept, note_machine
from datasets import get_benchmark
from datasets.graph import ArchitectureGraph
from estimators.evaluations import Evaluations
from experiment.arguments import output_file, parser, positive_int
from experiment.errors import InputError, run_command
from experiment.files import write_json
from experiment.progress import progress
from searchers.candidate_bo import CandidateBO
from searchers.defaults import FALLBACK, search_defaults
from searchers.domain import Candidates, Domain
from searchers.history import SearchHistory
from searchers.loop import Budget, SearchLoop
from searchers.methods import SEARCHERS, Factory, make_searcher
from searchers.problem import Problem, known_rows, table_problem
from searchers.recommendation import recommended
from searchers.searcher import Searcher

RESULTS = ROOT / "benchmarks" / "results"
SPACES = ("NB101", "NB201", "ENAS", "DIGITS101")
REFERENCE = "bo"
"""What the other methods are compared with."""
BUDGETS = (30, 50, 64, 100, 150, 200)
INITIAL = 10
TITLES = {
    "NB101_one_trial": "NB101, one noisy trial a query",
    "NB201_cifar10": "NB201, CIFAR-10",
    "NB201_cifar100": "NB201, CIFAR-100",
    "NB201_ImageNet16-120": "NB201, ImageNet16-120",
}
"""Of the panels of a figure; the name of the file for the others."""


def without_transfer(domain: Domain, seed: int, initial: int) -> Searcher:
    """``bo`` with its own features but the one that was learnt elsewhere, by its own criterion.

    Raises:
        InputError: it reads nothing that was learnt elsewhere.
    """
    usual = search_defaults(domain.space)
    if TRANSFER not in usual.features:
        raise InputError(
            f"bo reads no {TRANSFER} on {domain.space.name}: its row without transfer is bo itself"
        )
    own = [each for each in usual.features if each != TRANSFER]
    return CandidateBO(domain, own, usual.criterion, seed=seed, initial=initial)


def one_setting(domain: Domain, seed: int, initial: int) -> Searcher:
    """What ``bo`` is on a space that nothing was chosen for, on every space."""
    return CandidateBO(domain, FALLBACK.features, FALLBACK.criterion, seed=seed, initial=initial)


@dataclass(frozen=True)
class Method:
    """A row of the comparison.

    Attributes:
        make: makes the searcher.
        transfer: how many architectures it queries first, those with the highest ``digits``;
            0 for a start at random.
    """

    make: Factory
    transfer: int = 0

    def start(self, domain: Candidates) -> list[ArchitectureGraph]:
        """The architectures that it queries before it chooses itself."""
        if not self.transfer:
            return []
        scores = domain.describe([TRANSFER])[0].rows[:, 0]
        best = np.argsort(-scores, kind="stable")[: self.transfer]
        return [domain.graphs.graph(int(row)) for row in best]


METHODS: dict[str, Method] = {
    **{name: Method(partial(make_searcher, name)) for name in SEARCHERS},
    "bo, no transfer": Method(without_transfer),
    "bo, one setting": Method(one_setting),
    "evolution, started by digits": Method(partial(make_searcher, "evolution"), INITIAL),
    "local_search, started by digits": Method(partial(make_searcher, "local_search"), INITIAL),
    "ranking by digits": Method(partial(make_searcher, "random"), BUDGETS[-1]),
}
"""Every searcher, and the rows beside them. *Ranking by digits* searches nothing: looking up means,
it is the same with every seed."""


def search(
    problem: Problem,
    searcher: Searcher,
    budget: Budget,
    start: Sequence[ArchitectureGraph] = (),
) -> dict[str, Any]:
    """One search, and what it found."""
    started = time.perf_counter()
    loop = SearchLoop(searcher, Evaluations(problem.estimator), budget, start)
    by_mean: dict[str, float | None] = {}
    for step in loop.steps():
        if step.query in BUDGETS:
            best = recommended(searcher, {}, problem.truth) or {}
            by_mean[str(step.query)] = best.get("true_test", best.get("true_validation"))
    return {
        "hit": first_hit(loop.history, problem),
        **true_means(loop.history, problem),
        "recommended": by_mean,
        "simulated_seconds": loop.history.simulated_seconds,
        "seconds": time.perf_counter() - started,
    }


def first_hit(history: SearchHistory, problem: Problem) -> int | None:
    """The query that met the best by mean validation accuracy, ``None`` if none did."""
    assert problem.truth is not None
    optimum = problem.truth.optimum()["validation"]
    for step in history.steps:
        true = problem.truth.of(step.measurement.hash)["true_validation"]
        if step.query is not None and true == optimum:
            return step.query
    return None


def true_means(history: SearchHistory, problem: Problem) -> dict[str, list[float | None]]:
    """True mean accuracies of the incumbent after each query."""
    assert problem.truth is not None
    found = [
        {} if best is None else problem.truth.of(best.measurement.hash)
        for best in history.incumbents()
    ]
    return {name: [each.get(f"true_{name}") for each in found] for name in problem.truth.means}


def measure(given: Any) -> None:
    """Run the requested searches that are not kept yet, and print the table."""
    table = get_benchmark(given.what[0], given.data_root, dataset=given.dataset)
    trials = table.metric("validation").values.shape[1]
    words = [table.space.name, given.dataset, "one_trial" if given.trial == "one" else None]
    name = "_".join(word for word in words if word)
    path = RESULTS / f"search_{name}.json"
    domain = known_rows(table)
    wanted = [(method, seed) for method in given.methods for seed in range(given.seeds)]
    for method, seed in progress(wanted, f"searching {name}", "searches"):
        record = kept(path)
        runs = record["results"].setdefault(method, {})
        if str(seed) not in runs:
            trial = seed % trials if given.trial == "one" else None
            problem = table_problem(table, domain, trial)
            searcher = METHODS[method].make(domain, seed, INITIAL)
            start = METHODS[method].start(domain)[: given.queries]
            note_machine(record, method, runs)
            runs[str(seed)] = search(problem, searcher, Budget(given.queries), start)
            write_json(path, record)
    results = kept(path)["results"]
    for method, runs in results.items():
        print(f"{name:<24} {method:<20} {summary(runs)}")
    for line in differences(results):
        print(f"{name:<24} {line}")


def summary(runs: dict[str, dict[str, Any]]) -> str:
    """Means and standard deviations at the budgets, and the queries to the optimum."""
    target = target_of(runs)
    curves = np.array([run[target] for run in runs.values()], dtype=float)
    means = spread({n: curves[:, n - 1] for n in BUDGETS if n <= curves.shape[1]})
    if advised := recommendations(runs):
        means += "; by posterior mean " + spread(advised)
    met = median_queries([run["hit"] for run in runs.values()]).text(curves.shape[1])
    seconds = np.mean([run["seconds"] for run in runs.values()])
    return f"{target} {means}; optimum {met}; {seconds:.1f} s a search"


def target_of(runs: dict[str, dict[str, Any]]) -> str:
    """What searches of a table are judged by: test values, where it has them."""
    return "test" if any("test" in run for run in runs.values()) else "validation"


def differences(results: dict[str, dict[str, dict[str, Any]]]) -> Iterator[str]:
    """How much ``bo`` is above every other method at the budgets, in points, on the same seeds."""
    ours = results.get(REFERENCE, {})
    for method, runs in results.items():
        if method == REFERENCE:
            continue
        shown = []
        for n in BUDGETS:
            if found := paired_difference(at_budget(ours, n), at_budget(runs, n)):
                shown.append(f"{n}: {found.text(3, 100)}")
        if shown:
            yield f"{REFERENCE} − {method}, paired, 95 % intervals: {', '.join(shown)}"


def at_budget(runs: dict[str, dict[str, Any]], queries: int) -> dict[str, float]:
    """What each run has reached, by its seed; of those with so many queries."""
    curves = {seed: run[target_of(runs)] for seed, run in runs.items()}
    return {seed: curve[queries - 1] for seed, curve in curves.items() if len(curve) >= queries}


def recommendations(runs: dict[str, dict[str, Any]]) -> dict[int, np.ndarray]:
    """Budget → what every run recommends there, where all do. **Shape** of each (runs,)."""
    each = [run["recommended"] for run in runs.values() if "recommended" in run]
    found = {n: [one.get(str(n)) for one in each] for n in BUDGETS}
    return {
        n: np.array(values)
        for n, values in found.items()
        if len(values) == len(runs) and None not in values
    }


def spread(at: dict[int, np.ndarray]) -> str:
    """Means and standard deviations, for people."""
    return ", ".join(f"{n}: {Spread.of(v).text(3, 100)}" for n, v in at.items())


def optimum(name: str, value: str) -> float | None:
    """The mean accuracy of the best by validation; ``None`` where no search has met it.

    Searches that look up means have it as their incumbent at the query that met it.
    """
    results = kept(RESULTS / f"search_{name.removesuffix('_one_trial')}.json")["results"]
    met = [run for runs in results.values() for run in runs.values() if run["hit"]]
    return met[0][value][met[0]["hit"] - 1] if met else None


def draw(names: Sequence[str], methods: Sequence[str], value: str, out: Path) -> None:
    """The incumbent against the queries, a panel a table, a line a searcher, the optimum dashed.

    Bands are one standard error of the mean. Rings are what is recommended by posterior mean.

    Args:
        names: of the kept files, without ``search_``.
        methods: of :data:`METHODS`, those that a file has.
        value: ``validation`` or ``test``: which mean accuracy of the incumbent.
        out: the file.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(3.4 * max(len(names), 3), 3.8), layout="constrained")
    lines: dict[str, Any] = {}
    for axis, name in zip(np.atleast_1d(figure.subplots(1, len(names))), names, strict=True):
        results = kept(RESULTS / f"search_{name}.json")["results"]
        starts = []
        for method in (each for each in methods if each in results):
            runs = results[method]
            curves = 100 * np.array([run[value] for run in runs.values()], dtype=float)
            middle = curves.mean(axis=0)
            error = curves.std(axis=0, ddof=int(len(curves) > 1)) / len(curves) ** 0.5
            queries = np.arange(1, len(middle) + 1)
            known = lines.get(method)
            (line,) = axis.plot(queries, middle, color=known and known.get_color())
            lines.setdefault(method, line)
            starts.append(middle[min(INITIAL, len(middle)) - 1])
            if value == target_of(runs) and (advised := recommendations(runs)):
                dots = [100 * values.mean() for values in advised.values()]
                axis.plot(list(advised), dots, "o", mfc="none", color=line.get_color())
            axis.fill_between(
                queries, middle - error, middle + error, alpha=0.2, color=line.get_color(), lw=0
            )
        if (best := optimum(name, value)) is not None:
            lines["optimum"] = axis.axhline(100 * best, color="black", ls="--", lw=1)
        axis.set(xlabel="queries", title=TITLES.get(name, name))
        axis.set_ylim(bottom=min(starts))
        axis.grid(alpha=0.3)
    figure.axes[0].set_ylabel(f"incumbent, {value}, %")
    figure.legend(lines.values(), lines.keys(), loc="outside lower center", ncols=len(names) + 3)
    out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(out, dpi=150)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure a table, or draw what is kept."""
    flags = parser("Searchers against each other on tables.")
    flags.add_argument("what", nargs="+", help=f"one of {', '.join(SPACES)}; or figure NAME…")
    flags.add_argument("--dataset", help="NB201: cifar10, cifar100, ImageNet16-120")
    flags.add_argument(
        "--methods", nargs="+", choices=list(METHODS), help="default: all searchers; figure: all"
    )
    flags.add_argument(
        "--value", choices=("validation", "test"), default="test", help="what a figure shows"
    )
    flags.add_argument("--queries", type=positive_int, default=200, help="of each search")
    flags.add_argument("--seeds", type=positive_int, default=20, help="searches of each method")
    flags.add_argument(
        "--trial", choices=("mean", "one"), default="mean", help="what a query looks up"
    )
    flags.add_argument("--data_root", type=Path, help="folder of the measured data")
    flags.add_argument("--threads", type=positive_int, default=1)
    flags.add_argument("--out", type=output_file, default=ROOT / "docs" / "figures" / "search.png")
    given = flags.parse_args(arguments)
    torch.set_num_threads(given.threads)
    if given.what[0] == "figure":
        draw(given.what[1:], given.methods or list(METHODS), given.value, given.out)
        return 0
    given.methods = given.methods or list(SEARCHERS)
    if len(given.what) != 1 or given.what[0] not in SPACES:
        raise InputError(f"expected one of {', '.join(SPACES)}, got {' '.join(given.what)}")
    measure(given)
    return 0


if __name__ == "__main__":
    run_command(main)
