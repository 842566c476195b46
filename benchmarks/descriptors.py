"""What heads for features without accuracies do to a latent space: with against without.

    python benchmarks/descriptors.py run --spaces NB201 --models arch2vec_directed SVGE DVAE
    python benchmarks/descriptors.py run --spaces ENAS --models arch2vec_directed SVGE DVAE
    python benchmarks/descriptors.py run --spaces NB101 --models arch2vec_directed SVGE
    python benchmarks/descriptors.py run --spaces NB201 --models arch2vec_directed \
        --arms "with zero_cost"
    python benchmarks/descriptors.py table

Each arm is one training by the default settings with seed 1: ``without`` heads, and ``with`` linear
heads for ``costs`` (parameters and FLOPs) and ``statistics`` (of paths and operations), and ``with
zero_cost`` for zero-cost scores, too. No accuracy is seen. NB201 and ENAS are trained from scratch,
NB101 for half a pass from the shipped weights; :data:`TRAININGS` has the flags. A killed run
resumes, and ``--arms`` chooses what a process runs.
Measured of each:

- exact and valid: held-out architectures whose mean is decoded exactly, and members among the
  decodings of prior points without masks;
- prediction: on NB201 and NB101 Kendall's τ of a Gaussian process on the latents, with 100 and 156
  labels (``embedding_prediction.py ranks``, ten draws); on ENAS D-VAE's protocol, its sparse
  process on the latents of nine tenths (RMSE in standard deviations, Pearson's r; three seeds);
- smoothness: edit distance of neighbouring points on straight lines, and how much the rank by
  validation differs there, where most of them are measured;
- search: validation regret of ``latent_bo`` after 100 queries on NB201, in percentage points, for
  each of ``--searches`` starts.

What ``benchmarks/results/descriptors.json`` has is not measured again.
"""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.stats import pearsonr

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from analysis.statistics import Spread, paired_difference
from benchmarks import embedding_prediction, embedding_search
from benchmarks.prediction import RESULTS, kept, note_machine
from benchmarks.published_protocols import Problem
from datasets import get_benchmark
from experiment.arguments import Parser, non_negative_int, output_file, parser, positive_int
from experiment.errors import run_command
from experiment.files import read_json, write_json
from predictors.features import describe, make_features
from predictors.processes.dvae_sparse import DVAESparseGP
from Training_VAE import train_arch2vec, train_ngae, train_svge
from Training_VAE.measured import find_measured
from Training_VAE.smoothness_measures import measure as measure_smoothness
from Training_VAE.trained import load_trained, trained_architectures

KEPT = RESULTS / "descriptors.json"
RUNS = ROOT / "runs" / "descriptors"
ARMS: Mapping[str, Sequence[str]] = {
    "without": (),
    "with": ("--descriptors", "costs", "statistics"),
    "with zero_cost": ("--descriptors", "costs", "statistics", "zero_cost"),
}
"""What differs, as flags of the training."""
SEED = 1
"""Of the trainings and their splits."""
LABELS = (100, 156)
PROCESSES = 3
"""Seeds of D-VAE's process at most: a fit takes minutes."""
PAIRS, POINTS = 50, 16
"""Lines, and points on each, of the smoothness."""
QUERIES = 100
"""Of the latent search."""


@dataclass(frozen=True)
class Model:
    """How a model is trained.

    Attributes:
        main: the training command.
        flags: that choose it.
        vectors: what a process reads, a key of ``embedding_prediction.VECTORS``.
    """

    main: Callable[[Sequence[str]], int]
    flags: tuple[str, ...]
    vectors: str = "latents"


MODELS: Mapping[str, Model] = {
    "SVGE": Model(train_svge.main, ("--model", "SVGE")),
    "arch2vec_directed": Model(train_arch2vec.main, ("--config", "directed"), "both"),
    "DVAE": Model(train_ngae.main, ("--model", "DVAE")),
}
FEW = ("--epochs", "2")
"""Of the slower models: a pass over 14,062 or 17,113 graphs takes them minutes."""
SMALL = ("--batch_size", "32")
"""Of D-VAE, as published: four times the steps of its preset. Two passes are few for it with
either: it decodes none exactly."""
UNUSED = ("--sampled_graphs", "10")
"""Few graphs for the parts of the evaluation that the table does not show: sampled and searched
decodings of 1,000 held-out graphs take D-VAE a quarter of an hour."""
TRAININGS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "NB201": {"SVGE": FEW, "arch2vec_directed": (), "DVAE": (*FEW, *SMALL)},
    "ENAS": {"SVGE": FEW, "arch2vec_directed": (), "DVAE": (*FEW, *SMALL)},
    "NB101": {
        "SVGE": ("--start_from", "SVGE_NB101", "--epochs", "8", "--epochs_a_pass", "16"),
        "arch2vec_directed": (
            *("--start_from", "arch2vec_directed_NB101"),
            *("--epochs", "8", "--epochs_a_pass", "16"),
        ),
    },
}
"""Space → model → flags beside the default settings; 8 epochs of 16 a pass are half a pass."""


