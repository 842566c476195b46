"""What the commands that train networks have in common: their flags, and their work."""

from __future__ import annotations

import dataclasses
import json
import sys
import tomllib
from argparse import BooleanOptionalAction, Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from datasets.architecture_files import read_named
from datasets.graph import ArchitectureGraph
from datasets.images import IMAGE_DATA, OTHER_NAMES, get_images
from datasets.space import SearchSpace
from datasets.spaces.enas import ENAS
from estimators.from_scratch import representative
from estimators.measurement import Measurement
from estimators.networks import load_design
from estimators.recipe import Recipe, load_recipe
from estimators.recorded import RecordedTraining, summary
from estimators.tasks.images import PreparedImages
from experiment.arguments import (
    Parser,
    add_common,
    best_device,
    non_negative_float,
    positive_float,
    positive_int,
    share,
)
from experiment.environment import computing_line
from experiment.errors import EXIT_BAD_INPUT, InputError
from experiment.files import atomic_path, plain
from experiment.paths import REPOSITORY_ROOT
from experiment.threads import use_threads

RECIPE_FLAGS = {
    "epochs": "epochs",
    "batch_size": "batch_size",
    "learning_rate": "learning_rate",
    "learning_rate_min": "final_rate",
    "momentum": "momentum",
    "weight_decay": "weight_decay",
    "grad_clip": "gradient_clip",
    "precision": "precision",
}
"""Flag → the setting of :class:`estimators.recipe.Recipe` that it overrides when it is given."""
CUTOUT_LENGTH = 16
"""Published side of the square, in pixels."""
MEASUREMENTS = "measurements.jsonl"
_RUNS = REPOSITORY_ROOT / "runs" / "cells"


def add_training_flags(flags: Parser, name: str, config: str | None = None) -> None:
    """Add the published flags of cell training, and ours.

    Args:
        flags: the parser.
        name: default of ``--name``.
        config: default of ``--config``; ``None`` for ours, which depends on the images.
    """
    flags.add_argument("--name", default=name, help="name of the experiment, a folder of its own")
    flags.add_argument("--log_dir", type=Path, default=_RUNS, help="where that folder lies")
    flags.add_argument(
        "--data", type=Path, help="folder of the images (default: below the data root)"
    )
    flags.add_argument(
        "--data_set",
        default="cifar10",
        type=lambda text: OTHER_NAMES.get(text, text),
        choices=IMAGE_DATA,
        help="what to train on",
    )
    ours = "" if config else " (default: ours, for the digits that of DIGITS101)"
    flags.add_argument("--config", default=config, help=f"preset of configs/, or a TOML file{ours}")
    flags.add_argument("--epochs", type=positive_int, help="passes over the images")
    flags.add_argument("--batch_size", type=positive_int, help="images a step")
    flags.add_argument("--learning_rate", type=positive_float, help="highest learning rate")
    flags.add_argument("--learning_rate_min", type=non_negative_float, help="where a cosine ends")
    flags.add_argument(
        "--lr_decay_method",
        choices=("COSINE_BY_STEP",),
        help="half a cosine, a step every batch (default: the preset's schedule)",
    )
    flags.add_argument("--momentum", type=non_negative_float, help="of SGD or RMSprop")
    flags.add_argument("--weight_decay", type=non_negative_float, help="of the weights")
    flags.add_argument("--grad_clip", type=positive_float, help="largest norm of the gradient")
    flags.add_argument(
        "--cutout",
        action=BooleanOptionalAction,
        help="cut a square out of the training images (default: as the preset)",
    )
    flags.add_argument(
        "--cutout_length",
        type=positive_int,
        help=f"its side in pixels (default: the preset's, else {CUTOUT_LENGTH})",
    )
    flags.add_argument("--cutout_prob", type=share, help="share of the images that are cut")
    flags.add_argument(
        "--val_portion",
        type=share,
        help="share of CIFAR-10's training images that is trained on, as in the published code "
        "(default: 0.8); the other sets are split once and for all",
    )
    flags.add_argument("--report_freq", type=positive_int, help="steps between printed lines")
    flags.add_argument(
        "--precision", choices=("auto", "float32", "bfloat16"), help="type of the products"
    )
    flags.add_argument(
        "--size",
        action="append",
        metavar="NAME=VALUE",
        help="a size of the network instead of the preset's, such as stem_channels=32",
    )
    flags.add_argument("--seeds", type=positive_int, default=1, help="trainings, a seed each")
    flags.add_argument("--resume", action="store_true", help="go on with what is there")
    add_common(flags, seed=0)


