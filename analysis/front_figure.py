"""What is optimised against cost, and the front between the two."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from analysis.drawing import INK
from analysis.figures import finish
from experiment.checks import equally_many, numbers

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def value_against_cost(
    costs: np.ndarray,
    values: np.ndarray,
    front: np.ndarray,
    *,
    best: tuple[np.ndarray, np.ndarray],
    names: tuple[str, str],
    maximise: bool = True,
    title: str | None = None,
) -> Figure:
    """A dot for each architecture that was measured, in colour for those of the front.

    Args:
        costs: **shape** (n,).
        values: **shape** (n,).
        front: rows of the front, in the order of rising costs. **Shape** (k,).
        best: costs and values of the best front there is, drawn as a line of steps.
            **Shape** (m,) each, in the order of rising costs.
        names: of cost and value, with their units.
        maximise: whether large values are good; the better half of them fills the picture.
        title: text above the axes.

    Raises:
        InputError: there is not one value for each cost.
    """
    from matplotlib.figure import Figure

    costs, values = numbers(costs, "costs"), numbers(values, "values")
    equally_many(costs=costs, values=values)

    figure = Figure(figsize=(5.4, 3.8), layout="constrained")
    axes = figure.subplots()
    axes.step(*best, where="post", color="#bbbbbb", linewidth=1.2, label="best front there is")
    axes.plot(costs, values, "o", color="#999999", ms=3, label="measured")
    axes.plot(costs[front], values[front], "o-", color="#4477aa", ms=4, label="front")
    if len(values):
        usual = float(np.median(values))
        good = values >= usual if maximise else values <= usual
        room = 0.2 * float(np.ptp(values[good]))
        if maximise:
            axes.set_ylim(bottom=usual - room)
        else:
            axes.set_ylim(top=usual + room)
    axes.set(xlabel=names[0], ylabel=names[1])
    axes.legend(frameon=False, fontsize="small", labelcolor=INK)
    finish(axes, title)
    return figure
