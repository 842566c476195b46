"""How well predictors rank architectures beyond those that they were fitted to, on known values.

    python benchmarks/extrapolation.py nodes convolutions better digits --seeds 5 --labels 400
    python benchmarks/extrapolation.py digits --labels 400 --figure docs/figures/extrapolation.png

Five ways to go beyond what was measured (``SETTINGS``): NB101 from cells of at most 6 nodes to
those of 7 (within the uniformly sampled cells); NB201 from cells with at most 2 convolutions to
those with more; ENAS from the worse half to the better; DIGITS101 from at most 5 nodes to the
sample of 6, 7 and 8; NAS_BENCH_GRAPH on each data set (``'operations, cora'``) from at most two
distinct operations to a sample of those with more. Labels are mean validation values, of all that
is inside or of some of it. Of the architectures beyond, Kendall's τ with the truth, the mean true
rank of the 5 that are predicted best, and the regret of the best of those 5. Beside each method
stands the same one fitted to as many labels from beyond (those left out of its ranking; half of
what is beyond at most), parameters and FLOPs, and random choice. What is there is not measured
again.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from scipy.stats import kendalltau, rankdata

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from analysis.figures import save_figure
from analysis.prediction_figure import predicted_by_size
from benchmarks.prediction import COSTS, GRAPH, RESULTS, kept, note_machine
from datasets import get_benchmark
from datasets.batch import GraphBatch
from datasets.registry import measured_on
from datasets.space import SearchSpace
from experiment.arguments import output_file, parser, positive_int
from experiment.errors import InputError, run_command
from experiment.files import write_json
from experiment.progress import progress
from predictors.defaults import defaults_of
from predictors.features import describe, make_features
from predictors.methods import make_predictor

CONTENDERS: dict[str, tuple[str, tuple[str, ...]] | None] = {
    "the suite's choice beyond": None,
    "the suite's choice beyond, no transfer": (
        "trend_ensemble",
        ("statistics", "walks", "costs"),
    ),
    "GP on graph features": ("gp", GRAPH),
    "boosted trees on paths and statistics": ("trees", ("paths", "statistics")),
    "GP on latents": ("gp", ("latents",)),
    "GP on one-hots": ("gp", ("one_hot",)),
    "boosted trees on one-hots": ("trees", ("one_hot",)),
    "ridge on pairs of one-hots": ("ridge", ("one_hot_pairs",)),
}
TOP = 5
MOST_CONVOLUTIONS = MOST_OPERATIONS = 2
MOST_RANKED = 4_000
"""Of NAS_BENCH_GRAPH, whose 24,000 architectures with more operations take minutes a fit."""
DRAWS = 2_000
"""Random choices that the row of random choice is the mean of."""


@dataclass(frozen=True)
class Domain:
    """Architectures with what they reach.

    Attributes:
        graphs: B of them.
        labels: what a predictor may learn. **Shape** (B,).
        truth: what it is judged by. **Shape** (B,).
    """

    graphs: GraphBatch
    labels: np.ndarray
    truth: np.ndarray

    def __getitem__(self, rows: np.ndarray) -> Domain:
        """Some of them. **Shape** (n,) integers."""
        return Domain(self.graphs[torch.from_numpy(rows)], self.labels[rows], self.truth[rows])

    def __len__(self) -> int:
        return len(self.labels)


Setting = tuple[SearchSpace, Domain, Domain]
"""Space, the architectures inside the domain, and those beyond."""


def _table(name: str, data_root: Path | None, **choices: str) -> tuple[SearchSpace, Domain]:
    benchmark = get_benchmark(name, data_root, **choices)
    labels = benchmark.metric("validation").mean()
    target = "test" if "test" in benchmark.metrics else "validation"
    truth, rows = benchmark.metric(target).mean(), benchmark.rows_with("validation", target)
    return benchmark.space, Domain(benchmark.graphs, labels, truth)[rows]


def _divided(space: SearchSpace, table: Domain, beyond: np.ndarray) -> Setting:
    return space, table[np.flatnonzero(~beyond)], table[np.flatnonzero(beyond)]


def nodes(data_root: Path | None) -> Setting:
    """NB101: at most 6 nodes → 7."""
    space, table = _table("NB101", data_root)
    return _divided(space, table, table.graphs.num_nodes.numpy() == space.max_nodes)


def convolutions(data_root: Path | None) -> Setting:
    """NB201 on CIFAR-10: few convolutions → more."""
    space, table = _table("NB201", data_root)
    return _divided(space, table, convolutions_of(table.graphs, space) > MOST_CONVOLUTIONS)


def convolutions_of(graphs: GraphBatch, space: SearchSpace) -> np.ndarray:
    """How many convolutions each NB201 cell has. **Shape** (B,), int64."""
    kinds = [space.types.index(name) for name in ("nor_conv_1x1", "nor_conv_3x3")]
    return torch.isin(graphs.types, torch.tensor(kinds)).sum(dim=1).numpy()


def better(data_root: Path | None) -> Setting:
    """ENAS: the worse half → the better."""
    space, table = _table("ENAS", data_root)
    return _divided(space, table, table.labels > np.median(table.labels))


def digits(data_root: Path | None) -> Setting:
    """DIGITS101: at most 5 nodes → a sample of 6, 7 and 8 nodes."""
    space, inside = _table("DIGITS101", data_root)
    _, outside = _table("DIGITS101", data_root, cells="larger")
    return space, inside, outside


def operations(dataset: str, data_root: Path | None) -> Setting:
    """NAS_BENCH_GRAPH: at most two distinct operations → a sample of those with more."""
    space, table = _table("NAS_BENCH_GRAPH", data_root, dataset=dataset)
    interior = table.graphs.types[:, 1:-1].numpy()
    distinct = 1 + (np.diff(np.sort(interior, axis=1), axis=1) != 0).sum(axis=1)
    _, inside, outside = _divided(space, table, distinct > MOST_OPERATIONS)
    drawn = np.random.default_rng(0).permutation(len(outside))[:MOST_RANKED]
    return space, inside, outside[drawn]


SETTINGS: dict[str, Callable[[Path | None], Setting]] = {
    "nodes": nodes,
    "convolutions": convolutions,
    "better": better,
    "digits": digits,
    **{f"operations, {name}": partial(operations, name) for name in measured_on("NAS_BENCH_GRAPH")},
}


Verdict = dict[str, float]
"""Kendall's τ, mean true rank of the top 5, and regret of the best of them."""


