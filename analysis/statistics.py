"""Statistics over repeated runs, the same for every table.

What follows ± is the sample standard deviation over the runs (n − 1), never the error of the mean.
Two methods with the same seeds are compared by their paired differences, with a 95 % confidence
interval of the mean by Student's t. Queries to the optimum are compared by medians, in which a run
that did not find it counts as one that would have needed more than its budget.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Spread:
    """Mean and standard deviation over runs.

    Attributes:
        mean: of the values.
        std: with n − 1 degrees of freedom; 0 for a single value.
        count: values, n.
    """

    mean: float
    std: float
    count: int

    @classmethod
    def of(cls, values: Sequence[float] | np.ndarray) -> Spread:
        """Of the values of one quantity, one a run; NaN where there are none."""
        array = np.asarray(values, dtype=float)
        if not len(array):
            return cls(math.nan, math.nan, 0)
        std = float(array.std(ddof=1)) if len(array) > 1 else 0.0
        return cls(float(array.mean()), std, len(array))

    def __format__(self, spec: str) -> str:
        """``mean ± std``, both in the format of a number: ``f"{spread:.1%}"``."""
        return f"{self.mean:{spec}} ± {self.std:{spec}}"

    def text(self, digits: int, scale: float = 1.0) -> str:
        """``mean ± std``, multiplied by ``scale``, with so many decimals."""
        return f"{scale * self.mean:.{digits}f} ± {scale * self.std:.{digits}f}"


@dataclass(frozen=True)
class Difference:
    """Mean of paired differences, with its confidence interval.

    Attributes:
        mean: of ``ours − theirs``.
        low: lower end of the interval; −∞ for a single pair.
        high: its upper end.
        count: pairs.
    """

    mean: float
    low: float
    high: float
    count: int

    def text(self, digits: int, scale: float = 1.0) -> str:
        """``mean [low, high]`` with signs, multiplied by ``scale``."""
        low, high = scale * self.low, scale * self.high
        return f"{scale * self.mean:+.{digits}f} [{low:+.{digits}f}, {high:+.{digits}f}]"


def paired_difference(
    ours: Mapping[str, float], theirs: Mapping[str, float], confidence: float = CONFIDENCE
) -> Difference | None:
    """How much one method is above another on the seeds that both have.

    Args:
        ours: seed → value.
        theirs: the same of the other method.
        confidence: of the interval.

    Returns:
        The difference; ``None`` where they have no seed in common.
    """
    shared = [seed for seed in ours if seed in theirs]
    if not shared:
        return None
    values = np.array([ours[seed] - theirs[seed] for seed in shared])
    mean, std = float(values.mean()), Spread.of(values).std
    if len(values) == 1:
        return Difference(mean, -math.inf, math.inf, 1)
    reach = stats.t.ppf((1 + confidence) / 2, len(values) - 1) * std / math.sqrt(len(values))
    return Difference(mean, mean - float(reach), mean + float(reach), len(values))


def confidence_band(
    curves: np.ndarray, confidence: float = CONFIDENCE
) -> tuple[np.ndarray, np.ndarray]:
    """Mean of the curves of some runs, and how far its confidence interval reaches on either side.

    **Shape** (n, T) → (T,) twice; a single curve reaches 0.
    """
    count = len(curves)
    reach = stats.t.ppf((1 + confidence) / 2, max(count - 1, 1)) / math.sqrt(count)
    return curves.mean(axis=0), reach * curves.std(axis=0, ddof=int(count > 1))


@dataclass(frozen=True)
class MedianQueries:
    """Median over runs of which some may not have ended.

    Attributes:
        value: the median; infinite where fewer than half have ended.
        low: lower end of a 95 % confidence interval, by order statistics.
        high: its upper end; infinite where it lies among the runs that have not ended.
        ended: runs that have.
        count: all runs.
    """

    value: float
    low: float
    high: float
    ended: int
    count: int

    def text(self, budget: int) -> str:
        """``found by 18 of 20, median 51.5 [43, 80]``; ``> 200`` for what is beyond the budget."""

        def shown(number: float) -> str:
            return f"{number:g}" if math.isfinite(number) else f"> {budget}"

        interval = f" [{shown(self.low)}, {shown(self.high)}]" if self.count > 1 else ""
        return f"found by {self.ended} of {self.count}, median {shown(self.value)}{interval}"


def median_queries(needed: Sequence[float | None], confidence: float = CONFIDENCE) -> MedianQueries:
    """Median of the queries that runs needed.

    The interval goes from the k-th smallest to the k-th largest value, with the largest k whose
    binomial probability of missing the median is at most ``1 − confidence`` (Conover 1999,
    *Practical Nonparametric Statistics*, section 3.2); with fewer than six runs it holds them all.

    Args:
        needed: of each run; ``None`` where it did not get there within its budget.
        confidence: of the interval.
    """
    values = np.sort([math.inf if each is None else float(each) for each in needed])
    count = len(values)
    if not count:
        return MedianQueries(math.nan, math.nan, math.nan, 0, 0)
    misses = stats.binom.cdf(np.arange(count), count, 0.5)  # of an interval from the k-th on
    rank = max(int(np.searchsorted(misses, (1 - confidence) / 2, side="right")) - 1, 0)
    middle = values[(count - 1) // 2], values[count // 2]
    median = middle[0] if middle[0] == middle[1] else sum(middle) / 2
    ended = int(np.isfinite(values).sum())
    return MedianQueries(
        float(median), float(values[rank]), float(values[count - 1 - rank]), ended, count
    )
