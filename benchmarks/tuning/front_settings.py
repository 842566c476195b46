"""How often searches for a front refit hyperparameters, and how many points walks decode.

    python benchmarks/tuning/front_settings.py run --methods scalarised_ascent --seeds 10
    python benchmarks/tuning/front_settings.py run --methods hypervolume --seeds 3
    python benchmarks/tuning/front_settings.py table

Protocol: the searches of ``benchmarks/gradient_front.py`` on DIGITS101, with seeds from 100 on,
which its table does not use. Scores are hypervolumes in per cent of that of the whole table, by
validation accuracies in the mean over all queries, which decides, and after the last one; by test
accuracies after the last one; and seconds of the processor. A faster setting is taken where its
hypervolume is not lower, so that paired differences to the thorough one are printed.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from analysis.statistics import paired_difference
from benchmarks.gradient_front import METHODS, QUERIES, REFERENCE, TASKS, Task, search
from benchmarks.prediction import kept
from benchmarks.tuning.choosing import Scores, measure_all, place, verdict
from datasets import get_benchmark
from experiment.arguments import output_file, parser, positive_int
from experiment.errors import run_command
from searchers.searcher import Searcher

TASK = "DIGITS101"


Setting = Mapping[str, float]
"""Attributes of a searcher."""
THOROUGH = "refitted before each proposal"
CANDIDATES: Mapping[str, Mapping[str, Setting]] = {
    REFERENCE: {
        f"4 steps, {THOROUGH}": {"refits": 1.0, "steps": 4},
        "2 steps, refitted after 5 % more labels": {"refits": 1.05, "steps": 2},
    },
    "hypervolume": {
        THOROUGH: {"refits": 1.0},
        "refitted after 5 % more labels": {"refits": 1.05},
    },
}
"""Method → settings, the thorough one first."""


def measured(task: Task, method: str, setting: Setting, seed: int) -> Scores:
    """One search."""

    def make(task: Task, seed: int) -> Searcher:
        searcher = METHODS[method](task, seed)
        for name, value in setting.items():
            setattr(searcher, name, value)
        return searcher

    found = search(task, make, seed)
    return {
        "mean": 100 * float(np.mean(found["validation"][1:])),
        "last": 100 * found["validation"][-1],
        "test": 100 * found["test"][-1],
        "seconds": found["cpu_seconds"],
    }


def differences(runs: Mapping[str, Mapping[str, Scores]]) -> Iterator[str]:
    """Each score less that of the thorough setting, paired, with 95 % intervals."""
    (thorough,) = (name for name in runs if name.endswith(THOROUGH))
    for name in runs:
        if name == thorough:
            continue
        for score in ("mean", "last", "test"):
            ours, theirs = (
                {seed: each[score] for seed, each in runs[one].items()} for one in (name, thorough)
            )
            if found := paired_difference(ours, theirs):
                yield f"  {name} − thorough, {score}: {found.text(2)}"


def today(task: Task, method: str) -> str:
    """Name of the setting that a method has."""
    searcher = METHODS[method](task, 0)
    return next(
        (
            name
            for name, setting in CANDIDATES[method].items()
            if all(getattr(searcher, key) == value for key, value in setting.items())
        ),
        method,
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure the candidates, or say what was chosen."""
    flags = parser("How thorough searches for a front are.")
    flags.add_argument("what", choices=("run", "table"))
    flags.add_argument("--methods", nargs="+", choices=list(CANDIDATES), default=list(CANDIDATES))
    flags.add_argument("--seeds", type=positive_int, default=10, help="searches of each candidate")
    flags.add_argument("--data_root", type=Path, help="folder of the measured data")
    flags.add_argument("--threads", type=positive_int, default=1)
    flags.add_argument(
        "--out", type=output_file, default=place("front"), help="file that keeps all"
    )
    given = flags.parse_args(arguments)
    torch.set_num_threads(given.threads)
    task = Task(get_benchmark(TASKS[TASK][0], given.data_root))
    for method in given.methods:
        name = f"{TASK}, {method}, {QUERIES} queries"
        candidates = CANDIDATES[method]
        if given.what == "run":
            measure_all(
                given.out,
                name,
                list(candidates),
                given.seeds,
                lambda candidate, seed: measured(task, method, candidates[candidate], seed),  # noqa: B023 (at once)
            )
        if runs := kept(given.out)["results"].get(name):
            print(*verdict(name, runs, today(task, method), largest=True), sep="\n")
            print(*differences(runs), sep="\n")
    return 0


if __name__ == "__main__":
    run_command(main)
