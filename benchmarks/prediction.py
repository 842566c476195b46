"""How well predictors rank architectures they were not shown, from few labels to many.

    python benchmarks/prediction.py NB101 --labels 100 172 424 [--seeds 10] [--contenders …]
    python benchmarks/prediction.py NB201 --dataset cifar100 --labels 78 156
    python benchmarks/prediction.py figure NB101 NB201_cifar10 --out docs/figures/prediction.png

Labels are mean validation accuracies of architectures drawn at random with each seed; Kendall's τ
is counted against the mean test accuracy (ENAS: validation, there is no other) of all others,
NB101 within the uniformly sampled cells of its table. What is kept in ``benchmarks/results`` is
written after every fit, and what is there is not measured again.
"""

from __future__ import annotations

import functools
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.stats import kendalltau, pearsonr

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from analysis.statistics import Spread
from datasets import get_benchmark
from datasets.benchmark import Benchmark
from experiment.arguments import output_file, parser, positive_int
from experiment.environment import describe_environment
from experiment.errors import InputError, run_command
from experiment.files import read_json, write_json
from experiment.progress import progress
from predictors.features import describe, make_features
from predictors.methods import make_predictor

RESULTS = ROOT / "benchmarks" / "results"
SPACES = ("NB101", "NB201", "ENAS", "DIGITS101")
SHARES = (0.5, 0.9)
GRAPH = ("statistics", "walks", "neighbourhoods")

NO_TRANSFER = "the suite's default, no transfer"
CONTENDERS: dict[str, tuple[str, tuple[str, ...]] | None] = {
    "the suite's default": None,
    NO_TRANSFER: ("ensemble", ("statistics", "walks", "paths")),
    "graph networks": ("graph_network", ("statistics",)),
    "GP on graph features": ("gp", GRAPH),
    "GP on graph features and latents": ("gp", (*GRAPH, "latents")),
    "GP on latents": ("gp", ("latents",)),
    "GP on one-hots": ("gp", ("one_hot",)),
    "ridge on pairs of one-hots": ("ridge", ("one_hot_pairs",)),
    "boosted trees on paths and statistics": ("trees", ("paths", "statistics")),
    "boosted trees on paths, statistics and digits": ("trees", ("paths", "statistics", "digits")),
    "boosted trees on one-hots": ("trees", ("one_hot",)),
    "fine-tuned SVGe head": ("svge_head", ()),
}
"""Name → method and features; ``None`` for what the suite prefers for the space. On NB101 that
reads ``digits``, which was learnt from DIGITS101: *no transfer* is the same without it, elsewhere
there is no difference. One baseline reads it too."""
COSTS = ("parameters", "FLOPs")
"""What ranks without a label: the larger network first."""
TRANSFER = "digits"
"""What ranks without a label of the task: the feature that was learnt from DIGITS101."""
UNLABELLED = (*COSTS, TRANSFER)


class Task:
    """Architectures with a label and a truth each.

    Args:
        benchmark: where they are measured.
    """

    def __init__(self, benchmark: Benchmark) -> None:
        self.space = benchmark.space
        labels = benchmark.metric("validation").mean()
        target = "test" if "test" in benchmark.metrics else "validation"
        truth = benchmark.metric(target).mean()
        rows = benchmark.rows_with("validation", target)
        self.graphs = benchmark.graphs[torch.from_numpy(rows)]
        self.labels, self.truth = labels[rows], truth[rows]

    @functools.cached_property
    def costs(self) -> dict[str, np.ndarray]:
        """Parameters and FLOPs (their logarithms, which rank alike). **Shape** (B,) each."""
        rows = describe(make_features("costs", self.space), self.graphs)
        return dict(zip(COSTS, rows.T, strict=True))

    @functools.cached_property
    def transferred(self) -> np.ndarray:
        """The scores on digits. **Shape** (B,).

        Raises:
            InputError: they describe no architectures of this space.
        """
        return describe(make_features(TRANSFER, self.space), self.graphs)[:, 0]

    def measure(self, contender: str, amount: int, seed: int) -> dict[str, float]:
        """Fit to ``amount`` labels, and predict all others."""
        order = np.random.default_rng(seed).permutation(len(self.labels))
        rest = order[amount:]
        if contender in UNLABELLED:
            scores = self.transferred if contender == TRANSFER else self.costs[contender]
            return {"tau": float(kendalltau(scores[rest], self.truth[rest]).statistic)}
        return self.judge(CONTENDERS[contender], amount, seed)

    def judge(
        self, predictor_of: tuple[str, tuple[str, ...]] | None, amount: int, seed: int
    ) -> dict[str, float]:
        """Fit a method on some features, ``None`` for the suite's default, and predict the rest."""
        order = np.random.default_rng(seed).permutation(len(self.labels))
        known, rest = order[:amount], order[amount:]
        method, features = predictor_of or (None, None)
        predictor = make_predictor(self.space, method, features or None, seed=seed)
        start = time.perf_counter()
        predictor.fit(self.graphs[torch.from_numpy(known)], self.labels[known])
        fitted = time.perf_counter()
        forecast = predictor.forecast(self.graphs[torch.from_numpy(rest)])
        done = time.perf_counter()
        outcome = {
            "tau": float(kendalltau(forecast.scores, self.truth[rest]).statistic),
            "pearson": float(pearsonr(forecast.mean, self.truth[rest]).statistic),
            "rmse": float(np.sqrt(np.mean((forecast.mean - self.labels[rest]) ** 2))),
            "fit_seconds": fitted - start,
            "predict_seconds": done - fitted,
        }
        for share in SHARES:
            low, high = forecast.interval(share)
            inside = (self.labels[rest] >= low) & (self.labels[rest] <= high)
            outcome[f"inside_{share:.0%}"] = float(inside.mean())
        return outcome


