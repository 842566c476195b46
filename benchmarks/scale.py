"""Asynchronous searches with up to 1,024 workers, simulated: utilisation, decisions, incumbents.

    python benchmarks/scale.py run --methods evolution random --seeds 3
    python benchmarks/scale.py run --methods bo --workers 1 4 16 64 --queries 1024
    python benchmarks/scale.py choices
    python benchmarks/scale.py sparse --seeds 10
    python benchmarks/scale.py table
    python benchmarks/scale.py figure

Trainings of NB101 are played back: a query shows the validation accuracy of one trial (that of the
seed's number, counted round) once its training time has passed. The driver's decisions are charged
by the processor's time that they take, so that other work on the machine is no part of them. What
is kept in ``benchmarks/results/scale.json``, when a search has ended, is not repeated.

``choices`` times what ``bo`` does between two trainings, after so many random measurements: one
choice with 63 architectures pending, and one choice of hyperparameters and shortlist before it, as
it is and with an exact process throughout. ``sparse`` asks what it costs that ``bo`` is exact for
its first 512 measurements only: searches of 200 queries that are sparse from 64 on, an eighth of
that, stand against those of ``search.py``.
"""

from __future__ import annotations

import sys
import time
from argparse import Namespace
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from analysis.statistics import paired_difference
from benchmarks import search
from benchmarks.prediction import kept, note_machine
from datasets import get_benchmark
from estimators.evaluations import Evaluations
from estimators.measurement import recorded_seconds
from experiment.arguments import Parser, output_file, parser, positive_int
from experiment.errors import run_command
from experiment.files import write_json
from experiment.progress import progress
from experiment.simulated_engine import Simulated
from predictors.processes.candidates import EXACT
from searchers.candidate_bo import CandidateBO, last_refit
from searchers.defaults import search_defaults
from searchers.history import Incumbent
from searchers.loop import Budget, SearchLoop
from searchers.methods import SEARCHERS, make_searcher
from searchers.problem import Problem, known_rows, table_problem
from searchers.random_search import RandomSearch
from searchers.searcher import Searcher

RESULTS = ROOT / "benchmarks" / "results" / "scale.json"
FIGURE = ROOT / "docs" / "figures" / "scale.png"
WORKERS = (1, 4, 16, 64, 256, 1024)
QUERIES = 4096
HOUR = 3600.0
DRAWN = {1: ":", 64: "--", 1024: "-"}
"""Numbers of workers whose incumbents are drawn, and with which lines."""
MEASURED, PENDING = (250, 500, 1000, 2000, 4000), 63
MOST_EXACT = 1000
"""Measurements after which choices are timed, of an exact process up to so many: with twice as many
its hyperparameters take minutes."""
SPARSE_FROM, SPARSE_QUERIES = 64, 200
"""Measurements after which ``bo`` is sparse in the comparison, and queries of its searches."""


def simulate(
    problem: Problem, searcher: Searcher, queries: int, workers: int, clock: Any = time.process_time
) -> dict[str, Any]:
    """One search, what its workers did, and its incumbents against simulated hours.

    Args:
        problem: of a table with training times.
        searcher: nothing was asked of it yet.
        queries: architectures in all.
        workers: simulated ones; as many architectures are measured at once.
        clock: what the driver's decisions are charged by, seconds.
    """
    best: list[tuple[float, Incumbent]] = []
    driver: dict[str, float] = {}
    with Simulated(workers, recorded_seconds, clock) as engine:
        evaluations = Evaluations(problem.estimator, engine)
        loop = SearchLoop(searcher, evaluations, Budget(queries, at_once=workers))
        for step in loop.steps():
            if step.incumbent and (not best or step.incumbent is not best[-1][1]):
                best.append((engine.now, step.incumbent))
            if step.query is not None and step.query & (step.query - 1) == 0:  # powers of two
                driver[str(step.query)] = engine.account.driver_seconds
    account = engine.account
    return {
        "queries": loop.history.queries,
        "hours": account.makespan / HOUR,
        "hours_to_last_start": account.last_start / HOUR,
        "utilisation": account.utilisation(),
        "utilisation_to_last_start": account.utilisation(account.last_start),
        "driver_seconds": account.driver_seconds,
        "decisions_a_second": account.decisions_a_second,
        "driver_seconds_after": driver,
        "incumbents": [record(problem, hours / HOUR, one) for hours, one in best],
    }


def record(problem: Problem, hours: float, best: Incumbent) -> dict[str, Any]:
    """An incumbent as plain values, and when it was received."""
    assert problem.truth is not None
    found = {"hours": hours, "query": best.query, "validation": best.measurement.validation}
    return {**found, **problem.truth.of(best.measurement.hash)}


