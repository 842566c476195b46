"""Targets of input–output information: what a network's features are turned into.

Suchopárová and Neruda, *Graph Embedding for Neural Architecture Search with Input-Output
Information* (AutoML Workshop 2022; gabrielasuchopar/info-nas), train an embedding to predict what
networks compute. For a network and an image the features x are the global averages before the dense
layer, with a 1 appended; w is the row of the dense layer of the image's true class, with its bias
appended. A :class:`Preprocessing` makes the target of x and w:

- ``code``, the order of the released code: x·w, scaled by the network, sorted by w (descending),
  normalised by position;
- ``paper``, the order of the text: scaled, sorted, multiplied, normalised;
- ``top_k`` and ``normalize_row``, the release of 2022: the first ten of the sorted products, as
  they are, or with each row normalised before;
- ``max_scaled``: as ``code``, divided by the network's maximum, not normalised by position;
- ``scaler_axis_0`` and ``scaler_per_label``: as ``code``, with a scaler a feature or a class;
- ``similarities``, ours: cosines of x and the network's mean features of each class, both less the
  mean over the classes, normalised by class. Neither scale nor order of the features changes them,
  nor any rotation.

All is computed in float64. R rows (images), F features, K = F + 1, C classes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import numpy as np

from experiment.errors import InputError

EPSILON = float(np.finfo(np.float32).eps)
"""Added to a network's standard deviation or maximum: 1.1920929e-7, as in the released code."""
TOP_K = 10
"""Positions that the release of 2022 keeps."""


@dataclass(frozen=True, slots=True, eq=False)
class Scaler:
    """Moments of a network's features with the 1s, before they are multiplied.

    Attributes:
        mean: **Shape** (C or 1, K or 1), float64, like the others.
        std: population standard deviation.
        maximum: largest value.
    """

    mean: np.ndarray
    std: np.ndarray
    maximum: np.ndarray

    def of(self, labels: np.ndarray) -> Scaler:
        """The moments that belong to rows of these classes. **Shape** (R or 1, K or 1)."""
        if len(self.mean) == 1:
            return self
        return Scaler(self.mean[labels], self.std[labels], self.maximum[labels])


def _by_network(values: np.ndarray, labels: np.ndarray, classes: int) -> Scaler:
    shape = (1, 1)
    moments = (values.mean(), values.std(), values.max())
    return Scaler(*(np.full(shape, moment) for moment in moments))


def _by_feature(values: np.ndarray, labels: np.ndarray, classes: int) -> Scaler:
    return Scaler(values.mean(0)[None], values.std(0)[None], values.max(0)[None])


def _by_class(values: np.ndarray, labels: np.ndarray, classes: int) -> Scaler:
    moments = [(rows.mean(), rows.std(), rows.max()) for rows in _groups(values, labels, classes)]
    mean, std, maximum = (np.array(column)[:, None] for column in zip(*moments, strict=True))
    return Scaler(mean, std, maximum)


def _groups(values: np.ndarray, labels: np.ndarray, classes: int) -> list[np.ndarray]:
    """The rows of each class."""
    groups = [values[labels == label] for label in range(classes)]
    if (missing := [label for label, rows in enumerate(groups) if not len(rows)]) != []:
        raise InputError(
            f"class {missing[0]} has no image to fit a scaler to: "
            "give images of every class, or scale by network"
        )
    return groups


def _by_feature_and_class(values: np.ndarray, labels: np.ndarray, classes: int) -> Scaler:
    groups = _groups(values, labels, classes)
    return Scaler(
        *(
            np.stack([moment(rows, axis=0) for rows in groups])
            for moment in (np.mean, np.std, np.max)
        )
    )


SCALERS: dict[str, Callable[[np.ndarray, np.ndarray, int], Scaler]] = {
    "network": _by_network,
    "feature": _by_feature,
    "label": _by_class,
    "centroid": _by_feature_and_class,
}
"""What shares a mean and a standard deviation → how they are fitted, one network at a time."""


def fit_scaler(
    features: np.ndarray, labels: np.ndarray, classes: int, kind: str = "network"
) -> Scaler:
    """Fit a scaler to the features of one network, with the 1s appended.

    Args:
        features: of the images that scalers are fitted to. **Shape** (R, F).
        labels: classes of the images, from 0. **Shape** (R,).
        classes: how many there are.
        kind: one of :data:`SCALERS`.

    Raises:
        InputError: shapes do not fit, a label is out of range, there is no such scaler, or a class
            that needs one has no image.
    """
    if kind not in SCALERS:
        raise InputError(f"no scaler is called {kind!r}: choose {', '.join(SCALERS)}")
    _check_labels(labels, len(features), classes)
    return SCALERS[kind](append_one(features), labels, classes)


