"""Training with input–output information, seed by seed: errors and arch2vec's measures by epoch.

    python benchmarks/io_curves.py train --io_set runs/io_DIGITS101 --variants published shuffled
    python benchmarks/io_curves.py table
    python benchmarks/io_curves.py figure --variant published
    python benchmarks/io_curves.py compare
    python benchmarks/io_curves.py sources --io_set runs/io_DIGITS101

``train`` runs ``Training_VAE/train_io.py`` with the settings of ``configs/info_nas.toml`` and what
:data:`VARIANTS` changes, once for each seed; a killed run is resumed. What
``benchmarks/results/io_curves.json`` has is not trained again. ``table`` compares the errors after
the last epoch with those of the mean target. ``figure`` draws the curves as Suchopárová and Neruda
(2022) do: means over the seeds, and bands of one standard deviation. ``compare`` draws the errors
of all variants on unseen networks and images as shares of the mean target's. ``sources`` asks what
targets depend on: the error on unseen networks of predictions that know the image or the network
alone, as shares of the mean target's.
"""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from analysis.statistics import Spread
from benchmarks.prediction import kept, note_machine
from datasets import read_io_set
from datasets.io_set import PARTS
from datasets.io_targets import PREPROCESSINGS
from experiment.arguments import Parser, output_file, parser, positive_int
from experiment.errors import InputError, run_command
from experiment.files import read_json, write_json
from experiment.run import RunFolder
from Training_VAE import train_io
from Training_VAE.io_training import ORIGINAL, REFERENCE

RESULTS = ROOT / "benchmarks" / "results" / "io_curves.json"
FIGURE = ROOT / "docs" / "figures" / "io_curves.png"
RUNS = ROOT / "runs" / "io_curves"
VARIANTS: dict[str, list[str]] = {
    "published": [],
    "152 networks": ["--networks", "152"],
    "304 networks": ["--networks", "304"],
    "1,216 networks": ["--networks", "1216"],
    "124 images": ["--images", "124"],
    "248 images": ["--images", "248"],
    "similarities": ["--preprocessing", "similarities"],
    "shuffled": ["--sampling", "shuffled"],
    "evenly": ["--sampling", "evenly"],
    "paper order": ["--preprocessing", "paper"],
    "top_k": ["--preprocessing", "top_k", "--error", "mse"],
    "concat": ["--model", "io_concat"],
    "accuracy": ["--model", "io_accuracy"],
    "NB101": ["--data_search_space", "NB101"],
    "accuracy NB101": ["--model", "io_accuracy", "--data_search_space", "NB101"],
}
"""Flags that are added to the published settings, by name. ``1,216 networks`` needs a larger set:
``build_io_dataset --networks 1216``. NB101 names the space of the unlabelled architectures."""
MEASURES = ("acc_ops", "acc_adj", "published_validity", "published_uniqueness")
COMPARED = ("unseen_networks", "unseen_images_test")
"""Parts on which variants are compared."""
SHOWN = ("train", *COMPARED, "unseen_both")
"""Parts of the table."""
DIGITS = 5
"""Decimals of the curves that are kept."""


def train(given: Namespace) -> None:
    """Train what is not kept yet."""
    for variant in given.variants:
        for seed in map(str, given.seeds):
            if seed in kept(given.results)["results"].get(variant, {}):
                continue
            log_dir = given.runs / variant.replace(" ", "_") / f"seed_{seed}"
            common = ["--io_set", str(given.io_set), "--log_dir", str(log_dir), "--seed", seed]
            train_io.main([*common, *VARIANTS[variant], *threads(given), "--resume"])
            (config,) = log_dir.glob("*/config.json")
            record = kept(given.results)  # another process may have written meanwhile
            runs = record["results"].setdefault(variant, {})
            note_machine(record, variant, runs)
            runs[seed] = summary(RunFolder(config.parent))
            write_json(given.results, record)
    table(given)


def threads(given: Namespace) -> list[str]:
    """The flag that a training is given for its threads."""
    return [] if given.threads is None else ["--threads", str(given.threads)]


