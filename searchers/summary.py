"""What a search has found: its numbers, and lines for people."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from datasets.measurement_files import VALUE
from datasets.objective import ACCURACY, Objective
from estimators.measurement import Measurement
from experiment.progress import progress
from searchers.final_training import TRAINED
from searchers.history import SearchHistory, found_record
from searchers.limits import Limit
from searchers.loop import SearchLoop
from searchers.problem import Problem
from searchers.recommendation import recommended
from searchers.recording import value_name

HOW = {
    "table": "looked up",
    "surrogate": "guessed by a surrogate",
    "train": "trained",
    "one_shot": "measured by shared weights",
    "function": "measured",
}
"""Estimator → what it does to an architecture."""
GUESSED = "guessed "
"""Stands before predicted accuracies."""


def advance(
    loop: SearchLoop,
    method: str,
    objective: Objective = ACCURACY,
    over: Callable[[SearchHistory], bool] = lambda _: False,
) -> None:
    """Let the loop end, with a bar on a terminal; what was replayed has no part in its rate.

    Args:
        loop: proposes until its queries are spent.
        method: name of the searcher.
        objective: what is shown of the incumbent.
        over: whether nothing more is to be proposed, though queries are left.
    """
    failed = loop.history.failed
    if over(loop.history):
        loop.stop()
    with progress(loop.budget.queries, method, "queries", done=loop.history.queries) as bar:
        for step in loop.steps():
            best = step.incumbent
            figures = {"best": objective.text(best.measurement.validation) if best else "none yet"}
            failed += step.measurement.status == "failed"
            if failed:
                figures["failed"] = str(failed)
            bar.advance(int(step.query is not None), **figures)
            if over(loop.history):
                loop.stop()


def summary(
    loop: SearchLoop,
    problem: Problem,
    limit: Limit | None = None,
    known: Sequence[Measurement] = (),
) -> dict[str, Any]:
    """The final numbers.

    Args:
        loop: that has ended.
        problem: what was searched.
        limit: that the search had to keep.
        known: what was measured before it.
    """
    history, truth = loop.history, problem.truth
    best = found_record(history.incumbent, problem.space, truth)
    if best is not None and history.incumbent is not None:
        best["network"] = problem.network(history.incumbent.measurement.architecture)
    measured = {one.hash: one for one in (*known, *(step.measurement for step in history.steps))}
    advised = recommended(loop.searcher, measured, truth)
    return {
        "objective": problem.objective,
        "queries": history.queries,
        "last_failure": history.last_failure,
        "failed": history.failed,
        "unknown": history.unknown,
        "share_known": history.share_known,
        "dropped": loop.searcher.dropped,
        "best_observed": best and _named(best, problem.objective),
        "recommended": advised and _named(advised, problem.objective),
        "optimum": problem.optimum(limit),
        "simulated_seconds": history.simulated_seconds,
        **_by_fidelity(loop),
    }


def _by_fidelity(loop: SearchLoop) -> dict[str, Any]:
    """How many architectures were measured after how many epochs, where the search chose them."""
    steps = [step.measurement for step in loop.history.steps if step.query is not None]
    counts = {
        str(epochs): sum(one.fidelity == epochs for one in steps)
        for epochs in loop.searcher.fidelities
    }
    return {"fidelities": counts} if counts else {}


def _named(found: Mapping[str, Any], objective: Objective) -> dict[str, Any]:
    """A found architecture with its value under the objective's name, and no empty test value."""
    names = {"validation": value_name(objective)}
    return {
        names.get(key, key): value
        for key, value in found.items()
        if not (key == "test" and value is None and names["validation"] != "validation")
    }


def result_lines(result: Mapping[str, Any], config: Mapping[str, Any]) -> list[str]:
    """What was found, for people.

    Args:
        result: of :func:`summary`, with the ``seconds`` that it took.
        config: of the run.
    """
    objective = Objective.read(config)
    training = result["simulated_seconds"]
    by_fidelity = result.get("fidelities")
    what = "measurements" if by_fidelity else "architectures"
    lines = [
        f"{config['method']} on {config['space']}: {result['queries']} {what} "
        f"{HOW[config['estimator']]}{objective.where} in {result['seconds']:.1f} s"
        + (f", {training:,.0f} s of training" if training else "")
    ]
    if by_fidelity:
        counts = ", ".join(f"{count} after {epochs}" for epochs, count in by_fidelity.items())
        lines.append(f"of these {counts} epochs; what is promoted is measured again")
    if result["unknown"]:
        lines.append(
            f"{result['unknown']} more are not in the table and cost no query: "
            f"{result['share_known']:.1%} of the proposals are known"
        )
    if result["failed"]:
        lines.append(f"{result['failed']} of them failed")
    if result["best_observed"] is None:
        lines.append(_why_nothing(result))
    guessed = GUESSED if config["estimator"] == "surrogate" else ""
    for key, label in (
        ("best_observed", "best observed"),
        ("recommended", "best by posterior mean"),
        ("optimum", "optimum"),
    ):
        if result[key] is not None:
            values = _values(result[key], objective, "" if key == "optimum" else guessed)
            lines.append(f"{label}: {values}")
    if result["best_observed"] is not None:
        lines.append(f"  {result['best_observed']['notation']}")
        if TRAINED in result:
            lines.append(_trained(result[TRAINED], objective))
        lines.append(f"the network of the best:\n{result['best_observed']['network']}")
    return lines


def _trained(found: Mapping[str, Any], objective: Objective) -> str:
    """What came of the training of the best."""
    if found["status"] != "ok":
        return f"trained from scratch it failed: {found['reason']}"
    seconds = found["cost_seconds"]
    return f"trained from scratch in {seconds:.1f} s: {_values(found, objective, '')}"


def _why_nothing(result: Mapping[str, Any]) -> str:
    if not result["queries"]:
        return "nothing was measured: the budget was spent before"
    if result["failed"] == result["queries"]:
        return f"none could be measured, the last one because: {result['last_failure']}"
    return "none of them is allowed: give a looser limit, or more queries"


def _values(found: Mapping[str, Any], objective: Objective, how: str) -> str:
    names = {name: how + name if name in ("validation", "test") else name for name in _SHOWN}
    names[VALUE] = objective.name
    shown = [
        f"{names[name].replace('_', ' ')} {objective.text(value, 3)}"
        for name, value in found.items()
        if name in names and value is not None
    ]
    name = f"{found['hash']}, " if "hash" in found else ""
    return name + ", ".join(shown)


_SHOWN = ("validation", "test", "true_validation", "true_test", "test_of_best_validation")
