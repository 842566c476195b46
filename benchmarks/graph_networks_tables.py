"""The tables of ``docs/graph_networks.md``: written from what is kept, nothing is measured.

python benchmarks/graph_networks_tables.py
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from analysis.statistics import Difference, Spread, paired_difference
from benchmarks.graph_networks import (
    CONTENDERS,
    DATASETS,
    FRONTS,
    KEPT,
    MEAN,
    PARAMETERS,
    QUERIES,
    TESTED,
    TREES,
    VALIDATION,
    Runs,
    after,
    quality,
)
from benchmarks.prediction import RESULTS, kept
from experiment.arguments import parser
from experiment.errors import run_command

NONE = "–"
DEFAULT = "the suite's default"
GOALS = (("bo", 50, 200), ("transfer_bo", 25, 200), ("transfer_bo", 50, 200), ("bo", 50, 50))
"""Search, its queries and those of ``evolution`` that it is compared with."""
REGRETS = (
    ("random", 200),
    ("evolution", 200),
    ("bo", 50),
    ("transfer_bo", 25),
    ("transfer_bo", 50),
)
TESTS = (("random", 200), ("evolution", 200), ("bo", 50), ("transfer_bo", 50))
OTHERS = ("local_search", "rl", "reinforce", "dngo", "latent_bo")
LONGER = (("evolution", 100), ("bo", 100), ("transfer_bo", 100), ("bo", 200), ("transfer_bo", 200))
EXTRAPOLATED = "extrapolation.json"


def line(cells: Iterable[str]) -> str:
    """A row of a table."""
    return f"| {' | '.join(cells)} |"


def tau(values: Mapping[str, float]) -> str:
    """Mean ± standard deviation over the draws, without the 0 before the point."""
    if not values:
        return NONE
    spread = Spread.of([*values.values()])
    text = spread.text(3) if spread.count > 1 else f"{spread.mean:.3f}"
    return text.replace("0.", ".").replace("-", "−").replace("−.000", ".000")


def points(values: Mapping[str, float], digits: int = 2) -> str:
    """Mean ± standard deviation over the runs, in points."""
    if not values:
        return NONE
    spread = Spread.of([*values.values()])
    return spread.text(digits, 100) if spread.count > 1 else f"{100 * spread.mean:.{digits}f}"


def difference(found: Difference | None, digits: int = 2, scale: float = 100) -> str:
    """With its interval."""
    return found.text(digits, scale).replace("-", "−") if found and found.count > 1 else NONE


def at(results: Mapping[str, Any], *keys: str) -> Runs:
    """Runs, none where nothing is kept."""
    for key in keys:
        results = results.get(key, {})
    return results


def over_data_sets(results: Mapping[str, Any], what: str, amount: str, name: str, key: str) -> str:
    """Seed → mean over the data sets, of the seeds that all of them have."""
    each = [quality(at(results, what, one, amount, name), key) for one in DATASETS]
    shared = set.intersection(*map(set, each))
    return tau({seed: float(np.mean([one[seed] for one in each])) for seed in sorted(shared)})


def predict_lines(results: Mapping[str, Any]) -> Iterator[str]:
    """Default and trees on each data set, their difference; all contenders; intervals."""
    for name in DATASETS:
        rows = [
            quality(at(results, "predict", name, amount, each))
            for amount in ("50", "100")
            for each in (DEFAULT, TREES)
        ]
        rows.append(quality(at(results, "predict", name, "0", PARAMETERS)))
        yield line([name, *map(tau, rows)])
    for name in DATASETS:
        pairs = [
            paired_difference(
                quality(at(results, "predict", name, amount, DEFAULT)),
                quality(at(results, "predict", name, amount, TREES)),
            )
            for amount in ("50", "100")
        ]
        itself = quality(at(results, "predict", name, "all", VALIDATION))
        yield line([name, *(difference(each, 3, 1) for each in pairs), tau(itself)])
    amounts = ("25", "50", "100", "200")
    for contender in CONTENDERS:
        means = [over_data_sets(results, "predict", each, contender, "tau") for each in amounts]
        yield line([contender, *means])
    for share in ("50%", "90%"):
        key = f"inside_{share}"
        means = [over_data_sets(results, "predict", each, DEFAULT, key) for each in amounts]
        yield line([f"share inside the intervals of {share[:-1]} %", *means])


def transfer_lines(results: Mapping[str, Any]) -> Iterator[str]:
    """By few labels, beside the default; the means, and the intervals."""
    for name in DATASETS:
        few = [quality(at(results, "transfer", name, n, "transfer")) for n in ("10", "25", "50")]
        mean = quality(at(results, "transfer", name, "0", MEAN))
        alone = quality(at(results, "predict", name, "50", DEFAULT))
        yield line([name, *map(tau, [mean, *few, alone])])
    amounts = ("5", "10", "25", "50")
    for contender in ("transfer", "ridge on the other data sets"):
        means = [over_data_sets(results, "transfer", each, contender, "tau") for each in amounts]
        yield line([contender, *means])
    for share in ("50%", "90%"):
        key = f"inside_{share}"
        means = [over_data_sets(results, "transfer", each, "transfer", key) for each in amounts]
        yield line([f"share inside the intervals of {share[:-1]} %", *means])


def search_lines(results: Mapping[str, Any]) -> Iterator[str]:
    """Regrets, their differences from evolution's, other searches, tests."""

    def shown(name: str, columns: Sequence[tuple[str, int]], value: str = "regret") -> str:
        digits = 2 if value == "regret" else 1
        runs = [after(at(results, "search", name, each), n, value) for each, n in columns]
        return line([name, *(points(one, digits) for one in runs)])

    for name in DATASETS:
        yield shown(name, REGRETS)
    for name in DATASETS:
        evolution = at(results, "search", name, "evolution")
        pairs = [
            paired_difference(
                after(at(results, "search", name, each), ours), after(evolution, theirs)
            )
            for each, ours, theirs in GOALS
        ]
        yield line([name, *map(difference, pairs)])
    for name in DATASETS:
        runs = at(results, "informed", name, TREES)
        yield line([name, *(points(after(runs, n)) for n in (25, 50))])
    for name in DATASETS:
        yield shown(name, LONGER)
    for name in DATASETS:
        yield shown(name, [(each, QUERIES[each]) for each in OTHERS])
    for name in DATASETS:
        yield shown(name, TESTS, "test")
    for name in DATASETS:
        best = [
            {seed: run["test"][-1] for seed, run in at(results, "tested", name, each).items()}
            for each in TESTED
        ]
        yield line([name, *(points(each, 1) for each in best)])


