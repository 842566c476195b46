"""Carrying a search out: the loop, and what it leaves in a run's folder."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from analysis.incumbent_figure import draw_incumbent
from datasets.graph import ArchitectureGraph
from estimators.evaluations import Evaluations
from estimators.measurement import Measurement
from experiment.engine import Engine, InThisProcess
from experiment.run import METRICS, RunFolder
from searchers.history import SearchHistory
from searchers.limits import Limit
from searchers.loop import Budget, GivenUpError, Listener, SearchLoop
from searchers.notices import FirstFailure, UnitCheck
from searchers.problem import Problem
from searchers.recording import Recorder, write_queries
from searchers.searcher import Searcher
from searchers.summary import advance, summary


@dataclass(frozen=True)
class Plan:
    """All of a search but its folder.

    Attributes:
        problem: what is searched.
        method: name of the searcher.
        searcher: a new one, of which nothing was asked.
        budget: how much is measured.
        start: architectures to be measured first, canonical, each once.
        known: what was measured before; it costs nothing.
        limit: on a cost.
        engine: measures; its ``with`` block was entered.
        listeners: receive what happens, after it was recorded.
        over: whether nothing more is to be proposed, though queries are left, by the history and
            the seconds that the search has taken in all its parts.
    """

    problem: Problem
    method: str
    searcher: Searcher
    budget: Budget
    start: Sequence[ArchitectureGraph] = ()
    known: Sequence[Measurement] = ()
    limit: Limit | None = None
    engine: Engine = field(default_factory=InThisProcess)
    listeners: Sequence[Listener] = ()
    over: Callable[[SearchHistory, float], bool] = lambda history, seconds: False

    def __post_init__(self) -> None:
        self.budget.check_start(self.start)  # before a folder is made


More = Callable[[SearchLoop], dict[str, Any]]
"""Further results of a loop that has ended."""


def nothing_more(loop: SearchLoop) -> dict[str, Any]:
    """No further results."""
    return {}


def carry_out(
    plan: Plan, run: RunFolder | None, more: More = nothing_more
) -> tuple[SearchLoop, dict[str, Any]]:
    """Start or resume a search and record its results.

    Args:
        plan: the search.
        run: its folder, started; ``None``: nothing is written.
        more: results beside the usual ones.

    Returns:
        The loop that has ended, and what ``result.json`` holds.

    Raises:
        GivenUpError: nothing could be measured; what was tried is in the folder.
    """
    problem, objective = plan.problem, plan.problem.objective
    recorder = None if run is None else Recorder(run, problem.space, problem.truth)
    started = time.perf_counter()

    def seconds() -> float:
        return time.perf_counter() - started if recorder is None else recorder.seconds

    given_up: GivenUpError | None = None
    loop = _loop(plan, recorder)
    try:
        if recorder is not None:
            loop.replay(recorder.events())
            _say_what_is_reused(loop, recorder.run)
        advance(loop, plan.method, objective, lambda history: plan.over(history, seconds()))
    except GivenUpError as error:
        given_up = error
    except KeyboardInterrupt as stop:
        stop.add_note(_what_is_kept(loop, run))
        raise
    result = {
        **summary(loop, problem, plan.limit, plan.known),
        **more(loop),
        "seconds": seconds(),
    }
    if run is not None:
        write_queries(run.path / "queries.csv", run.read_metrics(), objective)
        draw_incumbent(run, plan.method, objective)
        run.save_result(result if given_up is None else {**result, "given_up": str(given_up)})
    if given_up is not None:
        raise given_up
    return loop, result


def _loop(plan: Plan, recorder: Recorder | None) -> SearchLoop:
    problem = plan.problem
    log = None if recorder is None else recorder.run.path / METRICS
    listeners: list[Listener] = [] if recorder is None else [recorder]
    listeners += [FirstFailure(problem.space, log), UnitCheck(problem.objective), *plan.listeners]
    return SearchLoop(
        plan.searcher,
        Evaluations(problem.estimator, plan.engine),
        plan.budget,
        plan.start,
        listeners,
        plan.limit,
        problem.objective,
        plan.known,
    )


def _say_what_is_reused(loop: SearchLoop, run: RunFolder) -> None:
    """Say how many measurements came from the folder, if any did."""
    if loop.history.steps:
        print(
            f"{run.path}: {_queries(loop)} are there already and are not repeated",
            file=sys.stderr,
            flush=True,
        )


def _what_is_kept(loop: SearchLoop, run: RunFolder | None) -> str:
    """What an interrupted search leaves, and how to continue it."""
    if run is None:
        return f"{_queries(loop)} were made, and none is kept: a search in a folder can be resumed"
    return (
        f"{_queries(loop)} are kept in {run.path}: the same search with --resume (in Python "
        "resume=True) continues"
    )


def _queries(loop: SearchLoop) -> str:
    return f"{loop.history.queries} of {loop.budget.queries} queries"
