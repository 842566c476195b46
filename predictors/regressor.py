"""What learns values from descriptions of architectures, and how its targets are scaled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy.stats import norm, rankdata

from experiment.errors import InputError


@dataclass(frozen=True, slots=True)
class Description:
    """Architectures by the numbers of one kind of features.

    Attributes:
        rows: **shape** (B, F), float64.
        numeric: whether each number is a quantity of its own, see
            :class:`predictors.features.features.Features`.
    """

    rows: np.ndarray
    numeric: bool = False


class Regressor(Protocol):
    """Learns values from one or several descriptions of the same architectures."""

    def fit(self, inputs: Sequence[Description], values: np.ndarray) -> None:
        """Learn from measured architectures. **Shape** of ``values`` (B,).

        Raises:
            InputError: too few, constant or missing values.
        """
        ...

    def predict(self, inputs: Sequence[Description]) -> tuple[np.ndarray, np.ndarray]:
        """Mean and deviation of the value of each architecture. **Shape** (B,) each."""
        ...


class Scale(Protocol):
    """Turns values into targets of mean about 0 and deviation about 1, and back.

    Both ways keep the order, beyond the values that were seen as well.

    Args:
        values: what was measured. **Shape** (n,), n ≥ 2, not all equal.
    """

    def __init__(self, values: np.ndarray) -> None: ...

    def __call__(self, values: np.ndarray) -> np.ndarray:
        """The targets of some values. **Shape** as given."""
        ...

    def back(self, targets: np.ndarray) -> np.ndarray:
        """The value that has a target. **Shape** as given."""
        ...


class Standardised:
    """Targets in proportion to the values: mean 0, deviation 1."""

    def __init__(self, values: np.ndarray) -> None:
        self._mean, self._deviation = values.mean(), values.std()

    def __call__(self, values: np.ndarray) -> np.ndarray:
        """Values in deviations from the mean of those that were seen."""
        return (values - self._mean) / self._deviation

    def back(self, targets: np.ndarray) -> np.ndarray:
        """The value that lies so many deviations from the mean."""
        return self._mean + targets * self._deviation


class NormalScores:
    """Targets by their ranks: the normal quantile of (rank − ½) / n (Van der Waerden 1952).

    Accuracies crowd at the top and have a long tail below; ranks make each step of the order
    count the same. Equal values share their mean rank. Beyond the values that were seen the way
    back goes on in a straight line.
    """

    def __init__(self, values: np.ndarray) -> None:
        scores = norm.ppf((rankdata(values) - 0.5) / len(values))
        self.values, first = np.unique(values, return_index=True)
        self.scores = scores[first]

    def __call__(self, values: np.ndarray) -> np.ndarray:
        """Scores of values among those that were seen."""
        return _through(self.values, self.scores, values)

    def back(self, scores: np.ndarray) -> np.ndarray:
        """The value that has a score."""
        return _through(self.scores, self.values, scores)


def check_targets(values: np.ndarray, least: int) -> np.ndarray:
    """Make sure that there is something to learn.

    Args:
        values: **shape** (n,).
        least: the fewest that the method can work with.

    Raises:
        InputError: fewer, constant ones, or some that are no finite numbers.
    """
    values = np.asarray(values, dtype=np.float64)
    if len(values) < least:
        raise InputError(f"{len(values)} labels were given, this predictor needs at least {least}")
    wrong = np.flatnonzero(~np.isfinite(values))
    if len(wrong):
        raise InputError(
            f"label {wrong[0]} is {values[wrong[0]]}, expected a finite number: "
            "leave architectures out that have none"
        )
    if (values == values[0]).all():
        raise InputError(
            f"all {len(values)} labels are {values[0]}: there is nothing to learn from them"
        )
    return values


def _through(known: np.ndarray, images: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Piecewise linear map through (known, images), the outer pieces' mean slope beyond them."""
    inside = np.interp(points, known, images)
    slope = (images[-1] - images[0]) / (known[-1] - known[0])
    below = np.minimum(points - known[0], 0.0)
    above = np.maximum(points - known[-1], 0.0)
    return inside + slope * (below + above)
