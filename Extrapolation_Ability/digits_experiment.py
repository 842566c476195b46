"""The published experiment on one's own machine: a surrogate of small cells chooses larger ones.

From the repository root::

    PYTHONPATH=$PWD python Extrapolation_Ability/digits_experiment.py

A predictor is fitted to DIGITS101, the cells of at most 5 nodes, and ranks cells of 6, 7 and 8.
Its first five are trained as the table was, with seeds that nothing has seen, and so are five
random candidates, the five largest, and the five best cells of the table. Interrupted, it resumes
with ``--resume``.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
if str(ROOT) not in sys.path[:1]:
    sys.path.insert(0, str(ROOT))

from argparse import Namespace
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from analysis.figures import save_figure
from datasets import get_benchmark, get_space
from datasets.batch import GraphBatch
from datasets.benchmark import Benchmark
from estimators.digits101 import CONFIG, SPACE, estimator
from estimators.evaluations import sweep
from estimators.networks import load_design
from estimators.store import Store
from estimators.tasks.data_sets import DATA_SETS
from experiment.arguments import (
    Parser,
    add_engine_flags,
    engine_choice,
    non_negative_int,
    parser,
    positive_int,
)
from experiment.engine import Engine
from experiment.errors import run_command
from experiment.progress import progress
from experiment.run import RunFolder
from Extrapolation_Ability.candidates import (
    best_cells,
    distinct,
    extension_steps,
    random_cells,
)
from Extrapolation_Ability.digits_summary import groups_figure, summarise, table_lines
from Extrapolation_Ability.ranking import Ranking
from Extrapolation_Ability.surrogates import RankingModel, fitted
from predictors.defaults import defaults_of
from predictors.methods import resolve_method

NODES = (6, 7, 8)
"""Nodes of the candidates; the table's cells have at most 5."""
FRESH = 1_000
"""First seed of the trainings: the table has seeds 0, 1 and 2."""
OUT = ROOT / "runs" / "extrapolation" / "digits_experiment"


def candidates_of(
    benchmark: Benchmark, surrogate: RankingModel, extend_best: int, random: int, seed: int
) -> GraphBatch:
    """Cells of 6 to 8 nodes: extensions of the best of 5, and random ones, each once.

    Every extension of the best cells by a node is a candidate; those that the surrogate likes best
    are extended again, as many as were extended first.

    Args:
        benchmark: DIGITS101.
        surrogate: ranks the extensions.
        extend_best: how many cells are extended at each step.
        random: random cells of each size.
        seed: of the random cells.
    """

    def keep(cells: GraphBatch) -> GraphBatch:
        order = np.argsort(-surrogate.predict(cells)[0], kind="stable")[:extend_best]
        return cells[torch.from_numpy(order)]

    best = best_cells(benchmark, benchmark.space.max_nodes, extend_best)
    parts = list(extension_steps(best, NODES[-1], keep))
    generator = np.random.default_rng(seed)
    if random:
        parts += [GraphBatch.from_graphs(random_cells(n, random, generator)) for n in NODES]
    return distinct(GraphBatch.cat(parts))


def groups_of(
    benchmark: Benchmark, ranking: Ranking, count: int, seed: int
) -> dict[str, GraphBatch]:
    """What is trained: ``count`` cells each by four ways to choose them.

    ``predicted`` are the first of the ranking, ``random`` drawn from all candidates, ``largest``
    those with the most multiply-adds, and ``table`` the best measured ones of the table.
    """
    costs = load_design(CONFIG, ranking.space).costs(ranking.graphs, DATA_SETS["digits"])
    largest = np.argsort(-np.asarray(costs.flops), kind="stable")[:count]
    drawn = np.random.default_rng(seed).choice(len(ranking), count, replace=False)
    means = np.nan_to_num(benchmark.metric("validation").mean(), nan=-np.inf)
    measured = np.argsort(-means, kind="stable")[:count]
    return {
        "predicted": ranking.graphs[:count],
        "random": ranking.graphs[torch.from_numpy(drawn)],
        "largest": ranking.graphs[torch.from_numpy(largest)],
        "table": benchmark.graphs[torch.from_numpy(measured)],
    }


def measure(
    cells: GraphBatch, seeds: Sequence[int], store: Store, engine: Engine
) -> dict[str, dict[str, Any]]:
    """Hash → mean accuracies over the seeds, and sizes; a cell that failed once has a reason."""
    found: dict[str, list[Any]] = {}
    trainings = len(seeds) * len(cells)
    with progress(trainings, "training", "cells") as bar:
        for seed in seeds:
            for one in sweep(estimator(seed, store=store), list(cells), engine):
                found.setdefault(one.hash, []).append(one)
                bar.advance()
    result: dict[str, dict[str, Any]] = {}
    for name, of_one in found.items():
        if bad := [one for one in of_one if not one.ok]:
            result[name] = {"failed": bad[0].reason}
            continue
        first = of_one[0]
        result[name] = {
            "validation": float(np.mean([one.validation for one in of_one])),
            "test": float(np.mean([one.test for one in of_one])),
            "parameters": first.parameters,
            "flops": first.flops,
        }
    return result


