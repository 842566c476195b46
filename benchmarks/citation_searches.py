"""Searches on citation graphs: what is found beside a tuned GAT, and searchers at equal seconds.

    python benchmarks/citation_searches.py run --parts found [--datasets cora] [--seconds 120]
    python benchmarks/citation_searches.py run --parts algorithms --datasets cora --seconds 60
    python benchmarks/citation_searches.py table

Public splits, row-normalised features, recipes and sizes of ``configs/citation.toml``. Every
training of a search has seed 0, ends 30 epochs after the best validation accuracy, and is valued by
that accuracy. Seconds are those of the processor, of one thread. A search ends with the training by
which it has used as many as its budget; the seconds of the searcher count.

``found``: evolution with ten random architectures to begin with. The architecture of the best
validation accuracy is trained with the fresh seeds 100 to 119, and each of these is tested once, at
its first epoch with the best validation accuracy. ``GAT, tuned`` is a random search over
:data:`GAT_SETTINGS`, which begins with the published setting and has the same seconds; the setting
of the best validation accuracy is trained with the same seeds. Differences are paired by seed.
``GCN`` is the published network with these seeds.

``algorithms``: searchers with the same seconds and seeds 0, 1, …, on one space. A training that two
searches propose is made once and costs both of them its seconds. Kept are the best validation
accuracy and the test accuracy of the same training.

What is kept is not measured again: a run that was killed continues with its next training.
"""

from __future__ import annotations

import importlib
import sys
import time
from argparse import Namespace
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from analysis.statistics import Spread, paired_difference
from benchmarks.kept_trainings import KeptTrainings, Record, timed
from benchmarks.prediction import RESULTS
from datasets import FixedNetwork, get_space
from datasets.graph import ArchitectureGraph
from datasets.space import SearchSpace
from estimators.by_data_set import training_on
from estimators.evaluations import Evaluations
from estimators.from_scratch import FromScratch
from estimators.node_designs import GATDesign, GCNDesign
from estimators.tasks.nodes import NodeRecipe, NodeTask
from experiment.arguments import Parser, output_file, parser, positive_int
from experiment.errors import run_command
from searchers.loop import Budget, SearchLoop
from searchers.methods import make_searcher
from searchers.problem import whole_space

KEPT = RESULTS / "citation_searches.json"
DATASETS = ("cora", "citeseer")
SPACES = ("GRAPHNAS_MICRO", "GRAPHNAS_MACRO")
TUNED, GCN = "GAT, tuned", "GCN"
METHOD, INITIAL = "evolution", 10
METHODS = ("random", "evolution", "local_search", "bo", "rl", "graphnas_rl")
"""Searchers that are compared; latents are of no space of AutoGL's."""
FIRST_SEED, FRESH = 100, 20
MOST = 4_000
"""Trainings of a search, which its seconds end long before."""

GAT_SETTINGS: dict[str, tuple[float, ...]] = {
    "hidden": (4, 8, 16, 32),
    "heads": (1, 2, 4, 8),
    "dropout": (0.4, 0.5, 0.6, 0.7, 0.8),
    "learning_rate": (0.002, 0.005, 0.01, 0.02),
    "weight_decay": (1e-4, 5e-4, 1e-3, 2e-3),
    "patience": (30, 100),
}
"""What a GAT is tuned over, of at most 300 epochs."""
PUBLISHED = {"hidden": 8, "heads": 8, "dropout": 0.6, "learning_rate": 5e-3, "weight_decay": 5e-4}
TUNED_EPOCHS, PATIENCE = 300, 100

Training = Callable[[int], dict[str, Any]]
"""Trains a network with a seed."""


def search(
    training: KeptTrainings, method: str, seed: int, seconds: float, initial: int = INITIAL
) -> dict[str, Any]:
    """One search with a budget of seconds; the best of it by validation."""
    started, before = time.process_time(), training.spent
    searcher = make_searcher(method, whole_space(training.space), seed, initial)
    loop = SearchLoop(searcher, Evaluations(training), Budget(MOST))
    trained = spent = 0.0
    for step in loop.steps():
        trained += step.measurement.cost_seconds or 0.0
        choosing = time.process_time() - started - (training.spent - before)
        spent = trained + choosing
        if spent >= seconds:
            loop.stop()
    steps = [step.measurement for step in loop.history.steps]
    best = max((each for each in steps if each.ok), key=lambda each: each.validation or 0.0)
    return {
        "choice": training.space.format(best.architecture),
        "validation": best.validation,
        "test": best.test,
        "trainings": len(steps),
        "failed": sum(not each.ok for each in steps),
        "seconds": round(spent, 1),
        "choosing_seconds": round(spent - trained, 1),
    }


