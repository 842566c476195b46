"""Handwritten digits that come with scikit-learn: 1,797 images of 8×8 pixels, ten classes.

They are the test part of "Optical Recognition of Handwritten Digits" (Alpaydin & Kaynak 1998, UCI
repository): counts of dark pixels in blocks of 4×4, so a value is 0 to 16.
"""

from __future__ import annotations

import numpy as np
import torch

from datasets.images.image_data import ImageData, LabelledImages
from experiment.errors import InputError

TRAIN, VALIDATION, TEST = 800, 497, 500
"""Images of each part."""


def load_digits() -> ImageData:
    """The digits in their fixed split.

    The split is part of the definition of the benchmark that was measured with it: the images in
    the order of ``numpy.random.default_rng(0).permutation(1797)``, first the training part, then
    validation, then test. Mean and standard deviation are those of the training part.

    Raises:
        InputError: scikit-learn is not installed.
    """
    try:
        from sklearn import datasets as published
    except ImportError as error:
        raise InputError(
            f"the digits come with scikit-learn, which cannot be imported ({error}): install it, "
            "'pip install -r requirements-core.txt' does"
        ) from error
    digits = published.load_digits()
    everything = LabelledImages(
        torch.from_numpy(digits.images.astype(np.uint8)).unsqueeze(1),
        torch.from_numpy(digits.target.astype(np.int64)),
    )
    order = torch.from_numpy(np.random.default_rng(0).permutation(TRAIN + VALIDATION + TEST))
    train, validation, test = (
        everything.subset(rows) for rows in order.split([TRAIN, VALIDATION, TEST])
    )
    pixels = train.images.double()
    return ImageData(
        name="digits",
        num_classes=10,
        mean=pixels.mean((0, 2, 3)).float(),
        std=pixels.std((0, 2, 3), correction=0).float(),
        train=train,
        validation=validation,
        test=test,
    )
