"""From architectures to predicted values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from datasets.batch import GraphBatch
from datasets.graph import ArchitectureGraph
from datasets.space import SearchSpace
from predictors.features import describe, make_features
from predictors.regressor import Description, Regressor


class Predictor(Protocol):
    """Learns a value of architectures from examples."""

    def fit(self, architectures: Sequence[ArchitectureGraph], values: np.ndarray) -> None:
        """Learn from measured architectures.

        Args:
            architectures: members of the predictor's space.
            values: what was measured of each. **Shape** (B,).

        Raises:
            InputError: too few, constant or missing values.
        """
        ...

    def predict(self, architectures: Sequence[ArchitectureGraph]) -> tuple[np.ndarray, np.ndarray]:
        """Mean and deviation of the value of each architecture. **Shape** (B,) each."""
        ...


class FeaturePredictor:
    """A :class:`Predictor` that describes architectures and leaves the rest to a regressor.

    Args:
        space: the search space.
        features: names of the descriptions, as in ``predictors.features.FEATURES``.
        regressor: learns from them.

    Raises:
        InputError: unknown features, or some that do not suit the space.
    """

    def __init__(self, space: SearchSpace, features: Sequence[str], regressor: Regressor) -> None:
        self.space = space
        self.features = [make_features(name, space) for name in features]
        self.regressor = regressor

    def fit(self, architectures: Sequence[ArchitectureGraph], values: np.ndarray) -> None:
        """Learn from measured architectures."""
        self.regressor.fit(self.describe(GraphBatch.from_graphs(architectures)), values)

    def predict(self, architectures: Sequence[ArchitectureGraph]) -> tuple[np.ndarray, np.ndarray]:
        """Mean and deviation of the value of each architecture. **Shape** (B,) each."""
        return self.regressor.predict(self.describe(GraphBatch.from_graphs(architectures)))

    def describe(self, batch: GraphBatch) -> list[Description]:
        """The descriptions of a batch, which can be kept for several fits."""
        return [
            Description(describe(features, batch), features.numeric) for features in self.features
        ]
