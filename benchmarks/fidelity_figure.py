"""What ``benchmarks/fidelity.py`` measured, drawn: the incumbent against simulated time.

python benchmarks/fidelity_figure.py [--out docs/figures/fidelity.png]
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from analysis.statistics import confidence_band
from benchmarks.fidelity import METHODS, MOMENTS, RESULTS, TASKS, TRAININGS, target_of
from benchmarks.prediction import kept
from experiment.arguments import output_file, parser
from experiment.errors import run_command

FIGURE = ROOT / "docs" / "figures" / "fidelity.png"


def draw(results: Mapping[str, Mapping[str, Any]], hours: Mapping[str, float], out: Path) -> None:
    """What the incumbent reaches against simulated time, a panel a task, a line a method.

    Bands are 95 % confidence intervals of the mean over the seeds.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(15, 8.4), layout="constrained")
    axes = list(figure.subplots(2, 3).flat)
    colours = {name: f"C{number}" for number, name in enumerate(METHODS)}
    for axis, (name, methods) in zip(axes, results.items(), strict=False):
        timed = TASKS[name].timed
        scale = hours[name] if timed else TRAININGS
        lowest = []
        for method, runs in methods.items():
            target = target_of(runs)
            curves = 100 * np.array([run[target] for run in runs.values()], dtype=float)
            at = np.isfinite(curves).all(axis=0)
            curves, spent = curves[:, at], (scale * np.arange(1, MOMENTS + 1) / MOMENTS)[at]
            middle, band = confidence_band(curves)
            style = "-" if "eta by" not in method and "no transfer" not in method else "--"
            axis.plot(spent, middle, style, color=colours[method], label=method)
            axis.fill_between(
                spent, middle - band, middle + band, color=colours[method], alpha=0.15
            )
            lowest.append(middle[len(middle) // 10])
            axis.set_ylabel(f"{target} accuracy of the incumbent, %")
        unit = "simulated hours" if timed else "time, in trainings of the most epochs"
        axis.set(xlabel=unit, title=name)
        axis.set_ylim(bottom=min(lowest))
        axis.grid(alpha=0.3)
    for axis in axes[len(results) :]:
        axis.remove()
    drawn = {line.get_label(): line for axis in axes[: len(results)] for line in axis.get_lines()}
    figure.legend(drawn.values(), drawn.keys(), loc="outside lower center", ncols=len(drawn))
    out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(out, dpi=130)


def main(arguments: Sequence[str] | None = None) -> int:
    """Draw what is kept."""
    flags = parser("The incumbents of searches with several fidelities against simulated time.")
    flags.add_argument("--results", type=Path, default=RESULTS, help="file of the results")
    flags.add_argument("--out", type=output_file, default=FIGURE, help="file of the figure")
    given = flags.parse_args(arguments)
    record = kept(given.results)
    draw(record["results"], record["simulated_hours"], given.out)
    return 0


if __name__ == "__main__":
    run_command(main)
