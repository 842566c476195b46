"""The figure of ``benchmarks/uniqueness.py``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from benchmarks.uniqueness_summary import EXACT, Summary

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Paul Tol's "bright" scheme: distinguished with every kind of colour vision.
_COLOURS = ("#4477aa", "#ee6677", "#228833", "#ccbb44", "#66ccee", "#aa3377")
_SCALES = (1.0, 0.5)
"""Of the prior, in the panels about reconstruction."""

_QUANTITIES = {
    "uniqueness": ("uniqueness", "#4477aa", "o"),
    "distinct_points": ("distinct points", "#ee6677", "s"),
    "agreement": ("agreement at a point", "#228833", "^"),
    "validity": ("validity", "#ccbb44", "D"),
}


def uniqueness_figure(lines: Sequence[Summary], best: Summary | None) -> Figure:
    """Reconstruction against uniqueness, greedy and sampled, and what the prior changes.

    In the first two panels a colour is a VAE, whose temperatures are joined, for each scale of the
    prior by itself, and written beside the points; ``best`` is circled. The third shows all priors
    of the first VAE at temperature 1. Bars are standard deviations over the seeds.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(13.0, 4.4), layout="constrained")
    greedy, sampled, priors = figure.subplots(1, 3)
    _trade_off(greedy, lines, "greedy")
    _trade_off(sampled, lines, "sampled")
    greedy.set_ylabel("held-out graphs exact, greedy joint decoding, %")
    sampled.set_ylabel("sampled decodings exact, latent noise × 0.01, %")
    greedy.axhline(100 * EXACT, color="#999999", linestyle="--", linewidth=1, zorder=0)
    greedy.legend(
        frameon=False, fontsize="small", title="training (at the points: temperature)"
    ).get_title().set_fontsize("small")
    if best is not None:
        for axes, quantity in ((greedy, best.greedy), (sampled, best.sampled)):
            x, y = 100 * best.uniqueness.mean, 100 * quantity
            axes.plot(x, y, "o", markersize=15, markerfacecolor="none", markeredgecolor="black")
    _priors(priors, [line for line in lines if line.folder == lines[0].folder])
    for axes in (greedy, sampled, priors):
        axes.spines[["top", "right"]].set_visible(False)
        axes.set_axisbelow(True)
    return figure


def _trade_off(axes: Axes, lines: Sequence[Summary], quantity: str) -> None:
    curves: dict[tuple[str, float], list[Summary]] = {}
    for line in lines:
        if line.prior == "diagonal" and line.prior_scale in _SCALES:
            curves.setdefault((line.folder, line.prior_scale), []).append(line)
    folders = list(dict.fromkeys(folder for folder, _ in curves))
    for (folder, scale), curve in curves.items():
        colour = _COLOURS[folders.index(folder) % len(_COLOURS)]
        curve.sort(key=lambda line: line.temperature)
        x = [100 * line.uniqueness.mean for line in curve]
        y = [100 * getattr(line, quantity) for line in curve]
        error = [100 * line.uniqueness.std for line in curve]
        style, offset, label = "-o", 6, curve[0].training
        if scale != 1:
            style, offset, label = "--s", -12, f"the same, prior × {scale:g}"
        axes.errorbar(x, y, xerr=error, fmt=style, color=colour, markersize=4, label=label)
        for line, left, height in zip(curve, x, y, strict=True):
            axes.annotate(
                f"{line.temperature:g}",
                (left, height),
                (0, offset),
                textcoords="offset points",
                ha="center",
                fontsize="x-small",
            )
    axes.set_xlabel("uniqueness of decodings from the prior, %")
    axes.grid(color="#e6e6e6", linewidth=0.8)


def _priors(axes: Axes, lines: Sequence[Summary]) -> None:
    shown = [line for line in lines if line.temperature == 1]
    shown.sort(
        key=lambda line: (line.prior != "encoded", line.prior != "diagonal", line.prior_scale)
    )
    places = range(len(shown))
    for key, (label, colour, marker) in _QUANTITIES.items():
        spreads = [getattr(line, key) for line in shown]
        axes.errorbar(
            [100 * spread.mean for spread in spreads],
            places,
            xerr=[100 * spread.std for spread in spreads],
            fmt=marker,
            color=colour,
            markersize=5,
            label=label,
        )
    axes.set_yticks(places, [f"{line.prior} × {line.prior_scale:g}" for line in shown])
    axes.invert_yaxis()
    axes.set_xlim(0, 104)
    axes.set_xlabel("%, first training, temperature 1")
    axes.grid(axis="x", color="#e6e6e6", linewidth=0.8)
    axes.legend(frameon=False, fontsize="small", loc="lower left", bbox_to_anchor=(0, 1), ncols=2)
