"""Feature extractors by name."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from datasets.batch import GraphBatch, as_batch
from datasets.space import SearchSpace, as_space
from experiment.config import nearest
from experiment.errors import InputError
from predictors.features.background import left_out
from predictors.features.costs import NetworkCosts
from predictors.features.counts import (
    NeighbourhoodCounts,
    OneHot,
    PairwiseOneHot,
    PathCounts,
    WalkCounts,
)
from predictors.features.digits_transfer import DigitsTransfer
from predictors.features.features import Features
from predictors.features.latents import GraphVectors, Latents, VAEFeatures
from predictors.features.other_datasets import OtherDatasets
from predictors.features.statistics import GraphStatistics
from predictors.features.zero_cost import ZeroCost

FEATURES: dict[str, type[Features]] = {
    kind.name: kind
    for kind in (
        GraphStatistics,
        WalkCounts,
        PathCounts,
        NeighbourhoodCounts,
        OneHot,
        PairwiseOneHot,
        NetworkCosts,
        Latents,
        GraphVectors,
        DigitsTransfer,
        OtherDatasets,
        ZeroCost,
    )
}
"""Name → feature extractor."""

CHUNK = 16_384
"""Architectures whose features are computed at once."""


def make_features(name: str, space: SearchSpace, weights: str | Path | None = None) -> Features:
    """The feature extractor called ``name``.

    Args:
        name: a key of :data:`FEATURES`; ``other_datasets:cora`` where the labels are of Cora.
        space: the search space.
        weights: folder or name of the VAE, for ``latents`` and ``graph_vectors``; others take none.

    Raises:
        InputError: there is none, or it does not suit the space.
    """
    as_space(space)
    kind = feature_kind(name)
    if issubclass(kind, OtherDatasets):
        return kind(space, left_out(name) or "")
    if weights is not None and issubclass(kind, VAEFeatures):
        return kind(space, weights)
    return kind(space)


def feature_kind(name: str) -> type[Features]:
    """The class of the features that users call ``name``.

    Raises:
        InputError: there are none.
    """
    word = OtherDatasets.name if isinstance(name, str) and left_out(name) else name
    if not isinstance(word, str) or word not in FEATURES:
        raise InputError(f"no features are called {name!r}: {nearest(str(name), list(FEATURES))}")
    return FEATURES[word]


def describe(features: Features, batch: GraphBatch) -> np.ndarray:
    """Features of any number of architectures, computed in chunks. **Shape** (B, F).

    Raises:
        ArchitectureError: something is no architecture, or one of another search space.
    """
    batch = as_batch(batch, features.space)
    first = features(batch[:CHUNK])
    rows = np.empty((len(batch), first.shape[1]))
    rows[:CHUNK] = first
    for start in range(CHUNK, len(batch), CHUNK):
        rows[start : start + CHUNK] = features(batch[start : start + CHUNK])
    return rows
