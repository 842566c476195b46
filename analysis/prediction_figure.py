"""Predicted against measured values, against their ranks, and by the number of nodes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.stats import kendalltau, rankdata

from analysis.drawing import INK
from analysis.figures import finish
from datasets.objective import Objective
from experiment.checks import equally_many, numbers
from experiment.errors import InputError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_COLOUR = "#4477aa"
_WORST = 5.0
"""Percentile that the axes of values begin at: networks that failed to train lie far off."""


def predicted_against_measured(
    predicted: np.ndarray,
    measured: np.ndarray,
    *,
    objectives: tuple[Objective, Objective],
    title: str | None = None,
) -> Figure:
    """Two panels, a dot an architecture: values, and ranks from the best on.

    Args:
        predicted: **shape** (B,), B ≥ 1.
        measured: of the same architectures; those where it is NaN are left out. **Shape** (B,).
        objectives: what was predicted and what was measured, such as validation and test.
        title: text above the panels.

    Raises:
        InputError: there are not equally many finite numbers, or none was measured.
    """
    from matplotlib.figure import Figure

    predicted, measured = numbers(predicted, "predictions"), numbers(measured, "measurements")
    equally_many(predictions=predicted, measurements=measured)
    known = np.isfinite(measured)
    if not known.any() or not np.isfinite(predicted[known]).all():
        raise InputError(
            "predictions are drawn against measurements: expected at least one measurement that "
            "is a finite number, and a finite prediction for each"
        )
    own, other = objectives
    predicted, measured = own.scale * predicted[known], other.scale * measured[known]
    figure = Figure(figsize=(8.4, 4.0), layout="constrained")
    by_value, by_rank = figure.subplots(1, 2)
    worst = _WORST if other.maximise else 100 - _WORST
    ends = [(np.percentile(each, worst), other.best(each)) for each in (predicted, measured)]
    low, high = np.min(ends), np.max(ends)
    margin = 0.03 * (high - low) or 0.01  # one architecture, predicted as it was measured
    _dots(by_value, measured, predicted, (low - margin, high + margin))
    by_value.set(xlabel=f"measured {other.label}", ylabel=f"predicted {own.label}")
    ranks = [rankdata(-other.sign * values) for values in (measured, predicted)]
    _dots(by_rank, ranks[0], ranks[1], (len(measured) * 1.02, 1 - len(measured) * 0.02))
    by_rank.set(xlabel="measured rank", ylabel="predicted rank")
    for axes in (by_value, by_rank):
        finish(axes, None)
    if title:
        figure.suptitle(title, color=INK, fontsize=11)
    return figure


def predicted_by_size(
    predicted: np.ndarray,
    measured: np.ndarray,
    sizes: np.ndarray,
    learnt: int,
    *,
    names: tuple[str, str],
    title: str | None = None,
) -> Figure:
    """Predicted against measured values, a colour for each number of nodes.

    Args:
        predicted: **shape** (B,).
        measured: of the same architectures. **Shape** (B,).
        sizes: nodes of each. **Shape** (B,), integers.
        learnt: the most nodes that the predictor learnt from; larger ones are drawn bolder.
        names: what was predicted and what was measured.
        title: text above.

    Raises:
        InputError: there are not equally many predictions, measurements and sizes, or none.
    """
    from matplotlib import colormaps
    from matplotlib.figure import Figure

    predicted, measured = numbers(predicted, "predictions"), numbers(measured, "measurements")
    sizes = np.asarray(sizes)
    equally_many(predictions=predicted, measurements=measured, sizes=sizes)
    if not len(predicted):
        raise InputError("there are no predictions to draw: give one at least")

    figure = Figure(figsize=(6.0, 4.6), layout="constrained")
    axes = figure.subplots()
    every = np.unique(sizes)
    colours = colormaps["viridis"](np.linspace(0, 0.9, len(every)))
    for colour, size in zip(colours, every, strict=True):
        own = sizes == size
        label = f"{size} nodes ({own.sum()})"
        if own.sum() > 2:
            label += f": τ {kendalltau(predicted[own], measured[own]).statistic:.2f}"
        inside = size <= learnt
        axes.scatter(
            measured[own],
            predicted[own],
            s=8 if inside else 22,
            color=colour,
            alpha=0.35 if inside else 0.85,
            linewidths=0,
            label=label,
        )
    low = min(np.percentile(predicted, _WORST), np.percentile(measured, _WORST))
    high = max(predicted.max(), measured.max())
    axes.plot([low, high], [low, high], color=INK, linewidth=0.8, linestyle=":")
    margin = 0.04 * (high - low) or 0.01
    axes.set(
        xlim=(low - margin, high + margin),
        ylim=(low - margin, high + margin),
        xlabel=f"measured {names[1]}",
        ylabel=f"predicted {names[0]}",
    )
    finish(axes, title)
    axes.legend(fontsize=7, frameon=False, loc="lower right")
    return figure


def _dots(axes: Axes, x: np.ndarray, y: np.ndarray, limits: tuple[float, float]) -> None:
    """Dots above the line where both are equal."""
    size = float(np.clip(8000 / max(len(x), 1), 1.0, 24))
    marks: dict[str, Any] = {"s": size, "linewidths": 0, "alpha": 0.35, "rasterized": True}
    axes.axline((limits[0], limits[0]), slope=1, color="#999999", linewidth=1, zorder=0)
    axes.scatter(x, y, color=_COLOUR, **marks)
    axes.set(xlim=limits, ylim=limits, aspect="equal")
