"""Does input–output information help to search? Searches by vectors and latents, regret by query.

    python benchmarks/io_search.py run --methods reinforce 'reinforce, published' --runs 100
    python benchmarks/io_search.py run --methods latent_bo --runs 20
    python benchmarks/io_search.py run --space NB101 --methods reinforce --runs 100
    python benchmarks/io_search.py table
    python benchmarks/io_search.py figure

The protocol is that of ``embedding_search.py``: 200 queries on DIGITS101, 1e6 simulated seconds on
the known cells of NB101. Embeddings are those of the trainings of ``io_curves.py`` after 10 and 30
epochs; run r takes the training of seed 1 + r mod 5 (NB101: mod 2), and all embeddings the same
seed r of the search. SVGE stands beside them. What ``benchmarks/results/io_search.json`` has is not
measured again.
"""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from analysis.statistics import Spread, confidence_band
from benchmarks.embedding_search import METHODS, PROTOCOLS, make_setup, run, shortened
from benchmarks.embedding_search_figure import curve
from benchmarks.io_curves import RUNS
from benchmarks.io_embeddings import EMBEDDINGS, chosen_rows, looks
from benchmarks.prediction import RESULTS, kept, note_machine
from datasets import get_benchmark
from experiment.arguments import Parser, output_file, parser, positive_int
from experiment.errors import InputError, run_command
from experiment.files import write_json
from experiment.progress import progress

KEPT = RESULTS / "io_search.json"
FIGURE = ROOT / "docs" / "figures" / "io_search.png"
SHIPPED = "SVGE"
"""Row of the shipped VAE of a space."""
HIGHEST = 3.0
"""Percentage points at the top of the figure: all searches begin far above."""
COMPARED = ("reinforce", "reinforce, published", "latent_bo")


def weights_of(name: str, space: str, runs: Path, seed: int) -> str:
    """Weights of a row, of the training that repetitions like ``seed`` take."""
    return (
        f"{SHIPPED}_NB101"  # of the cells of DIGITS101, too
        if name == SHIPPED
        else str(EMBEDDINGS[space][name].weights(runs, seed))
    )


def trainings_of(name: str, space: str) -> int:
    """Different embeddings of a row."""
    return 1 if name == SHIPPED else EMBEDDINGS[space][name].seeds


def measure(given: Namespace) -> None:
    """Run what is not kept yet, and print the table.

    Raises:
        InputError: an embedding was not trained, or see :func:`make_setup`.
    """
    benchmark = get_benchmark(given.space, given.data_root)
    budget = PROTOCOLS[given.space].budget
    wanted = [
        (name, first, method)
        for name in chosen_rows(given.rows, [*EMBEDDINGS[given.space], SHIPPED])
        for first in range(min(trainings_of(name, given.space), given.runs))
        for method in given.methods
    ]
    for name, first, method in progress(wanted, f"searching {given.space}", "groups of runs"):
        there = runs_of(kept(given.results)["results"], given.space, method, name)
        step = trainings_of(name, given.space)
        missing = [seed for seed in range(first, given.runs, step) if str(seed) not in there]
        if not missing:
            continue
        setup = make_setup(benchmark, weights_of(name, given.space, given.trained, first), budget)
        size = METHODS[method].at_once
        for start in range(0, len(missing), size):
            found = run(setup, method, missing[start : start + size])
            record = kept(given.results)
            runs = runs_of(record["results"], given.space, method, name)
            note_machine(record, f"{given.space}, {method}, {name}", runs)
            runs.update({seed: shortened(each) for seed, each in found.items()})
            write_json(given.results, record)
    table(given)


def runs_of(results: dict[str, Any], space: str, method: str, name: str) -> dict[str, Any]:
    """The runs of a row; a new row is empty."""
    of_space = results.setdefault(space, {}).setdefault(method, {})
    runs: dict[str, Any] = of_space.setdefault(name, {})
    return runs