def trainings_of(space: str, dataset: str, given: Namespace, record: Record) -> KeptTrainings:
    """Trainings of a search, with seed 0."""
    training = training_on(dataset, get_space(space), 0, given.data_root)
    return KeptTrainings(training, record, ("trainings", dataset, space))


def gat(setting: Mapping[str, float], dataset: str, data_root: Path | None) -> Training:
    """What trains a GAT of some setting."""
    design = GATDesign(int(setting["hidden"]), int(setting["heads"]), setting["dropout"])
    names = ("learning_rate", "weight_decay")
    overrides: dict[str, Any] = {name: setting[name] for name in names}
    overrides |= {"epochs": TUNED_EPOCHS, "patience": int(setting["patience"])}
    recipe = NodeRecipe.load("citation", "GAT", overrides=overrides)
    return by_hand(FixedNetwork("GAT"), design, recipe, dataset, data_root)


def by_hand(
    space: FixedNetwork,
    design: GATDesign | GCNDesign,
    recipe: NodeRecipe,
    dataset: str,
    data_root: Path | None,
) -> Training:
    """What trains a network that was made by hand."""
    task = NodeTask(dataset, data_root=data_root)
    return lambda seed: timed(FromScratch(space, task, design, recipe, seed=seed), space.member)


def settings(seed: int) -> Iterator[dict[str, float]]:
    """The published setting of a GAT, then random ones, each once."""
    generator = np.random.default_rng(seed)
    first = {**PUBLISHED, "patience": PATIENCE}
    seen = [first]
    yield first
    while len(seen) < np.prod([len(each) for each in GAT_SETTINGS.values()]):
        drawn = {name: each[generator.integers(len(each))] for name, each in GAT_SETTINGS.items()}
        if drawn not in seen:
            seen.append(drawn)
            yield drawn


def in_words(setting: Mapping[str, float]) -> str:
    """A setting on one line."""
    return ", ".join(f"{key} {value:g}" for key, value in setting.items())


def tune_gat(dataset: str, given: Namespace, record: Record) -> dict[str, Any]:
    """A random search over settings with a budget of seconds; the best by validation."""
    keys = ("trainings", dataset, TUNED)
    trained: dict[str, dict[str, Any]] = {}
    for setting in settings(0):
        name = in_words(setting)
        found = record.of(*keys).get(name)
        if found is None:
            train = gat(setting, dataset, given.data_root)
            found = record.put(keys, name, {"setting": setting, **train(0)})
        trained[name] = found
        spent = sum(each["seconds"] for each in trained.values())
        if spent >= given.seconds:
            break
    name = max(trained, key=lambda each: trained[each].get("validation", 0.0))
    return {
        "choice": name,
        **{key: trained[name][key] for key in ("setting", "validation", "test")},
        "trainings": len(trained),
        "seconds": round(spent, 1),
    }


def fresh(dataset: str, choice: str, train: Training, given: Namespace, record: Record) -> None:
    """Train what was chosen with the fresh seeds that are not kept."""
    keys = ("fresh", dataset, choice)
    for seed in range(FIRST_SEED, FIRST_SEED + given.fresh):
        if str(seed) not in record.of(*keys):
            print(f"{dataset}, {choice}: seed {seed}", flush=True)
            record.put(keys, str(seed), train(seed))


def find(dataset: str, given: Namespace, record: Record) -> None:
    """Search each space, tune a GAT, and train what was chosen with fresh seeds."""
    keys = ("found", dataset, str(given.seconds))
    rows = record.of(*keys)
    for name in given.spaces:
        space = get_space(name)
        if name not in rows:
            trainings = trainings_of(name, dataset, given, record)
            record.put(keys, name, search(trainings, METHOD, 0, given.seconds))
        graph = space.parse(rows[name]["choice"])

        def train(seed: int, space: SearchSpace = space, graph: ArchitectureGraph = graph) -> Any:
            return timed(training_on(dataset, space, seed, given.data_root), graph)

        fresh(dataset, rows[name]["choice"], train, given, record)
    if TUNED not in rows:
        record.put(keys, TUNED, tune_gat(dataset, given, record))
    tuned = rows[TUNED]
    fresh(dataset, tuned["choice"], gat(tuned["setting"], dataset, given.data_root), given, record)
    recipe = NodeRecipe.load("citation", GCN)
    gcn = by_hand(FixedNetwork(GCN), GCNDesign(), recipe, dataset, given.data_root)
    fresh(dataset, GCN, gcn, given, record)


def compare(dataset: str, given: Namespace, record: Record) -> None:
    """The searchers on the first space, seed by seed."""
    space = given.spaces[0]
    for seed in range(given.seeds):
        for method in given.methods:
            keys = ("algorithms", dataset, space, str(given.seconds), method)
            if str(seed) not in record.of(*keys):
                print(f"{', '.join(keys)}: seed {seed}", flush=True)
                trainings = trainings_of(space, dataset, given, record)
                record.put(keys, str(seed), search(trainings, method, seed, given.seconds))


