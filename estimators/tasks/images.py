"""Image classification."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Protocol, runtime_checkable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from datasets.images import ImageData, LabelledImages, get_images
from datasets.objective import SHARE, Objective
from estimators.recipe import Recipe
from estimators.tasks.augmentation import Augmentation, normalise
from estimators.tasks.task import Dimensions, epoch_order
from experiment.config import part_of
from experiment.errors import InputError
from experiment.paths import DATA_ROOT_VARIABLE
from experiment.precision import DTYPES
from models.networks.layers import ClassifiedFeatures

EVALUATION_BATCH = 500


@dataclass(frozen=True)
class ImageRecipe(Recipe):
    """A :class:`Recipe` for image classification: :class:`Augmentation`, too, and more.

    Attributes:
        channels_last: whether images lie in memory with the channels innermost.
        auxiliary_weight: of the auxiliary head's loss, where the network has one.
    """

    padding: int = 0
    flip: bool = False
    cutout_length: int = 0
    cutout_probability: float = 1.0
    channels_last: bool = True
    auxiliary_weight: float = 0.4

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.auxiliary_weight < 0:
            raise InputError(
                f"the auxiliary head's weight is {self.auxiliary_weight}, expected 0 or more"
            )
        _ = self.augmentation  # refuses what it refuses

    @property
    def augmentation(self) -> Augmentation:
        """What is done to training images."""
        return part_of(self, Augmentation)

    @property
    def memory_format(self) -> torch.memory_format:
        """How images lie in memory."""
        return torch.channels_last if self.channels_last else torch.contiguous_format


def image_dimensions(num_classes: int, in_channels: int = 3, image_size: int = 32) -> Dimensions:
    """What images decide of a network.

    Args:
        num_classes: classes that are distinguished.
        in_channels: channels of an image.
        image_size: its height and width in pixels; it decides the FLOPs alone.
    """
    network = {"num_classes": num_classes, "in_channels": in_channels}
    return Dimensions(network, {"image_size": image_size})


@dataclass(frozen=True)
class ImageClassification:
    """A :class:`~estimators.tasks.task.Task`: tell the classes of images apart.

    Attributes:
        name: of the images, as for :func:`datasets.images.get_images`, like the others.
        folder: where the files are.
        data_root: where they are looked for otherwise.
        train_share: share of the images that is trained on, where one can choose.
    """

    name: str
    folder: Path | None = None
    data_root: Path | None = None
    train_share: float | None = None

    def prepare(self, recipe: Recipe, device: torch.device | str) -> PreparedImages:
        """The images on a device.

        Raises:
            InputError: there is no such data, or its files are absent or damaged; the recipe is
                another task's.
        """
        if not isinstance(recipe, ImageRecipe):
            raise InputError(
                f"a {type(recipe).__name__} is given to train on images, expected an ImageRecipe: "
                "ImageRecipe.load(preset) makes one"
            )
        data = _load(self, str(device), os.environ.get(DATA_ROOT_VARIABLE))
        return PreparedImages(data, recipe)


@lru_cache(maxsize=1)
def _load(task: ImageClassification, device: str, variable: str | None) -> ImageData:
    """The images; ``variable`` decides where they are looked for, so that it is in the key."""
    images = get_images(task.name, task.folder, task.data_root, task.train_share)
    return images.to(device)


@runtime_checkable
class AuxiliaryHeads(Protocol):
    """A network that has further classifiers in training."""

    def all_scores(self, images: Tensor) -> Sequence[Tensor]:
        """Scores of the classes, then those of the auxiliary heads. **Shape** (B, C) each."""
        ...


@dataclass(frozen=True, eq=False)
class PreparedImages:
    """A :class:`~estimators.tasks.task.PreparedTask` of images in memory.

    Attributes:
        data: the images, on the device to train on.
        recipe: how networks are trained, with its precision resolved.
    """

    data: ImageData
    recipe: ImageRecipe

    unit = "images"

    @property
    def name(self) -> str:
        """Of the images."""
        return self.data.name

    @property
    def objective(self) -> Objective:
        """The share of images that are classified rightly."""
        return Objective("accuracy", unit=SHARE, dataset=self.data.name)

    @property
    def dimensions(self) -> Dimensions:
        """Classes, channels, and the size in pixels."""
        data = self.data
        return image_dimensions(data.num_classes, data.in_channels, data.image_size)

    def fingerprint(self) -> str:
        """SHA-256 of images, labels and their scale, hexadecimal."""
        return self.data.fingerprint()

    def place(self, network: nn.Module) -> None:
        """Move a network to the device of the images, in the recipe's memory layout."""
        network.to(self.data.mean.device, memory_format=self.recipe.memory_format)  # type: ignore[call-overload]

    def examples(self, seed: int, epoch: int) -> ShuffledImages:
        """The training images of an epoch."""
        return ShuffledImages(self.data.train, self.recipe.batch_size, seed, epoch)

    def loss(
        self, network: nn.Module, batch: LabelledImages, generator: torch.Generator
    ) -> dict[str, Tensor]:
        """Cross entropy, with the weighted one of auxiliary heads; the share that is right."""
        pixels = normalise(batch.images, self.data.mean, self.data.std)
        images = self.recipe.augmentation(pixels, generator)
        images = images.contiguous(memory_format=self.recipe.memory_format)
        with self._autocast(images.device):
            scores, *auxiliary = _all_scores(network, images)
        total = F.cross_entropy(scores.float(), batch.labels)
        for others in auxiliary:
            weight = self.recipe.auxiliary_weight
            total = total + weight * F.cross_entropy(others.float(), batch.labels)
        right = (scores.detach().argmax(dim=1) == batch.labels).float().mean()
        return {"loss": total, "train": right}

    def evaluate(self, network: nn.Module, part: str) -> dict[str, float]:
        """``accuracy``, the share of the images of a part that are classified rightly."""
        images: LabelledImages = getattr(self.data, part)
        return {"accuracy": self.accuracy(network, images)} if len(images) else {}

    @torch.inference_mode()
    def accuracy(self, network: nn.Module, images: LabelledImages) -> float:
        """Share of ``images`` that ``network`` classifies rightly."""
        network.eval()
        scores = torch.cat(list(self._by_batch(network, images)))
        return int((scores.argmax(dim=1) == images.labels).sum()) / len(images)

    @torch.inference_mode()
    def features(self, network: ClassifiedFeatures, images: LabelledImages) -> Tensor:
        """Means of the feature maps before the dense layer, of a network in evaluation mode.

        **Shape** (images, F), float32.
        """

        def pooled(pixels: Tensor) -> Tensor:
            return network.classifier.pooled(network.feature_maps(pixels))

        return torch.cat(list(self._by_batch(pooled, images))).float()

    def _by_batch(
        self, function: Callable[[Tensor], Tensor], images: LabelledImages
    ) -> Iterator[Tensor]:
        """What a network gives for images, which are normalised and not augmented."""
        for part in images.images.split(EVALUATION_BATCH):
            pixels = normalise(part, self.data.mean, self.data.std)
            with self._autocast(pixels.device):
                yield function(pixels.contiguous(memory_format=self.recipe.memory_format))

    def _autocast(self, device: torch.device) -> torch.autocast:
        dtype = DTYPES[self.recipe.precision]
        return torch.autocast(device.type, dtype, enabled=dtype != torch.float32)


def _all_scores(network: nn.Module, images: Tensor) -> Sequence[Tensor]:
    return network.all_scores(images) if isinstance(network, AuxiliaryHeads) else [network(images)]


class ShuffledImages:
    """The training images in the order of one epoch; see :func:`epoch_order`."""

    def __init__(self, images: LabelledImages, batch_size: int, seed: int, epoch: int) -> None:
        order = epoch_order(len(images), batch_size, seed, epoch)
        self._images = images
        self._order = order.to(images.labels.device)

    def __len__(self) -> int:
        return len(self._order)

    def __getitem__(self, index: slice) -> LabelledImages:
        return self._images.subset(self._order[index])
