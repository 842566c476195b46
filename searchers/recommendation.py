"""What a search recommends in the end: the best observed, or the best by posterior mean.

One noisy measurement flatters: the best of many observed values is more likely a lucky one than
the best architecture. A searcher with a model of the noise can say which of the architectures is
best on average.
"""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

from estimators.measurement import Measurement
from searchers.history import TableTruth, described
from searchers.searcher import Observation, Searcher


@runtime_checkable
class Recommends(Protocol):
    """A searcher with a model that can tell luck from merit."""

    def recommend(self) -> Observation | None:
        """The observation whose architecture has the best posterior mean.

        ``None`` where too little was observed for a model.
        """
        ...


def recommended(
    searcher: Searcher, measured: dict[str, Measurement], truth: TableTruth | None
) -> dict[str, Any] | None:
    """The best by posterior mean as plain values.

    Args:
        searcher: that received all measurements.
        measured: hash → what was measured.
        truth: what a table knows of it, if there is one.

    Returns:
        ``None`` for a searcher without a model.
    """
    best = searcher.recommend() if isinstance(searcher, Recommends) else None
    if best is None:
        return None
    own = measured.get(best.hash)
    return {
        "hash": best.hash,
        **described(best.architecture, searcher.space),
        "validation": own.validation if own else None,
        "test": own.test if own else None,
        **(truth.of(best.hash) if truth else {}),
    }
