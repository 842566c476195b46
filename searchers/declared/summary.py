"""A declared problem in lines, as DeepHyper prints one."""

from __future__ import annotations

from dataclasses import fields
from decimal import Decimal
from typing import TYPE_CHECKING

from datasets.hyperparameters import Range
from estimators.own_function import function_name

if TYPE_CHECKING:
    from searchers.declared.problem import NASProblem

SHOWN = ("epochs", "batch_size", "learning_rate", "optimiser")
"""Hyper-parameters that are shown where the preset decides them."""
ALWAYS = ("data", "split", "split_seed")
"""Settings of a task that are shown where they are the default, too."""


def summary_of(problem: NASProblem) -> str:
    """The lines.

    Args:
        problem: that is declared.
    """
    objective = problem.objective
    goal = objective if isinstance(objective, str) else function_name(objective)
    direction = "maximised" if problem.scored[1].maximise else "minimised"
    prepared = problem.kind.prepared
    given = {
        one.name: getattr(problem.task, one.name)
        for one in fields(problem.task)
        if one.name in ALWAYS or getattr(problem.task, one.name) != one.default
    }
    data = {name: value for name, value in given.items() if name not in prepared}
    before = {name: value for name, value in given.items() if name in prepared}
    callbacks = problem.callbacks
    stopping = callbacks.early_stopping
    engine = {one.name: getattr(problem.engine, one.name) for one in fields(problem.engine)}
    kept = {name: value for name, value in engine.items() if value is not None}
    search = problem.search
    of_method = {
        "evolution": f", population {search.population}, tournament {search.tournament}",
        "random": "",
    }.get(search.name, f", {search.initial} random ones to begin with")
    given_first = f", {len(search.start)} given to begin with" if search.start else ""
    limits = [
        *(
            []
            if problem.budget.evaluations is None
            else [f"{problem.budget.evaluations} evaluations"]
        ),
        *([] if problem.budget.minutes is None else [f"{problem.budget.minutes:g} minutes"]),
    ]
    loss = getattr(problem.recipe, "loss", problem.kind.losses[0])
    lines = [
        f"    - task            : {_words(data)}",
        f"    - preprocessing   : {_words(before) or 'as the task does by default'}",
        f"    - search space    : {problem.space.name}, {_count(problem.space.size)} architectures",
        "    - hyperparameters :",
        *(f"        * {name}: {text}" for name, text in _hyperparameters(problem).items()),
        f"    - loss            : {loss}",
        "    - metrics         :",
        *(f"        * {name}" for name in problem.metrics or problem.kind.metrics),
        f"    - objective       : {goal} ({direction})",
        f"    - fidelity        : {problem.epochs} of {problem.recipe.epochs} epochs",
        "    - callbacks       :",
        *(
            f"        * {line}"
            for line in (
                stopping and f"EarlyStopping: {problem.monitor}, patience {stopping.patience}",
                callbacks.checkpoints and f"Checkpoint: best {problem.monitor}",
                callbacks.log and "Logger",
                callbacks.search_patience
                and f"SearchEarlyStopping: patience {callbacks.search_patience}",
            )
            if line
        ),
        f"    - engine          : {_words(kept) or 'this process'}",
        f"    - budget          : {' or '.join(limits)}",
        f"    - search          : {search.name}{of_method}{given_first}, seed {search.seed}",
        f"    - top-k           : {problem.top_k.k} best, {problem.top_k.repeats} trainings each",
    ]
    return "\n".join(["Problem is:", *lines])


def _hyperparameters(problem: NASProblem) -> dict[str, str]:
    usual = {name: getattr(problem.recipe, name) for name in SHOWN}
    values = {**usual, **problem.hyperparameters}
    return {
        name: f"searched, {value}" if isinstance(value, Range) else str(value)
        for name, value in values.items()
    }


def _words(settings: dict[str, object]) -> str:
    return ", ".join(
        str(value) if name in ("data", "name") else f"{name} {value}"
        for name, value in settings.items()
    )


def _count(size: int) -> str:
    # A float ends at 1e308, which spaces of many layers exceed.
    return f"{size:,}" if size < 10**9 else f"{Decimal(size):.3g}"
