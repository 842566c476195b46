"""Accuracy against cost, and the front between the two."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from analysis.drawing import INK
from analysis.figures import finish
from experiment.checks import equally_many, numbers

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def accuracy_against_cost(
    costs: np.ndarray,
    accuracies: np.ndarray,
    front: np.ndarray,
    *,
    best: tuple[np.ndarray, np.ndarray],
    names: tuple[str, str],
    title: str | None = None,
) -> Figure:
    """A dot for each architecture that was measured, in colour for those of the front.

    Args:
        costs: **shape** (n,).
        accuracies: **shape** (n,).
        front: rows of the front, in the order of rising costs. **Shape** (k,).
        best: costs and accuracies of the best front there is, drawn as a line of steps.
            **Shape** (m,) each, in the order of rising costs.
        names: of cost and accuracy.
        title: text above the axes.

    Raises:
        InputError: there is not one accuracy for each cost.
    """
    from matplotlib.figure import Figure

    costs, accuracies = numbers(costs, "costs"), numbers(accuracies, "accuracies")
    equally_many(costs=costs, accuracies=accuracies)

    figure = Figure(figsize=(5.4, 3.8), layout="constrained")
    axes = figure.subplots()
    axes.step(*best, where="post", color="#bbbbbb", linewidth=1.2, label="best front there is")
    axes.plot(costs, accuracies, "o", color="#999999", ms=3, label="measured")
    axes.plot(costs[front], accuracies[front], "o-", color="#4477aa", ms=4, label="front")
    low = float(np.median(accuracies)) if len(accuracies) else 0.0
    axes.set_ylim(bottom=low - 0.02)
    axes.set(xlabel=names[0], ylabel=names[1])
    axes.legend(frameon=False, fontsize="small", labelcolor=INK)
    finish(axes, title)
    return figure
