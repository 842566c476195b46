"""Algorithms of AutoGL and others on one space of graph networks, with the same processor seconds.

    python benchmarks/citation_algorithms.py run [--dataset cora] [--seconds 200] [--seeds 5]
    python benchmarks/citation_algorithms.py table

Public split, row-normalised features, seconds of the processor, of one thread. Networks are trained
from scratch by the recipe of ``configs/citation.toml``, each with seed 0. A training that two
searches propose is made once, and costs both of them its seconds. A search ends with the training
by which it has used as many seconds as its budget; those of the searcher count. Kept are the best
validation accuracy and the test accuracy of the same training.

A one-shot search (``SPOS``: evolution; ``enas``; ``darts``) trains its supernet for as many epochs
as fit two thirds of the seconds, by a training of :data:`TIMED` epochs that is not charged. Until
nine tenths of them it measures architectures by the shared weights. The best of these, the first
one first, are trained from scratch as those of all others. The validation accuracy of the trainings
chooses.

What is kept is not measured again: a run that was killed repeats the search that it was in, without
the trainings from scratch that it had made.
"""

from __future__ import annotations

import importlib
import sys
import time
from argparse import Namespace
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from analysis.statistics import Spread, paired_difference
from benchmarks.citation_searches import DATASETS, MOST, best_of, search, values
from benchmarks.citation_sides import MICRO
from benchmarks.kept_trainings import KeptTrainings, Record
from benchmarks.prediction import RESULTS
from datasets import get_space
from estimators.by_data_set import training_on
from estimators.evaluations import Evaluations
from estimators.from_scratch import FromScratch
from estimators.measurement import Measurement
from estimators.shared_weights import SharedWeights
from estimators.supernet_training import PRESET, OneShotRecipe
from experiment.arguments import Parser, output_file, parser, positive_int
from experiment.errors import run_command
from searchers.loop import Budget, SearchLoop
from searchers.methods import make_searcher
from searchers.problem import whole_space
from searchers.searcher import Searcher
from searchers.shared_weights.choosing import ByChoice, ChoosingWeights
from searchers.shared_weights.methods import CHOOSING

KEPT = RESULTS / "citation_algorithms.json"
INITIAL = 10
FROM_SCRATCH = ("random", "evolution", "local_search", "bo", "rl", "graphnas_rl")
"""Searchers of trainings; latents are of no space of AutoGL's."""
SPOS = "SPOS"
ONE_SHOT = (SPOS, "enas", "darts")
METHODS = (*FROM_SCRATCH, *ONE_SHOT)
SUPERNET, RANKED = 2 / 3, 0.9
"""Shares of the seconds after which a supernet is trained, and its paths are measured."""
TIMED = 5
"""Epochs of a supernet's training that is timed."""


def make_weights(method: str, training: FromScratch, epochs: int) -> SharedWeights:
    """Shared weights of a one-shot search that are trained for so many epochs.

    As large a share of them as in the preset comes before any choice.
    """
    if method == SPOS:
        return SharedWeights(training, OneShotRecipe.load(PRESET, overrides={"epochs": epochs}))
    choosing = CHOOSING[method]
    usual = asdict(choosing.recipe.load(method))
    warmup = int(epochs * usual["warmup_epochs"] / usual["epochs"])
    changes = {"epochs": epochs, "warmup_epochs": warmup}
    return choosing.weights(training, choosing.recipe.load(method, overrides=changes))


def seconds_an_epoch(method: str, training: FromScratch, record: Record, key: str) -> float:
    """Of a supernet's training, as it is kept or by a short one."""
    kept = record.of("epochs", key)
    if method not in kept:
        started = time.process_time()
        _ = make_weights(method, training, TIMED).supernet
        seconds = round((time.process_time() - started) / TIMED, 4)
        record.put(("epochs", key), method, {"seconds": seconds})
    return float(kept[method]["seconds"])


def one_shot(
    weights: SharedWeights, searcher: Searcher, trainings: KeptTrainings, seconds: float
) -> tuple[list[Measurement], dict[str, Any]]:
    """One search by shared weights: the trainings from scratch, and what is kept of it."""
    started = time.process_time()
    _ = weights.supernet
    supernet = time.process_time() - started
    loop = SearchLoop(searcher, Evaluations(weights), Budget(MOST))
    for _ in loop.steps():
        if time.process_time() - started >= RANKED * seconds:
            loop.stop()
    spent = shared = time.process_time() - started
    ranked = best_of([step.measurement for step in loop.history.steps], MOST)
    trained: list[Measurement] = []
    for each in ranked:
        trained += trainings.measure([each.architecture])
        spent += trained[-1].cost_seconds or 0.0
        if spent >= seconds:
            break
    return trained, {
        "trainings": len(trained),
        "failed": sum(not each.ok for each in trained),
        "seconds": round(spent, 1),
        "choosing_seconds": round(shared, 1),
        "supernet": {
            "epochs": weights.recipe.epochs,
            "seconds": round(supernet, 1),
            "ranked": len(ranked),
        },
    }


