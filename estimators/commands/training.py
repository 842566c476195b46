"""What the commands that train networks have in common: their flags and what these mean."""

from __future__ import annotations

import dataclasses
import tomllib
from argparse import BooleanOptionalAction, Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from datasets.architecture_files import read_macros
from datasets.graph import ArchitectureGraph
from datasets.images import IMAGE_DATA, OTHER_NAMES
from datasets.space import SearchSpace
from estimators import series
from estimators.recorded import RecordedTraining
from estimators.series import Series, representatives
from estimators.tasks.image_training import CUTOUT_LENGTH, Cutout, ImageTraining
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
    flags.add_argument("--resume", action="store_true", help="resume what is there")
    add_common(flags, seed=0)


def train_all(
    space: SearchSpace, architectures: Sequence[ArchitectureGraph], given: Namespace
) -> int:
    """Train every architecture with every seed, each architecture once.

    Returns:
        The exit code: 2 if a training failed.

    Raises:
        InputError: a flag, a file or a folder is wrong.
    """
    graphs = representatives(architectures, space)
    use_threads(given.threads)
    training = prepare(space, given)
    print(computing_line(dataclasses.asdict(training.task.recipe), training.device))
    measurements = series.train_all(training, graphs, series_of(given))
    return 0 if all(one.ok for one in measurements) else EXIT_BAD_INPUT


def train_macros(texts: Sequence[str], given: Namespace, layers: int | None = None) -> int:
    """:func:`train_all` for ENAS architectures, all of one number of layers.

    Args:
        texts: files with an architecture a line, hashes, or architectures.
        given: the flags.
        layers: how many they must have; default: as many as the first.

    Raises:
        InputError: they have others.
    """
    space, graphs = read_macros(texts, layers, given.data_root, given.arch_form)
    return train_all(space, graphs, given)


def prepare(space: SearchSpace, given: Namespace) -> RecordedTraining:
    """Images, sizes and recipe of the flags.

    Raises:
        InputError: one of them is wrong.
    """
    if given.val_portion is not None and given.data_set != "cifar10":
        print(f"--val_portion changes nothing: the split of {given.data_set} is fixed")
    return image_training(given).prepare(space, best_device(given.device))


def image_training(given: Namespace) -> ImageTraining:
    """What the flags say of data, recipe and network.

    Raises:
        InputError: a size has another form.
    """
    settings = {setting: getattr(given, flag) for flag, setting in RECIPE_FLAGS.items()}
    if given.lr_decay_method:
        settings["schedule"] = "cosine"
    return ImageTraining(
        given.data_set,
        given.data,
        given.data_root,
        given.val_portion if given.data_set == "cifar10" else None,
        given.config,
        settings,
        Cutout(given.cutout, given.cutout_length, given.cutout_prob),
        sizes(given.size or ()),
        given.report_freq,
    )


def series_of(given: Namespace) -> Series:
    """The trainings of the flags, and where they are kept."""
    seeds = range(given.seed, given.seed + given.seeds)
    return Series(seeds, given.log_dir / given.name, given.resume)


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
