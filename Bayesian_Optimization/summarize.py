"""Tables and plots of the published experiment over several seeds.

From the repository root::

    PYTHONPATH=$PWD python Bayesian_Optimization/summarize.py --space NB101
    PYTHONPATH=$PWD python Bayesian_Optimization/summarize.py runs/bo/NB101_*

reads the runs that ``bo.py``, ``bo_nb101.py`` and ``bo_nb201.py`` left, prints what each method
reached after each round, mean ± standard deviation over the seeds, and writes ``<name>.csv`` and
``<name>.png`` beside the runs. Runs of different experiments are not thrown together.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
if str(ROOT) not in sys.path[:1]:
    sys.path.insert(0, str(ROOT))

import csv
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from analysis.figures import finish, save_figure
from analysis.statistics import Spread
from experiment.arguments import Parser, parser
from experiment.errors import InputError, run_command
from experiment.files import atomic_path, plain, read_json, refuse_existing

if TYPE_CHECKING:
    from matplotlib.figure import Figure

RUNS = ROOT / "runs" / "bo"
FIGURES = {
    "best": "best chosen, validation",
    "test": "its test accuracy",
    "mean": "mean of the round, validation",
    "rmse": "RMSE",
    "log_likelihood": "log-likelihood",
    "pearson": "Pearson r",
}
"""What is summarised of every round, and how it is called."""
SEED_KEYS = ("seed", "method")
"""Settings in which runs that are compared may differ."""

Round = dict[str, Any]
Runs = dict[str, list[list[Round]]]
"""Method → for each seed its rounds."""


def make_parser() -> Parser:
    """The command line."""
    flags = parser("Tables and plots of the published experiment over several seeds.")
    flags.add_argument("runs", nargs="*", type=Path, help="run folders (default: all of a space)")
    flags.add_argument("--space", default="NB101", help="whose runs in --log_dir are read")
    flags.add_argument("--log_dir", type=Path, default=RUNS, help="folder of the runs")
    flags.add_argument("--out", type=Path, help="where to write (default: summary_<SPACE> there)")
    flags.add_argument("--overwrite", action="store_true", help="replace the files of --out")
    flags.add_argument("--json", action="store_true", help="print the rows as JSON, one a line")
    return flags


def read_runs(folders: Iterable[Path]) -> Runs:
    """The rounds of every run that has ended.

    Raises:
        InputError: a folder is no run of the published experiment, or is one of another
            experiment than the others, or none has ended.
    """
    found: Runs = defaultdict(list)
    first: tuple[Path, dict[str, Any]] | None = None
    for folder in folders:
        if not (folder / "config.json").exists():
            raise InputError(f"{str(folder)!r} holds no run: it has no config.json")
        config = read_json(folder / "config.json")
        if config.get("preset") != "published":
            raise InputError(f"{str(folder)!r} is no run of the published experiment")
        settings = {key: value for key, value in config.items() if key not in SEED_KEYS}
        if first is not None and (different := _difference(first[1], settings)):
            raise InputError(
                f"{str(folder)!r} is of another experiment than {str(first[0])!r}, their "
                f"{different!r} differs: name the runs of one"
            )
        first = first or (folder, settings)
        if (folder / "result.json").exists():
            found[config["method"]].append(read_json(folder / "result.json")["rounds"])
    if not any(found.values()):
        raise InputError("none of the runs has ended: finish them first, with --resume")
    return dict(found)


def summarise(runs: Runs) -> list[Round]:
    """Mean and standard deviation over the seeds, a row a method and round."""
    rows = []
    for method, seeds in sorted(runs.items()):
        for number in range(max(map(len, seeds))):
            lines = [rounds[number] for rounds in seeds if len(rounds) > number]
            row: Round = {"method": method, "round": number + 1, "seeds": len(lines)}
            for name in FIGURES:
                values = [line[name] for line in lines if line.get(name) is not None]
                spread = Spread.of(values)
                row[name] = spread.mean if values else None
                row[f"{name}_deviation"] = spread.std if values else None
            rows.append(row)
    return rows


def table(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """The rows as lines of text."""
    head = f"{'method':<22}{'round':>6}{'seeds':>6}"
    lines = [head + "".join(f"{name.replace('_', ' '):>20}" for name in FIGURES)]
    for row in rows:
        line = f"{row['method']:<22}{row['round']:>6}{row['seeds']:>6}"
        for name in FIGURES:
            value = row[name]
            shown = "–" if value is None else f"{value:.4f} ± {row[f'{name}_deviation']:.4f}"
            line += f"{shown:>20}"
        lines.append(line)
    return lines


def plot(rows: Sequence[Mapping[str, Any]], title: str) -> Figure:
    """A panel a figure, a line a method, a band of one standard deviation over the seeds."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    figure = Figure(figsize=(11, 6), layout="constrained")
    panels = figure.subplots(2, 3).flatten()
    methods = list(dict.fromkeys(row["method"] for row in rows))
    for axes, (name, label) in zip(panels, FIGURES.items(), strict=True):
        for method in methods:
            own = [row for row in rows if row["method"] == method and row[name] is not None]
            if not own:
                continue
            rounds = [row["round"] for row in own]
            mean = np.array([row[name] for row in own])
            spread = np.array([row[f"{name}_deviation"] for row in own])
            (line,) = axes.plot(rounds, mean, marker="o", ms=3, label=method)
            band = {"color": line.get_color(), "alpha": 0.15, "linewidth": 0}
            axes.fill_between(rounds, mean - spread, mean + spread, **band)
        axes.set(xlabel="round", ylabel=label)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        finish(axes, None)
    panels[0].legend(frameon=False, fontsize="small")
    figure.suptitle(title)
    return figure


def main(arguments: Sequence[str] | None = None) -> int:
    """Read, print, write, draw."""
    given = make_parser().parse_args(arguments)
    folders = given.runs or sorted(given.log_dir.glob(f"{given.space}_*_seed*"))
    if not folders:
        raise InputError(
            f"there are no runs of {given.space} in {str(given.log_dir)!r}: make some by bo.py, "
            "bo_nb101.py or bo_nb201.py, or name the folders"
        )
    rows = summarise(read_runs(folders))
    config = read_json(folders[0] / "config.json")
    out = given.out or folders[0].parent / f"summary_{config['space']}"
    path = out.with_suffix(".csv")
    if given.out:
        refuse_existing([path, out.with_suffix(".png")], given.overwrite)
    with atomic_path(path) as partial, partial.open("w", newline="", encoding="utf-8") as handle:
        writer = csv.DictWriter(handle, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    guessed = ", guessed by a surrogate" if config["estimator"] == "surrogate" else ""
    title = f"{config['space']} on {config['dataset']}: {config['model']}{guessed}"
    save_figure(plot(rows, title), out.with_suffix(".png"))
    if given.json:
        print("\n".join(json.dumps(plain(row)) for row in rows))
    else:
        print("\n".join([title, *table(rows), f"{out}.csv, {out}.png"]))
    return 0


def _difference(one: Mapping[str, Any], other: Mapping[str, Any]) -> str | None:
    """The first setting in which two configurations differ."""
    keys = dict.fromkeys([*one, *other])
    return next((key for key in keys if one.get(key) != other.get(key)), None)


if __name__ == "__main__":
    run_command(main)
