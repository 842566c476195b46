"""Image data to train on, by the names that users type."""

from __future__ import annotations

from pathlib import Path

from datasets.images.image_data import ImageData, LabelledImages
from experiment.errors import InputError

__all__ = ["IMAGE_DATA", "OTHER_NAMES", "ImageData", "LabelledImages", "get_images"]

IMAGE_DATA = ("cifar10", "cifar10_info_nas", "ImageNet16", "digits")
"""Names of the data sets; ``cifar10_info_nas`` is CIFAR-10 with 1,000 images for validation."""

OTHER_NAMES = {"Imagenet16": "ImageNet16", "ImageNet16-120": "ImageNet16"}
"""In the published README, and in NAS-Bench-201."""


def get_images(
    name: str,
    folder: str | Path | None = None,
    data_root: str | Path | None = None,
    train_share: float | None = None,
) -> ImageData:
    """The image data called ``name``.

    Args:
        name: one of :data:`IMAGE_DATA`; ``Imagenet16`` and ``ImageNet16-120`` are known, too.
        folder: where its files are; default: below the data root, else in the published place
            ``Extrapolation_Ability/cell_training/data/``. The digits need none.
        data_root: as for :func:`experiment.paths.data_root`.
        train_share: share of CIFAR-10's 50,000 training images that is trained on, the others
            are for validation (default 0.8). The other sets are split once and for all.

    Raises:
        InputError: there is none of that name; its files are not there, or not what they should
            be; a share is given where the split is fixed.
    """
    name = OTHER_NAMES.get(name, name) if isinstance(name, str) else name
    if not isinstance(name, str) or name not in IMAGE_DATA:
        raise InputError(f"no image data is called {name!r}: choose one of {', '.join(IMAGE_DATA)}")
    if name == "cifar10":
        from datasets.images.cifar10 import TRAIN_SHARE, load_cifar10

        return load_cifar10(folder, data_root, TRAIN_SHARE if train_share is None else train_share)
    if train_share is not None:
        raise InputError(f"the split of {name} is fixed: leave out the share to train on")
    if name == "cifar10_info_nas":
        from datasets.images.cifar10 import load_info_nas

        return load_info_nas(folder, data_root)
    if name == "ImageNet16":
        from datasets.images.imagenet16 import load_imagenet16

        return load_imagenet16(folder, data_root)
    from datasets.images.digits import load_digits

    return load_digits()
