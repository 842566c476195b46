"""ImageNet16-120: 157,700 images of 16×16 pixels in 120 classes.

The first 120 classes of ImageNet at 16×16 pixels (Chrabaszcz et al. 2017, arXiv:1707.08819), as
NAS-Bench-201 (Dong & Yang 2020, arXiv:2001.00326) takes them: its published index file halves the
6,000 images that are not trained on into validation and test.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from datasets.images.batches import check_range, read_batch, read_content, together
from datasets.images.image_data import ImageData, LabelledImages
from datasets.images.places import find_place
from experiment import paths
from experiment.errors import InputError
from experiment.files import read_json

CLASSES = 120
ALL_CLASSES = 1000
"""Of the batches."""

TRAIN_BATCHES = tuple(f"train_data_batch_{k}" for k in range(1, 11))
TEST_BATCH = "val_data"
SPLIT_FILE = "imagenet-16-120-test-split.txt"
TRAIN_IMAGES, TEST_IMAGES = 151_700, 6_000
"""Images of the 120 classes."""

MEAN = (122.68, 116.66, 104.01)
STD = (63.22, 61.26, 65.09)
"""Of 255, as NAS-Bench-201 normalises with."""


def load_imagenet16(
    folder: str | Path | None = None, data_root: str | Path | None = None
) -> ImageData:
    """ImageNet16-120 in its published split.

    The batches are checked by what they hold; their checksums, seconds for the gigabyte that they
    are, by ``python -m datasets.download --space ImageNet16 --file <batch> --from <file>``.

    Args:
        folder: the one with the batches, or one with them in ``ImageNet16/``; default:
            ``imagenet16/`` below the data root, else
            ``Extrapolation_Ability/cell_training/data/``, the published place. The index file is
            looked for beside the batches, one folder above, and in ``imagenet16/``.
        data_root: as for :func:`experiment.paths.data_root`.

    Raises:
        InputError: the files are not there, or not what they should be.
    """
    place = find_place(
        "imagenet16",
        folder,
        data_root,
        _find,
        f"{TRAIN_BATCHES[0]} of ImageNet16 (docs/downloads.md says where the batches are)",
    )
    split_file = _find_split(place, paths.data_root(data_root) / "imagenet16")
    validation, test = read_split(split_file)
    train = _first_classes(place, TRAIN_BATCHES, TRAIN_IMAGES)
    held_out = _first_classes(place, (TEST_BATCH,), TEST_IMAGES)
    return ImageData(
        name="ImageNet16",
        num_classes=CLASSES,
        mean=torch.tensor(MEAN),
        std=torch.tensor(STD),
        train=train,
        validation=held_out.subset(validation),
        test=held_out.subset(test),
    )


def _find(folder: Path) -> Path | None:
    for place in (folder, folder / "ImageNet16"):
        if (place / TRAIN_BATCHES[0]).exists():
            return place
    return None


def _find_split(batches: Path, usual: Path) -> Path:
    places = (batches, batches.parent, usual)
    for place in places:
        if (found := place / SPLIT_FILE).exists():
            return found
    raise InputError(
        f"there is no {SPLIT_FILE}, which halves ImageNet16-120's test images: put it beside the "
        f"batches in {str(batches)!r} ('python -m datasets.download --space ImageNet16 --file "
        f"{SPLIT_FILE}' fetches it)"
    )


def read_split(path: Path) -> tuple[Tensor, Tensor]:
    """Rows, among the test images of the 120 classes, of validation and of test.

    Raises:
        InputError: the file is not the published one.
    """
    split = read_json(path)
    validation, test = (_indices(split, name) for name in ("xvalid", "xtest"))
    if sorted((*validation, *test)) != list(range(TEST_IMAGES)) or not validation or not test:
        raise InputError(
            f"{str(path)!r} is not the published {SPLIT_FILE}: expected each of 0 to "
            f"{TEST_IMAGES - 1:,} once in 'xvalid' or 'xtest'"
        )
    return torch.tensor(validation), torch.tensor(test)


def _indices(split: Any, name: str) -> list[int]:
    """A list of the file, which writes it as ``["int", ["1", "2", …]]``; empty if it does not."""
    try:
        return [int(index) for index in split[name][1]]
    except (TypeError, KeyError, IndexError, ValueError):
        return []


def _first_classes(folder: Path, names: tuple[str, ...], expected: int) -> LabelledImages:
    """The images of the 120 classes in some batches, in the order of the files."""
    chosen = []
    for name in names:
        where = repr(str(folder / name))
        images, labels = read_batch(read_content(folder / name), where, side=16)
        check_range(labels, 1, ALL_CLASSES, where)
        rows = labels <= CLASSES
        chosen.append((images[rows], labels[rows] - 1))
    found = together(chosen)
    if len(found) != expected:
        raise InputError(
            f"{names[0]}{f' to {names[-1]}' if len(names) > 1 else ''} in {str(folder)!r} "
            f"{'have' if len(names) > 1 else 'has'} {len(found):,} images of the first {CLASSES} "
            f"classes, expected {expected:,}: are these the published ones?"
        )
    return found