def train(model: str, space: str, arm: str, folder: Path, threads: int) -> Path:
    """Train an arm, or go on with its training. → The run's folder."""
    chosen = MODELS[model]
    chosen.main(
        [
            *chosen.flags,
            *TRAININGS[space][model],
            *ARMS[arm],
            *("--data_search_space", space, "--seed", str(SEED), "--threads", str(threads)),
            *UNUSED,
            *("--log_dir", str(folder), "--resume"),
        ]
    )
    return folder / f"{model}_{space}"


def measured(model: str, space: str, folder: Path, draws: int, searches: int) -> dict[str, Any]:
    """Everything that the table shows of one training."""
    result = read_json(folder / "result.json")
    *_, exact = result["reconstruction"]["greedy"].values()  # the last one counts
    return {
        "exact": exact,
        "valid": result["prior"]["unmasked"]["validity"],
        "training_seconds": result["training_seconds"],
        **PREDICTIONS.get(space, predict_ranks)(model, space, folder, draws),
        **smoothness(model, space, folder),
        **SEARCHES.get(space, no_search)(space, folder, searches),
    }


def predict_ranks(model: str, space: str, folder: Path, draws: int) -> dict[str, Any]:
    """Kendall's τ by number of labels, a number for each draw."""
    task = embedding_prediction.Task("ranks", space, str(folder), None)
    chosen = MODELS[model].vectors
    return {
        f"tau {amount}": [task.measure(chosen, amount, seed)["tau"] for seed in range(draws)]
        for amount in LABELS
    }


def predict_values(model: str, space: str, folder: Path, draws: int) -> dict[str, Any]:
    """D-VAE's protocol: RMSE in standard deviations of the labels, and r, for each seed.

    The published process reads the latents of the training's own nine tenths, and predicts the
    architectures that the training held out.
    """
    problem = Problem(space.lower(), None)
    known, rest = problem.split(SEED)
    features = make_features("latents", problem.space, str(folder))
    latents = torch.from_numpy(describe(features, problem.graphs)).double()
    values = problem.values
    targets = torch.from_numpy((values - values[known].mean()) / values[known].std()).double()
    found: dict[str, list[float]] = {"rmse": [], "pearson": []}
    for seed in range(1, min(draws, PROCESSES) + 1):
        process = DVAESparseGP.fit(latents[known], targets[known], seed)
        mean, truth = process.predict(latents[rest])[0].numpy(), targets[rest].numpy()
        found["rmse"].append(float(np.sqrt(np.mean((mean - truth) ** 2))))
        found["pearson"].append(float(pearsonr(mean, truth).statistic))
    return found


PREDICTIONS = {"ENAS": predict_values}
"""Space → protocol; the others have :func:`predict_ranks`."""


def smoothness(model: str, space: str, folder: Path) -> dict[str, float]:
    """Of neighbouring points on straight lines between held-out architectures."""
    trained = load_trained(model, space, folder, None, torch.device("cpu"))
    found = measure_smoothness(
        trained.model,
        trained.space,
        trained_architectures(trained, None, SEED).test,
        find_measured(space, None),
        epoch=trained.epoch,
        pairs=PAIRS,
        steps=POINTS,
        seed=0,
    )
    (step,) = (each for each in found.changes if (each.walk, each.step) == ("line", 1))
    ranks = {"rank change": step.rank_change} if step.known > 0.5 else {}
    return {"edit distance": step.edit_distance, **ranks}


def search(space: str, folder: Path, searches: int) -> dict[str, list[float]]:
    """Validation regrets of ``latent_bo``, in percentage points, for each seed."""
    if not searches:
        return {}
    setup = embedding_search.make_setup(get_benchmark(space), str(folder), QUERIES)
    runs = embedding_search.run(setup, "latent_bo", range(searches))
    return {"regret": [100 * run["validation"][-1] for run in runs.values()]}


def no_search(space: str, folder: Path, searches: int) -> dict[str, list[float]]:
    """Nothing: the space's searches are measured by time, or its table is a small part of it."""
    return {}


SEARCHES = {"NB201": search}


