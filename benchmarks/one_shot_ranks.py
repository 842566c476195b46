"""What shared weights are worth: one-shot ranks against the tables of NAS-Bench-Graph.

    python benchmarks/one_shot_ranks.py rank --work FOLDER [--datasets cora citeseer] [--seeds 5]
    python benchmarks/one_shot_ranks.py baselines
    python benchmarks/one_shot_ranks.py zero_cost
    python benchmarks/one_shot_ranks.py table
    python benchmarks/one_shot_ranks.py figure --out docs/figures/one_shot_ranks.png

``rank`` trains a supernet, and ranks architectures by their validation accuracy with its weights.
Kendall's τ is counted against the validation performance of the table: of random architectures, and
of random ones within its best tenth. No number of the table has a part in the training. What is
kept in the results is not measured again; a training that was killed resumes from ``--work``.
``baselines`` ranks the same architectures by predictors that were fitted to a few labels, which are
validation performances of others, and by parameters; and it times trainings from scratch.
``zero_cost`` ranks them by two scores of networks of width 64 at initialisation. All seconds are of
a processor.

The accuracies by which supernets rank are kept beside the results (``one_shot_ranks.npz``), under
``DATASET/ROW/SEED/random`` and ``…/best`` in the order of :func:`ranked_rows`, so that τ is
recomputed without a training. Of the supernets with seed 0 they were not.
"""

from __future__ import annotations

import functools
import sys
import time
from argparse import Namespace
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.stats import kendalltau

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.node_scores import ZERO_COST, node_scores
from benchmarks.one_shot_report import draw, lines
from benchmarks.prediction import RESULTS, kept, note_machine
from datasets import get_benchmark
from datasets.benchmark import Benchmark
from estimators.by_data_set import training_on
from estimators.shared_weights import evaluate_path
from estimators.supernet_training import PRESET, OneShotRecipe, build_supernet, supernet_loop
from estimators.tasks.nodes import PreparedNodes
from experiment.arguments import output_file, parser, positive_int
from experiment.errors import run_command
from experiment.files import atomic_path, write_json
from experiment.progress import progress
from models.supernets.supernet import Supernet
from predictors.methods import make_predictor

SPACE = "NAS_BENCH_GRAPH"
KEPT = RESULTS / "one_shot_ranks.json"
DATASETS = ("cora", "citeseer")
RANDOM, BEST = 2_000, 500
"""Architectures that are ranked: of the whole table, and of its best tenth."""
FEW = 500
"""Of the random ones, those that rows which show one effect alone rank."""
LABELS = (20, 50)
WIDTH = 64
"""Of networks that are scored without training; that of the supernets, too."""
TIMED = 3
"""Trainings from scratch that are timed."""


@dataclass(frozen=True)
class Row:
    """A way to rank by a supernet at some point of its training.

    Attributes:
        name: in the results.
        steps: after which it is evaluated.
        dropout: whether dropout stays on while it ranks.
        running: whether batch norms take running means over the trained paths.
        few: whether it ranks :data:`FEW` architectures alone.
    """

    name: str
    steps: int
    dropout: bool = False
    running: bool = False
    few: bool = True


@dataclass(frozen=True)
class Training:
    """A training of a supernet, and the rows that come of it.

    Attributes:
        sections: of the preset.
        changes: settings that differ.
        rows: ascending by their steps.
        on: data sets that it is for.
    """

    sections: tuple[str, ...]
    changes: Mapping[str, Any]
    rows: tuple[Row, ...]
    on: tuple[str, ...] = DATASETS


TRAININGS: dict[str, Training] = {
    "published": Training(
        ("published",),
        {},
        (
            Row("untrained", 0),
            Row("published, 100 steps", 100, dropout=True),
            Row("published", 1_000, dropout=True, few=False),
            Row("published, dropout off", 1_000),
        ),
    ),
    "mended": Training(
        (),
        # Means are kept, but change nothing in the training.
        {"running_statistics": True},
        (
            Row("mended", 2_000, few=False),
            Row("mended, running statistics", 2_000, running=True),
        ),
    ),
    "architectures": Training(
        (),
        {"running_statistics": True, "sampling": "architectures"},
        (
            Row("uniform over architectures, 100 steps", 100),
            Row("uniform over architectures, 500 steps", 500),
            Row("uniform over architectures, 1,000 steps", 1_000),
            Row("uniform over architectures", 2_000, few=False),
            Row("uniform over architectures, running statistics", 2_000, running=True),
        ),
    ),
    "fair": Training((), {"sampling": "fair"}, (Row("fair paths", 2_000),)),
}
"""Those of a seed are made in this order, on all data sets, before those of the next seed."""


