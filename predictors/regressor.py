"""Regressors on features of architectures, the scales of their targets, and uncertainty."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

import numpy as np

from experiment.checks import shown, whole_number
from experiment.errors import InputError

Inputs = TypeVar("Inputs", contravariant=True)
"""Inputs of a learner: architectures, or features of them."""


@dataclass(frozen=True, slots=True)
class FeatureMatrix:
    """One kind of features of some architectures.

    Attributes:
        rows: **shape** (B, F), float64.
        ard: whether a kernel has a length scale for each column, see
            :class:`predictors.features.features.Features`.
    """

    rows: np.ndarray
    ard: bool = False


class Scale(Protocol):
    """Turns values into targets of mean about 0 and standard deviation about 1, and back.

    Both ways keep the order, also beyond the values.

    Args:
        values: what was measured. **Shape** (n,), n ≥ 2, not all equal.
    """

    def __init__(self, values: np.ndarray) -> None: ...

    def __call__(self, values: np.ndarray) -> np.ndarray:
        """The targets of some values. **Shape** as given."""
        ...

    def back(self, targets: np.ndarray) -> np.ndarray:
        """The value of a target. **Shape** as given."""
        ...


class Standardised:
    """Targets in proportion to the values: mean 0, standard deviation 1."""

    def __init__(self, values: np.ndarray) -> None:
        self._mean, self._std = values.mean(), values.std()

    def __call__(self, values: np.ndarray) -> np.ndarray:
        """Values in standard deviations from the mean."""
        return (values - self._mean) / self._std

    def back(self, targets: np.ndarray) -> np.ndarray:
        """The value at so many standard deviations from the mean."""
        return self._mean + targets * self._std


class NormalScores:
    """Targets by their ranks: the normal quantile of (rank − ½) / n (Van der Waerden 1952).

    Accuracies are dense at the top and have a long tail below; in ranks every step of the order has
    the same weight. Equal values share their mean rank. The way back extrapolates linearly.
    """

    def __init__(self, values: np.ndarray) -> None:
        from scipy.special import ndtri
        from scipy.stats import rankdata

        scores = ndtri((rankdata(values) - 0.5) / len(values))
        self.values, first = np.unique(values, return_index=True)
        self.scores = scores[first]

    def __call__(self, values: np.ndarray) -> np.ndarray:
        """Scores of values, interpolated between the known ones."""
        return _through(self.values, self.scores, values)

    def back(self, scores: np.ndarray) -> np.ndarray:
        """The value that has a score."""
        return _through(self.scores, self.values, scores)


ONE_STD = math.erf(1 / math.sqrt(2))
"""Share of a normal distribution that lies within one standard deviation of its mean."""


@dataclass(frozen=True)
class Forecast:
    """Predictions for some architectures.

    Attributes:
        scores: the mean of each, on the scale of the targets. **Shape** (B,).
        stds: their standard deviations, noise included. **Shape** (B,).
        standardised_residuals: absolute, leave-one-out: by how many standard deviations each
            label differs from its prediction by the others. **Shape** (n,).
        scale: leads from scores back to values.
    """

    scores: np.ndarray
    stds: np.ndarray
    standardised_residuals: np.ndarray
    scale: Scale

    @property
    def mean(self) -> np.ndarray:
        """The predicted values. **Shape** (B,)."""
        return self.scale.back(self.scores)

    @property
    def std(self) -> np.ndarray:
        """Half of the interval that holds what a normal distribution has within one std.

        **Shape** (B,).
        """
        low, high = self.interval(ONE_STD)
        return (high - low) / 2

    def interval(self, share: float) -> tuple[np.ndarray, np.ndarray]:
        """Ends of the interval that holds the value with probability ``share``. **Shape** (B,).

        Its width is a quantile of the residuals of labels that were predicted from the others
        (Barber et al. 2021, *Predictive inference with the jackknife+*, arXiv:1905.02928).
        """
        count = len(self.standardised_residuals)
        level = min(share * (count + 1) / count, 1.0)  # one more architecture than there are labels
        reach = np.quantile(self.standardised_residuals, level) * self.stds
        return self.scale.back(self.scores - reach), self.scale.back(self.scores + reach)


class Learner(ABC, Generic[Inputs]):
    """Predicts values of some inputs, with uncertainty.

    A subclass implements :meth:`learn`, with held-out predictions of the labels, and
    :meth:`scores`. Scales, checks and intervals are the same for all.

    Args:
        scale: what the targets are: ranks of the values, or the values.
        seed: of everything that is drawn.

    Attributes:
        least_labels: fewest labels that it can be fitted to.
    """

    least_labels = 5

    def __init__(self, scale: type[Scale] = NormalScores, seed: int = 0) -> None:
        self.make_scale = check_scale(scale)
        self.seed = whole_number(seed, "seed")
        self._fitted = False

    def fit(self, inputs: Inputs, values: np.ndarray) -> None:
        """Fit to measured values. **Shape** of ``values`` (n,).

        Raises:
            ArchitectureError: something is no architecture, or one of another search space.
            InputError: too few, constant or missing values, another number of them than of
                inputs, or features that never vary.
        """
        inputs, count = self.checked(inputs)
        values = check_targets(values, self.least_labels, count)
        self.scale = self.make_scale(values)
        targets = self.scale(values)
        mean, std = self.learn(inputs, targets)
        self._standardised_residuals = np.abs(targets - mean) / std
        self._fitted = True

    def forecast(self, inputs: Inputs) -> Forecast:
        """Predictions for some inputs: means, standard deviations, intervals.

        Raises:
            ArchitectureError: something is no architecture, or one of another search space.
            InputError: it was not fitted.
        """
        if not self._fitted:
            raise InputError("this predictor was not fitted: call fit() first")
        inputs, count = self.checked(inputs)
        scores, stds = self.scores(inputs) if count else (np.empty(0), np.empty(0))
        return Forecast(scores, stds, self._standardised_residuals, self.scale)

    def predict(self, inputs: Inputs) -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard deviation of the value of each input. **Shape** (B,) each."""
        forecast = self.forecast(inputs)
        return forecast.mean, forecast.std

    def interval(self, inputs: Inputs, share: float) -> tuple[np.ndarray, np.ndarray]:
        """Ends of the interval that holds the value with probability ``share``. **Shape** (B,)."""
        return self.forecast(inputs).interval(share)

    def checked(self, inputs: Inputs) -> tuple[Inputs, int]:
        """Inputs as the other methods take them, and of how many architectures they are.

        A learner of architectures overrides this; here they are :class:`FeatureMatrix` objects.

        Raises:
            InputError: they are something else.
        """
        return inputs, check_features(inputs)

    @abstractmethod
    def learn(self, inputs: Inputs, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Fit to targets of mean about 0 and standard deviation about 1.

        Returns:
            Held-out mean and std of each target, predicted from others. **Shape** (n,) each.
        """

    @abstractmethod
    def scores(self, inputs: Inputs) -> tuple[np.ndarray, np.ndarray]:
        """Mean and std on the scale of the targets, noise included. **Shape** (B,) each."""


Regressor = Learner[Sequence[FeatureMatrix]]
"""A learner whose inputs are one or several kinds of features of the same architectures."""


def check_features(inputs: object) -> int:
    """How many architectures the features are of.

    Raises:
        InputError: it is no sequence of feature matrices with equally many rows each.
    """
    if not isinstance(inputs, Sequence) or not inputs:
        raise InputError(f"{shown(inputs)} is given, expected a list of FeatureMatrix")
    counts = []
    for number, each in enumerate(inputs):
        if not isinstance(each, FeatureMatrix) or getattr(each.rows, "ndim", 0) != 2:
            raise InputError(
                f"input {number} is {shown(each)}, expected a FeatureMatrix with rows (B, F)"
            )
        counts.append(len(each.rows))
    if len(set(counts)) > 1:
        raise InputError(f"the features are of {counts} architectures, expected equally many")
    return counts[0]


def check_scale(scale: type[Scale]) -> type[Scale]:
    """``scale``, which makes targets of values.

    Raises:
        InputError: it is something else, such as its name.
    """
    if not isinstance(scale, type) or not hasattr(scale, "back"):
        raise InputError(
            f"the scale is {shown(scale)}, expected a class such as NormalScores or Standardised: "
            "predictors.methods.SCALES has them by their names"
        )
    return scale


def check_targets(values: np.ndarray, least: int, architectures: int | None = None) -> np.ndarray:
    """Check the values that a learner is fitted to.

    Args:
        values: **shape** (n,).
        least: the fewest that the method can work with.
        architectures: how many the values are of; ``None`` to leave that unchecked.

    Raises:
        InputError: another number of values, fewer, constant ones, or some that are no finite
            numbers.
    """
    try:
        values = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError, RuntimeError):
        raise InputError(_no_numbers(values)) from None
    if values.ndim != 1:
        raise InputError(
            f"the labels have shape {values.shape}, expected one number for each architecture, (n,)"
        )
    if architectures is not None and len(values) != architectures:
        raise InputError(
            f"{architectures} architectures and {len(values)} labels were given: give one label "
            "for each architecture"
        )
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


def _no_numbers(values: object) -> str:
    """What is wrong with labels that are no array of numbers, in one sentence."""
    if isinstance(values, list | tuple | np.ndarray):
        for number, value in enumerate(values):
            try:
                float(value)
            except (TypeError, ValueError, RuntimeError):
                return f"label {number} is {shown(value)}, expected a number"
    return f"the labels are {shown(values)}, expected numbers (n,), one for each architecture"


def _through(known: np.ndarray, images: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Piecewise linear map through (known, images), the outer pieces' mean slope beyond them."""
    inside = np.interp(points, known, images)
    slope = (images[-1] - images[0]) / (known[-1] - known[0])
    below = np.minimum(points - known[0], 0.0)
    above = np.maximum(points - known[-1], 0.0)
    return inside + slope * (below + above)
