"""Does input–output information help to predict accuracies? Under the protocols of the papers.

    python benchmarks/io_prediction.py forest
    python benchmarks/io_prediction.py process
    python benchmarks/io_prediction.py recorded
    python benchmarks/io_prediction.py process --space NB101
    python benchmarks/io_prediction.py table
    python benchmarks/io_prediction.py figure

Embeddings are those of the trainings of ``io_curves.py`` after 10 and 30 epochs; beside them stand
SVGE, one-hots, graph features and zero-cost scores, which no label has shaped. Labels and truths
are test accuracies, means over the trials of the table. Each of the ten draws labels networks of
the IO set first, whose accuracies or outputs some embeddings have seen, then others; the unseen
networks of the set have no label. Predicted are the cells outside the set that have no label and an
accuracy above 0.8. ``forest`` is info-NAS's random forest, ``process`` a Gaussian process as in
``embedding_prediction.py``. ``recorded`` is a forest that predicts the unseen networks of the set
alone: beside the embeddings stand what each network itself computes (means and standard deviations
of its targets over the seen images) and its accuracy on these images, which no embedding of an
architecture knows. On NB101 all labels are drawn from the uniformly sampled cells.
What ``benchmarks/results/io_prediction.json`` has is not measured again.
"""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.stats import kendalltau, pearsonr

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from analysis.statistics import Spread
from benchmarks.embedding_prediction import LEAST_ACCURACY, forecast, forest
from benchmarks.io_curves import RUNS
from benchmarks.io_embeddings import EMBEDDINGS, chosen_rows, looks
from benchmarks.prediction import RESULTS, kept, note_machine
from datasets import get_benchmark, read_io_set
from datasets.io_set import IOSet
from experiment.arguments import Parser, output_file, parser, positive_int
from experiment.errors import InputError, run_command
from experiment.files import write_json
from experiment.progress import progress
from predictors.features import describe, make_features

KEPT = RESULTS / "io_prediction.json"
FIGURE = ROOT / "docs" / "figures" / "io_prediction.png"
LABELS: Mapping[str, Sequence[int]] = {
    "forest": (100, 200, 400, 608, 1_000, 1_500),
    "process": (50, 100, 200, 400),
    "recorded": (100, 200, 400, 608),
}
"""Protocols, and their numbers of labels."""
OTHERS: Mapping[str, tuple[str, ...]] = {
    "SVGE": ("latents",),
    "one-hots": ("one_hot",),
    "graph features": ("statistics", "walks", "paths"),
    "zero-cost scores": ("zero_cost",),
}
"""Vectors that know nothing of outputs."""
MEASURES = {"pearson": "r", "rmse": "RMSE", "tau": "τ"}