@functools.cache
def table(dataset: str) -> Benchmark:
    """Read once."""
    return get_benchmark(SPACE, dataset=dataset)


@functools.cache
def ranked_rows(dataset: str, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows of the table: random ones, and random ones of the best tenth by validation."""
    known = table(dataset)
    generator = np.random.default_rng([seed, 2])
    by_value = np.argsort(-truth(dataset), kind="stable")
    best = generator.permutation(by_value[: len(known) // 10])[:BEST]
    return generator.permutation(len(known))[:RANDOM], best


@functools.cache
def truth(dataset: str) -> np.ndarray:
    """Validation performance of every row. **Shape** (B,)."""
    return table(dataset).metric("validation").mean()


def tau(scores: np.ndarray, dataset: str, rows: np.ndarray) -> float:
    """Kendall's τ-b, which takes ties into account."""
    return round(float(kendalltau(scores, truth(dataset)[rows]).statistic), 4)


def rank(given: Namespace) -> None:
    """Train and evaluate what is not kept yet."""
    record = kept(given.out)
    wanted = [
        (seed, name, dataset)
        for seed in range(given.seeds)
        for name, training in TRAININGS.items()
        for dataset in given.datasets
        if dataset in training.on and name in (given.trainings or TRAININGS)
    ]
    for seed, name, dataset in progress(wanted, "supernets", "trainings"):
        runs = record["results"].setdefault(dataset, {})
        training = TRAININGS[name]
        if any(str(seed) not in runs.get(row.name, {}) for row in training.rows):
            train(training, f"{dataset}_{name}_{seed}", dataset, seed, given, record)
            (given.work / f"{dataset}_{name}_{seed}.pt").unlink(missing_ok=True)


def train(
    training: Training,
    name: str,
    dataset: str,
    seed: int,
    given: Namespace,
    record: dict[str, Any],
) -> None:
    """Train a supernet, and fill in its rows."""
    runs = record["results"][dataset]
    recipe = OneShotRecipe.load(PRESET, *training.sections, overrides=dict(training.changes))
    scratch = training_on(dataset, table(dataset).space, seed)
    task = scratch.work.task.prepare(scratch.work.recipe, "cpu")
    assert isinstance(task, PreparedNodes)
    torch.manual_seed(seed)
    supernet = build_supernet(scratch.space, scratch.work.design, recipe, task.dimensions)
    path = given.work / f"{name}.pt"
    loop = supernet_loop(scratch.space, supernet, task, recipe, seed, path)
    resumed, seconds = loop.resume(), 0.0
    for row in training.rows:
        started = time.process_time()
        loop.run(lambda epoch, means: None, until=row.steps // recipe.paths)
        seconds += time.process_time() - started
        known = runs.setdefault(row.name, {})
        # Where a training was resumed after this row's steps, its weights are gone.
        if str(seed) not in known and loop.epoch == row.steps // recipe.paths:
            note_machine(record, row.name, known)
            net = supernet if row.running else with_own_statistics(supernet, recipe, dataset, task)
            found, accuracies = evaluated(row, net, task, dataset, seed)
            known[str(seed)] = found
            if not resumed:
                found["training_seconds"] = round(seconds, 1)
            keep_accuracies(given.out, f"{dataset}/{row.name}/{seed}", accuracies)
            write_json(given.out, record)
            print(dataset, row.name, seed, found, file=sys.stderr, flush=True)


def kept_accuracies(results: Path) -> dict[str, np.ndarray]:
    """What is beside a file of results: name → validation accuracies, **shape** (n,)."""
    path = results.with_suffix(".npz")
    if not path.exists():
        return {}
    with np.load(path) as file:
        return {name: file[name] for name in file.files}


def keep_accuracies(results: Path, name: str, accuracies: Mapping[str, np.ndarray]) -> None:
    """Add those of one row and seed."""
    known = kept_accuracies(results)
    for part, values in accuracies.items():
        known[f"{name}/{part}"] = values.astype(np.float32)
    with atomic_path(results.with_suffix(".npz")) as partial, partial.open("wb") as file:
        np.savez_compressed(file, **known)  # type: ignore[arg-type]


def evaluated(
    row: Row, net: Supernet, task: PreparedNodes, dataset: str, seed: int
) -> tuple[dict[str, float], dict[str, np.ndarray]]:
    """Rank by the weights as they are: what is found, and the accuracies of which it is."""
    rows, best = ranked_rows(dataset, seed)
    rows = rows[:FEW] if row.few else rows
    started = time.process_time()
    accuracy, loss = scores(net, row, task, dataset, rows)
    seconds = time.process_time() - started
    found = {
        "tau": tau(accuracy, dataset, rows),
        "tau_of_loss": tau(-loss, dataset, rows),
        "mean_accuracy": round(float(accuracy.mean()), 4),
        "regret_of_first": round(
            float(truth(dataset)[rows].max() - truth(dataset)[rows[accuracy.argmax()]]), 4
        ),
        "ranked": len(rows),
        "milliseconds_each": round(1_000 * seconds / len(rows), 1),
    }
    accuracies = {"random": accuracy}
    if not row.few:
        accuracies["best"], loss = scores(net, row, task, dataset, best)
        found["tau_best_tenth"] = tau(accuracies["best"], dataset, best)
        found["tau_of_loss_best_tenth"] = tau(-loss, dataset, best)
    return found, accuracies


def scores(
    net: Supernet, row: Row, task: PreparedNodes, dataset: str, rows: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Validation accuracy and loss by shared weights. **Shape** (n,) each."""
    graphs = table(dataset).graphs
    found = [
        evaluate_path(net, net.choice(graphs.graph(index)), task, row.dropout, seed=index)
        for index in map(int, rows)
    ]
    return tuple(np.array([one[key] for one in found]) for key in ("accuracy", "loss"))  # type: ignore[return-value]


def with_own_statistics(
    supernet: Supernet, recipe: OneShotRecipe, dataset: str, task: PreparedNodes
) -> Supernet:
    """The same weights, whose batch norms evaluate by the nodes on the path."""
    scratch = training_on(dataset, table(dataset).space)
    plain = replace(recipe, running_statistics=False)
    own = build_supernet(scratch.space, scratch.work.design, plain, task.dimensions)
    weights = supernet.state_dict()
    own.load_state_dict({name: weights[name] for name in own.state_dict()})
    return own


def baselines(given: Namespace) -> None:
    """Predictors by few labels, parameters, and the seconds of trainings from scratch."""
    record = kept(given.out)
    for dataset in given.datasets:
        runs = record["results"].setdefault(dataset, {})
        for seed in range(given.seeds):
            for labels in LABELS:
                known = runs.setdefault(f"predictor, {labels} labels", {})
                if str(seed) not in known:
                    known[str(seed)] = predicted(dataset, labels, seed)
            known = runs.setdefault("parameters", {})
            known[str(seed)] = of_all(table(dataset).metric("parameters").mean(), dataset, seed)
        if "from_scratch_seconds" not in record.setdefault("seconds", {}).get(dataset, {}):
            record["seconds"][dataset] = {"from_scratch_seconds": timed(dataset)}
        write_json(given.out, record)


def predicted(dataset: str, labels: int, seed: int) -> dict[str, float]:
    """Fit the space's default to rows that are not ranked, and predict all."""
    known = table(dataset)
    taken = np.union1d(*ranked_rows(dataset, seed))
    free = np.setdiff1d(np.arange(len(known)), taken)
    chosen = np.random.default_rng([seed, 3]).permutation(free)[:labels]
    started = time.process_time()
    predictor = make_predictor(known.space, seed=seed)
    predictor.fit(known.graphs[torch.from_numpy(chosen)], truth(dataset)[chosen])
    values = np.full(len(known), np.nan)
    values[taken] = predictor.forecast(known.graphs[torch.from_numpy(taken)]).scores
    return {
        **of_all(values, dataset, seed),
        "fit_seconds": round(time.process_time() - started, 1),
    }


def of_all(values: np.ndarray, dataset: str, seed: int) -> dict[str, float]:
    """τ of values of every row."""
    rows, best = ranked_rows(dataset, seed)
    return {
        "tau": tau(values[rows], dataset, rows),
        "tau_best_tenth": tau(values[best], dataset, best),
        "regret_of_first": round(
            float(truth(dataset)[rows].max() - truth(dataset)[rows[values[rows].argmax()]]), 4
        ),
        "ranked": len(rows),
    }


def zero_cost(given: Namespace) -> None:
    """Rank by scores of networks that are not trained."""
    record = kept(given.out)
    for dataset in given.datasets:
        runs = record["results"].setdefault(dataset, {})
        for seed in range(given.seeds):
            if any(str(seed) not in runs.get(name, {}) for name in ZERO_COST):
                values, seconds = zero_cost_scores(dataset, seed)
                for column, name in enumerate(ZERO_COST):
                    known = runs.setdefault(name, {})
                    note_machine(record, name, known)
                    found = of_all(values[:, column], dataset, seed)
                    known[str(seed)] = found | {"seconds": round(seconds, 1)}
                write_json(given.out, record)


def zero_cost_scores(dataset: str, seed: int) -> tuple[np.ndarray, float]:
    """Both scores of the architectures that are ranked, and the seconds that all took together.

    Returns:
        **Shape** (B, 2), NaN for the others.
    """
    scratch = training_on(dataset, table(dataset).space, seed)
    task = scratch.work.task.prepare(scratch.work.recipe, "cpu")
    assert isinstance(task, PreparedNodes)
    design = replace(scratch.work.design, hidden=WIDTH)  # type: ignore[call-arg]
    values = np.full((len(table(dataset)), len(ZERO_COST)), np.nan)
    taken = np.union1d(*ranked_rows(dataset, seed))
    started = time.process_time()
    for row in progress(taken, f"zero-cost scores on {dataset}", "networks"):
        torch.manual_seed(seed)
        graph = table(dataset).graphs.graph(int(row))
        values[row] = node_scores(design.build(graph, task.dimensions), task.nodes)
    return values, time.process_time() - started


def timed(dataset: str) -> list[float]:
    """CPU seconds of trainings from scratch of random architectures."""
    scratch = training_on(dataset, table(dataset).space)
    found = []
    for index in ranked_rows(dataset, 0)[0][:TIMED]:
        started = time.process_time()
        list(scratch.measure([table(dataset).graphs.graph(int(index))]))
        found.append(round(time.process_time() - started, 1))
    return found


MEASURED = {"rank": rank, "baselines": baselines, "zero_cost": zero_cost}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure what is not kept yet, print or draw it."""
    command = parser("Compare one-shot ranks with the tables of NAS-Bench-Graph.")
    command.add_argument("what", choices=(*MEASURED, "table", "figure"))
    command.add_argument("--datasets", nargs="+", choices=DATASETS, default=list(DATASETS))
    command.add_argument("--trainings", nargs="+", choices=list(TRAININGS))
    command.add_argument("--seeds", type=positive_int, default=5)
    command.add_argument("--work", type=Path, help="folder of checkpoints", default=Path("runs"))
    command.add_argument("--out", type=output_file, help="results, or the figure")
    given = command.parse_args(arguments)
    torch.set_num_threads(1)
    if given.what == "figure":
        draw(kept(KEPT)["results"], given.out or ROOT / "docs" / "figures" / "one_shot_ranks.png")
        return 0
    given.out = given.out or KEPT
    if given.what in MEASURED:
        MEASURED[given.what](given)
    print("\n".join(lines(kept(given.out)["results"])))
    return 0


if __name__ == "__main__":
    run_command(main)
