"""Measure how smooth the latent space of a trained VAE is.

From the repository root::

    python -m Training_VAE.smoothness --model SVGE --data_search_space NB101

walks along straight lines and great circles between held-out architectures and takes random steps
of growing length from them, decodes every point, and writes into the folder ``--out``:
``smoothness.json``, ``smoothness.csv`` (one line a length of step) and ``smoothness.png``. What
is measured: ``docs/protocols.md``.
"""

from __future__ import annotations

import csv
import dataclasses
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
if str(ROOT) not in sys.path[:1]:
    sys.path.insert(0, str(ROOT))

from collections.abc import Sequence

from analysis.figures import save_figure
from experiment.arguments import (
    Parser,
    add_common,
    parser,
    positive_int,
)
from experiment.errors import InputError, run_command
from experiment.files import (
    atomic_path,
    plain,
    read_json,
    refuse_existing,
    write_json,
)
from experiment.seeding import seed_everything
from experiment.threads import use_threads
from Training_VAE.measured import find_measured
from Training_VAE.smoothness_figure import smoothness_figure
from Training_VAE.smoothness_measures import Change, Smoothness, measure
from Training_VAE.trained import add_model_flags, load_named, trained_architectures

RESULT = "smoothness.json"


def make_parser() -> Parser:
    """The command line."""
    flags = parser(__doc__.splitlines()[0] if __doc__ else "")
    add_model_flags(flags)
    flags.add_argument(
        "--pairs", type=positive_int, default=100, help="pairs of held-out architectures"
    )
    flags.add_argument(
        "--steps",
        type=positive_int,
        default=20,
        help="points on a line or circle, and lengths of random steps",
    )
    flags.add_argument(
        "--out", type=Path, help="folder to write to (default: smoothness/ beside the weights)"
    )
    flags.add_argument("--overwrite", action="store_true", help="replace files that are there")
    flags.add_argument(
        "--compare",
        type=Path,
        metavar="FOLDER",
        help="folder that this command wrote for another model of the same space: drawn as well",
    )
    add_common(flags)
    return flags


def read_result(folder: Path) -> Smoothness:
    """The result in a folder that this command wrote.

    Raises:
        InputError: it is absent or damaged.
    """
    return Smoothness.from_json(read_json(folder / RESULT))


def check_comparable(result: Smoothness, space: str, pairs: int, steps: int) -> None:
    """Make sure that two results were measured in the same way.

    Raises:
        InputError: they were not.
    """
    found, wanted = (result.space, result.pairs, result.steps), (space, pairs, steps)
    if found != wanted:
        raise InputError(
            "the results to compare were measured on {} with {} pairs and {} steps, ".format(*found)
            + "this is {} with {} pairs and {} steps".format(*wanted)
        )


def write_csv(path: Path, result: Smoothness) -> None:
    """One line a kind and length of step, with the model in front; unknown numbers are empty."""
    columns = ["model", "space", *(field.name for field in dataclasses.fields(Change))]
    with atomic_path(path) as partial, partial.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        for change in result.changes:
            writer.writerow({"model": result.model, "space": result.space, **plain(change)})


def print_result(result: Smoothness) -> None:
    """A line for every kind of walk, and the steps between neighbouring points."""
    print(
        f"{result.model} on {result.space}, epoch {result.epoch}: {result.pairs} pairs, "
        f"{result.steps} steps, typical distance {result.typical_distance:.3f}"
    )
    shortest = {change.walk: change for change in result.changes if change.step == 1}
    for walk in result.walks:
        step = shortest[walk.walk]
        line = (
            f"{walk.walk.replace('_', ' '):<12}  valid without masks {walk.valid:7.2%}  "
            f"{walk.distinct:5.2f} architectures on {walk.points} points  "
            f"edit distance {step.edit_distance:.2f} over {step.relative_distance:.3f} of it"
        )
        if step.known:
            line += (
                f"  {result.objective.quantity}{result.objective.where} known {walk.known:.0%}, "
                "changes by "
                f"{result.objective.text(step.accuracy_change)}, "
                f"rank by {step.rank_change:.1%}"
            )
        print(line)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, write and draw."""
    given = make_parser().parse_args(arguments)
    use_threads(given.threads)
    seed_everything(given.seed)
    others = [] if given.compare is None else [read_result(given.compare)]
    for other in others:
        check_comparable(other, given.data_search_space, given.pairs, given.steps)
    trained = load_named(given)
    out = given.out or trained.folder / "smoothness"
    files = [out / name for name in (RESULT, "smoothness.csv", "smoothness.png")]
    refuse_existing(files, given.overwrite)
    result = measure(
        trained.model,
        trained.space,
        trained_architectures(trained, given.data_root, given.seed).test,
        find_measured(trained.space.name, given.data_root),
        epoch=trained.epoch,
        pairs=given.pairs,
        steps=given.steps,
        seed=given.seed,
    )
    write_json(files[0], result)
    write_csv(files[1], result)
    save_figure(smoothness_figure([result, *others]), files[2])
    print_result(result)
    print(f"written to {out}: {RESULT}, smoothness.csv, smoothness.png")
    return 0


if __name__ == "__main__":
    run_command(main)