def train_all(
    space: SearchSpace, architectures: Sequence[ArchitectureGraph], given: Namespace
) -> int:
    """Train every architecture with every seed, each architecture once.

    ``measurements.jsonl`` in the experiment's folder holds what came of every training, also of
    those of earlier commands; it is written after each.

    Returns:
        The exit code: 2 if a training failed.

    Raises:
        InputError: a flag, a file or a folder is wrong.
    """
    graphs = {}
    for architecture in architectures:
        graph = representative(architecture, space)
        graphs[space.hash(graph)] = graph
    use_threads(given.threads)
    training = prepare(space, given)
    print(computing_line(dataclasses.asdict(training.task.recipe), training.device))
    experiment: Path = given.log_dir / given.name
    failed = False
    for name, graph in graphs.items():
        print(f"{name}: {json.dumps(space.to_record(graph))}")
        own: list[Measurement] = []
        for seed in range(given.seed, given.seed + given.seeds):
            folder = experiment / f"{name[:12]}_seed{seed}"
            print(f"seed {seed}, in {folder}", flush=True)
            own.append(training.train(graph, seed, folder, given.resume))
            _keep({**own[-1].to_record(space), "seed": seed}, experiment / MEASUREMENTS)
            if not own[-1].ok:
                failed = True
                reason = f"seed {seed}: {own[-1].reason}"
                print(f"failed: {space.format(graph)}, {name}, {reason}", file=sys.stderr)
        if any(one.ok for one in own):
            print(summary(own))
    print(f"measurements: {experiment / MEASUREMENTS}")
    return EXIT_BAD_INPUT if failed else 0


def _keep(record: dict[str, Any], path: Path) -> None:
    """Put a measurement into a file of them, in the place of an earlier one of that training."""
    kept = [] if not path.exists() else _lines(path)
    key = (record["hash"], record["seed"])
    kept = [one for one in kept if (one.get("hash"), one.get("seed")) != key] + [record]
    with atomic_path(path) as partial:
        lines = (json.dumps(plain(one), ensure_ascii=False) + "\n" for one in kept)
        partial.write_text("".join(lines), encoding="utf-8")


def _lines(path: Path) -> list[dict[str, Any]]:
    try:
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    except (OSError, ValueError) as error:
        raise InputError(
            f"{str(path)!r} holds no measurements, one JSON object a line ({error}): "
            "mend it, move it away, or choose another --name"
        ) from error


def train_macros(texts: Sequence[str], given: Namespace, layers: int | None = None) -> int:
    """:func:`train_all` for ENAS architectures, all of one number of layers.

    Args:
        texts: files with an architecture a line, hashes, or architectures.
        given: the flags.
        layers: how many they must have; default: as many as the first.

    Raises:
        InputError: they have others.
    """
    found = [
        one
        for text in texts
        for one in read_named(text, ENAS(layers or 6), given.data_root, given.arch_form)
    ]
    wanted = layers or found[0].graph.num_nodes - 2
    for one in found:
        if one.graph.num_nodes - 2 != wanted:
            raise InputError(
                f"{one} has {one.graph.num_nodes - 2} layers, expected {wanted}: "
                "train those of another number by a command of their own"
            )
    return train_all(ENAS(wanted), [one.graph for one in found], given)


def prepare(space: SearchSpace, given: Namespace) -> RecordedTraining:
    """Images, sizes and recipe that the flags ask for.

    Raises:
        InputError: one of them is wrong.
    """
    device = best_device(given.device)
    config = given.config or ("digits101" if given.data_set == "digits" else "default")
    train_share = given.val_portion if given.data_set == "cifar10" else None
    if given.val_portion is not None and train_share is None:
        print(f"--val_portion changes nothing: the split of {given.data_set} is fixed")
    data = get_images(given.data_set, given.data, given.data_root, train_share)
    sections = (space.preset_sections[0], given.data_set)
    recipe = load_recipe(config, *sections, overrides=recipe_overrides(given))
    recipe = dataclasses.replace(recipe, **cutout_overrides(given, recipe))
    return RecordedTraining(
        space,
        PreparedImages(data.to(device), recipe.on(device)),
        load_design(config, space, given.data_set, overrides=sizes(given.size or ())),
        device,
        given.report_freq,
    )


def recipe_overrides(given: Namespace) -> dict[str, Any]:
    """The settings that the flags give, by their names in the recipe."""
    overrides = {setting: getattr(given, flag) for flag, setting in RECIPE_FLAGS.items()}
    if given.lr_decay_method:
        overrides["schedule"] = "cosine"
    return overrides


def cutout_overrides(given: Namespace, recipe: Recipe) -> dict[str, Any]:
    """What the flags change of the square that ``recipe`` cuts out.

    Without ``--cutout`` its length and share say nothing where the recipe cuts out none, as in
    the published code.
    """
    wanted = bool(recipe.cutout_length) if given.cutout is None else given.cutout
    if not wanted:
        return {"cutout_length": 0}
    length = given.cutout_length or recipe.cutout_length or CUTOUT_LENGTH
    probability = recipe.cutout_probability if given.cutout_prob is None else given.cutout_prob
    return {"cutout_length": length, "cutout_probability": probability}


def sizes(texts: Sequence[str]) -> dict[str, Any]:
    """``["stem_channels=32"]`` as ``{"stem_channels": 32}``.

    Raises:
        InputError: a text has another form.
    """
    found = {}
    for text in texts:
        name, _, value = text.partition("=")
        try:
            found[name.strip()] = tomllib.loads(f"value = {value}")["value"]
        except tomllib.TOMLDecodeError:
            name = ""
        if not name.strip():
            raise InputError(f"--size {text!r} is no size: expected NAME=VALUE, stem_channels=32")
    return found
