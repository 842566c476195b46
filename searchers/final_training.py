"""Training from scratch what a search has found by a cheaper measurement."""

from __future__ import annotations

from typing import Any

from estimators.measurement import Estimator
from experiment.progress import progress
from searchers.loop import SearchLoop

TRAINED = "trained_from_scratch"
"""Key of the measurement in the result of a search."""


def train_incumbent(loop: SearchLoop, training: Estimator) -> dict[str, Any]:
    """Measure the best architecture of a search once more, by a training of its own.

    Args:
        loop: that has ended.
        training: trains networks, such as :class:`~estimators.from_scratch.FromScratch`.

    Returns:
        The figures of the measurement by :data:`TRAINED`; nothing where nothing was found.
    """
    best = loop.history.incumbent
    if best is None:
        return {}
    with progress(None, "training the best from scratch"):
        (found,) = training.measure([best.measurement.architecture])
    return {TRAINED: found.figures()}
