"""CIFAR-10 (Krizhevsky 2009): 60,000 images of 32×32 pixels in ten classes.

Read from the "python version" of https://www.cs.toronto.edu/~kriz/cifar.html, packed or unpacked.
"""

from __future__ import annotations

import hashlib
import tarfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from datasets.downloads.published import published_file
from datasets.images.batches import check_range, read_batch, read_content, together
from datasets.images.image_data import ImageData, LabelledImages
from datasets.images.places import find_place
from experiment.errors import InputError

FOLDER = "cifar-10-batches-py"
"""Folder of the batches, in the archive as well."""

ARCHIVE = "cifar-10-python.tar.gz"

TRAIN_BATCHES = tuple(f"data_batch_{k}" for k in range(1, 6))
TEST_BATCH = "test_batch"
BATCH_SIZE = 10_000
"""Images in each of the six."""

MEAN = (125.3, 123.0, 113.9)
STD = (63.0, 62.1, 66.7)
"""Of 255, as NAS-Bench-101 and NAS-Bench-201 normalise with."""

TRAIN_SHARE = 0.8
"""Of the 50,000: what NAS-Bench-101 trains on."""

KEPT_OUT = 1_000
"""Of the 50,000: what the networks of info-NAS do not train on."""


def load_cifar10(
    folder: str | Path | None = None,
    data_root: str | Path | None = None,
    train_share: float = TRAIN_SHARE,
    split_seed: int = 0,
) -> ImageData:
    """CIFAR-10, with a part of its 50,000 training images kept for validation.

    The archive is checked against its published MD5; unpacked batches by what they hold, because
    there are honest ones with other bytes (written anew, or made of lossy images).

    Args:
        folder: the one with the batches, one above it, one with the archive, or the archive
            itself; default: ``cifar10/`` below the data root, else
            ``Extrapolation_Ability/cell_training/data/``, the published place.
        data_root: as for :func:`experiment.paths.data_root`.
        train_share: share of the 50,000 that is trained on; with 1.0 there is no validation.
        split_seed: of the permutation whose first part is trained on.

    Raises:
        InputError: the files are not there, or not what they should be.
    """
    if not 0 < train_share <= 1:
        raise InputError(f"a share of {train_share} to train on, expected above 0 and at most 1")
    everything, test = _read_all(folder, data_root)
    order = np.random.default_rng(split_seed).permutation(len(everything))
    training = round(train_share * len(everything))
    return _split("cifar10", everything, order[:training], order[training:], test)


def load_info_nas(
    folder: str | Path | None = None, data_root: str | Path | None = None
) -> ImageData:
    """CIFAR-10 as info-NAS splits it: 1,000 of the 50,000 are kept for validation.

    Its networks never train on them, and are asked what they compute of them. They are those of
    ``RandomState(1).choice(50000, 1000, False)``, in that order.

    Args:
        folder: as for :func:`load_cifar10`.
        data_root: as for :func:`experiment.paths.data_root`.

    Raises:
        InputError: the files are not there, or not what they should be.
    """
    everything, test = _read_all(folder, data_root)
    kept = np.random.RandomState(1).choice(len(everything), KEPT_OUT, False)
    rest = np.setdiff1d(np.arange(len(everything)), kept)
    return _split("cifar10_info_nas", everything, rest, kept, test)


def _split(
    name: str,
    everything: LabelledImages,
    train: np.ndarray,
    validation: np.ndarray,
    test: LabelledImages,
) -> ImageData:
    return ImageData(
        name=name,
        num_classes=10,
        mean=torch.tensor(MEAN),
        std=torch.tensor(STD),
        train=everything.subset(torch.from_numpy(train)),
        validation=everything.subset(torch.from_numpy(validation)),
        test=test,
    )


def _read_all(
    folder: str | Path | None, data_root: str | Path | None
) -> tuple[LabelledImages, LabelledImages]:
    """The training images of all batches, and the test images."""
    place = find_place(
        "cifar10",
        folder,
        data_root,
        _find,
        f"{FOLDER}/ and no {ARCHIVE} (python -m datasets.download --space CIFAR10 fetches it)",
    )
    contents = _in_archive(place) if place.is_file() else _in_folder(place)
    batches = {name: _read(content, f"{name} of {str(place)!r}") for name, content in contents}
    everything = together([batches[name] for name in TRAIN_BATCHES])
    return everything, together([batches[TEST_BATCH]])


def _find(folder: Path) -> Path | None:
    if folder.is_file():
        return folder
    for place in (folder / FOLDER, folder):
        if (place / TRAIN_BATCHES[0]).exists():
            return place
    archive = folder / ARCHIVE
    return archive if archive.exists() else None


def _in_folder(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Name and content of each batch, one at a time."""
    for name in (*TRAIN_BATCHES, TEST_BATCH):
        yield name, read_content(folder / name)


def _in_archive(archive: Path) -> Iterator[tuple[str, bytes]]:
    """The same, without unpacking the archive to the disk."""
    with archive.open("rb") as file:
        found = f"md5:{hashlib.file_digest(file, 'md5').hexdigest()}"
    expected = published_file("CIFAR10").checksum
    if found != expected:
        raise InputError(
            f"{str(archive)!r} is not the published {ARCHIVE} or damaged: it has {found}, "
            f"expected {expected}; fetch it again"
        )
    wanted = {f"{FOLDER}/{name}": name for name in (*TRAIN_BATCHES, TEST_BATCH)}
    with tarfile.open(archive) as tape:
        for member in tape:
            if member.name in wanted and (packed := tape.extractfile(member)) is not None:
                yield wanted[member.name], packed.read()


def _read(content: bytes, where: str) -> tuple[np.ndarray, np.ndarray]:
    images, labels = read_batch(content, where, side=32)
    if len(images) != BATCH_SIZE:
        raise InputError(f"{where} has {len(images):,} images, expected {BATCH_SIZE:,}")
    check_range(labels, 0, 9, where)
    return images, labels