def append_one(features: np.ndarray) -> np.ndarray:
    """**Shape** (R, F) → (R, K), float64; the last column is 1, which the bias is multiplied by."""
    values = np.asarray(features, dtype=np.float64)
    if values.ndim != 2 or not values.size:
        raise InputError(f"features of shape {values.shape}, expected (images, features), not none")
    return np.concatenate([values, np.ones((len(values), 1))], axis=1)


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """What a step works on.

    Attributes:
        values: **Shape** (R, K).
        weights: that they are sorted by. **Shape** (R, K).
        labels: true classes. **Shape** (R,).
    """

    values: np.ndarray
    weights: np.ndarray
    labels: np.ndarray


Step = Callable[[Rows, Scaler], Rows]


def multiply(rows: Rows, scaler: Scaler) -> Rows:
    """Values times the weights of the true class."""
    return replace(rows, values=rows.values * rows.weights)


def scale(rows: Rows, scaler: Scaler) -> Rows:
    """Less the mean, by the standard deviation and :data:`EPSILON`."""
    own = scaler.of(rows.labels)
    return replace(rows, values=(rows.values - own.mean) / (own.std + EPSILON))


def divide_by_maximum(rows: Rows, scaler: Scaler) -> Rows:
    """By the maximum and :data:`EPSILON`."""
    return replace(rows, values=rows.values / (scaler.of(rows.labels).maximum + EPSILON))


def normalise_rows(rows: Rows, scaler: Scaler) -> Rows:
    """Each row less its mean, by its standard deviation (unbiased); a constant row becomes 0."""
    mean = rows.values.mean(axis=1, keepdims=True)
    std = rows.values.std(axis=1, ddof=1, keepdims=True)
    return replace(rows, values=(rows.values - mean) / _divisor(std))


def sort(rows: Rows, scaler: Scaler) -> Rows:
    """Values and weights in descending order of the weights; equal ones stay in order."""
    order = np.argsort(-rows.weights, axis=1, kind="stable")
    values, weights = (np.take_along_axis(each, order, 1) for each in (rows.values, rows.weights))
    return replace(rows, values=values, weights=weights)


def compare(rows: Rows, scaler: Scaler) -> Rows:
    """Cosines of each row and the mean of each class, both less the mean over the classes.

    The scaler has the means of the classes. A row that has no direction is like none: 0.
    """
    centre = scaler.mean.mean(axis=0)
    return replace(
        rows, values=_directions(rows.values - centre) @ _directions(scaler.mean - centre).T
    )


def _directions(vectors: np.ndarray) -> np.ndarray:
    """Of length 1; a vector without length stays 0."""
    return vectors / _divisor(np.linalg.norm(vectors, axis=1, keepdims=True))


@dataclass(frozen=True, slots=True, eq=False)
class Positions:
    """Mean and population standard deviation of each position. **Shape** (K,), float64."""

    mean: np.ndarray
    std: np.ndarray

    def __call__(self, values: np.ndarray) -> np.ndarray:
        """Values less the mean, by the standard deviation; where that is 0, less the mean alone.

        **Shape** (R, K) → (R, K).

        Raises:
            InputError: there are other positions.
        """
        if values.shape[1:] != self.mean.shape:
            raise InputError(
                f"the scaler has {len(self.mean)} positions and the targets have "
                f"{values.shape[-1]}: expected a scaler that was fitted to these networks"
            )
        return (values - self.mean) / _divisor(self.std)


def fit_positions(blocks: Iterable[np.ndarray]) -> Positions:
    """Fit to values that come in blocks (R, K), merged as Chan, Golub and LeVeque (1983) do.

    Raises:
        InputError: there is no value.
    """
    count = 0
    mean = squares = np.zeros(1)
    for block in blocks:
        added = len(block)
        if not added:
            continue
        difference = block.mean(axis=0) - mean
        total = count + added
        squares = squares + added * block.var(axis=0) + difference**2 * (count * added / total)
        mean = mean + difference * (added / total)
        count = total
    if not count:
        raise InputError("no target to fit positions to: give a network and an image at least")
    return Positions(mean, np.sqrt(squares / count))


def _divisor(std: np.ndarray) -> np.ndarray:
    """The standard deviation, 1 where it is 0, as scikit-learn's StandardScaler."""
    return np.where(std == 0, 1.0, std)


