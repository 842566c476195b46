"""Random changes to training images: whole batches at a time, on the device they are on.

Every function takes the generator that it draws from, which has to be on the images' device, and
draws for each image of the batch apart. The changes keep the type of the images; they are meant
for normalised ones, where 0 is the mean colour.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Generator, Tensor
from torch.nn import functional

from experiment.errors import InputError


def normalise(images: Tensor, mean: Tensor, std: Tensor) -> Tensor:
    """``(images − mean) / std`` of each channel.

    **Shape** ``images`` (B, C, H, W), uint8; ``mean`` and ``std`` (C,), in the same units;
    result (B, C, H, W), float32.
    """
    return (images - mean[:, None, None]) / std[:, None, None]


def flip(images: Tensor, generator: Generator) -> Tensor:
    """Mirror every second image, left to right, on average. **Shape** (B, C, H, W)."""
    mirrored = torch.rand(len(images), device=images.device, generator=generator) < 0.5
    return torch.where(mirrored[:, None, None, None], images.flip(-1), images)


def pad_crop(images: Tensor, generator: Generator, padding: int = 4) -> Tensor:
    """Shift each image by up to ``padding`` pixels either way; what comes into view is 0.

    That is a crop of the old size at a random place of the padded image, as in He et al. 2016
    (arXiv:1512.03385, section 4.2). **Shape** (B, C, H, W).
    """
    batch, _, height, width = images.shape
    padded = functional.pad(images, (padding,) * 4)
    windows = padded.unfold(2, height, 1).unfold(3, width, 1)  # a view (B, C, 2p+1, 2p+1, H, W)
    top, left = torch.randint(
        2 * padding + 1, (2, batch), device=images.device, generator=generator
    )
    return windows[torch.arange(batch, device=images.device), :, top, left]


def cutout(
    images: Tensor, generator: Generator, length: int = 16, probability: float = 1.0
) -> Tensor:
    """Put 0 into a square of each image (DeVries & Taylor 2017, arXiv:1708.04552).

    The square's centre is any pixel, so that part of it may lie outside. **Shape** (B, C, H, W).

    Args:
        images: normalised images.
        generator: on the same device.
        length: side of the square in pixels.
        probability: with which an image is changed at all.
    """
    batch, _, height, width = images.shape
    device = images.device
    changed = torch.rand(batch, device=device, generator=generator) < probability
    rows = _stretch(batch, height, length, device, generator)
    columns = _stretch(batch, width, length, device, generator)
    square = changed[:, None, None] & rows[:, :, None] & columns[:, None, :]
    return torch.where(square[:, None], 0, images)


def _stretch(
    batch: int, size: int, length: int, device: torch.device, generator: Generator
) -> Tensor:
    """Which of ``size`` places lie in a stretch around a random centre. **Shape** (B, size)."""
    centre = torch.randint(size, (batch, 1), device=device, generator=generator)
    after_start = torch.arange(size, device=device) - centre + length // 2
    return (after_start >= 0) & (after_start < length)


@dataclass(frozen=True, slots=True)
class Augmentation:
    """What is done to the images of a batch: shifted, mirrored, cut out, in this order.

    Attributes:
        padding: largest shift in pixels; 0 for none.
        flip: whether images are mirrored at random.
        cutout_length: side of the square that is cut out, in pixels; 0 for none.
        cutout_probability: with which it is cut out of an image.

    Raises:
        InputError: a number is out of range.
    """

    padding: int = 0
    flip: bool = False
    cutout_length: int = 0
    cutout_probability: float = 1.0

    def __post_init__(self) -> None:
        if self.padding < 0 or self.cutout_length < 0:
            raise InputError(
                f"padding {self.padding} and cutout length {self.cutout_length}: "
                "expected numbers of pixels, 0 or more"
            )
        if not 0 <= self.cutout_probability <= 1:
            raise InputError(f"a cutout probability of {self.cutout_probability}, expected 0 to 1")

    def __call__(self, images: Tensor, generator: Generator) -> Tensor:
        """Change a batch of normalised images. **Shape** (B, C, H, W), floating point."""
        if self.padding:
            images = pad_crop(images, generator, self.padding)
        if self.flip:
            images = flip(images, generator)
        if self.cutout_length:
            images = cutout(images, generator, self.cutout_length, self.cutout_probability)
        return images
