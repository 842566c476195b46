"""The objective of a declared problem: ``-val_loss``, ``val_r2__max``, or a function."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from datasets.objective import Objective
from estimators.by_curve import VALIDATION, CurveScore, Score
from estimators.own_function import function_name, load_function
from experiment.config import nearest
from experiment.errors import InputError

OF = ("last", "min", "max")


def figures(metrics: Mapping[str, bool]) -> dict[str, bool]:
    """Figures of a learning curve → whether more is better."""
    return {"loss": False, **{f"{VALIDATION}{name}": more for name, more in metrics.items()}}


def opposite(text: str) -> str:
    """The objective of a figure in the other direction: ``-val_mae`` of ``val_mae``."""
    return text.removeprefix("-") if text.startswith("-") else f"-{text}"


def misdirection(
    text: str | Callable[..., Any], score: Score, metrics: Mapping[str, bool]
) -> str | None:
    """One sentence, where an objective looks for the worst of its figure; ``None``: it does not.

    DeepHyper maximises what has no ``-`` before it, also an error, so that it is no mistake.

    Args:
        text: as for :func:`read_objective`.
        score: that it gave.
        metrics: as for :func:`read_objective`.
    """
    if not isinstance(text, str) or not isinstance(score, CurveScore):
        return None
    more_is_better, maximises = figures(metrics)[score.figure], not text.startswith("-")
    if more_is_better == maximises:
        return None
    better, done = ("more", "minimised") if more_is_better else ("less", "maximised")
    instead = "maximises" if more_is_better else "minimises"
    return (
        f"the objective {text!r} is {done}, though {better} is better of {score.figure}: "
        f"{opposite(text)!r} {instead} it"
    )


def read_objective(
    text: str | Callable[..., Any], metrics: Mapping[str, bool]
) -> tuple[Score, Objective]:
    """The score of a learning curve, and which direction is better.

    Args:
        text: ``val_r2`` is maximised and ``-val_loss`` minimised; ``__max``, ``__min``, or
            ``__last`` (the default) says which of its values over the epochs counts.
            ``module:function``, or a function, takes the curve as lists by figure and returns what
            is maximised.
        metrics: of the task → whether more is better.

    Raises:
        InputError: no metric gives it, or there is no such function.
    """
    if callable(text) or ":" in text:
        function = text if callable(text) else load_function(text)
        return function, Objective(function_name(function))
    name, _, of = text.removeprefix("-").partition("__")
    of = of or "last"
    known = figures(metrics)
    if name not in known:
        raise InputError(
            f"no metric gives the objective {text!r}: {nearest(name, list(known))} "
            "(with - before it, it is minimised)"
        )
    if of not in OF:
        raise InputError(f"the objective {text!r} ends in {of!r}: {nearest(of, list(OF))}")
    score = CurveScore(name, of)  # type: ignore[arg-type]
    return score, Objective(str(score), maximise=not text.startswith("-"))
