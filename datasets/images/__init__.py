"""Image data to train on, by the names that users type."""

from __future__ import annotations

from pathlib import Path

from datasets.images.image_data import ImageData, LabelledImages
from experiment.errors import InputError

__all__ = ["IMAGE_DATA", "ImageData", "LabelledImages", "get_images"]

IMAGE_DATA = ("digits",)
"""Names of the data sets."""


def get_images(
    name: str,
    folder: str | Path | None = None,
    data_root: str | Path | None = None,
    train_share: float | None = None,
) -> ImageData:
    """The image data called ``name``.

    Raises:
        InputError: there is none of that name.
    """
    if name != "digits":
        raise InputError(f"no image data is called {name!r}: choose one of {', '.join(IMAGE_DATA)}")
    from datasets.images.digits import load_digits

    return load_digits()
