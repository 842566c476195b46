"""Input–output information: what trained networks compute of images, beside what they look like.

An :class:`IOSet` holds the features of every network and image, the dense layers, the networks'
graphs and accuracies, and the images. ``python -m Training_VAE.build_io_dataset`` makes one;
:mod:`datasets.io_files` has the layout on disk, :mod:`datasets.io_targets` makes targets of it.

The first networks are the training ones, ascending by hash, then come the unseen ones, ascending;
the first images are the seen ones. So the five parts of Suchopárová and Neruda (2022) are blocks of
one array::

                        seen images           unseen images
    training networks   train                 unseen_images_valid (the smallest tenth of the hashes)
                                              unseen_images_test (the others)
    unseen networks     unseen_networks       unseen_both

n networks, m images, F features, C classes, K = F + 1.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from datasets.batch import GraphBatch
from datasets.io_targets import (
    PREPROCESSINGS,
    SCALERS,
    Positions,
    Preprocessing,
    Scaler,
    fit_positions,
    fit_scaler,
    get_preprocessing,
)
from experiment.errors import InputError

PARTS = (
    "train",
    "unseen_networks",
    "unseen_images_valid",
    "unseen_images_test",
    "unseen_both",
)
"""Names of the parts."""
VALIDATING = 10
"""One training network in ten, rounded up, validates on unseen images: 61 of 608."""


@dataclass(frozen=True, eq=False)
class IOScalers:
    """What the features of a set were scaled with, fitted to seen images alone.

    Attributes:
        networks: kind of scaler → one a network. :attr:`~datasets.io_targets.Preprocessing.scaler`
            names the kind.
        positions: preprocessing → moments of its positions over the part ``train``.
    """

    networks: Mapping[str, list[Scaler]]
    positions: Mapping[str, Positions]


@dataclass(frozen=True, eq=False, kw_only=True)
class IOContents:
    """The networks and images of a set.

    Attributes:
        space: name of the search space of the networks.
        data_set: name of the images.
        graphs: the networks' architectures. B = n.
        hashes: the space's hash of each. **Shape** (n,), strings.
        images: pixels as published. **Shape** (m, channels, height, width), uint8.
        labels: true classes, from 0. **Shape** (m,), int64.
        mean: of each channel, in units of the pixels. **Shape** (channels,), float64.
        std: of each channel, in the same units.
        training_networks: how many of the networks come first, as training ones.
        seen_images: how many of the images come first, as seen ones.
        settings: all that decides the numbers: networks, recipe, seed, images.
        failed: networks that were chosen and are left out: ``hash``, ``part``, ``reason``.
    """

    space: str
    data_set: str
    graphs: GraphBatch
    hashes: np.ndarray
    images: np.ndarray
    labels: np.ndarray
    mean: np.ndarray
    std: np.ndarray
    training_networks: int
    seen_images: int
    settings: Mapping[str, Any] = field(default_factory=dict)
    failed: tuple[Mapping[str, str], ...] = ()


@dataclass(frozen=True, eq=False, kw_only=True)
class IOSet(IOContents):
    """Networks, images, and what the ones compute of the others.

    Attributes:
        validation: accuracy of each network on the validation images, a fraction. **Shape** (n,),
            float64.
        test: the same on all test images.
        features: global averages before the dense layer, in evaluation mode; mapped from the disk
            and not writable. **Shape** (n, m, F), float32.
        weights: of the dense layers. **Shape** (n, C, F), float32.
        bias: **Shape** (n, C), float32.
        scalers: fitted to the seen images.

    The others are those of :class:`IOContents`.
    """

    validation: np.ndarray
    test: np.ndarray
    features: np.ndarray
    weights: np.ndarray
    bias: np.ndarray
    scalers: IOScalers = field(default_factory=lambda: IOScalers({}, {}))

    def __len__(self) -> int:
        """Networks."""
        return len(self.hashes)

    @property
    def num_features(self) -> int:
        """F."""
        return self.features.shape[2]

    @property
    def num_classes(self) -> int:
        """C."""
        return self.bias.shape[1]

    def part(self, name: str) -> IOPart:
        """One of :data:`PARTS`.

        Raises:
            InputError: there is none of that name.
        """
        first, seen = self.training_networks, self.seen_images
        validating = -(-first // VALIDATING)
        blocks = {
            "train": (slice(0, first), slice(0, seen)),
            "unseen_networks": (slice(first, len(self)), slice(0, seen)),
            "unseen_images_valid": (slice(0, validating), slice(seen, len(self.labels))),
            "unseen_images_test": (slice(validating, first), slice(seen, len(self.labels))),
            "unseen_both": (slice(first, len(self)), slice(seen, len(self.labels))),
        }
        if name not in blocks:
            raise InputError(f"no part is called {name!r}: choose one of {', '.join(PARTS)}")
        return IOPart(self, name, *blocks[name])

    def pixels(self) -> Tensor:
        """The images as networks were given them, normalised by channel.

        **Shape** (m, channels, height, width), float32.
        """
        mean, std = (
            torch.from_numpy(moments.astype(np.float32))[:, None, None]
            for moments in (self.mean, self.std)
        )
        return (torch.from_numpy(self.images.copy()) - mean) / std


@dataclass(frozen=True, eq=False)
class IOPart:
    """Some of the networks of a set with some of its images. n and m are those of the part.

    Attributes:
        whole: the set.
        name: one of :data:`PARTS`.
        networks: rows of the set.
        images: rows of the set's images.
    """

    whole: IOSet
    name: str
    networks: slice
    images: slice

    def __len__(self) -> int:
        """Pairs of a network and an image: n·m."""
        return len(self.hashes) * len(self.labels)

    @property
    def graphs(self) -> GraphBatch:
        """The networks' architectures."""
        return self.whole.graphs[self.networks]

    @property
    def hashes(self) -> np.ndarray:
        """**Shape** (n,), strings."""
        return self.whole.hashes[self.networks]

    @property
    def test(self) -> np.ndarray:
        """Test accuracies of the networks, fractions. **Shape** (n,), float64."""
        return self.whole.test[self.networks]

    @property
    def labels(self) -> np.ndarray:
        """True classes of the images. **Shape** (m,), int64."""
        return self.whole.labels[self.images]

    @property
    def image_indices(self) -> np.ndarray:
        """Rows of the images among those of the set. **Shape** (m,), int64."""
        return np.arange(len(self.whole.labels))[self.images]

    @property
    def features(self) -> np.ndarray:
        """A view of the set's. **Shape** (n, m, F), float32."""
        return self.whole.features[self.networks, self.images]

    def targets(self, preprocessing: str | Preprocessing) -> np.ndarray:
        """What a model of input–output information learns to predict.

        Args:
            preprocessing: one of :data:`~datasets.io_targets.PREPROCESSINGS` by its name, or one
                with another ``top_k``.

        Returns:
            **Shape** (n, m, outputs), float32.

        Raises:
            InputError: there is no such preprocessing, or the set has no scalers for it.
        """
        chosen = get_preprocessing(preprocessing)
        scalers = self.whole.scalers
        if chosen.scaler not in scalers.networks:
            raise InputError(f"this set has no scalers by {chosen.scaler}: fit_scalers fits them")
        if chosen.normalised and chosen.name not in scalers.positions:
            raise InputError(
                f"this set has no scaler of the positions of {chosen.name!r}: choose one of "
                f"{', '.join(scalers.positions)}"
            )
        positions = scalers.positions.get(chosen.name)
        outputs = chosen.outputs(self.whole.num_features, self.whole.num_classes)
        targets = np.empty((*self.features.shape[:2], outputs), dtype=np.float32)
        blocks = self.unnormalised(chosen, scalers.networks[chosen.scaler])
        for target, block in zip(targets, blocks, strict=True):
            target[:] = chosen.finish(block, positions)
        return targets

    def unnormalised(
        self, preprocessing: Preprocessing, scalers: list[Scaler]
    ) -> Iterator[np.ndarray]:
        """Targets before positions are normalised, network by network. **Shape** (m, K) each."""
        whole = self.whole
        for row in range(*self.networks.indices(len(whole))):
            yield preprocessing.unnormalised(
                whole.features[row, self.images],
                self.labels,
                whole.weights[row],
                whole.bias[row],
                scalers[row],
            )


def fit_scalers(io_set: IOSet) -> IOScalers:
    """Fit everything that :data:`~datasets.io_targets.PREPROCESSINGS` scale with.

    A network's scaler is fitted to its own features of the seen images, of unseen networks too;
    positions are fitted to the part ``train``.

    Raises:
        InputError: a class has no seen image.
    """
    seen = slice(0, io_set.seen_images)
    networks = {
        kind: [
            fit_scaler(features[seen], io_set.labels[seen], io_set.num_classes, kind)
            for features in io_set.features
        ]
        for kind in SCALERS
    }
    train = io_set.part("train")
    positions = {
        name: fit_positions(train.unnormalised(each, networks[each.scaler]))
        for name, each in PREPROCESSINGS.items()
        if each.normalised
    }
    return IOScalers(networks, positions)