def run(given: Namespace) -> None:
    """Simulate what is not kept yet."""
    table = get_benchmark("NB101", given.data_root)
    trials = table.metric("validation").values.shape[1]
    wanted = [
        (method, workers, seed)
        for seed in range(given.seeds)
        for method in given.methods
        for workers in given.workers
    ]
    for method, workers, seed in progress(wanted, "simulating searches of NB101", "searches"):
        kept_runs = kept(given.results)
        same = kept_runs["results"].setdefault(method, {}).setdefault(str(given.queries), {})
        runs = same.setdefault(str(workers), {})
        if str(seed) not in runs:
            problem = table_problem(table, known_rows(table, seed % trials), seed % trials)
            searcher = make_searcher(method, problem.domain, seed)
            row = f"{method}, {given.queries} queries, {workers} workers"
            note_machine(kept_runs, row, runs)
            runs[str(seed)] = simulate(problem, searcher, given.queries, workers)
            write_json(given.results, kept_runs)


def choices(given: Namespace) -> None:
    """Time choices of ``bo`` after so many measurements."""
    table = get_benchmark("NB101", given.data_root)
    domain = known_rows(table, 0)
    exact = {n: len(domain) for n in MEASURED if EXACT < n <= MOST_EXACT}
    wanted = [(n, EXACT) for n in MEASURED] + list(exact.items())
    for measured, limit in progress(wanted, "timing choices", "choices"):
        record = kept(given.results)
        name = f"{measured}, exact" if limit > EXACT else str(measured)
        times = record.setdefault("choices", {})
        if name not in times:
            times[name] = time_choice(table_problem(table, domain, 0), measured, limit)
            write_json(given.results, record)


def time_choice(problem: Problem, measured: int, exact: int) -> dict[str, float]:
    """Processor's seconds of the choices of hyperparameters and of an architecture.

    Args:
        problem: a table.
        measured: random architectures that were measured.
        exact: measurements up to which the process is exact.
    """
    domain, usual = problem.domain, search_defaults(problem.space)
    drawn = RandomSearch(domain, seed=0).ask(measured + PENDING)
    searcher = CandidateBO(domain, usual.features, usual.criterion, exact=exact)
    searcher.tell(list(problem.estimator.measure(drawn[:measured])))
    searcher.expect(drawn[measured:])
    started = time.process_time()
    searcher.ask(1)
    between = time.process_time()
    searcher.ask(1)
    choice = time.process_time() - between
    refit = between - started - choice
    return {"choice": choice, "refit": refit, "a_query": choice + refit / refits(measured, exact)}


def refits(measured: int, exact: int) -> int:
    """Measurements between one choice of hyperparameters and the next, there."""
    last = last_refit(measured, exact)
    return next(n for n in range(1, measured) if last_refit(last + n, exact) > last)


def choice_lines(times: dict[str, dict[str, float]]) -> Iterator[str]:
    """Their table."""
    yield "| measurements | one proposal, s | fit, s | mean per query, s |"
    yield "|---|---|---|---|"
    for name, one in times.items():
        yield f"| {name} | {one['choice']:.2g} | {one['refit']:.2g} | {one['a_query']:.2g} |"


def compare(given: Namespace) -> None:
    """Search as ``bo`` does in ``search.py``, but for the process, and keep what is found."""
    table = get_benchmark("NB101", given.data_root)
    domain = known_rows(table)
    usual = search_defaults(domain.space)
    for seed in progress(range(given.seeds), "searching with a sparse process", "searches"):
        record = kept(given.results)
        runs = record.setdefault("sparse", {})
        if str(seed) not in runs:
            searcher = CandidateBO(
                domain, usual.features, usual.criterion, seed=seed, exact=SPARSE_FROM
            )
            problem, budget = table_problem(table, domain), search.Budget(SPARSE_QUERIES)
            note_machine(record, "sparse", runs)
            runs[str(seed)] = search.search(problem, searcher, budget)
            write_json(given.results, record)


def difference_lines(runs: dict[str, dict[str, Any]]) -> Iterator[str]:
    """How much higher the exact process gets than the sparse one, on the same seeds."""
    exact = kept(search.RESULTS / "search_NB101.json")["results"]["bo"]
    for queries in search.BUDGETS:
        of_both = search.at_budget(exact, queries), search.at_budget(runs, queries)
        if queries > SPARSE_FROM and (found := paired_difference(*of_both)):
            yield f"- {queries} queries: exact − sparse {found.text(2, 100)}"


def rows(results: dict[str, Any]) -> Iterator[Row]:
    """What is kept, in the order of the table."""
    for method in sorted(results, key=list(SEARCHERS).index):
        for queries in sorted(map(int, results[method])):
            for workers, runs in results[method][str(queries)].items():
                yield Row(method, queries, int(workers), list(runs.values()))


@dataclass(frozen=True)
class Row:
    """The searches of all seeds by one method, of equal length and with as many workers."""

    method: str
    queries: int
    workers: int
    searches: list[dict[str, Any]]

    def mean(self, name: str) -> float:
        """Mean of a number over the seeds."""
        return float(np.mean([one[name] for one in self.searches]))