def front_lines(results: Mapping[str, Any]) -> Iterator[str]:
    """Hypervolumes, in percent of that of all candidates, and by how much the first is ahead."""
    for name in results.get("front", {}):
        for method in FRONTS:
            runs = at(results, "front", name, method)
            reached = [
                points({seed: run["validation"][n] for seed, run in runs.items()}, 1)
                for n in (0, 30, 60)
            ]
            yield line([name, method, *reached])
    for name in results.get("front", {}):
        last = [
            {seed: run["validation"][60] for seed, run in at(results, "front", name, each).items()}
            for each in FRONTS
        ]
        pairs = [paired_difference(last[0], each) for each in last[1:]]
        yield line([name, *(difference(each, 1) for each in pairs)])


def extrapolation_lines(results: Mapping[str, Any]) -> Iterator[str]:
    """From architectures with at most two distinct operations to those with more."""
    for name in DATASETS:
        for method, runs in at(results, "200", f"operations, {name}").items():
            cells = [
                {seed: run[where][key] for seed, run in runs.items() if where in run}
                for where, key in (
                    ("beyond", "tau"),
                    ("beyond", "top_rank"),
                    ("beyond", "regret"),
                    ("within", "tau"),
                )
            ]
            rank = f"{np.mean([*cells[1].values()]):.0f}"
            yield line([name, method, tau(cells[0]), rank, points(cells[2]), tau(cells[3])])


def measured() -> Iterator[str]:
    """Every row of every table."""
    results = kept(KEPT)["results"]
    for part in (predict_lines, transfer_lines, search_lines, front_lines):
        yield from part(results)
    yield from extrapolation_lines(kept(RESULTS / EXTRAPOLATED)["results"])


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the rows."""
    parser("The tables of docs/graph_networks.md.").parse_args(arguments)
    print("\n".join(measured()))
    return 0


if __name__ == "__main__":
    run_command(main)
