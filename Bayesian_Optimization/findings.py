"""What a search has found: its numbers, a figure, and lines for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from analysis.figures import curves, save_figure
from Bayesian_Optimization.accounting import report
from Bayesian_Optimization.loop import SearchLoop
from Bayesian_Optimization.objectives import Limit
from Bayesian_Optimization.problem import Problem
from Bayesian_Optimization.recommendation import recommended
from experiment.progress import progress
from experiment.run import RunFolder

HOW = {"table": "looked up", "surrogate": "guessed by a surrogate", "train": "trained"}
"""Estimator → what it does to an architecture."""
GUESSED = "guessed "
"""Stands before accuracies that nobody measured."""


def advance(loop: SearchLoop, method: str) -> None:
    """Let the loop end, with a bar on a terminal."""
    done = loop.account.queries
    with progress(loop.budget.queries, method, "queries") as bar:
        bar.advance(done)
        for step in loop.steps():
            best = step.incumbent
            bar.advance(int(step.query is not None), best=best.value if best else "none yet")


def summary(loop: SearchLoop, problem: Problem, limit: Limit | None = None) -> dict[str, Any]:
    """The final numbers.

    Args:
        loop: that has ended.
        problem: what was searched.
        limit: that the search had to keep.
    """
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
        "optimum": problem.optimum(limit),
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
    if not lines:
        return  # nothing was measured that is allowed
    panels = {"validation": ["measured", "true mean"], "test": ["test"]}
    known = {
        label: [key for key in keys if any(line[key] is not None for line in lines)]
        for label, keys in panels.items()
    }
    shown = {label: keys for label, keys in known.items() if keys}
    figure = curves(lines, shown, x="queries", title=f"Best architecture so far, {method}")
    save_figure(figure, run.figures / "incumbent.png")


def tell(result: Mapping[str, Any], config: Mapping[str, Any]) -> list[str]:
    """What was found, for people.

    Args:
        result: of :func:`summary`, with the ``seconds`` that it took.
        config: of the run.
    """
    lines = [
        f"{config['method']} on {config['space']}: {result['queries']} architectures "
        f"{HOW[config['estimator']]} in {result['seconds']:.1f} s, "
        f"{result['simulated_seconds']:,.0f} s of training"
    ]
    if result["unknown"]:
        lines.append(
            f"{result['unknown']} more are not in the table and cost no query: "
            f"{result['share_known']:.1%} of what was asked for is known"
        )
    if result["failed"]:
        lines.append(f"{result['failed']} of them failed")
    if result["best_observed"] is None:
        lines.append("none of them is allowed: give a higher limit, or more queries")
    guessed = GUESSED if config["estimator"] == "surrogate" else ""
    lines += [
        f"{label}: {_accuracies(result[key], '' if key == 'optimum' else guessed)}"
        for key, label in (
            ("best_observed", "best observed"),
            ("recommended", "best by posterior mean"),
            ("optimum", "the best there is"),
        )
        if result[key] is not None
    ]
    return lines


def _accuracies(found: Mapping[str, Any], how: str) -> str:
    names = {name: how + name if name in ("validation", "test") else name for name in _SHOWN}
    shown = [
        f"{names[name].replace('_', ' ')} {100 * value:.3f} %"
        for name, value in found.items()
        if name in _SHOWN and value is not None
    ]
    name = f"{found['hash']}, " if "hash" in found else ""
    return name + ", ".join(shown)


_SHOWN = ("validation", "test", "true_validation", "true_test", "test_of_best_validation")
