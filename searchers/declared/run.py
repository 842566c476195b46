"""A declared search in a run's folder: the search, then its best trained fully."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from analysis.figures import save_figure
from analysis.problem_figures import WORKERS, workers_at_work
from datasets.hyperparameters import Range
from datasets.objective import Objective
from estimators.by_curve import AT_WORK, ByCurve, CurveScore
from estimators.own_function import function_name
from estimators.store import Store
from experiment.engines import RAY
from experiment.errors import InputError
from experiment.files import write_json
from experiment.run import RunFolder
from experiment.schema import Stage
from searchers.declared.problem import NASProblem
from searchers.declared.results import LogLines, ResultsFile, as_table, search_end
from searchers.declared.top_k import chosen, train_top
from searchers.loop import Budget, SearchLoop
from searchers.problem import Problem, whole_space
from searchers.running import Plan, carry_out
from searchers.starting import CODE, code_digests, start_search

UNLIMITED = 10**6
"""Evaluations of a search that minutes alone end."""
TOP = "top_k"
"""Folder of the full trainings, and name of their tables."""


@dataclass(frozen=True)
class ProblemResult:
    """What a declared search found.

    Attributes:
        problem: that was searched.
        run: its folder.
        summary: what ``result.json`` holds.
        top_k: a row for each of the best, which was trained fully.
        objective: of the full trainings: the task's own metric.
    """

    problem: NASProblem
    run: RunFolder
    summary: dict[str, Any]
    top_k: list[dict[str, Any]]
    objective: Objective


def run_problem(
    problem: NASProblem, place: str | Path, resume: bool = False, quiet: bool = False
) -> ProblemResult:
    """Search, or resume a search that is there, and train the best fully.

    Args:
        problem: that is declared.
        place: the run's folder.
        resume: whether a run that is there continues, with as many evaluations or with more.
        quiet: whether nothing is printed, whatever the callbacks say.

    Raises:
        InputError: the problem and its data do not fit together, or the folder holds another run.
        GivenUpError: nothing could be trained.
    """
    workers = _workers(problem)
    say_notes(problem)
    estimator = problem.estimator()
    work = estimator.work
    own = work.task.prepare(work.recipe, work.device).objective
    objective = _objective(problem, own)
    domain = whole_space(problem.searched, problem.data_root)
    searcher = problem.search.searcher(domain, objective)
    budget = Budget(problem.budget.evaluations or UNLIMITED, 1, workers)
    budget.check_start(problem.start)
    with problem.engine.start() as engine:
        run = start_search(
            Path(place),
            _configuration(problem, estimator, objective, budget),
            problem.search.seed,
            resume,
        )
        results = ResultsFile(run, problem.searched, objective, _metrics(problem))
        shown = problem.callbacks.log and not quiet
        plan = Plan(
            Problem(domain, estimator.with_store(Store(run.path / "trainings.sqlite")), objective),
            problem.search.name,
            searcher,
            budget,
            problem.start,
            engine=engine,
            listeners=[results, *([LogLines(objective)] if shown else [])],
            over=search_end(problem.budget, problem.callbacks),
        )
        loop, result = carry_out(plan, run, lambda loop: _utilisation(loop, workers))
        jobs = [(row["timestamp_submit"], row["timestamp_gather"]) for row in results.write()]
        save_figure(workers_at_work(jobs, workers), run.figures / WORKERS)
        if not quiet and problem.top_k.k:
            print(f"training the best {problem.top_k.k} fully", flush=True)
        measured = [step.measurement for step in loop.history.steps]
        rows = train_top(problem, measured, run.path / TOP, engine)
    result["utilisation"] = _share(result)
    if rows:
        as_table(run.path / f"{TOP}.csv", rows)
        best = chosen(rows, own)
        result |= {TOP: rows, "chosen": best and best["rank"]}
        write_json(run.path / f"{TOP}.json", {"objective": own, "rows": rows})
    run.save_result(result)
    return ProblemResult(problem, run, result, rows, own)


def say_notes(problem: NASProblem) -> None:
    """Print what may be a mistake in a problem on standard error."""
    for note in problem.notes:
        print(note, file=sys.stderr, flush=True)


def _workers(problem: NASProblem) -> int:
    workers = problem.engine.workers
    if workers is None and problem.engine.name == RAY:
        raise InputError("engine.workers is not given: so many trainings are proposed at once")
    return workers or 1


def _objective(problem: NASProblem, own: Objective) -> Objective:
    """The search's objective, with the unit and the data set of the task's own."""
    score, objective = problem.scored
    known = isinstance(score, CurveScore) and score.figure.removeprefix("val_")
    unit = own.unit if known in problem.kind.in_unit else None
    return replace(objective, unit=unit, dataset=own.dataset)


def _metrics(problem: NASProblem) -> list[str]:
    return [f"val_{name}" for name in problem.metrics or problem.kind.metrics]


def _configuration(
    problem: NASProblem, estimator: ByCurve, objective: Objective, budget: Budget
) -> dict[str, Any]:
    """All that decides the numbers of the search."""
    goal = problem.objective
    code = {} if isinstance(goal, str) else code_digests(objective=goal)
    return {
        "stage": Stage.SEARCH,
        "method": problem.search.name,
        "space": problem.space.name,
        "dataset": objective.dataset,
        "estimator": "train",
        "objective": objective,
        "training": estimator.settings,
        "problem": {
            "task": problem.task,
            "hyperparameters": _written(problem.hyperparameters),
            "objective": goal if isinstance(goal, str) else function_name(goal),
            # Without ``start``, which is below by hashes: older runs have no such key.
            "search": {k: v for k, v in asdict(problem.search).items() if k != "start"},
            "search_patience": problem.callbacks.search_patience,
        },
        "candidates": None,
        "queries": budget.queries,
        "initial": problem.search.initial,
        "start": [problem.searched.hash(graph) for graph in problem.start],
        "batch": budget.batch,
        "at_once": budget.at_once,
        **({CODE: code} if code else {}),
    }


def _written(hyperparameters: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: f"{value} ({len(value)} values)" if isinstance(value, Range) else value
        for name, value in hyperparameters.items()
    }


def _utilisation(loop: SearchLoop, workers: int) -> dict[str, Any]:
    """The workers, and the seconds that they trained and were at work."""
    found = [step.measurement for step in loop.history.steps]
    trained = sum(each.cost_seconds or 0.0 for each in found)
    at_work = sum((each.details or {}).get(AT_WORK, 0.0) for each in found)
    return {"workers": workers, "training_seconds": trained, AT_WORK: at_work}


def _share(result: Mapping[str, Any]) -> float | None:
    """Share of the workers' time in which they were at work."""
    there = result["workers"] * result["seconds"]
    return result[AT_WORK] / there if there else None
