"""Descriptions of architectures, by the names that users type."""

from __future__ import annotations

import numpy as np

from datasets.batch import GraphBatch
from datasets.space import SearchSpace
from experiment.config import nearest
from experiment.errors import InputError
from predictors.features.counts import (
    NeighbourhoodCounts,
    OneHot,
    PairwiseOneHot,
    PathCounts,
    WalkCounts,
)
from predictors.features.features import Features
from predictors.features.statistics import GraphStatistics

FEATURES: dict[str, type[Features]] = {
    kind.name: kind
    for kind in (
        GraphStatistics,
        WalkCounts,
        PathCounts,
        NeighbourhoodCounts,
        OneHot,
        PairwiseOneHot,
    )
}
"""Every description, by its name."""

CHUNK = 16_384
"""Architectures that are described at once."""


def make_features(name: str, space: SearchSpace) -> Features:
    """The description called ``name``.

    Raises:
        InputError: there is none, or it does not suit the space.
    """
    if name not in FEATURES:
        raise InputError(f"no features are called {name!r}: {nearest(name, list(FEATURES))}")
    return FEATURES[name](space)


def describe(features: Features, batch: GraphBatch) -> np.ndarray:
    """The numbers of any number of architectures, a portion at a time. **Shape** (B, F)."""
    parts = [features(batch[start : start + CHUNK]) for start in range(0, len(batch), CHUNK)]
    return np.concatenate(parts) if parts else features(batch)