def table(given: Namespace) -> None:
    """Print what is kept."""
    print("\n".join(table_lines(kept(given.results)["results"])))


def table_lines(results: Mapping[str, Any]) -> Iterator[str]:
    """Regrets at the end of the budget, in percentage points, mean ± standard deviation."""
    yield "| space, search | vectors | runs | validation regret | test regret | queries |"
    yield "|---|---|---|---|---|---|"
    for space, methods in results.items():
        for method, rows in methods.items():
            for name, runs in rows.items():
                each = list(runs.values())
                validation, test = (
                    Spread.of([100 * run[key][-1] for run in each]).text(3)
                    for key in ("validation", "test")
                )
                queries = np.mean([run["queries"] for run in each])
                yield (
                    f"| {space}, {method} | {name} | {len(each)} | {validation} | {test} "
                    f"| {queries:.0f} |"
                )


def draw(given: Namespace) -> None:
    """Mean regrets by validation with 95 % intervals of the mean, a panel for each search."""
    from matplotlib.figure import Figure

    results = kept(given.results)["results"]
    panels = [(space, method, rows) for space, of in results.items() for method, rows in of.items()]
    if not panels:
        raise InputError(f"{given.results.name} has no searches: make some by `run`")
    figure = Figure(figsize=(5.5 * len(panels), 6), layout="constrained")
    axes = figure.subplots(1, len(panels), squeeze=False)[0]
    shown = looks(dict.fromkeys(name for _, _, rows in panels for name in rows))
    for axis, (space, method, rows) in zip(axes, panels, strict=True):
        timed = PROTOCOLS[space].timed
        unit = PROTOCOLS[space].budget / (3600 if timed else 1)
        for name, runs in rows.items():
            shares, regrets = curve(runs, "validation")
            middle, reach = (100 * each for each in confidence_band(regrets))
            colour, last = shown[name]
            axis.plot(shares * unit, middle, "-" if last else "--", color=colour, label=name)
            axis.fill_between(
                shares * unit, middle - reach, middle + reach, color=colour, alpha=0.1
            )
        axis.set(title=f"{space}, {method}", xlabel="simulated hours" if timed else "queries")
        axis.set(ylabel="validation regret, percentage points", ylim=(0, HIGHEST))
        axis.grid(alpha=0.3)
    handles = {
        name: handle
        for axis in axes
        for handle, name in zip(*axis.get_legend_handles_labels(), strict=True)
    }
    figure.legend(handles.values(), handles, loc="outside lower center", ncols=5, fontsize=8)
    given.out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(given.out, dpi=120)
    print(f"drawn: {given.out}")


def make_parser() -> Parser:
    """The command line."""
    flags = parser("Searches by embeddings with input–output information.")
    flags.add_argument("what", choices=["run", "table", "figure"])
    flags.add_argument("--space", choices=list(EMBEDDINGS), default="DIGITS101")
    flags.add_argument("--methods", nargs="+", choices=list(METHODS), default=list(COMPARED))
    flags.add_argument("--rows", nargs="+", help="names of embeddings (default: all)")
    flags.add_argument("--runs", type=positive_int, default=20, help="of each row")
    flags.add_argument("--trained", type=Path, default=RUNS, help="folder of the trainings")
    flags.add_argument("--data_root", type=Path, help="folder of the measured data")
    flags.add_argument("--threads", type=positive_int, default=1)
    flags.add_argument("--results", type=output_file, default=KEPT, help="what is kept")
    flags.add_argument("--out", type=output_file, default=FIGURE, help="the figure")
    return flags


def main(arguments: Sequence[str] | None = None) -> int:
    """Search, print or draw."""
    given = make_parser().parse_args(arguments)
    torch.set_num_threads(given.threads)
    {"run": measure, "table": table, "figure": draw}[given.what](given)
    return 0


if __name__ == "__main__":
    run_command(main)