def summary(run: RunFolder) -> dict[str, Any]:
    """What is kept of a run: its curves, and its errors after the last epoch."""
    lines = run.read_metrics()
    curves = {
        name: [round(line[name], DIGITS) for line in lines] for name in PARTS if name in lines[0]
    }
    for vae in (ORIGINAL, REFERENCE):
        for measure in MEASURES:
            curves[f"{vae} {measure}"] = [round(line[vae][measure], DIGITS) for line in lines]
    result = read_json(run.path / "result.json")
    return {
        "curves": curves,
        "parts": result["parts"],
        "training_seconds": result["training_seconds"],
    }


def table(given: Namespace) -> None:
    """Print the errors after the last epoch."""
    print("\n".join(table_lines(kept(given.results)["results"])))


def table_lines(results: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Errors after the last epoch as shares of the mean target's, means ± standard deviations.

    A row for each variant, with its number of seeds.
    """
    names = [part.replace("_", " ") for part in SHOWN]
    yield f"| variant | seeds | {' | '.join(names)} | unseen networks, first epoch |"
    yield "|---" * (len(SHOWN) + 3) + "|"
    for variant, runs in results.items():
        parts = [run["parts"] for run in runs.values()]
        cells = [
            Spread.of([each[part]["ratio"] for each in parts]).text(3)
            if all(part in each for each in parts)
            else "–"
            for part in SHOWN
        ]
        first = [
            run["curves"][COMPARED[0]][0] / run["parts"][COMPARED[0]]["baseline"]
            for run in runs.values()
        ]
        yield f"| {variant} | {len(runs)} | {' | '.join(cells)} | {Spread.of(first).text(3)} |"


def draw(given: Namespace) -> None:
    """The curves of one variant, a panel for each part and each measure."""
    from matplotlib.figure import Figure

    runs = list(kept(given.results)["results"].get(given.variant, {}).values())
    if not runs:
        raise InputError(
            f"{str(given.results)!r} has no runs of {given.variant!r}: make some by `train`"
        )
    parts = [part for part in PARTS if part in runs[0]["curves"] and part != PARTS[2]]
    figure = Figure(figsize=(14, 6.4), layout="constrained")
    above, below = figure.subplots(2, max(len(parts), len(MEASURES)))
    for axis, part in zip(above, parts, strict=False):
        band(axis, runs, part, "C0", part)
        baseline = np.mean([run["parts"][part]["baseline"] for run in runs])
        low, high = np.mean([run["parts"][part]["baseline_interval"] for run in runs], axis=0)
        axis.axhline(baseline, color="black", linestyle="--", linewidth=1)
        axis.axhspan(low, high, color="black", alpha=0.1)
        axis.set(title=part.replace("_", " "), ylabel="error")
    for axis, measure in zip(below, MEASURES, strict=False):
        for colour, vae, label in (("C0", ORIGINAL, "IO"), ("C1", REFERENCE, "reference")):
            band(axis, runs, f"{vae} {measure}", colour, label)
        axis.set(title=measure.replace("_", " "), xlabel="epoch", ylabel="share")
    below[0].legend(frameon=False)
    for axis in above[len(parts) :]:
        axis.set_axis_off()
    given.out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(given.out, dpi=150)
    print(f"drawn from {len(runs)} seeds: {given.out}")


def compare(given: Namespace) -> None:
    """The errors of every variant on unseen networks and images, as shares of the mean target's."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(13, 5), layout="constrained")
    axes = figure.subplots(1, len(COMPARED))
    for number, (variant, runs) in enumerate(kept(given.results)["results"].items()):
        style = "-" if number < 10 else "--"
        for axis, part in zip(axes, COMPARED, strict=True):
            shares = [
                np.array(run["curves"][part]) / run["parts"][part]["baseline"]
                for run in runs.values()
                if part in run["parts"]
            ]
            if shares:
                epochs = np.arange(1, len(shares[0]) + 1)
                label = f"{variant} ({len(shares)})"
                axis.plot(epochs, np.mean(shares, 0), style, color=f"C{number % 10}", label=label)
    for axis, part in zip(axes, COMPARED, strict=True):
        axis.axhline(1, color="black", linestyle="--", linewidth=1)
        axis.set(title=part.replace("_", " "), xlabel="epoch", ylabel="error / mean target's")
        axis.grid(alpha=0.3)
    axes[0].legend(fontsize=7, title="variant (seeds)")
    given.out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(given.out, dpi=130)
    print(f"drawn: {given.out}")


def sources(given: Namespace) -> None:
    """Measure and print what the targets of each preprocessing depend on."""
    io_set, record = read_io_set(given.io_set), kept(given.results)
    for name in PREPROCESSINGS:
        train, unseen = (io_set.part(part).targets(name) for part in (PARTS[0], COMPARED[0]))
        record.setdefault("sources", {})[name] = shares(train, unseen)
    write_json(given.results, record)
    print("\n".join(source_lines(record["sources"])))


def source_lines(sources: Mapping[str, Mapping[str, float]]) -> Iterator[str]:
    """A row for each preprocessing."""
    yield "| targets | the image's mean | the network's own mean | both |"
    yield "|---|---|---|---|"
    for name, found in sources.items():
        yield f"| `{name}` | {found['image']:.3f} | {found['network']:.3f} | {found['both']:.3f} |"


def shares(train: np.ndarray, unseen: np.ndarray) -> dict[str, float]:
    """Mean absolute errors on unseen networks, as shares of that of the mean target.

    ``image`` predicts the mean of an image's targets over the training networks; ``network`` that
    of a network's targets over the images, which only its outputs tell: no embedding of an
    architecture can do better with this part of the targets; ``both`` adds the two.

    Args:
        train: targets of the training networks. **Shape** (n, m, K).
        unseen: of the unseen ones, of the same images. **Shape** (u, m, K).
    """
    mean, image = train.mean((0, 1), dtype=float), train.mean(0, dtype=float)
    network = unseen.mean(1, dtype=float, keepdims=True)
    baseline = np.abs(unseen - mean).mean()
    predictions = {"image": image, "network": network, "both": image + network - mean}
    return {
        name: float(np.abs(unseen - prediction).mean() / baseline)
        for name, prediction in predictions.items()
    }


def band(axis: Any, runs: Sequence[dict[str, Any]], curve: str, colour: str, label: str) -> None:
    """Mean of a curve over the runs, and a band of one standard deviation."""
    values = np.array([run["curves"][curve] for run in runs])
    epochs = np.arange(1, values.shape[1] + 1)
    mean = values.mean(0)
    std = values.std(0, ddof=1) if len(values) > 1 else np.zeros_like(mean)
    axis.plot(epochs, mean, color=colour, label=label)
    axis.fill_between(epochs, mean - std, mean + std, color=colour, alpha=0.2, linewidth=0)
    axis.grid(alpha=0.3)


COMMANDS = {
    "train": train,
    "table": table,
    "figure": draw,
    "compare": compare,
    "sources": sources,
}
"""By the names that users type."""


def make_parser() -> Parser:
    """The command line."""
    flags = parser("Train with input–output information, seed by seed, and draw the curves.")
    flags.add_argument("what", choices=list(COMMANDS))
    flags.add_argument(
        "--io_set", type=Path, default=ROOT / "runs" / "io_DIGITS101", help="trained on"
    )
    flags.add_argument(
        "--variants",
        nargs="+",
        choices=list(VARIANTS),
        default=["published"],
        help="that are trained",
    )
    flags.add_argument(
        "--variant", choices=list(VARIANTS), default="published", help="that is drawn"
    )
    flags.add_argument(
        "--seeds", type=positive_int, nargs="+", default=[1, 2, 3, 4, 5], help="of each variant"
    )
    flags.add_argument("--threads", type=positive_int, help="of a training")
    flags.add_argument("--runs", type=Path, default=RUNS, help="folder of the runs")
    flags.add_argument("--results", type=output_file, default=RESULTS, help="what is kept")
    flags.add_argument("--out", type=output_file, default=FIGURE, help="the figure")
    return flags


def main(arguments: Sequence[str] | None = None) -> int:
    """Train, print or draw."""
    given = make_parser().parse_args(arguments)
    COMMANDS[given.what](given)
    return 0


if __name__ == "__main__":
    run_command(main)
