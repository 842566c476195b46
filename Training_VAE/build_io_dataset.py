"""Train networks and record what they compute: a set of input–output information.

From the repository root::

    python -m Training_VAE.build_io_dataset --out runs/io_DIGITS101

trains 608 + 77 cells of DIGITS101 on the digits. ``--data_search_space NB101 --data_set
cifar10_info_nas`` trains those of info-NAS on CIFAR-10 by its published recipe. Killed at any
moment, the same command resumes. ``docs/data-formats.md`` has the files.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
if str(ROOT) not in sys.path[:1]:
    sys.path.insert(0, str(ROOT))

import time
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import dataclass

from datasets.batch import GraphBatch
from datasets.io_networks import labelled_rows, published_split
from datasets.io_set import PARTS, IOSet
from datasets.kept_hashes import kept_hashes
from datasets.registry import get_space
from datasets.space import SearchSpace
from estimators.from_scratch import FromScratch, representative
from estimators.io_recording import Chosen, build_io_set
from estimators.networks import Design, NASBenchPyTorchDesign, NB101Design
from estimators.tasks.images import ImageClassification, ImageRecipe
from experiment.arguments import (
    Parser,
    add_common,
    add_engine_flags,
    best_device,
    engine_choice,
    non_negative_int,
    parser,
    positive_int,
)
from experiment.config import load_preset, resolve
from experiment.engines import PROCESSES
from experiment.errors import run_command
from experiment.progress import progress
from experiment.threads import available_cores, use_threads

TRAIN, UNSEEN = 608, 77
"""Networks of info-NAS."""


@dataclass(frozen=True)
class Source:
    """How networks are trained on some images.

    Attributes:
        config: preset of their sizes and of the recipe.
        design: what is made of the sizes.
        unseen_images: test images that are recorded; ``None`` for all.
    """

    config: str
    design: type[Design]
    unseen_images: int | None = None


SOURCES = {
    "digits": Source("digits101", NB101Design),
    "cifar10_info_nas": Source("info_nas", NASBenchPyTorchDesign, unseen_images=2_000),
}
"""Images → how networks are trained on them."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Build a set, as the flags say."""
    given = make_parser().parse_args(arguments)
    use_threads(given.threads or 1)  # one, as the workers have: the same numbers everywhere
    choice = engine_choice(given)
    space = get_space(given.data_search_space)
    estimator = make_estimator(space, given)
    chosen = choose(space, given)
    unseen_images = given.unseen_images or SOURCES[given.data_set].unseen_images
    began = time.monotonic()
    with choice.start() as engine:
        io_set = build_io_set(given.out, chosen, estimator, engine, unseen_images)
    print(f"{given.out}, after {(time.monotonic() - began) / 60:.1f} minutes:")
    print("\n".join(describe(io_set)))
    return 0


def make_parser() -> Parser:
    """The flags."""
    flags = parser("Train networks and record what they compute of images.")
    flags.add_argument("--out", type=Path, required=True, help="folder of the set")
    flags.add_argument(
        "--data_search_space",
        default="DIGITS101",
        choices=("DIGITS101", "NB101"),
        help="whose networks are trained",
    )
    flags.add_argument("--data_set", default="digits", choices=tuple(SOURCES), help="on what")
    flags.add_argument("--data", type=Path, help="folder of the images (default: as elsewhere)")
    flags.add_argument(
        "--networks", type=positive_int, default=TRAIN, help="training networks to be chosen"
    )
    flags.add_argument(
        "--unseen_networks", type=positive_int, default=UNSEEN, help="held-out ones to be chosen"
    )
    flags.add_argument(
        "--unseen_images",
        type=positive_int,
        help="test images that are recorded, the first ones (default: 2,000 of CIFAR-10, all "
        "digits)",
    )
    flags.add_argument(
        "--training_seed",
        type=non_negative_int,
        default=0,
        help="of the networks' weights and the order of their images; --seed chooses the networks",
    )
    flags.add_argument("--epochs", type=positive_int, help="instead of those of the recipe")
    add_engine_flags(flags, available_cores(), PROCESSES)
    add_common(flags)
    flags.set_defaults(device="cpu")
    return flags


def make_estimator(space: SearchSpace, given: Namespace) -> FromScratch:
    """What trains the networks.

    Raises:
        InputError: the images are not there.
    """
    source = SOURCES[given.data_set]
    preset = load_preset(source.config, "network", *space.preset_sections)
    return FromScratch(
        space,
        ImageClassification(given.data_set, given.data, given.data_root),
        resolve(source.design, preset),
        ImageRecipe.load(source.config, overrides={"epochs": given.epochs}),
        seed=given.training_seed,
        device=best_device(given.device),
    )


def choose(space: SearchSpace, given: Namespace) -> Chosen:
    """The networks that the flags choose.

    Raises:
        InputError: the space has fewer.
    """
    with progress(None, f"enumerating the {space.size:,} architectures of {space.name}"):
        graphs = GraphBatch.cat(space.enumerate())
        hashes = kept_hashes(space, graphs, given.data_root)
    split = published_split(hashes, given.seed)
    rows = labelled_rows(split, given.networks, given.unseen_networks, given.seed)
    train, unseen = (
        {str(hashes[row]): representative(graphs.graph(int(row)), space) for row in part}
        for part in (rows.train, rows.held_out)
    )
    settings = {"seed": given.seed, "train": len(train), "unseen": len(unseen)}
    return Chosen(train, unseen, settings)


def describe(io_set: IOSet) -> list[str]:
    """Lines for people."""
    lines = []
    for name in PARTS:
        part = io_set.part(name)
        lines.append(
            f"  {name}: {len(part.hashes)} networks × {len(part.labels)} images = {len(part):,}"
        )
    lines.append(f"{io_set.num_features} features; {len(io_set.failed)} networks failed")
    lines += [f"  {one['hash']} ({one['part']}): {one['reason']}" for one in io_set.failed]
    return lines


if __name__ == "__main__":
    run_command(main)