def kept(path: Path) -> dict[str, Any]:
    """The results of earlier calls, or a new record."""
    if path.exists():
        return dict(read_json(path))
    return {"environment": describe_environment(seed=0), "results": {}}


def note_machine(record: dict[str, Any], row: str, runs: dict[str, Any]) -> None:
    """Note where a row is measured, before its first run: rows may come from several machines.

    Args:
        record: what is kept.
        row: name of the method.
        runs: its runs so far.
    """
    if not runs:
        record.setdefault("environments", {}).setdefault(row, describe_environment(seed=0))


def suitable(space: str) -> list[str]:
    """The contenders of a space: ``digits`` describes cells of NB101 alone."""
    reading = {name for name, one in CONTENDERS.items() if one and TRANSFER in one[1]}
    left_out: set[str] = set() if space == "NB101" else {*reading, TRANSFER, NO_TRANSFER}
    return [name for name in (*CONTENDERS, *UNLABELLED) if name not in left_out]


def measure(given: Any) -> None:
    """Measure what is not kept yet, and print the table."""
    benchmark = get_benchmark(given.what[0], given.data_root, dataset=given.dataset)
    task = Task(benchmark)
    name = f"{benchmark.space.name}_{benchmark.dataset}" if given.dataset else benchmark.space.name
    path = given.out or RESULTS / f"prediction_{name}.json"
    record = kept(path)
    wanted = [
        (contender, amount, seed)
        for amount in given.labels
        for seed in range(given.seeds)
        for contender in given.contenders or suitable(benchmark.space.name)
    ]
    for contender, amount, seed in progress(wanted, f"predicting {name}", "fits"):
        runs = record["results"].setdefault(str(amount), {}).setdefault(contender, {})
        if str(seed) not in runs:
            note_machine(record, contender, runs)
            runs[str(seed)] = task.measure(contender, amount, seed)
            write_json(path, record)
    for amount, row in record["results"].items():
        for contender, runs in row.items():
            print(f"{name:<20} {amount:>6}  {contender:<40} {summary(runs)}")


def summary(runs: dict[str, dict[str, float]]) -> str:
    """Mean and standard deviation over the draws, and how often intervals hold."""
    tau = Spread.of([run["tau"] for run in runs.values()])
    text = f"τ {tau.text(3)} ({tau.count} draws)"
    for share in SHARES:
        inside = [run[key] for run in runs.values() if (key := f"inside_{share:.0%}") in run]
        if inside:
            text += f", {share:.0%} interval holds {np.mean(inside):.1%}"
    return text


def draw(names: Sequence[str], out: Path) -> None:
    """τ against labels, a panel a table, a line a contender."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.2 * len(names), 4.6), layout="constrained")
    for axis, name in zip(np.atleast_1d(figure.subplots(1, len(names))), names, strict=True):
        results = kept(RESULTS / f"prediction_{name}.json")["results"]
        present = dict.fromkeys(contender for row in results.values() for contender in row)
        for contender in present:
            points = sorted(
                (int(amount), [run["tau"] for run in row[contender].values()])
                for amount, row in results.items()
                if contender in row
            )
            axis.errorbar(
                [amount for amount, _ in points],
                [Spread.of(taus).mean for _, taus in points],
                [Spread.of(taus).std for _, taus in points],
                marker="o",
                markersize=3,
                capsize=2,
                linewidth=2.5 if CONTENDERS.get(contender, ()) is None else 1.2,
                linestyle=":" if contender in UNLABELLED else "-",
                label=contender,
            )
        axis.set(xscale="log", xlabel="labelled architectures", ylabel="Kendall τ", title=name)
        axis.grid(alpha=0.3)
        axis.legend(fontsize=7)
    out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(out, dpi=150)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure a space, or draw what is kept."""
    flags = parser("How well predictors rank architectures they were not shown.")
    flags.add_argument("what", nargs="+", help=f"one of {', '.join(SPACES)}; or figure NAME…")
    flags.add_argument("--dataset", help="NB201: cifar10, cifar100, ImageNet16-120 …")
    flags.add_argument("--labels", type=positive_int, nargs="+", default=[100])
    flags.add_argument("--seeds", type=positive_int, default=10, help="draws of the labels")
    flags.add_argument(
        "--contenders",
        nargs="+",
        choices=[*CONTENDERS, *UNLABELLED],
        help="default: all that suit the space",
    )
    flags.add_argument("--data_root", type=Path, help="folder of the measured data")
    flags.add_argument("--threads", type=positive_int, default=1)
    flags.add_argument("--out", type=output_file, help="file to write")
    given = flags.parse_args(arguments)
    torch.set_num_threads(given.threads)
    if given.what[0] == "figure":
        draw(given.what[1:], given.out or ROOT / "docs" / "figures" / "prediction.png")
        return 0
    if len(given.what) != 1 or given.what[0] not in SPACES:
        raise InputError(f"expected one of {', '.join(SPACES)}, got {' '.join(given.what)}")
    measure(given)
    return 0


if __name__ == "__main__":
    run_command(main)