def table_lines(results: dict[str, Any]) -> Iterator[str]:
    """The table of the documentation: means over the seeds."""
    yield (
        "| search | workers | utilisation to the last start | utilisation to the end "
        "| decisions per second | simulated hours |"
    )
    yield "|---|---|---|---|---|---|"
    for row in rows(results):
        pace, hours = row.mean("decisions_a_second"), row.mean("hours")
        yield (
            f"| {row.method}, {row.queries:,} queries | {row.workers:,} "
            f"| {row.mean('utilisation_to_last_start'):.2%} | {row.mean('utilisation'):.1%} "
            f"| {three_digits(pace)} | {three_digits(hours)} |"
        )


def three_digits(number: float) -> str:
    """A number for people."""
    return f"{number:,.0f}" if number >= 100 else f"{number:.3g}"


def draw(results: dict[str, Any], out: Path) -> None:
    """Utilisation and decisions against the workers, incumbents against simulated hours."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(13, 4.4), layout="constrained")
    busy, pace, found = figure.subplots(1, 3)
    for number, method in enumerate(results):
        for queries, marker in zip(sorted(map(int, results[method])), "oD^sv", strict=False):
            color, label = f"C{number}", f"{method}, {queries:,} queries"
            mine = [row for row in rows(results) if (row.method, row.queries) == (method, queries)]
            workers = [row.workers for row in mine]
            for name, line in (("utilisation_to_last_start", "-"), ("utilisation", ":")):
                busy.plot(workers, [100 * row.mean(name) for row in mine], marker + line, c=color)
            paces = [row.mean("decisions_a_second") for row in mine]
            pace.plot(workers, paces, marker + "-", color=color, label=label)
            for row in mine:
                if row.workers in DRAWN:
                    hours, errors = mean_error(row.searches)
                    style = DRAWN[row.workers]
                    found.plot(hours, errors, style, color=color, drawstyle="steps-post")
    needed = np.array(WORKERS) / mean_training(results)
    pace.plot(WORKERS, needed, "k--", label="trainings that end a second")
    busy.axhline(95, color="grey", lw=0.8)
    busy.set(xscale="log", xlabel="workers", ylabel="utilisation, %")
    busy.set_title("to the last start (lines), to the end (dots)", fontsize=9)
    pace.set(xscale="log", yscale="log", xlabel="workers", ylabel="decisions per second")
    found.set(xscale="log", xlabel="simulated hours", ylabel="true test error of the incumbent, %")
    found.set_ylim(5.5, 9)  # the best cell of the table has 5.7 %, the median one 9 %
    found.set_title("1 worker (dots), 64 (dashes), 1,024 (lines)", fontsize=9)
    for axis in (busy, pace, found):
        axis.grid(alpha=0.3)
    pace.legend(fontsize=7)
    out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(out, dpi=150)


def mean_error(searches: Sequence[dict[str, Any]]) -> tuple[np.ndarray, np.ndarray]:
    """Mean true test error of the incumbents, percent, from when all searches have one.

    **Shape** (T,) each: simulated hours and errors, a step at each change.
    """
    moments = np.unique([each["hours"] for one in searches for each in one["incumbents"]])
    first = max(one["incumbents"][0]["hours"] for one in searches)
    end = max(one["hours"] for one in searches)
    hours = np.array([*moments[moments >= first], end])
    errors = [
        [
            1 - next(e["true_test"] for e in reversed(one["incumbents"]) if e["hours"] <= moment)
            for moment in hours
        ]
        for one in searches
    ]
    return hours, 100 * np.mean(errors, axis=0)


def mean_training(results: dict[str, Any]) -> float:
    """Seconds of a training, over all searches."""
    found = [
        one["utilisation"] * row.workers * one["hours"] * HOUR / one["queries"]
        for row in rows(results)
        for one in row.searches
    ]
    return float(np.mean(found))


MEASURES: dict[str, Callable[[Namespace], None]] = {
    "run": run,
    "choices": choices,
    "sparse": compare,
}
"""What is measured and kept."""


def make_parser() -> Parser:
    """The command line."""
    flags = parser("Asynchronous searches with many simulated workers.")
    flags.add_argument("what", choices=[*MEASURES, "table", "figure"])
    flags.add_argument(
        "--methods", nargs="+", choices=list(SEARCHERS), default=["evolution", "random"]
    )
    flags.add_argument("--workers", nargs="+", type=positive_int, default=list(WORKERS))
    flags.add_argument("--queries", type=positive_int, default=QUERIES, help="of each search")
    flags.add_argument("--seeds", type=positive_int, default=1, help="searches of each kind")
    flags.add_argument("--data_root", type=Path, help="folder of the measured data")
    flags.add_argument("--results", type=output_file, default=RESULTS, help="file that is kept")
    flags.add_argument("--out", type=output_file, default=FIGURE, help="the figure")
    return flags


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the tables, or draw what is kept."""
    given = make_parser().parse_args(arguments)
    torch.set_num_threads(1)
    if given.what in MEASURES:
        MEASURES[given.what](given)
        return 0
    record = kept(given.results)
    if given.what == "figure":
        draw(record["results"], given.out)
    else:
        print("\n".join(table_lines(record["results"])))
        print("\n".join(choice_lines(record.get("choices", {}))))
        print("\n".join(difference_lines(record.get("sparse", {}))))
    return 0


if __name__ == "__main__":
    run_command(main)
