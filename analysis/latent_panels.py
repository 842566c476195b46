"""One latent space under several values, a panel each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from analysis.drawing import INK
from analysis.figures import finish, principal_axes, scatter_by_value
from experiment.checks import equally_many, numbers
from experiment.errors import InputError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLUMNS = 3
"""Panels side by side."""


def latent_grid(
    latent: np.ndarray,
    panels: Mapping[str, np.ndarray],
    *,
    title: str | None = None,
    maximise: bool = True,
) -> Figure:
    """Latents on their two principal components, once for each of several values.

    All panels show the same points, each in colours of its own values with a scale of its own, as
    :func:`analysis.latent_map` draws them.

    Args:
        latent: latent means. **Shape** (R, G), G ≥ 2.
        panels: title of a panel → a number for each row, NaN where there is none. **Shape** (R,).
        title: text above all panels.
        maximise: whether larger values are better.

    Raises:
        InputError: there is no panel, or there is not one value for each row.
    """
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
    width, height = np.ptp(points, axis=0)
    tall = 3.0 * float(np.clip(height / width if width else 1.0, 0.5, 1.5))
    figure = Figure(figsize=(3.1 * columns, tall * rows + 0.6), layout="constrained")
    places = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes in places[len(panels) :]:
        axes.set_axis_off()
    size = float(np.clip(6000 / max(len(points), 1), 0.9, 14))
    for axes, (name, values) in zip(places, given.items(), strict=False):
        drawn, bar_options = scatter_by_value(axes, points, values, size, maximise=maximise)
        if drawn is not None:
            bar_options = {"ticks": MaxNLocator(3), **bar_options}
            bar = figure.colorbar(drawn, ax=axes, aspect=24, shrink=0.82, pad=0.01, **bar_options)
            bar.outline.set_visible(False)
            bar.ax.tick_params(length=2, labelsize=7.5, color="#999999", labelcolor=INK)
        axes.set_aspect("equal", adjustable="datalim")
        axes.set(xticks=[], yticks=[])
        finish(axes, name)
        axes.spines[:].set_visible(False)
    shares = f"components 1 and 2: {share[0]:.0%} and {share[1]:.0%} of the variance"
    figure.supxlabel(shares, fontsize=9, color=INK)
    if title:
        figure.suptitle(title, fontsize=11, color=INK)
    return figure
