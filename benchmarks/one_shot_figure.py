"""The figure of one-shot ranks beside predictors, parameters and zero-cost scores."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from analysis.figures import save_figure


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
