"""Pickled batches of images, in which CIFAR-10 and the small ImageNets are published."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from datasets.formats.safe_pickle import PickleRefused, read_pickle
from datasets.images.image_data import LabelledImages
from experiment.errors import InputError


def read_batch(content: bytes, where: str, side: int) -> tuple[np.ndarray, np.ndarray]:
    """Read one batch, without running anything that is in it.

    Args:
        content: the pickle, of Python 2 or 3: a dictionary with the images as ``data`` and the
            classes as ``labels``; what else it holds is left alone.
        where: how an error names the file.
        side: height and width of its images in pixels.

    Returns:
        Images, **Shape** (n, 3, side, side), uint8, and labels as they stand there, **Shape**
        (n,), int64.

    Raises:
        InputError: it is no such pickle, or a damaged one.
    """
    try:
        batch, _ = read_pickle(content)
    except PickleRefused as error:
        raise InputError(
            f"{where} is not a batch of images that can be read ({error}): fetch it again"
        ) from error
    data, labels = _entry(batch, "data", where), _entry(batch, "labels", where)
    pixels = 3 * side * side
    found = f"{data.shape} {data.dtype}" if isinstance(data, np.ndarray) else type(data).__name__
    if not isinstance(data, np.ndarray) or data.dtype != np.uint8 or data.shape[1:] != (pixels,):
        raise InputError(
            f"{where} has images of {found}, expected (n, {pixels}) uint8: "
            f"{side}×{side} pixels of three colours in a row"
        )
    return data.reshape(-1, 3, side, side), _whole_numbers(labels, len(data), where)


def _whole_numbers(labels: Any, count: int, where: str) -> np.ndarray:
    """Labels, a list or an array, as an array. **Shape** (count,), int64."""
    if isinstance(labels, list) and all(type(label) is int for label in labels):
        labels = np.array(labels)
    if not isinstance(labels, np.ndarray) or labels.dtype.kind not in "iu":
        raise InputError(f"{where} has labels that are no list of whole numbers, as expected")
    if labels.shape != (count,):
        raise InputError(
            f"{where} has {count:,} images and labels of shape {labels.shape}, "
            "expected one an image"
        )
    return labels.astype(np.int64)


def _entry(batch: Any, name: str, where: str) -> Any:
    """The part of a batch that Python 2 calls ``b"name"`` and Python 3 either."""
    if isinstance(batch, dict):
        for key in (name, name.encode()):
            if key in batch:
                return batch[key]
    raise InputError(f"{where} has no {name!r}, expected a dictionary with 'data' and 'labels'")


def read_content(path: Path) -> bytes:
    """The bytes of a file.

    Raises:
        InputError: it cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot read {str(path)!r}: {error.strerror or error}") from error


def check_range(labels: np.ndarray, low: int, high: int, where: str) -> None:
    """Refuse labels outside ``low`` to ``high``.

    Raises:
        InputError: there is one.
    """
    wrong = labels[(labels < low) | (labels > high)]
    if len(wrong):
        raise InputError(f"{where} has the label {wrong[0]}, expected {low} to {high}")


def together(batches: Sequence[tuple[np.ndarray, np.ndarray]]) -> LabelledImages:
    """Batches, one behind the other, in memory of their own."""
    images, labels = zip(*batches, strict=True)
    return LabelledImages(
        torch.from_numpy(np.concatenate(images)), torch.from_numpy(np.concatenate(labels))
    )
