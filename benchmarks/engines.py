"""How fast a Ray cluster works beside processes of the same machine: DIGITS101 cells a minute.

    python benchmarks/engines.py [--cells 30] [--repeats 5] [--workers 2] [--out FILE.json]

Every repeat trains the same random cells with processes and with as many workers of Ray on this
machine, in alternating order; the ratio is taken within a repeat. Workers are started beforehand
and have trained a cell each, and no measurement is kept. One worker has one thread, so that the
ratio is what the engines cost: messages, and Ray's own processes beside the workers.

On a machine with other work the rates compare something else: Linux shares processors between
sessions, and Ray's processes are sessions of their own. The *busy share* is of use there, too: the
seconds of the trainings in those of the workers, which wait for the driver else.
"""

from __future__ import annotations

import os
import statistics
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from datasets import get_space
from datasets.graph import ArchitectureGraph
from estimators.digits101 import estimator
from estimators.evaluations import sweep
from experiment.arguments import output_file, parser, positive_int
from experiment.engine import Engine, WorkerDiedError, WorkQueue
from experiment.engines import PROCESSES, RAY, EngineChoice
from experiment.environment import describe_environment
from experiment.errors import run_command
from experiment.files import write_json
from experiment.threads import available_cores

OUT = ROOT / "benchmarks" / "results" / "engines.json"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and write what was measured."""
    flags = parser("DIGITS101 cells a minute on Ray, beside processes.")
    flags.add_argument("--cells", type=positive_int, default=30, help="random cells to train")
    flags.add_argument("--repeats", type=positive_int, default=5, help="pairs of runs")
    flags.add_argument(
        "--workers", type=positive_int, default=available_cores(), help="of each engine"
    )
    flags.add_argument("--out", type=output_file, default=OUT, help="JSON file to write")
    given = flags.parse_args(arguments)
    rates: dict[str, list[float]] = {PROCESSES: [], RAY: []}
    shares: dict[str, list[float]] = {PROCESSES: [], RAY: []}
    for repeat in range(given.repeats):
        for name in (PROCESSES, RAY) if repeat % 2 == 0 else (RAY, PROCESSES):
            rate, share = rate_and_share(name, given.cells, given.workers)
            rates[name].append(rate)
            shares[name].append(share)
            print(f"{name}: {rate:.1f} cells a minute, {share:.1%} busy", file=sys.stderr)
    ratios = [ray / own for own, ray in zip(rates[PROCESSES], rates[RAY], strict=True)]
    result: dict[str, Any] = {
        "environment": describe_environment(0),
        "cells": given.cells,
        "workers": given.workers,
        "cells_a_minute": {name: spread(found) for name, found in rates.items()},
        "busy_share": {name: spread(found) for name, found in shares.items()},
        "ray_over_processes": {**spread(ratios), "all": ratios},
    }
    write_json(given.out, result)
    print(
        f"Ray / processes: {statistics.median(ratios):.3f} "
        f"({min(ratios):.3f} to {max(ratios):.3f}, {given.repeats} pairs), {given.out}"
    )
    return 0


def rate_and_share(name: str, cells: int, workers: int) -> tuple[float, float]:
    """Cells a minute and the busy share of one run, without its start and what is loaded once."""
    sample = get_space("DIGITS101").sample(cells + 2 * workers, np.random.default_rng(0))
    with EngineChoice(name, workers).start() as engine:
        wait_for(engine, workers)
        train(sample[cells:], engine)
        began = time.monotonic()
        trainings = train(sample[:cells], engine)
        seconds = time.monotonic() - began
        return 60 * len(trainings) / seconds, sum(trainings) / (workers * seconds)


def train(sample: Sequence[ArchitectureGraph], engine: Engine) -> list[float]:
    """Train cells and keep nothing; the seconds of each, isomorphic ones being one training."""
    found = {each.hash: each.cost_seconds or 0.0 for each in sweep(estimator(), sample, engine)}
    return list(found.values())


def wait_for(engine: Engine, workers: int) -> None:
    """Until every worker has started."""
    queue: WorkQueue[int, float, int] = WorkQueue(engine, process_after)
    processes: set[int | WorkerDiedError] = set()
    while len(processes) < workers:
        for worker in range(workers):
            queue.submit(worker, 0.2)
        processes = {queue.next_result()[1] for _ in range(workers)}


def process_after(seconds: float) -> int:
    """Keep a worker busy; returns its process."""
    time.sleep(seconds)
    return os.getpid()


def spread(values: Sequence[float]) -> dict[str, float]:
    """Median and extremes."""
    return {
        "median": statistics.median(values),
        "lowest": min(values),
        "highest": max(values),
    }


if __name__ == "__main__":
    run_command(main)
