"""From architectures to predicted values."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from datasets.batch import GraphBatch, as_batch
from datasets.graph import ArchitectureGraph
from datasets.space import SearchSpace
from predictors.features import describe, make_features
from predictors.regressor import FeatureMatrix, Learner, Regressor

Architectures = Sequence[ArchitectureGraph] | GraphBatch
"""What a predictor takes; a batch is the fast way to give many."""

PORTION = 16_384
"""Architectures whose descriptions are held at once."""


Predictor = Learner[Architectures]
"""Learns a value of architectures from examples."""


class FeaturePredictor(Predictor):
    """A :class:`Predictor` that describes architectures and leaves the rest to a regressor.

    Args:
        space: the search space.
        features: names of the descriptions, as in ``predictors.features.FEATURES``.
        regressor: learns from them.
        weights: folder or name of the VAE whose latents are wanted, where they are.

    Raises:
        InputError: unknown features, or some that do not suit the space.
        ModelError: there are no such weights, or they cannot be read.
    """

    def __init__(
        self,
        space: SearchSpace,
        features: Sequence[str],
        regressor: Regressor,
        weights: str | Path | None = None,
    ) -> None:
        super().__init__(regressor.make_scale, regressor.seed)
        self.space = space
        self.features = [make_features(name, space, weights) for name in features]
        self.regressor = regressor
        self.least_labels = regressor.least_labels

    def checked(self, architectures: Architectures) -> tuple[GraphBatch, int]:
        """The architectures as a batch of the space's node types, and how many they are."""
        batch = as_batch(architectures, self.space)
        return batch, len(batch)

    def learn(
        self, architectures: Architectures, targets: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Describe the architectures, and let the regressor learn."""
        return self.regressor.learn(self.describe(as_batch(architectures)), targets)

    def scores(self, architectures: Architectures) -> tuple[np.ndarray, np.ndarray]:
        """What the regressor expects. **Shape** (B,) each."""
        batch = as_batch(architectures)
        starts = range(0, max(len(batch), 1), PORTION)
        parts = [self.regressor.scores(self.describe(batch[i : i + PORTION])) for i in starts]
        means, stds = zip(*parts, strict=True)
        return np.concatenate(means), np.concatenate(stds)

    def describe(self, batch: GraphBatch) -> list[FeatureMatrix]:
        """The descriptions of a batch, which can be kept for several fits."""
        return [
            FeatureMatrix(describe(features, batch), features.ard) for features in self.features
        ]
