"""Labelled images in memory, as tensors that a training reads on its own device."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from experiment.errors import InputError


@dataclass(frozen=True, slots=True, eq=False)
class LabelledImages:
    """Images and the class of each, on one device.

    Attributes:
        images: the pixels as they were published. **Shape** (n, C, H, W), uint8; n may be 0.
        labels: classes, numbered from 0. **Shape** (n,), int64.

    Raises:
        InputError: the two are of another type or shape, or of different lengths.
    """

    images: Tensor
    labels: Tensor

    def __post_init__(self) -> None:
        if self.images.dtype != torch.uint8 or self.images.ndim != 4:
            raise InputError(
                f"images of shape {tuple(self.images.shape)} and type {self.images.dtype}, "
                "expected (n, channels, height, width) and torch.uint8"
            )
        if self.labels.dtype != torch.int64 or self.labels.shape != self.images.shape[:1]:
            raise InputError(
                f"{len(self.images):,} images with labels of shape {tuple(self.labels.shape)} and "
                f"type {self.labels.dtype}, expected one torch.int64 an image"
            )

    def __len__(self) -> int:
        return len(self.images)

    def subset(self, rows: Tensor) -> LabelledImages:
        """Some of the images, in the order of ``rows`` (**Shape** (m,), int64)."""
        return LabelledImages(self.images[rows], self.labels[rows])

    def to(self, device: torch.device | str) -> LabelledImages:
        """The same on another device."""
        return LabelledImages(self.images.to(device), self.labels.to(device))


@dataclass(frozen=True, slots=True, eq=False)
class ImageData:
    """A data set to train a network on and to measure it with.

    Attributes:
        name: what users call it.
        num_classes: classes that a network tells apart.
        mean: of each channel, in units of the uint8 values. **Shape** (C,), float32.
        std: of each channel, in the same units. **Shape** (C,), float32.
        train: what is trained on.
        validation: what architectures are chosen by; empty where everything is trained on.
        test: what is reported.

    Raises:
        InputError: the parts do not fit together, or a label is out of range.
    """

    name: str
    num_classes: int
    mean: Tensor
    std: Tensor
    train: LabelledImages
    validation: LabelledImages
    test: LabelledImages

    def __post_init__(self) -> None:
        if not len(self.train):
            raise InputError(f"{self.name} has no training images, expected at least one")
        shape = tuple(self.train.images.shape[1:])
        if shape[1] != shape[2]:
            raise InputError(f"{self.name} has images of {shape[1]}×{shape[2]}, expected squares")
        for part in ("train", "validation", "test"):
            self._check_part(part, shape)
        for statistic in (self.mean, self.std):
            if statistic.shape != shape[:1] or statistic.dtype != torch.float32:
                raise InputError(
                    f"{self.name} has images of {shape[0]} channels and a mean or std of "
                    f"shape {tuple(statistic.shape)} and type {statistic.dtype}, expected one "
                    "torch.float32 a channel"
                )
        if not bool((self.std > 0).all()):
            raise InputError(
                f"{self.name} has a standard deviation of 0, expected channels that vary"
            )

    def _check_part(self, name: str, shape: tuple[int, ...]) -> None:
        part: LabelledImages = getattr(self, name)
        found = tuple(part.images.shape[1:])
        if found != shape:
            raise InputError(
                f"{self.name} has {name} images of {found}, expected {shape} as for training"
            )
        if not len(part):
            return
        low, high = int(part.labels.min()), int(part.labels.max())
        if low < 0 or high >= self.num_classes:
            wrong = low if low < 0 else high
            raise InputError(
                f"{self.name} has the label {wrong} among its {name} images, "
                f"expected 0 to {self.num_classes - 1}"
            )

    @property
    def in_channels(self) -> int:
        """Channels of an image."""
        return self.train.images.shape[1]

    @property
    def image_size(self) -> int:
        """Height and width of an image in pixels."""
        return self.train.images.shape[2]

    def fingerprint(self) -> str:
        """SHA-256 of all that a training reads: images, labels and their scale; hexadecimal."""
        digest = hashlib.sha256()
        parts = (self.train, self.validation, self.test)
        tensors = [tensor for part in parts for tensor in (part.images, part.labels)]
        for tensor in (*tensors, self.mean, self.std):
            digest.update(repr((tuple(tensor.shape), str(tensor.dtype))).encode())
            digest.update(tensor.cpu().contiguous().numpy().data)
        return digest.hexdigest()

    def to(self, device: torch.device | str) -> ImageData:
        """The same on another device."""
        return replace(
            self,
            mean=self.mean.to(device),
            std=self.std.to(device),
            train=self.train.to(device),
            validation=self.validation.to(device),
            test=self.test.to(device),
        )
