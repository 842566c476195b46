"""What ``benchmarks/embedding_search.py`` measured: curves of regret, and the table at the end.

python benchmarks/embedding_search_figure.py SVGE_NB101 SVGE_NB201_cifar10 … [--methods …]
    [--out docs/figures/embedding_search.png]
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from analysis.statistics import Spread, confidence_band
from benchmarks.embedding_search import METHODS, RESULTS, SHARES
from experiment.arguments import output_file, parser
from experiment.errors import InputError, run_command
from experiment.files import read_json

FIGURE = ROOT / "docs" / "figures" / "embedding_search.png"
HOUR = 3_600
REGRETS = ("validation", "test")


def records_of(names: Sequence[str], methods: Sequence[str]) -> dict[str, Any]:
    """What is kept of each name, with some methods alone.

    Raises:
        InputError: a name has no results, or none of the methods.
    """
    records = {}
    for name in names:
        path = RESULTS / f"embedding_search_{name}.json"
        if not path.exists():
            raise InputError(
                f"there are no results of {name!r}: {path.name} is expected in {path.parent}, "
                "measure it by benchmarks/embedding_search.py"
            )
        record = dict(read_json(path))
        record["results"] = {
            method: record["results"][method] for method in methods if method in record["results"]
        }
        if not record["results"]:
            raise InputError(f"{path.name} has no runs of {', '.join(methods)}: measure them first")
        records[name] = record
    return records


def curve(runs: Mapping[str, Any], name: str) -> tuple[np.ndarray, np.ndarray]:
    """Shares of the budget at which all runs have an incumbent, and their regrets there.

    **Shape** (T,), (n, T).
    """
    regrets = np.array([run[name] for run in runs.values()], dtype=float)
    there = np.isfinite(regrets).all(axis=0)
    return SHARES[there], regrets[:, there]


def search_of(method: str) -> str:
    """The search that a method is, with whatever settings."""
    return method.removesuffix(", published")


def draw(records: Mapping[str, Any], out: Path) -> None:
    """Mean regrets with 95 % confidence intervals of the mean, a row for each record."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 3.6 * len(records) + 0.6), layout="constrained")
    axes = figure.subplots(len(records), len(REGRETS), squeeze=False)
    searches = list(dict.fromkeys(map(search_of, METHODS)))
    for row, (name, record) in zip(axes, records.items(), strict=True):
        timed = record["clock"] == "simulated seconds"
        for axis, regret in zip(row, REGRETS, strict=True):
            for method, runs in record["results"].items():
                shares, regrets = curve(runs, regret)
                spent = shares * record["budget"] / (HOUR if timed else 1)
                middle, reach = confidence_band(regrets)
                colour = f"C{searches.index(search_of(method))}"
                style = "-" if search_of(method) == method else "--"
                axis.plot(spent, middle, style, color=colour, label=method)
                axis.fill_between(spent, middle - reach, middle + reach, color=colour, alpha=0.15)
            axis.set(xlabel="simulated hours" if timed else "queries", title=name)
            axis.set(ylabel=f"{regret} regret of the incumbent", ylim=(0, None))
            axis.grid(alpha=0.3)
    drawn = {line.get_label(): line for axis in axes.flat for line in axis.get_lines()}
    figure.legend(drawn.values(), drawn.keys(), loc="outside lower center", ncols=4)
    out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(out, dpi=120)


def table_lines(records: Mapping[str, Any]) -> Iterator[str]:
    """The table of the documentation: regrets at the end, mean ± std over the runs."""
    for name, record in records.items():
        yield (
            f"| {name}: method | runs | test regret | validation regret | queries | CPU s per run |"
        )
        yield "|---|---|---|---|---|---|"
        for method, runs in record["results"].items():
            each = list(runs.values())
            test, validation = (
                Spread.of([run[key][-1] for run in each]).text(5).replace("0.", ".")
                for key in ("test", "validation")
            )
            queries, seconds = (
                np.mean([run[key] for run in each]) for key in ("queries", "cpu_seconds")
            )
            yield (
                f"| `{method}` | {len(each)} | {test} | {validation} | {queries:.0f} "
                f"| {seconds:.3g} |"
            )
        yield ""


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table and draw the curves."""
    flags = parser("Searches by vectors: curves of regret, and the table at the end.")
    flags.add_argument(
        "names", nargs="+", help="what follows embedding_search_ in the names of the results"
    )
    flags.add_argument("--methods", nargs="+", choices=list(METHODS), default=list(METHODS))
    flags.add_argument("--out", type=output_file, default=FIGURE, help="file of the figure")
    given = flags.parse_args(arguments)
    records = records_of(given.names, given.methods)
    print("\n".join(table_lines(records)))
    draw(records, given.out)
    return 0


if __name__ == "__main__":
    run_command(main)
