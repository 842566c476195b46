"""Which features and criterion ``bo`` takes on each space, and which on all of them.

    python benchmarks/tuning/search_settings.py NB201 --dataset cifar10 --seeds 4 --queries 100
    python benchmarks/tuning/search_settings.py summary

Protocol: searches among a random half of the table's rows (``choosing.own_half``), looking up means
over the trials, each begun with ten random architectures; starts from seed 100 on, where the
reported searches have the seeds 0 to 19 and all rows. The candidate with the fewest queries to the
best architecture of the half, in the mean over the starts, is chosen; a start that does not meet it
counts as one query more than its budget. Beside it stands the mean regret after the random start,
in points of validation accuracy. ``summary`` also compares the criteria on the features that every
space has, by their mean place: what ``bo`` does on a space that nothing was chosen for.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from scipy.stats import rankdata

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from benchmarks.prediction import kept
from benchmarks.search import INITIAL, search
from benchmarks.tuning.choosing import (
    Scores,
    means,
    measure_all,
    own_half,
    place,
    verdict,
)
from datasets import get_benchmark, get_space
from experiment.arguments import output_file, parser, positive_int
from experiment.errors import InputError, run_command
from searchers.candidate_bo import CandidateBO
from searchers.criteria import CRITERIA
from searchers.defaults import FALLBACK, search_defaults
from searchers.domain import Candidates
from searchers.loop import Budget
from searchers.problem import Problem, known_rows, table_problem
from searchers.searcher import Searcher

FEATURE_SETS: dict[str, tuple[tuple[str, ...], ...]] = {
    "NB101": (
        ("statistics", "walks"),
        ("statistics", "walks", "paths"),
        ("statistics", "walks", "digits"),
        ("statistics", "walks", "paths", "digits"),
    ),
    "NB201": (("statistics", "walks"), ("statistics", "walks", "paths")),
    "ENAS": (("statistics", "walks"), ("one_hot",)),
    "NAS_BENCH_GRAPH": (
        ("statistics", "walks"),
        ("statistics",),
        ("statistics", "one_hot"),
    ),
    "DIGITS101": (
        ("statistics", "walks"),
        ("statistics", "walks", "paths"),
        ("statistics", "walks", "costs"),
        ("statistics", "walks", "paths", "costs"),
    ),
}
"""Space → features that are compared on it."""
COMPARED = ("upper_confidence_bound", "expected_improvement", "thompson")
"""Criteria that are compared, keys of ``CRITERIA``."""


def candidate(features: Sequence[str], criterion: str) -> str:
    """Name of a setting."""
    return f"{' '.join(features)}; {criterion}"


def candidates(space: str) -> dict[str, tuple[tuple[str, ...], str]]:
    """Name → features and criterion, every combination."""
    return {
        candidate(features, criterion): (features, criterion)
        for features in FEATURE_SETS[space]
        for criterion in COMPARED
    }


def today(space: str) -> str:
    """Name of what ``bo`` takes on a space now."""
    chosen = search_defaults(get_space(space))
    criterion = next(name for name, each in CRITERIA.items() if each is chosen.criterion)
    return candidate(chosen.features, criterion)


def half(domain: Candidates) -> Candidates:
    """The candidates that settings are chosen on."""
    rows = own_half(len(domain))
    return Candidates(domain.space, domain.graphs[torch.from_numpy(rows)], domain.hashes[rows])


def score(problem: Problem, searcher: Searcher, queries: int) -> Scores:
    """Queries to the best of the domain, and the mean regret after the random start."""
    best = (problem.optimum() or {})["validation"]
    assert best is not None
    curve = np.array(search(problem, searcher, Budget(queries))["validation"], dtype=float)
    met = np.flatnonzero(curve == best)
    return {
        "queries": float(met[0] + 1 if len(met) else queries + 1),
        "regret": float(100 * (best - curve[searcher.initial :]).mean()),
    }


def one_setting(results: dict[str, dict[str, dict[str, Scores]]]) -> list[str]:
    """The criteria on the features that every space has, by their mean place over the tasks."""
    names = [candidate(FALLBACK.features, criterion) for criterion in COMPARED]
    tasks = [[means(runs, name) for name in names if name in runs] for runs in results.values()]
    tasks = [each for each in tasks if len(each) == len(names) and all(each)]
    if not tasks:
        return ["one setting: no task has been measured with all criteria"]
    places = np.mean([rankdata([one["queries"] for one in each]) for each in tasks], axis=0)
    regrets = np.mean([[one["regret"] for one in each] for each in tasks], axis=0)
    lines = [f"one setting, {len(tasks)} tasks:"]
    for name, mean_place, regret in zip(names, places, regrets, strict=True):
        mark = "*" if name == candidate(FALLBACK.features, COMPARED[0]) else " "
        lines.append(f"  {mark} {name:<55} mean place {mean_place:.2f}, regret {regret:.4g}")
    return lines


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure the candidates of a space, or say what was chosen."""
    flags = parser("Which features and criterion bo takes on a space.")
    flags.add_argument("what", choices=[*FEATURE_SETS, "summary"])
    flags.add_argument("--dataset", help="NB201: cifar10, cifar100, ImageNet16-120")
    flags.add_argument("--seeds", type=positive_int, default=4, help="starts of each candidate")
    flags.add_argument("--queries", type=positive_int, default=100, help="of each search")
    flags.add_argument("--data_root", type=Path, help="folder of the measured data")
    flags.add_argument("--threads", type=positive_int, default=1)
    flags.add_argument(
        "--out", type=output_file, default=place("search"), help="file that keeps all"
    )
    given = flags.parse_args(arguments)
    torch.set_num_threads(given.threads)
    if given.what != "summary":
        if given.queries <= INITIAL:
            raise InputError(f"{given.queries} queries choose nothing: give more than {INITIAL}")
        table = get_benchmark(given.what, given.data_root, dataset=given.dataset)
        problem = table_problem(table, half(known_rows(table)))
        settings = candidates(given.what)

        def measure(name: str, seed: int) -> Scores:
            features, criterion = settings[name]
            searcher = CandidateBO(
                problem.domain, features, CRITERIA[criterion], seed=seed, initial=INITIAL
            )
            return score(problem, searcher, given.queries)

        words = [given.what, given.dataset, f"{given.queries} queries"]
        task = ", ".join(word for word in words if word)
        measure_all(given.out, task, list(settings), given.seeds, measure)
    results = kept(given.out)["results"]
    for task, runs in results.items():
        lines = verdict(task, runs, today(task.split(",")[0]), largest=False)
        print("\n".join(lines))
    print("\n".join(one_setting(results)))
    return 0


if __name__ == "__main__":
    run_command(main)