def run(given: Namespace) -> None:
    """Train and measure what is not kept yet, and print the table."""
    for space in given.spaces:
        for model in (name for name in given.models if name in TRAININGS[space]):
            for arm in given.arms:
                key = f"{space}, {model}, {arm}"
                if key in kept(given.results)["results"]:
                    continue
                folder = train(model, space, arm, given.runs / arm, given.threads)
                found = measured(model, space, folder, given.draws, given.searches)
                record = kept(given.results)
                note_machine(record, key, record["results"].setdefault(key, {}))
                record["results"][key] = found
                write_json(given.results, record)
    table(given)


def table(given: Namespace) -> None:
    """Print what is kept."""
    print("\n".join(table_lines(kept(given.results)["results"])))


def table_lines(results: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """A table for each space: a row for each training, then what its heads change."""
    for space in dict.fromkeys(key.split(", ")[0] for key in results):
        rows = {key: row for key, row in results.items() if key.startswith(f"{space}, ")}
        columns = [name for name in COLUMNS if any(name in row for row in rows.values())]
        yield f"| {space} | {' | '.join(COLUMNS[name].heading for name in columns)} |"
        yield "|---" * (len(columns) + 1) + "|"
        models = list(dict.fromkeys(key.split(", ")[1] for key in rows))
        for key, row in sorted(rows.items(), key=lambda each: models.index(each[0].split(", ")[1])):
            model, arm = key.split(", ")[1:]
            yield line(f"{model}, {arm}", [COLUMNS[name].text(row.get(name)) for name in columns])
            without = rows.get(f"{space}, {model}, without")
            if arm != "without" and without is not None:
                changes = [
                    COLUMNS[name].change(row.get(name), without.get(name)) for name in columns
                ]
                yield line("difference", changes)
        yield ""


def line(name: str, cells: Sequence[str]) -> str:
    """A row of a table."""
    return f"| {name} | {' | '.join(cells)} |"


@dataclass(frozen=True)
class Column:
    """A measure in a table.

    Attributes:
        heading: what it is called.
        scale: it is multiplied by this.
        digits: decimals.
    """

    heading: str
    scale: float
    digits: int

    def text(self, value: float | Sequence[float] | None) -> str:
        """A number, or the mean ± standard deviation of several."""
        if value is None:
            return ""
        values = value if isinstance(value, Sequence) else [value]
        if len(values) > 1:
            return Spread.of(values).text(self.digits, self.scale)
        return f"{self.scale * values[0]:.{self.digits}f}"

    def change(
        self, ours: float | Sequence[float] | None, theirs: float | Sequence[float] | None
    ) -> str:
        """The mean of paired differences with its interval; nothing for single numbers."""
        if not isinstance(ours, Sequence) or not isinstance(theirs, Sequence):
            return ""
        first, second = ({str(k): v for k, v in enumerate(each)} for each in (ours, theirs))
        found = paired_difference(first, second)
        return "" if found is None or found.count < 2 else found.text(self.digits, self.scale)


COLUMNS: Mapping[str, Column] = {
    "exact": Column("exact, %", 100, 1),
    "valid": Column("valid, %", 100, 1),
    "tau 100": Column("τ, 100 labels", 1, 3),
    "tau 156": Column("τ, 156 labels", 1, 3),
    "rmse": Column("RMSE", 1, 4),
    "pearson": Column("r", 1, 4),
    "edit distance": Column("edit distance", 1, 2),
    "rank change": Column("change of rank, %", 100, 1),
    "regret": Column("regret", 1, 2),
}
"""What the tables show; the seconds of a training depend on the machine's other work."""


def make_parser() -> Parser:
    """The command line."""
    flags = parser("Heads for features without accuracies: what they do to a latent space.")
    flags.add_argument("what", choices=["run", "table"])
    flags.add_argument("--spaces", nargs="+", choices=list(TRAININGS), default=list(TRAININGS))
    flags.add_argument("--models", nargs="+", choices=list(MODELS), default=list(MODELS))
    flags.add_argument("--arms", nargs="+", choices=list(ARMS), default=["without", "with"])
    flags.add_argument("--draws", type=positive_int, default=10, help="of labels")
    flags.add_argument("--searches", type=non_negative_int, default=5, help="by latents")
    flags.add_argument("--threads", type=positive_int, default=1)
    flags.add_argument("--runs", type=Path, default=RUNS, help="folder of the trainings")
    flags.add_argument("--results", type=output_file, default=KEPT, help="what is kept")
    return flags


def main(arguments: Sequence[str] | None = None) -> int:
    """Train and measure, or print."""
    given = make_parser().parse_args(arguments)
    torch.set_num_threads(given.threads)
    {"run": run, "table": table}[given.what](given)
    return 0


if __name__ == "__main__":
    run_command(main)
