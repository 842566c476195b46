"""The figure of the smoothness command."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from datasets.objective import SHARE
from Training_VAE.smoothness_measures import Change, Smoothness

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Paul Tol's "bright" scheme: distinguished with every kind of colour vision.
_COLOURS = {"line": "#4477aa", "great_circle": "#ee6677", "random_step": "#228833"}
_STYLES = ("-", "--", ":", "-.")


def smoothness_figure(results: Sequence[Smoothness]) -> Figure:
    """Edit distance and change of validation value against the length of a step, a panel each.

    A colour is a kind of step, a style of line a model; bands are standard errors over the
    walks, and the grey level is that of two held-out architectures, encoded and decoded.

    Args:
        results: of one model, or of several on the same space.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9.2, 3.9), layout="constrained")
    edits, values = figure.subplots(1, 2)
    objective = results[0].objective
    for result, style in zip(results, _STYLES, strict=False):
        _draw(edits, result, "edit_distance", "edit_distance_error", 1.0, style)
        _draw(values, result, "accuracy_change", "accuracy_change_error", objective.scale, style)
    edits.set_ylabel("edit distance of the decodings")
    unit = "points" if objective.unit == SHARE else objective.unit
    measured = objective.quantity + objective.where
    values.set_ylabel(f"change of {measured}" + (f", {unit}" if unit else ""))
    for axes in (edits, values):
        axes.set_xscale("log")
        axes.set_xlabel("length of the step ÷ typical distance")
        axes.set_ylim(bottom=0)
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(axis="y", color="#e6e6e6", linewidth=0.8)
        axes.set_axisbelow(True)
    if not any(
        len(_points(result, walk, "accuracy_change")) for result in results for walk in _COLOURS
    ):
        values.text(0.5, 0.5, "nothing was measured", ha="center", transform=values.transAxes)
    edits.legend(frameon=False, fontsize="small", loc="upper left")
    names = " and ".join(f"{result.model} (epoch {result.epoch})" for result in results)
    figure.suptitle(f"{names} on {results[0].space}", fontsize=11)
    return figure


def _points(result: Smoothness, walk: str, quantity: str) -> list[Change]:
    """Changes of one kind of step in which a quantity is known, the shortest steps first."""
    found = [
        change
        for change in result.changes
        if change.walk == walk and not np.isnan(getattr(change, quantity))
    ]
    return sorted(found, key=lambda change: change.relative_distance)


def _draw(
    axes: Axes, result: Smoothness, quantity: str, error: str, scale: float, style: str
) -> None:
    for walk, colour in _COLOURS.items():
        points = _points(result, walk, quantity)
        if not points:
            continue
        x = np.array([change.relative_distance for change in points])
        y = np.array([getattr(change, quantity) for change in points]) * scale
        band = np.array([getattr(change, error) for change in points]) * scale
        label = f"{result.model}, {walk.replace('_', ' ')}"
        axes.plot(x, y, style, color=colour, label=label, marker="o", markersize=3)
        axes.fill_between(x, y - band, y + band, color=colour, alpha=0.15, linewidth=0)
    for change in _points(result, "ends", quantity):
        level = getattr(change, quantity) * scale
        label = f"{result.model}, two architectures"
        axes.axhline(level, color="#999999", linestyle=style, linewidth=1, zorder=0, label=label)
