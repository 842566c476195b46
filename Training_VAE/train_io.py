"""Train arch2vec with input–output information (info-NAS), and report what it can do.

From the repository root, with a set of ``Training_VAE/build_io_dataset.py``::

    PYTHONPATH=$PWD python Training_VAE/train_io.py --io_set runs/io_DIGITS101

``--config`` chooses what is trained and how; ``info_nas`` has the published settings, with sizes
and numbers of batches for the digits. The run's folder ``<MODEL>_<SPACE>`` is that of
``train_arch2vec.py``; below it ``orig`` has the autoencoder alone and ``reference`` the
autoencoder that was trained without the information. All three are embeddings like any other.
``docs/io_information.md`` says more.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
if str(ROOT) not in sys.path[:1]:
    sys.path.insert(0, str(ROOT))

from argparse import Namespace
from collections.abc import Sequence
from typing import get_args

from datasets import get_space, read_io_set
from datasets.io_files import MANIFEST
from datasets.io_set import IOSet
from datasets.io_targets import PREPROCESSINGS
from datasets.registry import SPACES
from experiment.arguments import Parser, add_common, best_device, parser, positive_int
from experiment.errors import run_command
from experiment.files import sha256
from experiment.run import SOURCES
from experiment.seeding import seed_everything
from experiment.threads import use_threads
from models.checkpoints import RUNS
from models.io_models import ERRORS, IO_MODELS
from Training_VAE.io_batches import SAMPLINGS
from Training_VAE.io_data import load_io_data
from Training_VAE.io_training import train_io
from Training_VAE.settings import Arch2vecName, IOSettings, load_settings
from Training_VAE.training_command import add_protocol_flags, add_training_flags, protocol_of

SETTING_FLAGS = (
    "model",
    "vae",
    "preprocessing",
    "error",
    "sampling",
    "labelled_batches",
    "unlabelled_batches",
    "epochs",
    "batch_size",
    "learning_rate",
    "beta",
    "noise_scale",
    "limit",
    "cells_up_to",
    "use_ref",
    "networks",
    "images",
)
"""Flags that override a setting of the preset when they are given."""


def make_parser() -> Parser:
    """The command line."""
    flags = parser("Train arch2vec with input–output information, and report what it can do.")
    flags.add_argument("--io_set", type=Path, required=True, help="folder of the IO set")
    flags.add_argument("--model", choices=list(IO_MODELS), help="which model")
    flags.add_argument(
        "--vae", choices=get_args(Arch2vecName), help="which arch2vec its autoencoder is"
    )
    flags.add_argument(
        "--data_search_space",
        choices=list(SPACES),
        help="space of the unlabelled architectures (default: that of the set's networks)",
    )
    flags.add_argument(
        "--preprocessing", choices=list(PREPROCESSINGS), help="what makes targets of features"
    )
    flags.add_argument("--error", choices=list(ERRORS), help="distance of outputs and targets")
    flags.add_argument(
        "--sampling", choices=list(SAMPLINGS), help="order of labelled and unlabelled batches"
    )
    flags.add_argument("--labelled_batches", type=positive_int, help="in an epoch")
    flags.add_argument("--unlabelled_batches", type=positive_int, help="in an epoch")
    flags.add_argument("--networks", type=positive_int, help="training networks that are used")
    flags.add_argument("--images", type=positive_int, help="seen images that are trained on")
    flags.add_argument(
        "--without_ref",
        dest="use_ref",
        action="store_false",
        default=None,
        help="train no reference model beside it",
    )
    add_training_flags(flags, config="info_nas", save_interval=10)
    add_protocol_flags(flags)
    add_common(flags)
    return flags


def settings_of(given: Namespace, io_set: IOSet) -> IOSettings:
    """The settings that the flags name, for the images of a set."""
    overrides = {name: getattr(given, name) for name in SETTING_FLAGS}
    settings = load_settings(given.config, io_set.data_set, overrides, "io")
    assert isinstance(settings, IOSettings)
    return settings


def main(arguments: Sequence[str] | None = None) -> int:
    """Train as the flags say."""
    given = make_parser().parse_args(arguments)
    use_threads(given.threads)
    seed_everything(given.seed)
    io_set = read_io_set(given.io_set)
    settings = settings_of(given, io_set)
    space = get_space(given.data_search_space or io_set.space)
    folder = (given.log_dir or RUNS) / f"{settings.model}_{space.name}"
    train_io(
        name=given.name,
        settings=settings,
        data=load_io_data(io_set, settings, space, given.data_root, given.seed),
        record={SOURCES: [source_of(given.io_set, io_set)]},
        folder=folder,
        device=best_device(given.device),
        seed=given.seed,
        save_interval=given.save_interval,
        protocol=protocol_of(given),
        resume=given.resume,
    )
    print(f"the weights are in {folder}: --path_state_dict {folder} gives them to other commands")
    return 0


def source_of(folder: Path, io_set: IOSet) -> dict[str, object]:
    """What a run records of its set; the checksum is that of the set's own checksums."""
    return {
        "path": str(folder),
        "sha256": sha256(folder / MANIFEST),
        "networks": len(io_set),
        "images": len(io_set.labels),
    }


if __name__ == "__main__":
    run_command(main)