@dataclass(frozen=True)
class Preprocessing:
    """From features to targets.

    Attributes:
        name: that users type.
        steps: applied in this order.
        scaler: kind of the scaler, one of :data:`SCALERS`.
        normalised: whether positions are normalised over the training set at the end.
        top_k: how many positions are kept; ``None`` for all.
        by_class: whether there is a position for each class, in place of each feature and the 1.
    """

    name: str
    steps: tuple[Step, ...]
    scaler: str = "network"
    normalised: bool = False
    top_k: int | None = None
    by_class: bool = False

    def __post_init__(self) -> None:
        if self.top_k is not None and self.top_k < 1:
            raise InputError(f"top_k is {self.top_k}, expected 1 or more")

    def positions(self, features: int, classes: int) -> int:
        """Numbers before some are left out."""
        return classes if self.by_class else features + 1

    def outputs(self, features: int, classes: int) -> int:
        """Numbers in a target."""
        positions = self.positions(features, classes)
        return positions if self.top_k is None else min(self.top_k, positions)

    def unnormalised(
        self,
        features: np.ndarray,
        labels: np.ndarray,
        weights: np.ndarray,
        bias: np.ndarray,
        scaler: Scaler,
    ) -> np.ndarray:
        """All positions of the targets of one network, before :meth:`finish`.

        Args:
            features: **Shape** (R, F).
            labels: true classes of the images, from 0. **Shape** (R,).
            weights: of the network's dense layer. **Shape** (C, F).
            bias: **Shape** (C,).
            scaler: that was fitted to the network.

        Returns:
            **Shape** (R, ``positions``), float64.

        Raises:
            InputError: shapes do not fit together, or a label is out of range.
        """
        values = append_one(features)
        dense = np.concatenate([weights, np.asarray(bias)[:, None]], axis=1, dtype=np.float64)
        if dense.shape[1] != values.shape[1]:
            raise InputError(
                f"{values.shape[1] - 1} features and dense weights of {dense.shape[1] - 1}: "
                "expected those of the same network"
            )
        _check_labels(labels, len(values), len(dense))
        for array in (scaler.mean, scaler.std, scaler.maximum):
            if array.ndim != 2 or array.shape[0] not in (1, len(dense)):
                raise _misfit(array, dense)
            if array.shape[1] not in (1, dense.shape[1]):
                raise _misfit(array, dense)
        rows = Rows(values, dense[labels], labels)
        for step in self.steps:
            rows = step(rows, scaler)
        return rows.values

    def finish(self, values: np.ndarray, positions: Positions | None) -> np.ndarray:
        """Targets of :meth:`unnormalised` values: positions normalised and left out as it says.

        **Shape** (R, K) → (R, ``outputs``).

        Args:
            values: of any networks.
            positions: fitted to the training set; ``None`` where they are not normalised.

        Raises:
            InputError: ``positions`` are missing, or have another number.
        """
        if self.normalised:
            if positions is None:
                raise InputError(
                    f"the preprocessing {self.name!r} normalises positions: give the mean and "
                    "standard deviation of each over the training set"
                )
            values = positions(values)
        return values[:, : self.top_k]


def _misfit(array: np.ndarray, dense: np.ndarray) -> InputError:
    return InputError(
        f"a scaler of shape {array.shape} does not fit a network of {len(dense)} classes and "
        f"{dense.shape[1] - 1} features: expected one that was fitted to its own features"
    )


def _check_labels(labels: np.ndarray, rows: int, classes: int) -> None:
    if labels.shape != (rows,) or labels.dtype.kind not in "iu":
        raise InputError(
            f"{rows} images with labels of shape {labels.shape} and type {labels.dtype}, "
            "expected one whole number an image"
        )
    if rows and not 0 <= labels.min() <= labels.max() < classes:
        wrong = labels.min() if labels.min() < 0 else labels.max()
        raise InputError(f"an image has the label {wrong}, expected 0 to {classes - 1}")


_CODE = (multiply, scale, sort)
PREPROCESSINGS: dict[str, Preprocessing] = {
    each.name: each
    for each in (
        Preprocessing("code", _CODE, normalised=True),
        Preprocessing("paper", (scale, sort, multiply), normalised=True),
        Preprocessing("top_k", (multiply, sort), top_k=TOP_K),
        Preprocessing("normalize_row", (multiply, normalise_rows, sort), top_k=TOP_K),
        Preprocessing("max_scaled", (multiply, divide_by_maximum, sort)),
        Preprocessing("scaler_axis_0", _CODE, "feature", normalised=True),
        Preprocessing("scaler_per_label", _CODE, "label", normalised=True),
        Preprocessing("similarities", (compare,), "centroid", normalised=True, by_class=True),
    )
}
"""Name → preprocessing."""


def get_preprocessing(name: str | Preprocessing) -> Preprocessing:
    """The preprocessing called ``name``; one that is given stays.

    Raises:
        InputError: there is none of that name.
    """
    if isinstance(name, Preprocessing):
        return name
    if name not in PREPROCESSINGS:
        raise InputError(
            f"no preprocessing is called {name!r}: choose one of {', '.join(PREPROCESSINGS)}"
        )
    return PREPROCESSINGS[name]