def searched(
    method: str, seed: int, given: Namespace, record: Record
) -> tuple[list[Measurement], dict[str, Any]]:
    """One search: its trainings from scratch, and what is kept of it."""
    space = get_space(MICRO)
    training = training_on(given.dataset, space, 0, given.data_root)
    trainings = KeptTrainings(training, record, ("trainings", given.dataset))
    domain = whole_space(space)
    if method not in ONE_SHOT:
        searcher = make_searcher(method, domain, seed, INITIAL)
        chosen = record.of("choosing", given.dataset, str(given.seconds), method, str(seed))
        return search(trainings, searcher, given.seconds, chosen)
    an_epoch = seconds_an_epoch(method, training, record, given.dataset)
    epochs = max(TIMED, int(SUPERNET * given.seconds / an_epoch))
    seeded = training_on(given.dataset, space, seed, given.data_root)
    weights = make_weights(method, seeded, epochs)
    searcher = (
        ByChoice(domain, weights, seed)
        if isinstance(weights, ChoosingWeights)
        else make_searcher("evolution", domain, seed, INITIAL)
    )
    return one_shot(weights, searcher, trainings, given.seconds)


def run(given: Namespace, record: Record) -> None:
    """Search with all methods, seed by seed."""
    # Imported and made now, so that no search is charged for it.
    importlib.import_module("torch_geometric.nn")
    torch.optim.Adam([torch.zeros(1, requires_grad=True)])
    for seed in range(given.seeds):
        for method in given.methods:
            keys = ("searches", given.dataset, str(given.seconds), method)
            if str(seed) in record.of(*keys):
                continue
            print(f"{', '.join(keys)}: seed {seed}", flush=True)
            trained, found = searched(method, seed, given, record)
            (best,) = best_of(trained, 1)
            choice = {"choice": get_space(MICRO).format(best.architecture)}
            accuracies = {"validation": best.validation, "test": best.test}
            record.put(keys, str(seed), choice | accuracies | found)


def lines(results: Mapping[str, Any]) -> Iterator[str]:
    """Accuracies in per cent, mean ± standard deviation over seeds, and paired differences."""
    for dataset, budgets in results.get("searches", {}).items():
        for seconds, methods in budgets.items():
            yield f"{MICRO} on {dataset}, {seconds} processor seconds a search:"
            yield ""
            yield from method_lines(methods)
            yield ""
    for dataset, rows in results.get("trainings", {}).items():
        spread = Spread.of([each["seconds"] for each in rows.values()])
        yield (
            f"trainings on {dataset}: {spread.text(2)} processor seconds "
            f"({spread.count} trainings); 100 of them: {100 * spread.mean / 60:.1f} minutes"
        )


COLUMNS = (
    *("algorithm", "seeds", "trainings from scratch", "supernet: epochs, paths measured"),
    *("validation", "− random", "test", "− random"),
)


def supernet_cell(supernets: Sequence[Mapping[str, Any]]) -> str:
    """Epochs and paths of supernets in the mean; a dash where there are none."""
    means = (np.mean([each[part] for each in supernets]) for part in ("epochs", "ranked"))
    return ", ".join(f"{mean:.0f}" for mean in means) if supernets else "–"


def method_lines(methods: Mapping[str, Any]) -> Iterator[str]:
    """A table of what each method reaches, and how far it is from random search."""
    yield f"| {' | '.join(COLUMNS)} |"
    yield "|---" * len(COLUMNS) + "|"
    for name, runs in methods.items():
        cells = [
            f"`{name}`",
            f"{len(runs)}",
            f"{np.mean([*values(runs, 'trainings').values()]):.1f}",
            supernet_cell([run["supernet"] for run in runs.values() if "supernet" in run]),
        ]
        for value in ("validation", "test"):
            apart = paired_difference(values(runs, value), values(methods.get("random", {}), value))
            cells += [
                Spread.of([*values(runs, value).values()]).text(1, 100),
                apart.text(1, 100) if name != "random" and apart else "–",
            ]
        yield f"| {' | '.join(cells)} |"


def make_parser() -> Parser:
    """The command line."""
    flags = parser("Algorithms on a citation graph, with the same seconds.")
    flags.add_argument("what", choices=("run", "table"))
    flags.add_argument("--dataset", choices=DATASETS, default="cora")
    flags.add_argument("--methods", nargs="+", choices=METHODS, default=METHODS)
    flags.add_argument("--seconds", type=positive_int, default=200, help="of every search")
    flags.add_argument("--seeds", type=positive_int, default=5, help="searches of each method")
    flags.add_argument("--data_root", type=Path, help="folder of the graphs")
    flags.add_argument("--results", type=output_file, default=KEPT, help="what is kept")
    return flags


def main(arguments: Sequence[str] | None = None) -> int:
    """Search what is not kept yet, and print the tables."""
    given = make_parser().parse_args(arguments)
    torch.set_num_threads(1)
    record = Record(given.results)
    if given.what == "run":
        run(given, record)
    print("\n".join(lines(record.results)))
    return 0


if __name__ == "__main__":
    run_command(main)
