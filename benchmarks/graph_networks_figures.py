"""Figures of ``benchmarks/graph_networks.py``: drawn from what is kept, nothing is measured.

python benchmarks/graph_networks_figures.py architectures regrets transfer fronts
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from analysis.drawing import draw_architecture, operation_colours
from analysis.figures import save_figure
from analysis.statistics import confidence_band
from benchmarks.graph_networks import DATASETS, KEPT, MEAN, POINTS, SPACE, quality, table
from benchmarks.prediction import kept
from datasets import get_space
from experiment.arguments import parser
from experiment.errors import InputError, run_command

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FIGURES = ROOT / "docs" / "figures"
COLOURS = {
    "random": "#bbbbbb",
    "evolution": "#ee6677",
    "evolution of the front": "#aa3377",
    "local_search": "#ccbb44",
    "bo": "#4477aa",
    "hypervolume": "#4477aa",
    "transfer_bo": "#228833",
    "transfer": "#228833",
    "the suite's default": "#4477aa",
    "boosted trees": "#ee6677",
    "ridge on the other data sets": "#ccbb44",
}
"""Paul Tol's "bright" scheme: lines distinguished with every kind of colour vision."""
SIZE = (10.5, 8.4)


def panels(names: Sequence[str], columns: int = 3) -> tuple[Figure, list[Axes]]:
    """A figure with a panel for each data set."""
    from matplotlib.figure import Figure

    rows = -(-len(names) // columns)
    figure = Figure(figsize=(SIZE[0], SIZE[1] * rows / 3 + 0.5), layout="constrained")
    axes = list(np.atleast_1d(figure.subplots(rows, columns)).flat)
    for axis, name in zip(axes, names, strict=True):
        axis.set_title(name, fontsize=11, loc="left", fontweight="bold")
        axis.spines[["top", "right"]].set_visible(False)
        axis.tick_params(labelsize=8)
        axis.grid(alpha=0.25, linewidth=0.6)
    return figure, axes


def band(axis: Axes, at: Sequence[int], curves: np.ndarray, name: str) -> None:
    """The mean of some runs and its 95 % interval, of five or more. **Shape** (runs, points)."""
    middle, reach = confidence_band(curves)
    colour = COLOURS[name]
    axis.plot(at, middle, color=colour, label=name, linewidth=1.8)
    if len(curves) >= 5:  # of fewer runs it is wider than the panel
        low, high = middle - reach, middle + reach
        axis.fill_between(at, low, high, color=colour, alpha=0.14, linewidth=0)


def legend(figure: Figure) -> None:
    """One legend below all panels."""
    found = [axis.get_legend_handles_labels() for axis in figure.axes]
    shown = {
        label: handle
        for handles, labels in found
        for handle, label in zip(handles, labels, strict=True)
    }
    figure.legend(
        list(shown.values()),
        list(shown),
        loc="outside lower center",
        ncols=len(shown),
        frameon=False,
        fontsize=9,
    )


def architectures(_: Mapping[str, Any]) -> Figure:
    """The best architecture of every data set by validation."""
    from matplotlib.figure import Figure

    space = get_space(SPACE)
    colours = operation_colours(space.types)
    figure = Figure(figsize=(10.5, 6.2), layout="constrained")
    for axis, name in zip(figure.subplots(2, 5).flat, [*DATASETS, ""], strict=True):
        axis.set_axis_off()
        if name:
            values = table(name).metric("validation").mean()
            best = table(name).graphs.graph(int(values.argmax()))
            title = f"{name}, {100 * values.max():.1f} %"
            draw_architecture(axis, best, space.types, title=title, colours=colours)
    return figure


def regrets(results: Mapping[str, Any]) -> Figure:
    """Validation regret by query."""
    figure, axes = panels(DATASETS)
    for axis, dataset in zip(axes, DATASETS, strict=True):
        methods = results["search"][dataset]
        for name in (each for each in COLOURS if each in methods):
            runs = [run["regret"] for run in methods[name].values()]
            shared = min(map(len, runs))  # some searches are longer
            curves = 100 * np.array([run[:shared] for run in runs])
            band(axis, POINTS[: curves.shape[1]], curves, name)
        axis.set_xscale("log")
        axis.set_xlim(10, 200)
        axis.set_xticks([10, 25, 50, 100, 200], ["10", "25", "50", "100", "200"])
        axis.minorticks_off()
        runs = methods["random"].values()
        axis.set_ylim(0, 115 * np.mean([run["regret"][1] for run in runs]))
    for axis in axes[::3]:
        axis.set_ylabel("validation regret, points", fontsize=9)
    for axis in axes[-3:]:
        axis.set_xlabel("queries", fontsize=9)
    legend(figure)
    return figure


def transfer(results: Mapping[str, Any]) -> Figure:
    """Kendall's τ by number of labels, with and without the other data sets."""
    figure, axes = panels(DATASETS)
    for axis, dataset in zip(axes, DATASETS, strict=True):
        without, with_others = results["predict"][dataset], results["transfer"][dataset]
        for source, name in (
            (with_others, "transfer"),
            (with_others, "ridge on the other data sets"),
            (without, "the suite's default"),
            (without, "boosted trees"),
        ):
            at = sorted(int(amount) for amount, rows in source.items() if name in rows)
            taus = [list(quality(source[str(amount)][name]).values()) for amount in at]
            runs = min(map(len, taus))
            band(axis, at, np.array([each[:runs] for each in taus]).T, name)
        level = float(np.mean([*quality(with_others["0"][MEAN]).values()]))
        axis.axhline(level, color="#222222", linestyle=":", linewidth=1.2, label=MEAN)
        axis.set_xscale("log")
        axis.set_xticks([5, 10, 25, 50, 100, 200], ["5", "10", "25", "50", "100", "200"])
        axis.minorticks_off()
    for axis in axes[::3]:
        axis.set_ylabel("Kendall's τ, test", fontsize=9)
    for axis in axes[-3:]:
        axis.set_xlabel("labels of the data set", fontsize=9)
    legend(figure)
    return figure


def fronts(results: Mapping[str, Any]) -> Figure:
    """Hypervolume of the front by query."""
    names = list(results["front"])
    figure, axes = panels(names, len(names))
    for axis, dataset in zip(axes, names, strict=True):
        methods = results["front"][dataset]
        for name in (each for each in COLOURS if each in methods):
            curves = 100 * np.array([run["validation"] for run in methods[name].values()])
            band(axis, range(curves.shape[1]), curves, name)
        axis.set_xlabel("queries after 20 random ones", fontsize=9)
    axes[0].set_ylabel("hypervolume, % of all rows", fontsize=9)
    legend(figure)
    return figure


DRAWN: dict[str, Callable[[Mapping[str, Any]], Figure]] = {
    "architectures": architectures,
    "regrets": regrets,
    "transfer": transfer,
    "fronts": fronts,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Draw."""
    flags = parser("Figures of the comparison on NAS-Bench-Graph.")
    flags.add_argument("what", nargs="+", choices=list(DRAWN))
    given = flags.parse_args(arguments)
    results = kept(KEPT)["results"]
    for name in given.what:
        try:
            figure = DRAWN[name](results)
        except KeyError as error:
            raise InputError(
                f"{KEPT.name} lacks {error.args[0]!r}: benchmarks/graph_networks.py measures it"
            ) from error
        print(save_figure(figure, FIGURES / f"graph_networks_{name}.png", dpi=130))
    return 0


if __name__ == "__main__":
    run_command(main)
