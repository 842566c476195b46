"""Figures of a declared search: workers at work, and predictions of the best network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from analysis.figures import finish
from datasets.objective import Objective
from experiment.checks import equally_many

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WORKERS = "workers.png"
"""Figure of :func:`workers_at_work` among those of a declared search."""
PREDICTIONS = "predictions.csv"
"""Labels of the test part and what a full training predicts of them, in its folder."""
_COLOUR = "#4477aa"


def workers_at_work(jobs: Sequence[tuple[float, float]], workers: int) -> Figure:
    """How many jobs were under way, against the seconds of the search.

    Args:
        jobs: when each was submitted and when it had ended, in seconds.
        workers: that there were.
    """
    from matplotlib.figure import Figure

    changes = sorted([(start, 1) for start, _ in jobs] + [(end, -1) for _, end in jobs])
    times = np.array([0.0, *(time for time, _ in changes)])
    under_way = np.cumsum([0, *(change for _, change in changes)])
    figure = Figure(figsize=(6.4, 2.6), layout="constrained")
    axes = figure.subplots()
    axes.step(times, under_way, where="post", color=_COLOUR)
    axes.axhline(workers, color="#bbbbbb", linewidth=0.8)
    axes.set(xlabel="seconds", ylabel="jobs under way", ylim=(0, workers + 0.3))
    finish(axes, None)
    return figure


def predicted_against_true(predicted: np.ndarray, true: np.ndarray, objective: Objective) -> Figure:
    """A dot an example of the test part.

    Args:
        predicted: in the objective's unit. **Shape** (n,).
        true: the labels. **Shape** (n,).
        objective: has the data set and the unit.
    """
    from matplotlib.figure import Figure

    equally_many(predictions=predicted, labels=true)
    unit = f" ({objective.written_unit})" if objective.written_unit else ""
    low, high = float(min(predicted.min(), true.min())), float(max(predicted.max(), true.max()))
    figure = Figure(figsize=(4.0, 4.0), layout="constrained")
    axes = figure.subplots()
    axes.plot([low, high], [low, high], color="#bbbbbb", linewidth=0.8)
    axes.scatter(true, predicted, s=6, color=_COLOUR, alpha=0.6, linewidths=0)
    axes.set(xlabel=f"label{unit}", ylabel=f"predicted{unit}")
    finish(axes, objective.dataset)
    return figure
