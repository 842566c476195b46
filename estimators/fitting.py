"""Training a network on images, and measuring it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from datasets.images import ImageData, LabelledImages
from estimators.augmentation import normalise
from estimators.recipe import Recipe
from experiment.loop import TrainingLoop
from experiment.precision import DTYPES
from models.networks.enas import ENASNetwork

EVALUATION_BATCH = 500


@dataclass(frozen=True, slots=True)
class Accuracies:
    """Shares of images that a network classifies rightly, 0 to 1.

    Attributes:
        validation: ``None`` where nothing was held out to validate on.
        test: of the test images.
    """

    validation: float | None
    test: float


@dataclass(frozen=True, slots=True)
class Fit:
    """What came of a training.

    Attributes:
        halfway: after half of the epochs; ``None`` for a single epoch.
        final: at the end.
        seconds: time of the training, without what measured it.
    """

    halfway: Accuracies | None
    final: Accuracies
    seconds: float


class ShuffledImages:
    """The training images in the order of one epoch, a multiple of the batch size of them.

    An incomplete batch would have other batch statistics than the rest; what is left over is
    left out of this epoch.
    """

    def __init__(self, images: LabelledImages, batch_size: int, seed: int, epoch: int) -> None:
        order = np.random.default_rng([seed, epoch]).permutation(len(images))
        whole = len(images) // batch_size * batch_size or len(images)
        self._images = images
        self._order = torch.from_numpy(order[:whole]).to(images.labels.device)

    def __len__(self) -> int:
        return len(self._order)

    def __getitem__(self, index: slice) -> LabelledImages:
        return self._images.subset(self._order[index])


def training_loop(
    network: nn.Module,
    data: ImageData,
    recipe: Recipe,
    seed: int,
    checkpoint: Path | None = None,
    shown: bool = True,
) -> TrainingLoop:
    """The loop that fits ``network`` to the training images by ``recipe``.

    Args:
        network: on the device that it is to be trained on.
        data: on the same device.
        recipe: with its precision resolved.
        seed: of the images' order and of the augmentation.
        checkpoint: where the state is kept.
        shown: whether a terminal shows its progress.
    """
    augment = recipe.augmentation

    def loss(batch: LabelledImages, generator: torch.Generator) -> dict[str, Tensor]:
        images = augment(normalise(batch.images, data.mean, data.deviation), generator)
        images = images.contiguous(memory_format=recipe.memory_format)
        with _autocast(images.device, recipe):
            if isinstance(network, ENASNetwork) and network.auxiliary is not None:
                scores, auxiliary = network.forward_with_auxiliary(images)
            else:
                scores, auxiliary = network(images), None
        total = F.cross_entropy(scores.float(), batch.labels)
        if auxiliary is not None:
            weight = recipe.auxiliary_weight
            total = total + weight * F.cross_entropy(auxiliary.float(), batch.labels)
        right = (scores.detach().argmax(dim=1) == batch.labels).float().mean()
        return {"loss": total, "train": right}

    return TrainingLoop(
        network,
        recipe.optimisation,
        lambda epoch: ShuffledImages(data.train, recipe.batch_size, seed, epoch),
        loss,
        seed,
        checkpoint,
        unit="images",
        shown=shown,
    )


def fit(network: nn.Module, data: ImageData, recipe: Recipe, seed: int) -> Fit:
    """Train ``network`` and measure it half-way and at the end; nothing is kept.

    Raises:
        DivergedError: the loss is no longer finite.
    """
    measured: dict[int, Accuracies] = {}
    points = (recipe.epochs // 2, recipe.epochs)

    def after_epoch(epoch: int, means: dict[str, float]) -> None:
        if epoch in points:
            measured[epoch] = accuracies(network, data, recipe)

    loop = training_loop(network, data, recipe, seed, shown=False)
    loop.run(after_epoch)
    return Fit(measured.get(points[0]), measured[points[1]], loop.seconds)


def accuracies(network: nn.Module, data: ImageData, recipe: Recipe) -> Accuracies:
    """Accuracies on the validation and the test images; the network is left in evaluation mode."""
    validation = accuracy(network, data, data.validation, recipe) if len(data.validation) else None
    return Accuracies(validation, accuracy(network, data, data.test, recipe))


@torch.inference_mode()
def accuracy(network: nn.Module, data: ImageData, images: LabelledImages, recipe: Recipe) -> float:
    """Share of ``images`` that ``network`` classifies rightly."""
    network.eval()
    right = 0
    for start in range(0, len(images), EVALUATION_BATCH):
        part = slice(start, start + EVALUATION_BATCH)
        pixels = normalise(images.images[part], data.mean, data.deviation)
        with _autocast(pixels.device, recipe):
            scores = network(pixels.contiguous(memory_format=recipe.memory_format))
        right += int((scores.argmax(dim=1) == images.labels[part]).sum())
    return right / len(images)


def _autocast(device: torch.device, recipe: Recipe) -> torch.autocast:
    dtype = DTYPES[recipe.precision]
    return torch.autocast(device.type, dtype, enabled=dtype != torch.float32)