PARTS: dict[str, Callable[[str, Namespace, Record], None]] = {"found": find, "algorithms": compare}


def lines(results: Mapping[str, Any]) -> Iterator[str]:
    """Accuracies in per cent, mean ± standard deviation over seeds, and paired differences."""
    for dataset, budgets in results.get("found", {}).items():
        for seconds, rows in budgets.items():
            if not rows:  # of a run that was killed in its first search
                continue
            yield f"found on {dataset}, {seconds} processor seconds a search"
            yield from found_lines(rows, results["fresh"][dataset])
    for dataset, spaces in results.get("algorithms", {}).items():
        for space, budgets in spaces.items():
            for seconds, methods in budgets.items():
                yield f"searchers of {space} on {dataset}, {seconds} processor seconds a search"
                yield from searcher_lines(methods)
    for dataset, spaces in results.get("trainings", {}).items():
        for space, rows in spaces.items():
            spread = Spread.of([each["seconds"] for each in rows.values()])
            yield (
                f"trainings of {space} on {dataset}: {spread.text(2)} processor seconds "
                f"({spread.count} trainings); 100 of them: {100 * spread.mean / 60:.1f} minutes"
            )


def values(runs: Mapping[str, Mapping[str, Any]], name: str) -> dict[str, float]:
    """Seed → a value of each run that has one."""
    return {seed: run[name] for seed, run in runs.items() if name in run}


def found_lines(rows: Mapping[str, Any], trained: Mapping[str, Any]) -> Iterator[str]:
    """What each search chose, what that reaches, and how far it is from the tuned GAT."""
    choices = {**{name: row["choice"] for name, row in rows.items()}, GCN: GCN}
    tests = {name: values(trained.get(each, {}), "test") for name, each in choices.items()}
    for name, test in tests.items():
        spread = Spread.of([*test.values()])
        yield f"  {name:<14} test {spread.text(2, 100)} ({spread.count} seeds)"
        if name in rows:
            row = rows[name]
            yield (
                f"    {row['trainings']} trainings, {row['seconds']} s: {row['choice']}; "
                f"validation {100 * row['validation']:.1f}"
            )
        apart = paired_difference(test, tests.get(TUNED, {}))
        if name != TUNED and apart:
            yield f"    − {TUNED}: {apart.text(2, 100)} ({apart.count} pairs)"


def searcher_lines(methods: Mapping[str, Any]) -> Iterator[str]:
    """What each searcher reaches, and how far it is from random search."""
    for name, runs in methods.items():
        shown = ", ".join(
            f"{value} {Spread.of([*values(runs, value).values()]).text(2, 100)}"
            for value in ("validation", "test")
        )
        count = np.mean([*values(runs, "trainings").values()])
        yield f"  {name:<14} {shown}, {count:.1f} trainings ({len(runs)} seeds)"
        for value in ("validation", "test"):
            apart = paired_difference(values(runs, value), values(methods.get("random", {}), value))
            if name != "random" and apart:
                yield f"    − random, {value}: {apart.text(2, 100)}"


def make_parser() -> Parser:
    """The command line."""
    flags = parser("Searches on citation graphs.")
    flags.add_argument("what", choices=("run", "table"))
    flags.add_argument("--parts", nargs="+", choices=list(PARTS), default=list(PARTS))
    flags.add_argument("--datasets", nargs="+", choices=DATASETS, default=DATASETS)
    flags.add_argument("--spaces", nargs="+", choices=SPACES, default=SPACES[:1])
    flags.add_argument("--methods", nargs="+", choices=METHODS, default=METHODS)
    flags.add_argument("--seconds", type=positive_int, default=120, help="of every search")
    flags.add_argument("--seeds", type=positive_int, default=5, help="searches of each method")
    flags.add_argument("--fresh", type=positive_int, default=FRESH, help="trainings of a choice")
    flags.add_argument("--data_root", type=Path, help="folder of the graphs")
    flags.add_argument("--results", type=output_file, default=KEPT, help="what is kept")
    return flags


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure what is not kept yet, and print the tables."""
    given = make_parser().parse_args(arguments)
    torch.set_num_threads(1)
    record = Record(given.results)
    if given.what == "run":
        # Imported now, so that no training is charged for it.
        importlib.import_module("torch_geometric.nn")
        for dataset in given.datasets:
            for part in given.parts:
                PARTS[part](dataset, given, record)
    print("\n".join(lines(record.results)))
    return 0


if __name__ == "__main__":
    run_command(main)