def judge(predicted: np.ndarray, truth: np.ndarray) -> Verdict:
    """How good a ranking is. **Shape** (B,) each."""
    top = np.argsort(-predicted, kind="stable")[:TOP]
    ranks = rankdata(-truth)
    return {
        "tau": float(kendalltau(predicted, truth).statistic),
        "top_rank": float(ranks[top].mean()),
        "regret": float(truth.max() - truth[top].max()),
    }


def judge_random(truth: np.ndarray, seed: int) -> Verdict:
    """What a random choice of five gives, on average. **Shape** (B,)."""
    generator = np.random.default_rng(seed)
    regrets = [truth.max() - generator.choice(truth, TOP).max() for _ in range(DRAWS)]
    return {
        "tau": 0.0,
        "top_rank": (len(truth) + 1) / 2,
        "regret": float(np.mean(regrets)),
    }


def measure(setting: Setting, contender: str, amount: int, seed: int) -> dict[str, Verdict]:
    """Fit inside, and fit beyond; both rank the same architectures beyond."""
    space, inside, outside = setting
    order = np.random.default_rng(seed).permutation(len(outside))
    spare = min(amount, len(outside) // 2)
    labelled, ranked = outside[order[:spare]], outside[order[spare:]]
    if contender == "random":
        return {"beyond": judge_random(ranked.truth, seed)}
    if contender in COSTS:
        costs = describe(make_features("costs", space), ranked.graphs)[:, COSTS.index(contender)]
        return {"beyond": judge(costs, ranked.truth)}
    chosen = np.random.default_rng(seed).permutation(len(inside))[:amount]
    method, features = CONTENDERS[contender] or defaults_of(space).beyond
    outcome = {}
    for name, known in (("beyond", inside[chosen]), ("within", labelled)):
        predictor = make_predictor(space, method, features, seed=seed)
        predictor.fit(known.graphs, known.labels)
        outcome[name] = judge(predictor.forecast(ranked.graphs).scores, ranked.truth)
    return outcome


def draw(setting: Setting, amount: int, place: Path) -> None:
    """Predicted against measured, by number of nodes, of what is beyond and of what is inside."""
    space, inside, outside = setting
    order = np.random.default_rng(0).permutation(len(inside))
    known, held_out = inside[order[:amount]], inside[order[amount:]]
    predictor = make_predictor(space, *defaults_of(space).beyond, seed=0)
    predictor.fit(known.graphs, known.labels)
    shown = [each for each in (held_out, outside) if len(each)]
    figure = predicted_by_size(
        np.concatenate([predictor.predict(each.graphs)[0] for each in shown]),
        np.concatenate([each.truth for each in shown]),
        np.concatenate([each.graphs.num_nodes.numpy() for each in shown]),
        int(known.graphs.num_nodes.max()),
        names=("validation accuracy", "test accuracy"),
        title=f"{space.name}: learnt from {amount} of at most {known.graphs.num_nodes.max()} nodes",
    )
    save_figure(figure, place)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure what is not kept yet, and print the table."""
    flags = parser("How well predictors rank architectures beyond those they were fitted to.")
    flags.add_argument("settings", nargs="+", choices=list(SETTINGS))
    flags.add_argument("--labels", type=positive_int, help="architectures to learn; default: all")
    flags.add_argument("--seeds", type=positive_int, default=5, help="draws of the labels")
    everyone = ["random", *COSTS, *CONTENDERS]
    flags.add_argument("--contenders", nargs="+", choices=everyone, default=everyone)
    flags.add_argument("--data_root", type=Path, help="folder of the measured data")
    flags.add_argument("--threads", type=positive_int, default=1)
    flags.add_argument("--figure", type=Path, help="draw the suite's choice instead of measuring")
    flags.add_argument("--out", type=output_file, default=RESULTS / "extrapolation.json")
    given = flags.parse_args(arguments)
    torch.set_num_threads(given.threads)
    if given.figure:
        setting = SETTINGS[given.settings[0]](given.data_root)
        draw(setting, given.labels or len(setting[1]), given.figure)
        return 0
    amount = str(given.labels or "all")
    for name in given.settings:
        setting = SETTINGS[name](given.data_root)
        wanted = [(each, seed) for seed in range(given.seeds) for each in given.contenders]
        for contender, seed in progress(wanted, name, "fits"):
            record = kept(given.out)
            table = record["results"].setdefault(amount, {}).setdefault(name, {})
            runs = table.setdefault(contender, {})
            if str(seed) in runs:
                continue
            try:
                outcome = measure(setting, contender, given.labels or len(setting[1]), seed)
            except InputError as error:  # raw encodings have no place for larger cells
                print(f"{name}: {contender} is left out: {error}")
                continue
            note_machine(record, contender, runs)
            runs[str(seed)] = outcome
            write_json(given.out, record)
        print(f"{name}, {amount} labels")
        for contender, runs in kept(given.out)["results"][amount][name].items():
            print(f"  {contender:<40} {summary(runs)}")
    return 0


def summary(runs: dict[str, dict[str, Verdict]]) -> str:
    """Means over the seeds."""
    parts = []
    for fitted in ("beyond", "within"):
        rows = [run[fitted] for run in runs.values() if fitted in run]
        if rows:
            tau, rank, regret = (
                np.mean([row[key] for row in rows]) for key in ("tau", "top_rank", "regret")
            )
            where = "fitted inside" if fitted == "beyond" else "fitted beyond"
            parts.append(f"{where}: τ {tau:.3f}, top-5 rank {rank:.0f}, regret {regret:.4f}")
    return f"{'; '.join(parts)} ({len(runs)} seeds)"


if __name__ == "__main__":
    run_command(main)
