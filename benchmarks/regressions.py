"""A gate against erosion: headline numbers and speed ratios again, beside those that are kept.

    python benchmarks/regressions.py            # what moved; exit code 1 if something got worse
    python benchmarks/regressions.py --keep     # keeps today's numbers as the ones to compare with

Takes some minutes on two cores. Quality is measured on fixed draws and seeds, on one thread, so
that it moves with the code (or with a library, or with the kernels of a processor, by little). A
speed is a ratio of two durations that are measured in turns in this process, so that a machine's
speed cancels. What needs measured data that are not here is left out, and named.
``benchmarks/nothing_lost.py`` compares two commits digit by digit; this says whether the result is
still as good.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import numpy as np
import torch

from benchmarks import prediction, search
from datasets import get_benchmark, get_space
from datasets.batch import GraphBatch
from datasets.benchmark import NoMeasurementsError
from experiment.arguments import output_file, parser
from experiment.environment import describe_environment
from experiment.errors import run_command
from experiment.files import read_json, write_json
from experiment.optimisation import make_optimisers
from models import build_model
from predictors.trained_vae import load_trained_vae
from searchers.loop import Budget
from searchers.problem import known_rows, table_problem
from Training_VAE.settings import load_settings

KEPT = ROOT / "benchmarks" / "results" / "regressions.json"
SEEDS = range(3)
DECODINGS = 50
BEYOND = 10
"""Queries beyond its budget that count for a search that did not find the optimum."""


@dataclass(frozen=True)
class Check:
    """A number that is measured again.

    Attributes:
        measure: gives it.
        better: ``higher`` or ``lower``.
        slack: by how much it may get worse: the same number, on another kind of processor, differs
            by less.
        relative: whether the slack is a share of the kept number.
    """

    measure: Callable[[], float]
    better: str
    slack: float
    relative: bool = False

    def worse(self, now: float, kept: float) -> bool:
        """Whether a number is worse than the kept one by more than the slack."""
        loss = kept - now if self.better == "higher" else now - kept
        return loss > self.slack * (abs(kept) if self.relative else 1.0)


def tau(space: str, labels: int, **choices: Any) -> float:
    """Kendall's τ of the default predictor, mean over the draws."""
    task = prediction.Task(get_benchmark(space, **choices))
    return statistics.fmean(
        task.measure("the suite's default", labels, seed)["tau"] for seed in SEEDS
    )


def queries(space: str, method: str, budget: int, **choices: Any) -> float:
    """Mean queries to the optimum of the table, over the seeds."""
    table = get_benchmark(space, **choices)
    domain = known_rows(table)
    problem = table_problem(table, domain)
    make = search.METHODS[method].make
    hits = [
        search.search(problem, make(domain, seed, search.INITIAL), Budget(budget))["hit"]
        for seed in SEEDS
    ]
    return statistics.fmean(budget + BEYOND if hit is None else hit for hit in hits)


def training_ratio() -> float:
    """A training step of the main job, in the time of the plain products of as many states."""
    space = get_space("DIGITS101")
    settings = load_settings("default", space.name, {"precision": "float32"})
    model = build_model("SVGE", settings.sizes(space))
    optimisers = make_optimisers(model, settings.optimisation)
    graphs = space.sample(32, np.random.default_rng(0))
    batch = GraphBatch.from_graphs(graphs, space.max_nodes)
    left, right = torch.ones(1024, 1024), torch.ones(1024, 1024)

    def step() -> None:
        optimisers.zero_grad()
        model.loss(batch, settings.objective).total.backward()
        optimisers.step()

    return ratio(step, lambda: [left @ right for _ in range(8)])


def decoding_ratio() -> float:
    """50 decodings of each of ten latents together, in the time of those decoded one by one."""
    space = get_space("NB201")
    model = load_trained_vae(space)
    cells = GraphBatch.from_graphs(space.sample(10, np.random.default_rng(0)), space.max_nodes)
    z = model.encode_all(cells).flat
    masks = space.legality()

    def together() -> None:
        model.decode_many(z, DECODINGS, masks, torch.Generator().manual_seed(0))

    def alone() -> None:
        points = z.repeat_interleave(DECODINGS, 0)
        model.decode_sampled(points, masks, torch.Generator().manual_seed(0))

    return ratio(together, alone)


def ratio(ours: Callable[[], object], other: Callable[[], object], repeats: int = 7) -> float:
    """Median of the ratios of two durations that are measured in turns."""

    def seconds(call: Callable[[], object]) -> float:
        began = time.perf_counter()
        call()
        return time.perf_counter() - began

    ours(), other()
    return statistics.median(seconds(ours) / seconds(other) for _ in range(repeats))


CHECKS: dict[str, Check] = {
    "τ DIGITS101, 100 labels": Check(lambda: tau("DIGITS101", 100), "higher", 0.01),
    "τ NB201 CIFAR-10, 78 labels": Check(
        lambda: tau("NB201", 78, dataset="cifar10"), "higher", 0.015
    ),
    "queries DIGITS101, bo": Check(lambda: queries("DIGITS101", "bo", 60), "lower", 10),
    "queries DIGITS101, local search": Check(
        lambda: queries("DIGITS101", "local_search", 200), "lower", 0
    ),
    "queries NB201 CIFAR-10, bo": Check(
        lambda: queries("NB201", "bo", 60, dataset="cifar10"), "lower", 10
    ),
    "queries NB201 CIFAR-10, evolution": Check(
        lambda: queries("NB201", "evolution", 200, dataset="cifar10"), "lower", 0
    ),
    "time of a training step": Check(training_ratio, "lower", 0.3, relative=True),
    "time of decoding together": Check(decoding_ratio, "lower", 0.3, relative=True),
}
"""Every number, by its name. Searches without a model have no rounding to differ by."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, compare, say what moved."""
    flags = parser("Measure headline numbers again, and say which got worse.")
    flags.add_argument("--only", nargs="+", choices=list(CHECKS), default=list(CHECKS))
    flags.add_argument("--keep", action="store_true", help="keep the numbers for comparisons")
    flags.add_argument("--out", type=output_file, default=KEPT, help="file that keeps them")
    given = flags.parse_args(arguments)
    torch.set_num_threads(1)
    kept = dict(read_json(given.out)["numbers"]) if given.out.exists() else {}
    worse = 0
    for name in given.only:
        started = time.perf_counter()
        try:
            now = float(f"{CHECKS[name].measure():.4g}")
        except NoMeasurementsError as error:
            print(f"left out  {name}: {error}", flush=True)
            continue
        took = time.perf_counter() - started
        before = kept.get(name)
        verdict = "new" if before is None else "same" if now == before else "moved"
        if before is not None and CHECKS[name].worse(now, before):
            verdict, worse = "WORSE", worse + 1
        shown = "" if before is None else f", kept {before:g}"
        print(f"{verdict:<9} {name}: {now:g}{shown} ({took:.0f} s)", flush=True)
        if given.keep:
            kept[name] = now
            write_json(given.out, {"numbers": kept, "environment": describe_environment(0)})
    return 1 if worse and not given.keep else 0


if __name__ == "__main__":
    run_command(main)
