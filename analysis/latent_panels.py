"""One latent space under several values, a panel each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from analysis.drawing import INK
from analysis.figures import finish, principal_axes
from experiment.checks import equally_many, numbers
from experiment.errors import InputError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLUMNS = 3
"""Panels side by side."""
HEXAGONS = 34
"""Across a panel. More show single architectures instead of regions."""
LEAST = 3
"""Values that a hexagon has a colour for: the mean of fewer is mostly noise."""


def latent_grid(
    latent: np.ndarray,
    panels: Mapping[str, np.ndarray],
    *,
    title: str | None = None,
    maximise: bool = True,
) -> Figure:
    """Latents on their two principal components, once for each of several values.

    The plane is divided into hexagons, the same in all panels, and each has the colour of the mean
    value in it; it is grey where fewer than :data:`LEAST` values are known. Every panel has a
    scale of its own, from the 2nd to the 98th percentile of these means.

    Args:
        latent: latent means. **Shape** (R, G), G ≥ 2.
        panels: title of a panel → a number for each row, NaN where there is none. **Shape** (R,).
        title: text above all panels.
        maximise: whether larger values are better.

    Raises:
        InputError: there is no panel, or there is not one value for each row.
    """
    from matplotlib.colors import ListedColormap
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    if not panels:
        raise InputError("there are no panels to draw: give the values of one at least")
    given = {name: numbers(values, f"values of {name}") for name, values in panels.items()}
    for name, values in given.items():
        equally_many(**{"latents": latent, name: values})
    points, share = principal_axes(latent)
    columns = min(COLUMNS, len(panels))
    rows = -(-len(panels) // columns)
    palette = "viridis" if maximise else "viridis_r"
    extent = (*_ends(points[:, 0]), *_ends(points[:, 1]))
    ratio = (extent[3] - extent[2]) / (extent[1] - extent[0])
    tall = 2.5 * float(np.clip(ratio, 0.3, 2)) + 0.25
    figure = Figure(figsize=(3.0 * columns, tall * rows + 0.6), layout="constrained")
    places = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes in places[len(panels) :]:
        axes.set_axis_off()
    shape = (HEXAGONS, max(round(HEXAGONS / 3**0.5 * ratio), 1))  # regular hexagons
    for axes, (name, values) in zip(places, given.items(), strict=False):
        options = {"gridsize": shape, "extent": extent, "linewidths": 0.25, "edgecolors": "face"}
        axes.hexbin(*points.T, mincnt=1, cmap=ListedColormap(["#e6e6e6"]), **options)
        known = np.isfinite(values)
        drawn = axes.hexbin(
            *points[known].T, values[known], reduce_C_function=_mean, cmap=palette, **options
        )
        means = np.asarray(drawn.get_array())
        if len(means):
            drawn.set_clim(*np.percentile(means, (2, 98)))
            bar = figure.colorbar(
                drawn, ax=axes, ticks=MaxNLocator(3), aspect=22, shrink=0.8, pad=0.0
            )
            bar.outline.set_visible(False)
            bar.ax.tick_params(length=2, labelsize=7.5, color="#999999", labelcolor=INK)
        axes.set_aspect("equal")
        axes.set(xticks=[], yticks=[])
        finish(axes, name)
        axes.spines[:].set_visible(False)
    shares = f"components 1 and 2: {share[0]:.0%} and {share[1]:.0%} of the variance"
    figure.supxlabel(shares, fontsize=9, color=INK)
    if title:
        figure.suptitle(title, fontsize=11, color=INK)
    return figure


def _mean(values: list[float]) -> float:
    return float(np.mean(values)) if len(values) >= LEAST else np.nan


def _ends(coordinates: np.ndarray) -> tuple[float, float]:
    """The smallest and the largest, apart also where all are equal."""
    low, high = float(coordinates.min()), float(coordinates.max())
    return (low, high) if low < high else (low - 1, high + 1)
