"""What came of the experiment on the digits: a table and a figure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.stats import kendalltau

from analysis.drawing import INK
from analysis.statistics import Spread

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LABELS = {
    "predicted": "predicted best",
    "random": "random candidates",
    "largest": "most multiply-adds",
    "table": "best of the table",
}
_COLOURS = ("#4477aa", "#ee6677", "#228833", "#ccbb44", "#66ccee", "#aa3377")


def summarise(repeats: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Test accuracies of the groups over the repeats, and how well they were predicted.

    Of every group: ``mean``, the mean test accuracy of its cells; ``first``, that of the first of
    them; ``chosen``, that of the one with the best validation accuracy; ``above_best``, by how
    much this is above the first of the table, trained with the same seeds; each with mean and
    standard deviation over the repeats.
    ``tau`` is Kendall's τ between predicted and measured validation accuracy of all cells
    trained in a repeat.
    """
    rows: dict[str, dict[str, list[float]]] = {}
    taus = []
    for repeat in repeats:
        groups = {name: _good(cells) for name, cells in repeat["groups"].items()}
        first = {name: _test(repeat["groups"][name][0]) for name in groups}
        for name, cells in groups.items():
            chosen = _test(max(cells, key=lambda one: one["validation"], default={}))
            figures = {
                "mean": float(np.mean([one["test"] for one in cells])) if cells else np.nan,
                "first": first[name],
                "chosen": chosen,
                "above_best": chosen - first["table"],
            }
            for figure, value in figures.items():
                rows.setdefault(name, {}).setdefault(figure, []).append(value)
        trained = {one["hash"]: one for cells in groups.values() for one in cells}.values()
        measured = [one["validation"] for one in trained]
        taus.append(float(kendalltau([one["mean"] for one in trained], measured).statistic))
    summary: dict[str, Any] = {
        name: {figure: _spread(values) for figure, values in figures.items()}
        for name, figures in rows.items()
    }
    cells = [one for repeat in repeats for group in repeat["groups"].values() for one in group]
    return {**summary, "tau": _spread(taus), "failed": sum("failed" in one for one in cells)}


def table_lines(summary: Mapping[str, Any]) -> Iterator[str]:
    """The summary for people, accuracies in percent."""
    heads = ("mean of all", "the first", "best by validation", "above table's first")
    yield f"{'test accuracy, %':<20}" + "".join(f"{head:>21}" for head in heads)
    for name, label in LABELS.items():
        shown = [_percent(summary[name][key]) for key in ("mean", "first", "chosen")]
        shown.append(_percent(summary[name]["above_best"], "+"))
        yield f"{label:<20}" + "".join(f"{text:>21}" for text in shown)
    tau = summary["tau"]
    yield f"Kendall's τ, predicted and measured validation: {tau['mean']:.3f} ± {tau['std']:.3f}"
    if summary["failed"]:
        yield f"{summary['failed']} cells failed and are left out"


def groups_figure(repeats: Sequence[Mapping[str, Any]]) -> Figure:
    """Test accuracy of every cell that was trained, group by group, a colour a repeat."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 4.2), layout="constrained")
    axes = figure.subplots()
    width = 0.6 / max(len(repeats), 1)
    for place, name in enumerate(LABELS):
        for number, repeat in enumerate(repeats):
            x = place + (number - (len(repeats) - 1) / 2) * width
            tests = [100 * one["test"] for one in _good(repeat["groups"][name])]
            colour = _COLOURS[number % len(_COLOURS)]
            axes.scatter([x] * len(tests), tests, s=18, color=colour, alpha=0.8, linewidths=0)
            if tests:
                mean = float(np.mean(tests))
                axes.plot([x - width / 3, x + width / 3], [mean, mean], color=INK, linewidth=1.5)
    axes.set_xticks(range(len(LABELS)), list(LABELS.values()))
    axes.set_ylabel("test accuracy, %, mean over the trainings")
    axes.set_title(
        "Cells of 6–8 nodes chosen by what was learnt from at most 5\n"
        "(a column a repeat, a line its mean)",
        fontsize=10,
        color=INK,
    )
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color="#e6e6e6", linewidth=0.8)
    axes.set_axisbelow(True)
    return figure


def _test(cell: Mapping[str, Any]) -> float:
    """Test accuracy of a cell, NaN where its training failed."""
    return float(cell.get("test", np.nan))


def _good(cells: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return [one for one in cells if "failed" not in one]


def _spread(values: Sequence[float]) -> dict[str, Any]:
    spread = Spread.of(values)
    return {"mean": spread.mean, "std": spread.std, "values": list(values)}


def _percent(figures: Mapping[str, Any], sign: str = "") -> str:
    return f"{100 * figures['mean']:{sign}.2f} ± {100 * figures['std']:.2f}"
