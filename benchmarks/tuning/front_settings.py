"""How often ``scalarised_ascent`` refits hyperparameters, and how many points its walks decode.

    python benchmarks/tuning/front_settings.py run --seeds 10
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
from typing import TypedDict

import numpy as np
import torch

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from analysis.statistics import paired_difference
from benchmarks.gradient_front import QUERIES, REFERENCE, TASKS, Task, ascent, search
from benchmarks.prediction import kept
from benchmarks.tuning.choosing import Scores, measure_all, place, verdict
from datasets import get_benchmark
from experiment.arguments import output_file, parser, positive_int
from experiment.errors import run_command
from searchers.latent.scalarised import ScalarisedAscent
from searchers.searcher import Searcher

TASK = "DIGITS101"


class Setting(TypedDict):
    """Arguments of :class:`ScalarisedAscent`."""

    refits: float
    steps: int


THOROUGH = "4 steps, refitted before each proposal"
CANDIDATES: dict[str, Setting] = {
    THOROUGH: {"refits": 1.0, "steps": 4},
    "2 steps, refitted after 5 % more labels": {"refits": 1.05, "steps": 2},
}


def measured(task: Task, setting: Setting, seed: int) -> Scores:
    """One search."""

    def make(task: Task, seed: int) -> Searcher:
        searcher = ascent(task, seed)
        assert isinstance(searcher, ScalarisedAscent)
        searcher.refits, searcher.steps = setting["refits"], setting["steps"]
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
    for name in runs:
        if name == THOROUGH:
            continue
        for score in ("mean", "last", "test"):
            ours, theirs = (
                {seed: each[score] for seed, each in runs[one].items()} for one in (name, THOROUGH)
            )
            if found := paired_difference(ours, theirs):
                yield f"  {name} − thorough, {score}: {found.text(2)}"


def today() -> str:
    """Name of what ``scalarised_ascent`` takes."""
    searcher = ascent(Task(get_benchmark(TASKS[TASK][0])), 0)
    assert isinstance(searcher, ScalarisedAscent)
    chosen = {"refits": searcher.refits, "steps": searcher.steps}
    return next((name for name, each in CANDIDATES.items() if each == chosen), REFERENCE)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure the candidates, or say what was chosen."""
    flags = parser("How thorough scalarised_ascent is.")
    flags.add_argument("what", choices=("run", "table"))
    flags.add_argument("--seeds", type=positive_int, default=10, help="searches of each candidate")
    flags.add_argument("--data_root", type=Path, help="folder of the measured data")
    flags.add_argument("--threads", type=positive_int, default=1)
    flags.add_argument(
        "--out", type=output_file, default=place("front"), help="file that keeps all"
    )
    given = flags.parse_args(arguments)
    torch.set_num_threads(given.threads)
    name = f"{TASK}, {QUERIES} queries"
    if given.what == "run":
        task = Task(get_benchmark(TASKS[TASK][0], given.data_root))
        measure_all(
            given.out,
            name,
            list(CANDIDATES),
            given.seeds,
            lambda candidate, seed: measured(task, CANDIDATES[candidate], seed),
        )
    for task_name, runs in kept(given.out)["results"].items():
        print("\n".join([*verdict(task_name, runs, today(), largest=True), *differences(runs)]))
    return 0


if __name__ == "__main__":
    run_command(main)
