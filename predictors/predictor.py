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
"""Inputs of a predictor; a batch is fastest."""

PORTION = 16_384
"""Architectures whose features are held in memory at once."""


Predictor = Learner[Architectures]
"""Predicts a value of architectures after a fit to labelled ones."""


class FeaturePredictor(Predictor):
    """A :class:`Predictor` that computes features of architectures and fits a regressor to them.

    Args:
        space: the search space.
        features: keys of ``predictors.features.FEATURES``.
        regressor: is fitted to them.
        weights: folder or name of the VAE, for latents.

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
        """Compute the features and fit the regressor."""
        return self.regressor.learn(self.describe(as_batch(architectures)), targets)

    def scores(self, architectures: Architectures) -> tuple[np.ndarray, np.ndarray]:
        """Predictions of the regressor. **Shape** (B,) each."""
        batch = as_batch(architectures)
        starts = range(0, max(len(batch), 1), PORTION)
        parts = [self.regressor.scores(self.describe(batch[i : i + PORTION])) for i in starts]
        means, stds = zip(*parts, strict=True)
        return np.concatenate(means), np.concatenate(stds)

    def describe(self, batch: GraphBatch) -> list[FeatureMatrix]:
        """The features of a batch, which several fits can share."""
        return [
            FeatureMatrix(describe(features, batch), features.ard) for features in self.features
        ]