class Task:
    """Vectors and accuracies of the architectures of a table.

    Args:
        space: its name.
        runs: folder of the trainings.
        io_set: whose networks are labelled first; ``None``: of NB101 no cell is.
        data_root: folder of the measured data.
    """

    def __init__(
        self, space: str, runs: Path, io_set: IOSet | None, data_root: Path | None
    ) -> None:
        benchmark = get_benchmark(space, data_root)
        self.space, self.runs, self.io_set = benchmark.space, runs, io_set
        self.rows = benchmark.rows_with("test", "test")
        self.graphs = benchmark.graphs[torch.from_numpy(self.rows)]
        self.accuracies = benchmark.metric("test").mean()[self.rows]
        self.hashes = benchmark.hashes[self.rows]

    @cached_property
    def labelled(self) -> np.ndarray:
        """Positions of the training networks of the IO set. **Shape** (n,)."""
        return self._positions("train")

    @cached_property
    def unseen(self) -> np.ndarray:
        """Positions of its other networks. **Shape** (n,)."""
        return self._positions("unseen_networks")

    def _positions(self, part: str) -> np.ndarray:
        hashes: Sequence[str] | np.ndarray = (
            [] if self.io_set is None else self.io_set.part(part).hashes
        )
        return np.flatnonzero(np.isin(self.hashes, hashes))

    def draw(self, protocol: str, amount: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """Positions of the labelled architectures and of those that are predicted.

        Raises:
            InputError: there are fewer architectures than labels.
        """
        generator = np.random.default_rng(seed)
        first = generator.permutation(self.labelled)
        outside = np.setdiff1d(np.arange(len(self.rows)), [*self.labelled, *self.unseen])
        outside = generator.permutation(outside)
        order = first if protocol == "recorded" else np.concatenate([first, outside])
        known = order[:amount]
        if len(known) < amount:
            raise InputError(
                f"{amount} labels were asked for and {len(order)} architectures have one"
            )
        rest = self.unseen if protocol == "recorded" else np.setdiff1d(outside, known)
        return known, rest[self.accuracies[rest] > LEAST_ACCURACY]

    def vectors(self, name: str, repetition: int) -> np.ndarray:
        """Rows that predictors read. **Shape** (B, F).

        Raises:
            InputError: an embedding was not trained.
        """
        chosen = EMBEDDINGS[self.space.name].get(name)
        if chosen is not None:
            return self._features("graph_vectors", chosen.weights(self.runs, repetition))
        if name in OTHERS:
            return np.concatenate([self._features(each) for each in OTHERS[name]], axis=1)
        return self._own(name)

    def _features(self, name: str, weights: Path | None = None) -> np.ndarray:
        return describe(make_features(name, self.space, weights), self.graphs)

    def _own(self, name: str) -> np.ndarray:
        """What the networks of the set compute; the rows of other architectures are no numbers."""
        assert self.io_set is not None
        row_of = {str(hash): row for row, hash in enumerate(self.io_set.hashes)}
        computed = OWN[name](self.io_set)
        vectors = np.full((len(self.rows), computed.shape[1]), np.nan)
        for position in (*self.labelled, *self.unseen):
            vectors[position] = computed[row_of[str(self.hashes[position])]]
        return vectors


def own_outputs(io_set: IOSet) -> np.ndarray:
    """Means and standard deviations over the seen images of each target. **Shape** (n, 2 K)."""
    parts = [io_set.part(name).targets("code") for name in ("train", "unseen_networks")]
    targets = np.concatenate(parts).astype(float)
    return np.concatenate([targets.mean(1), targets.std(1)], axis=1)


def own_accuracy(io_set: IOSet) -> np.ndarray:
    """Accuracies on the seen images, fractions. **Shape** (n, 1)."""
    return io_set.validation[:, None]


OWN: Mapping[str, Callable[[IOSet], np.ndarray]] = {
    "own outputs": own_outputs,
    "own accuracy on the seen images": own_accuracy,
}
"""What trained networks compute, by name: references of the protocol ``recorded``."""


def measured(
    protocol: str, rows: np.ndarray, task: Task, amount: int, draw: int
) -> dict[str, float]:
    """Fit to ``amount`` labels, predict, and compare with the truth."""
    known, rest = task.draw(protocol, amount, draw)
    labels, truth = task.accuracies[known], task.accuracies[rest]
    blocks = [rows[known]], labels, [rows[rest]], draw
    if protocol == "process":
        process = forecast(*blocks)
        predicted, scores = process.mean, process.scores
    else:
        predicted = scores = forest(*blocks)
    return {
        "pearson": float(pearsonr(predicted, truth).statistic),
        "rmse": float(np.sqrt(np.mean((predicted - truth) ** 2))),
        "tau": float(kendalltau(scores, truth).statistic),
    }


def measure(given: Namespace) -> None:
    """Measure what is not kept yet, an embedding after the other, and print the table."""
    names = [*EMBEDDINGS[given.space], *OTHERS, *(OWN if given.what == "recorded" else ())]
    key = f"{given.space} {given.what}"
    rows = chosen_rows(given.rows, names)
    wanted = [(name, draw) for name in rows for draw in range(given.draws)]
    io_set = read_io_set(given.io_set) if given.space == "DIGITS101" else None
    task = Task(given.space, given.runs, io_set, given.data_root)
    for name, draw in progress(wanted, f"predicting {key}", "draws"):
        amounts = [
            amount
            for amount in LABELS[given.what]
            if str(draw) not in runs_of(given, key, name, amount)
        ]
        if not amounts:
            continue
        vectors = task.vectors(name, draw)
        found = {amount: measured(given.what, vectors, task, amount, draw) for amount in amounts}
        record = kept(given.results)
        row = record["results"].setdefault(key, {}).setdefault(name, {})
        note_machine(record, f"{key}, {name}", row)
        for amount, result in found.items():
            row.setdefault(str(amount), {})[str(draw)] = result
        write_json(given.results, record)
    table(given)


def runs_of(given: Namespace, key: str, name: str, amount: int) -> dict[str, dict[str, float]]:
    """The draws of a row that are kept."""
    results = kept(given.results)["results"]
    runs: dict[str, dict[str, float]] = results.get(key, {}).get(name, {}).get(str(amount), {})
    return runs


def table(given: Namespace) -> None:
    """Print what is kept: mean and standard deviation over the draws."""
    print("\n".join(table_lines(kept(given.results)["results"])))


def table_lines(results: Mapping[str, Any]) -> Iterator[str]:
    """A table for each space and protocol and each measure."""
    for key, rows in results.items():
        amounts = list(dict.fromkeys(amount for row in rows.values() for amount in row))
        for measure, symbol in MEASURES.items():
            yield f"| {key}: {symbol}, labels | {' | '.join(amounts)} |"
            yield "|---" * (len(amounts) + 1) + "|"
            for name, row in rows.items():
                cells = [
                    Spread.of([run[measure] for run in row.get(amount, {}).values()]).text(3)
                    if row.get(amount)
                    else "–"
                    for amount in amounts
                ]
                yield f"| {name} | {' | '.join(cells)} |"
            yield ""


def draw_boxes(given: Namespace) -> None:
    """Box plots of r and RMSE over the draws, by number of labels, a row for each protocol."""
    from matplotlib.figure import Figure

    results = kept(given.results)["results"]
    keys = [key for key in results if key.startswith(given.space)]
    if not keys:
        raise InputError(f"{given.results.name} has no predictions for {given.space}: make some")
    figure = Figure(figsize=(20, 5.5 * len(keys)), layout="constrained")
    axes = figure.subplots(len(keys), 2, squeeze=False)
    for line, key in zip(axes, keys, strict=True):
        for axis, measure in zip(line, ("pearson", "rmse"), strict=True):
            boxes(axis, results[key], measure)
            axis.set(title=key, ylabel=MEASURES[measure], xlabel="labels")
    shown = [zip(*axis.get_legend_handles_labels(), strict=True) for axis in axes[:, 0]]
    handles = {name: handle for pairs in shown for handle, name in pairs}
    figure.legend(handles.values(), handles, loc="outside lower center", ncols=6, fontsize=10)
    given.out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(given.out, dpi=100)
    print(f"drawn: {given.out}")


def boxes(axis: Any, rows: Mapping[str, Any], measure: str) -> None:
    """A group of boxes for each number of labels."""
    amounts = list(dict.fromkeys(amount for row in rows.values() for amount in row))
    width = 0.8 / len(rows)
    for number, (name, (colour, last)) in enumerate(looks(rows).items()):
        values = [
            [run[measure] for run in rows[name].get(amount, {}).values()] for amount in amounts
        ]
        places = np.arange(len(amounts)) - 0.4 + (number + 0.5) * width
        shapes = axis.boxplot(
            values, positions=places, widths=width * 0.9, patch_artist=True, manage_ticks=False,
            flierprops={"markersize": 2}, medianprops={"color": "black"}, label=name,
        )  # fmt: skip
        for box in shapes["boxes"]:
            box.set(facecolor=colour, alpha=0.9 if last else 0.35)
    for place in np.arange(len(amounts) - 1) + 0.5:
        axis.axvline(place, color="black", linewidth=0.5)
    axis.set_xticks(np.arange(len(amounts)), amounts)
    axis.grid(axis="y", alpha=0.3)


def make_parser() -> Parser:
    """The command line."""
    flags = parser("What embeddings with input–output information know of accuracies.")
    flags.add_argument("what", choices=[*LABELS, "table", "figure"])
    flags.add_argument("--space", choices=list(EMBEDDINGS), default="DIGITS101")
    flags.add_argument(
        "--io_set", type=Path, default=ROOT / "runs" / "io_DIGITS101", help="that was trained on"
    )
    flags.add_argument("--runs", type=Path, default=RUNS, help="folder of the trainings")
    flags.add_argument("--rows", nargs="+", help="names of vectors (default: all)")
    flags.add_argument("--draws", type=positive_int, default=10, help="of the labels")
    flags.add_argument("--data_root", type=Path, help="folder of the measured data")
    flags.add_argument("--threads", type=positive_int, default=1)
    flags.add_argument("--results", type=output_file, default=KEPT, help="what is kept")
    flags.add_argument("--out", type=output_file, default=FIGURE, help="the figure")
    return flags


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print or draw."""
    given = make_parser().parse_args(arguments)
    torch.set_num_threads(given.threads)
    {"table": table, "figure": draw_boxes}.get(given.what, measure)(given)
    return 0


if __name__ == "__main__":
    run_command(main)
