"""One-shot ranks beside predictors, parameters and zero-cost scores: a table and a figure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from analysis.figures import save_figure
from analysis.statistics import Difference, Spread, paired_difference


def lines(results: Mapping[str, Any]) -> Iterator[str]:
    """A line for each row: means ± standard deviations over the seeds."""
    for dataset, rows in results.items():
        for name, runs in rows.items():
            shown = []
            for key in ("tau", "tau_best_tenth", "tau_of_loss", "mean_accuracy", "regret_of_first"):
                values = [run[key] for run in runs.values() if key in run]
                if values:
                    shown.append(f"{key} {Spread.of(values).text(3)}")
            yield f"{dataset:<9} {name:<32} {len(runs)} {', '.join(shown)}"
        apart = gain_of_mending(rows)
        if apart:
            yield f"{dataset:<9} tau, mended less published: {apart.text(3)} ({apart.count} seeds)"


def gain_of_mending(rows: Mapping[str, Any]) -> Difference | None:
    """τ of our supernet less that of the published one with the same seed."""
    ours, theirs = (
        {seed: run["tau"] for seed, run in rows.get(name, {}).items()}
        for name in ("mended", "published")
    )
    return paired_difference(ours, theirs)


def draw(results: Mapping[str, Any], out: Path) -> None:
    """τ of every row, a panel a data set."""
    figure = Figure(figsize=(10.5, 5.2), layout="constrained")
    axes = figure.subplots(1, len(results), sharex=True, sharey=True, squeeze=False)[0]
    names = list(dict.fromkeys(name for rows in results.values() for name in rows))
    for axis, (dataset, rows) in zip(axes, results.items(), strict=True):
        for key, colour, label, shift in (
            ("tau", "#4477aa", "of random architectures", 0.12),
            ("tau_best_tenth", "#ee6677", "within the best tenth", -0.12),
        ):
            for place, name in enumerate(reversed(names)):
                values = [run[key] for run in rows.get(name, {}).values() if key in run]
                axis.plot(
                    values,
                    [place + shift] * len(values),
                    "o",
                    color=colour,
                    label=label if place == len(names) - 1 else None,
                    alpha=0.8,
                    markersize=5,
                )
        axis.axvline(0, color="#888888", linewidth=0.8)
        axis.set_yticks(range(len(names)), list(reversed(names)), fontsize=8)
        axis.set_title(dataset, fontsize=11, loc="left", fontweight="bold")
        axis.set_xlabel("Kendall's τ with the validation performance of the table", fontsize=9)
        axis.grid(alpha=0.25, linewidth=0.6)
        axis.spines[["top", "right"]].set_visible(False)
    axes[0].legend(fontsize=8, loc="lower right")
    save_figure(figure, out)
