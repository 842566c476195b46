"""From architectures to predicted values."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np

from datasets.batch import GraphBatch
from datasets.graph import ArchitectureGraph
from datasets.space import SearchSpace
from predictors.features import describe, make_features
from predictors.regressor import Description, Forecast, Regressor

Architectures = Sequence[ArchitectureGraph] | GraphBatch
"""What a predictor takes; a batch is the fast way to give many."""


class Predictor(ABC):
    """Learns a value of architectures from examples."""

    @abstractmethod
    def fit(self, architectures: Architectures, values: np.ndarray) -> None:
        """Learn from measured architectures.

        Args:
            architectures: of the predictor's space.
            values: what was measured of each. **Shape** (B,).

        Raises:
            InputError: too few, constant or missing values.
        """

    @abstractmethod
    def forecast(self, architectures: Architectures) -> Forecast:
        """All that is expected of some architectures: means, deviations, intervals.

        Raises:
            InputError: nothing was learnt yet.
        """

    def predict(self, architectures: Architectures) -> tuple[np.ndarray, np.ndarray]:
        """Mean and deviation of the value of each architecture. **Shape** (B,) each."""
        forecast = self.forecast(architectures)
        return forecast.mean, forecast.deviation

    def interval(self, architectures: Architectures, share: float) -> tuple[np.ndarray, np.ndarray]:
        """Ends of the interval that holds the value with probability ``share``. **Shape** (B,)."""
        return self.forecast(architectures).interval(share)


class FeaturePredictor(Predictor):
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

    def fit(self, architectures: Architectures, values: np.ndarray) -> None:
        """Learn from measured architectures."""
        self.regressor.fit(self.describe(as_batch(architectures)), values)

    def forecast(self, architectures: Architectures) -> Forecast:
        """All that is expected of some architectures."""
        return self.regressor.forecast(self.describe(as_batch(architectures)))

    def describe(self, batch: GraphBatch) -> list[Description]:
        """The descriptions of a batch, which can be kept for several fits."""
        return [
            Description(describe(features, batch), features.numeric) for features in self.features
        ]


def as_batch(architectures: Architectures) -> GraphBatch:
    """The architectures as one batch."""
    if isinstance(architectures, GraphBatch):
        return architectures
    return GraphBatch.from_graphs(architectures)
