"""Search for the best architecture of a space.

From the repository root::

    PYTHONPATH=$PWD python Bayesian_Optimization/search.py --space NB201 --dataset cifar100 \
        --method evolution --queries 150 --initial 10 --estimator table --trial mean --seed 0

Accuracies are looked up in a table, guessed by a fitted surrogate (``--estimator surrogate``), or
come from real training on handwritten digits (``--estimator train``). A run killed at any moment
goes on with ``--resume``, to the same end, without measuring anything twice.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
if str(ROOT) not in sys.path[:1]:
    sys.path.insert(0, str(ROOT))

import json  # noqa: E402
import time  # noqa: E402
from argparse import ArgumentTypeError, Namespace  # noqa: E402
from collections.abc import Mapping, Sequence  # noqa: E402
from typing import Any  # noqa: E402

import torch  # noqa: E402

from analysis.figures import curves, save_figure  # noqa: E402
from Bayesian_Optimization.accounting import report  # noqa: E402
from Bayesian_Optimization.loop import Budget, SearchLoop  # noqa: E402
from Bayesian_Optimization.methods import SEARCHERS, make_searcher  # noqa: E402
from Bayesian_Optimization.problem import (  # noqa: E402
    Problem,
    known_rows,
    surrogate_problem,
    table_problem,
    training_problem,
    whole_space,
)
from Bayesian_Optimization.recommendation import recommended  # noqa: E402
from Bayesian_Optimization.recording import Recorder, write_queries  # noqa: E402
from Bayesian_Optimization.starting import read_start  # noqa: E402
from datasets import get_benchmark, get_space  # noqa: E402
from datasets.graph import ArchitectureGraph  # noqa: E402
from datasets.registry import SPACES  # noqa: E402
from estimators.evaluations import evaluations  # noqa: E402
from estimators.from_scratch import FromScratch  # noqa: E402
from estimators.store import Store  # noqa: E402
from experiment.arguments import Parser, non_negative_int, parser, positive_int  # noqa: E402
from experiment.errors import InputError, run_command  # noqa: E402
from experiment.files import plain  # noqa: E402
from experiment.progress import progress  # noqa: E402
from experiment.run import RunFolder  # noqa: E402
from experiment.seeding import seed_everything  # noqa: E402

RUNS = ROOT / "runs" / "search"
ESTIMATORS = ("table", "surrogate", "train")


def trial(text: str) -> int | None:
    """``mean``, or the number of a trial."""
    if text == "mean":
        return None
    if not text.isdigit():
        raise ArgumentTypeError(f"expected mean or a number from 0 on, was given {text!r}")
    return int(text)


def make_parser() -> Parser:
    """The command line."""
    flags = parser("Search for the best architecture of a space.")
    flags.add_argument("--space", default="DIGITS101", choices=list(SPACES), help="search space")
    flags.add_argument("--dataset", help="data set, where there are several (NB201)")
    flags.add_argument("--method", default="evolution", choices=list(SEARCHERS), help="searcher")
    flags.add_argument("--queries", type=positive_int, default=150, help="measurements in all")
    flags.add_argument(
        "--initial", type=positive_int, default=10, help="random architectures to begin with"
    )
    flags.add_argument("--start", type=Path, help="file of architectures to begin with, one a line")
    flags.add_argument(
        "--batch", type=positive_int, default=1, help="architectures asked for together"
    )
    flags.add_argument(
        "--asynchronous",
        type=positive_int,
        metavar="N",
        help="measure N at once, and ask for another as soon as one is done",
    )
    flags.add_argument(
        "--estimator",
        default="table",
        choices=ESTIMATORS,
        help="look accuracies up, let a fitted predictor guess them, or train on the digits",
    )
    flags.add_argument(
        "--trial",
        type=trial,
        help="mean, or the number of the one trial that is looked up (default: mean); when "
        "training, its seed (default: 0)",
    )
    flags.add_argument(
        "--domain",
        choices=("table", "space"),
        help="what may be asked for: what the table knows, or all of the space (default: table "
        "with --estimator table, else space)",
    )
    flags.add_argument("--predictor", help="of the surrogate (default: the suite's choice)")
    flags.add_argument("--features", nargs="+", help="what the predictor is told")
    flags.add_argument(
        "--labels",
        type=positive_int,
        help="architectures the predictor learns from (default: 1000)",
    )
    flags.add_argument(
        "--workers", type=positive_int, default=1, help="processes that train or look up"
    )
    flags.add_argument(
        "--store", type=Path, help="file of trainings that are not repeated (default: in the run)"
    )
    flags.add_argument("--name", help="name of the run's folder (default: made of the settings)")
    flags.add_argument("--log_dir", type=Path, default=RUNS, help="where the run's folder lies")
    flags.add_argument("--resume", action="store_true", help="go on with the run that is there")
    flags.add_argument("--json", action="store_true", help="print the result as one JSON object")
    flags.add_argument(
        "--data_root",
        type=Path,
        help="folder with ENAS/, nasbench101/ … (default: NAS_DATA_ROOT, else datasets/)",
    )
    flags.add_argument("--seed", type=non_negative_int, default=0, help="of the search")
    flags.add_argument("--threads", type=positive_int, help="CPU threads of PyTorch")
    return flags


def main(arguments: Sequence[str] | None = None) -> int:
    """Search, and report what was found."""
    given = make_parser().parse_args(arguments)
    folder = given.log_dir / (given.name or _name(given))
    check_flags(given)
    if given.threads or given.estimator == "train":
        torch.set_num_threads(given.threads or 1)  # digits are trained with one, as for the table
    seed_everything(given.seed)
    problem = make_problem(given)
    budget = make_budget(given, problem)
    start = read_start(given.start, problem.domain) if given.start else []
    searcher = make_searcher(given.method, problem.domain, given.seed, given.initial)
    run = RunFolder.start(
        folder, configuration(given, problem, budget, start), given.seed, given.resume
    )
    if isinstance(problem.estimator, FromScratch):
        problem.estimator.store = Store(given.store or run.path / "trainings.sqlite")
    recorder = Recorder(run, problem.space, problem.truth)
    started = time.perf_counter()
    with evaluations(problem.estimator, given.workers) as evaluating:
        loop = SearchLoop(searcher, evaluating, budget, start, [recorder])
        loop.replay(recorder.events())
        advance(loop, given.method)
    seconds = time.perf_counter() - started
    result = {**summary(loop, problem), "seconds": seconds}
    write_queries(run.path / "queries.csv", run.read_metrics())
    draw(run, given.method)
    run.save_result(result)
    if given.json:
        print(json.dumps(plain(result)))
    else:
        print("\n".join([*tell(result, given), f"{run.path}/result.json, queries.csv, figures/"]))
    return 0


def check_flags(given: Namespace) -> None:
    """Refuse flags that would change nothing.

    Raises:
        InputError: there is one.
    """
    surrogate = [name for name in ("predictor", "features", "labels") if getattr(given, name)]
    if surrogate and given.estimator != "surrogate":
        raise InputError(f"--{surrogate[0]} belongs to --estimator surrogate: leave it out")
    if given.store and given.estimator != "train":
        raise InputError("--store keeps trainings: it belongs to --estimator train")
    if given.estimator == "surrogate" and given.trial is not None:
        raise InputError("--trial chooses what is looked up or trained: a surrogate guesses")
    if given.asynchronous and given.batch > 1:
        raise InputError("an asynchronous search asks for one at a time: leave --batch out")
    if given.estimator == "train" and given.domain == "table":
        raise InputError("what is trained needs no table: leave --domain out")
    if given.estimator == "train" and given.dataset not in (None, "digits"):
        raise InputError(
            f"training is on the digits, not on {given.dataset!r}: leave --dataset out"
        )
    if given.features is not None:
        given.features = [name for word in given.features for name in word.split(",") if name]


def make_problem(given: Namespace) -> Problem:
    """What the flags ask to search.

    Raises:
        InputError: there is no such table, trial, predictor or network.
    """
    space = get_space(given.space)
    if given.estimator == "train":
        same = get_benchmark(given.space) if given.space == "DIGITS101" else None
        return training_problem(whole_space(space, given.data_root), given.trial or 0, same)
    choices = {} if given.dataset is None else {"dataset": given.dataset}
    table = get_benchmark(given.space, given.data_root, **choices)
    usual = "table" if given.estimator == "table" else "space"
    domain = (
        known_rows(table, given.trial)
        if (given.domain or usual) == "table"
        else whole_space(space, given.data_root)
    )
    if given.estimator == "table":
        return table_problem(table, domain, given.trial)
    return surrogate_problem(
        table, domain, given.predictor, given.features, given.labels, given.seed
    )


def make_budget(given: Namespace, problem: Problem) -> Budget:
    """The budget that the flags ask for.

    Raises:
        InputError: there are not so many architectures.
    """
    for name in ("initial", "queries"):
        wanted, there = getattr(given, name), problem.size
        if there is not None and wanted > there:
            raise InputError(
                f"--{name} {wanted} is more than the {there} architectures of "
                f"{problem.space.name} that may be asked for: give fewer"
            )
    if given.initial > given.queries:
        raise InputError(
            f"--initial {given.initial} is more than --queries {given.queries}, which count them "
            "too: give fewer"
        )
    return Budget(given.queries, given.batch, given.asynchronous or 1)


def configuration(
    given: Namespace, problem: Problem, budget: Budget, start: Sequence[ArchitectureGraph]
) -> dict[str, Any]:
    """All that decides the numbers."""
    names = [problem.space.hash(graph) for graph in start]
    return {
        "stage": "search",
        "method": given.method,
        "space": given.space,
        "dataset": given.dataset
        or (problem.truth.benchmark.dataset if problem.truth else "digits"),
        "estimator": given.estimator,
        **problem.settings,
        "candidates": problem.size,
        "queries": budget.queries,
        "initial": given.initial,
        "start": names,
        "batch": budget.batch,
        "at_once": budget.at_once,
    }


def advance(loop: SearchLoop, method: str) -> None:
    """Let the loop end, with a bar on a terminal."""
    done = loop.account.queries
    with progress(loop.budget.queries, method, "queries") as bar:
        bar.advance(done)
        for step in loop.steps():
            best = step.incumbent
            bar.advance(int(step.query is not None), best=best.value if best else "none yet")


def summary(loop: SearchLoop, problem: Problem) -> dict[str, Any]:
    """The final numbers."""
    account, truth = loop.account, problem.truth
    best = report(account.incumbent, truth)
    if best is not None and account.incumbent is not None:
        best |= problem.space.to_record(account.incumbent.measurement.architecture)
    measured = {step.measurement.hash: step.measurement for step in account.steps}
    return {
        "queries": account.queries,
        "failed": sum(step.measurement.status == "failed" for step in account.steps),
        "unknown": account.unknown,
        "share_known": account.share_known,
        "dropped": loop.searcher.dropped,
        "best_observed": best,
        "recommended": recommended(loop.searcher, measured, truth),
        "optimum": problem.optimum(),
        "simulated_seconds": account.simulated_seconds,
    }


def draw(run: RunFolder, method: str) -> None:
    """Draw the incumbent against the queries."""
    lines = [
        {
            "queries": line["query"],
            "measured": line["incumbent"]["validation"],
            "true mean": line["incumbent"].get("true_validation"),
            "test": line["incumbent"].get("true_test", line["incumbent"]["test"]),
        }
        for line in run.read_metrics()
        if line.get("query") and line["incumbent"]
    ]
    panels = {"validation": ["measured", "true mean"], "test": ["test"]}
    known = {
        label: [key for key in keys if any(line[key] is not None for line in lines)]
        for label, keys in panels.items()
    }
    shown = {label: keys for label, keys in known.items() if keys}
    figure = curves(lines, shown, x="queries", title=f"Best architecture so far, {method}")
    save_figure(figure, run.figures / "incumbent.png")


def tell(result: Mapping[str, Any], given: Namespace) -> list[str]:
    """What was found, for people."""
    kind = {"table": "looked up", "surrogate": "guessed by a surrogate", "train": "trained"}
    lines = [
        f"{given.method} on {given.space}: {result['queries']} architectures "
        f"{kind[given.estimator]} in {result['seconds']:.1f} s, "
        f"{result['simulated_seconds']:,.0f} s of training"
    ]
    if result["unknown"]:
        lines.append(
            f"{result['unknown']} more are not in the table and cost no query: "
            f"{result['share_known']:.1%} of what was asked for is known"
        )
    if result["failed"]:
        lines.append(f"{result['failed']} of them failed")
    lines += [
        f"{label}: {_accuracies(result[key])}"
        for key, label in (
            ("best_observed", "best observed"),
            ("recommended", "best by posterior mean"),
            ("optimum", "the best there is"),
        )
        if result[key] is not None
    ]
    return lines


def _accuracies(found: Mapping[str, Any]) -> str:
    shown = [
        f"{name.replace('_', ' ')} {100 * value:.3f} %"
        for name, value in found.items()
        if name in _SHOWN and value is not None
    ]
    name = f"{found['hash']}, " if "hash" in found else ""
    return name + ", ".join(shown)


_SHOWN = ("validation", "test", "true_validation", "true_test", "test_of_best_validation")


def _name(given: Namespace) -> str:
    words = [given.space, given.dataset, given.estimator, given.method, f"seed{given.seed}"]
    return "_".join(word for word in words if word)


if __name__ == "__main__":
    run_command(main)