def one_repeat(
    given: Namespace, benchmark: Benchmark, store: Store, seed: int, engine: Engine
) -> dict[str, Any]:
    """Fit, rank, choose and train with one seed.

    Returns:
        The number of candidates, and for each way to choose the records of its cells: the
        prediction, and what was measured.
    """
    labels = given.labels or len(benchmark)
    surrogate = fitted(benchmark, given.predictor, given.features or None, labels, seed)
    candidates = candidates_of(benchmark, surrogate, given.extend_best, given.random, seed)
    ranking = Ranking.of(benchmark.space, candidates, surrogate.predict(candidates))
    groups = groups_of(benchmark, ranking, given.top, seed)
    chosen = distinct(GraphBatch.cat(groups.values()))
    fresh = [FRESH + given.training_seeds * seed + k for k in range(given.training_seeds)]
    measured = measure(chosen, fresh, store, engine)
    cells = {name: _records(batch, surrogate, measured) for name, batch in groups.items()}
    return {"seed": seed, "candidates": len(ranking), "training_seeds": fresh, "groups": cells}


def _records(
    cells: GraphBatch, surrogate: RankingModel, measured: Mapping[str, dict[str, Any]]
) -> list[dict[str, Any]]:
    space = get_space(SPACE)
    mean, std = surrogate.predict(cells)
    records = []
    for row, (graph, hash) in enumerate(zip(cells, space.hashes(cells).tolist(), strict=True)):
        record = {**space.to_record(graph), "hash": hash, "nodes": graph.num_nodes}
        record |= {"mean": float(mean[row]), **measured[hash]}
        records.append(record | ({} if std is None else {"std": float(std[row])}))
    return records


def make_parser() -> Parser:
    """The command line."""
    flags = parser("Let a predictor of small cells choose larger ones, and train them on digits.")
    flags.add_argument("--predictor", default="default", help="method, or default: the suite's own")
    flags.add_argument("--features", nargs="+", help="features of a cell")
    flags.add_argument("--labels", type=positive_int, help="cells it is fitted to (default: all)")
    flags.add_argument("--seeds", type=positive_int, default=5, help="repeats, a seed each")
    flags.add_argument("--seed", type=non_negative_int, default=0, help="the first of them")
    flags.add_argument("--top", type=positive_int, default=5, help="cells of each group")
    flags.add_argument("--training_seeds", type=positive_int, default=3, help="trainings of each")
    flags.add_argument(
        "--extend_best", type=positive_int, default=10, help="cells extended at each step"
    )
    flags.add_argument(
        "--random", type=non_negative_int, default=300, help="random candidates of each size"
    )
    add_engine_flags(flags)
    flags.add_argument("--out", type=Path, default=OUT, help="folder of the run")
    flags.add_argument("--resume", action="store_true", help="resume what is there")
    return flags


def main(arguments: Sequence[str] | None = None) -> int:
    """Repeat the experiment with several seeds; print, draw and write the results."""
    given = make_parser().parse_args(arguments)
    torch.set_num_threads(1)  # as the table was measured
    benchmark = get_benchmark(SPACE)
    method = None if given.predictor == "default" else given.predictor
    # By their names: defaults may change before a run resumes.
    usual = defaults_of(benchmark.space).beyond
    given.predictor, given.features = resolve_method(usual, method, given.features)
    settings = ("predictor", "features", "labels", "seeds", "top", "training_seeds")
    config = {name: getattr(given, name) for name in (*settings, "extend_best", "random")}
    repeats = []
    with engine_choice(given).start() as engine:
        run = RunFolder.start(given.out, config, given.seed, given.resume)
        store = Store(run.path / "measurements.sqlite")
        for seed in range(given.seed, given.seed + given.seeds):
            repeats.append(one_repeat(given, benchmark, store, seed, engine))
            print(f"seed {seed}: {repeats[-1]['candidates']:,} candidates ranked", flush=True)
    summary = summarise(repeats)
    run.save_result({"settings": config, "summary": summary, "repeats": repeats})
    save_figure(groups_figure(repeats), run.figures / "groups.png")
    print("\n".join(table_lines(summary)))
    print(f"{run.path / 'result.json'}\n{run.figures / 'groups.png'}")
    return 0


if __name__ == "__main__":
    run_command(main)
