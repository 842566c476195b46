"""Carrying a search out: the loop, and what it leaves in a run's folder."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from analysis.incumbent_figure import draw_incumbent
from datasets.graph import ArchitectureGraph
from datasets.objective import Objective
from estimators.evaluations import Evaluations
from estimators.measurement import Measurement
from experiment.engine import Engine, InThisProcess
from experiment.run import RunFolder
from searchers.history import Step
from searchers.limits import Limit
from searchers.loop import HOPELESS, Asked, Budget, GivenUpError, SearchLoop
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
        patience: failures, without a success before, after which it is given up; ``None``: never.
    """

    problem: Problem
    method: str
    searcher: Searcher
    budget: Budget
    start: Sequence[ArchitectureGraph] = ()
    known: Sequence[Measurement] = ()
    limit: Limit | None = None
    engine: Engine = field(default_factory=InThisProcess)
    patience: int | None = HOPELESS

    def __post_init__(self) -> None:
        self.budget.check_start(self.start)  # before a folder is made


@dataclass
class UnitCheck:
    """A :class:`~searchers.loop.Listener` that says once that a value misfits its unit.

    The search continues: its values may be costly, and their order is right in any unit.

    Attributes:
        objective: has the unit.
        said: whether it was said.
    """

    objective: Objective
    said: bool = False

    def asked(self, batch: Asked) -> None:
        """Nothing was measured yet."""

    def measured(self, step: Step) -> None:
        """Check a value."""
        misfit = self.objective.misfit(step.measurement.validation)
        if misfit and not self.said:
            print(misfit, file=sys.stderr, flush=True)
            self.said = True


More = Callable[[SearchLoop], dict[str, Any]]
"""Further results of a loop that has ended."""


def carry_out(
    plan: Plan, run: RunFolder | None, more: More = lambda _: {}
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
    check = UnitCheck(objective)
    recorder = None if run is None else Recorder(run, problem.space, problem.truth)
    started = time.perf_counter()
    given_up: GivenUpError | None = None
    loop = SearchLoop(
        plan.searcher,
        Evaluations(problem.estimator, plan.engine),
        plan.budget,
        plan.start,
        [check] if recorder is None else [recorder, check],
        plan.limit,
        objective,
        plan.known,
        plan.patience,
    )
    try:
        if recorder is not None:
            loop.replay(recorder.events())
        advance(loop, plan.method, objective)
    except GivenUpError as error:
        given_up = error
    result = {
        **summary(loop, problem, plan.limit, plan.known),
        **more(loop),
        "seconds": time.perf_counter() - started,
    }
    if run is not None:
        write_queries(run.path / "queries.csv", run.read_metrics(), objective)
        draw_incumbent(run, plan.method, objective)
        run.save_result(result if given_up is None else {**result, "given_up": str(given_up)})
    if given_up is not None:
        raise given_up
    return loop, result
