"""Predicted against measured values, and against their ranks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.stats import rankdata

from analysis.drawing import INK
from analysis.figures import finish

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_COLOUR = "#4477aa"
_LOWEST = 5.0
"""Percentile that the axes of values begin at: networks that failed to train lie far below."""


def predicted_against_measured(
    predicted: np.ndarray,
    measured: np.ndarray,
    *,
    names: tuple[str, str],
    title: str | None = None,
) -> Figure:
    """Two panels, a dot an architecture: values, and ranks from the best on.

    Args:
        predicted: **shape** (B,), B ≥ 1.
        measured: of the same architectures; those where it is NaN are left out. **Shape** (B,).
        names: what was predicted and what was measured, such as (validation, test).
        title: text above the panels.
    """
    from matplotlib.figure import Figure

    known = np.isfinite(measured)
    predicted, measured = predicted[known], measured[known]
    figure = Figure(figsize=(8.4, 4.0), layout="constrained")
    by_value, by_rank = figure.subplots(1, 2)
    low = min(np.percentile(predicted, _LOWEST), np.percentile(measured, _LOWEST))
    high = max(predicted.max(), measured.max())
    margin = 0.03 * (high - low) or 0.01  # one architecture, predicted as it was measured
    _dots(by_value, measured, predicted, (low - margin, high + margin))
    by_value.set(xlabel=f"measured {names[1]}", ylabel=f"predicted {names[0]}")
    ranks = [rankdata(-values) for values in (measured, predicted)]
    _dots(by_rank, ranks[0], ranks[1], (len(measured) * 1.02, 1 - len(measured) * 0.02))
    by_rank.set(xlabel="measured rank", ylabel="predicted rank")
    for axes in (by_value, by_rank):
        finish(axes, None)
    if title:
        figure.suptitle(title, color=INK, fontsize=11)
    return figure


def _dots(axes: Axes, x: np.ndarray, y: np.ndarray, limits: tuple[float, float]) -> None:
    """Dots above the line where both are equal."""
    size = float(np.clip(8000 / max(len(x), 1), 1.0, 24))
    marks: dict[str, Any] = {"s": size, "linewidths": 0, "alpha": 0.35, "rasterized": True}
    axes.axline((limits[0], limits[0]), slope=1, color="#999999", linewidth=1, zorder=0)
    axes.scatter(x, y, color=_COLOUR, **marks)
    axes.set(xlim=limits, ylim=limits, aspect="equal")
