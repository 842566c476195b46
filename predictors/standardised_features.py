"""Concatenated features, standardised by the labelled architectures."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from experiment.errors import InputError
from predictors.regressor import FeatureMatrix

ROUNDING = 1e-9
"""A column whose standard deviation is a smaller part of its largest number is constant:
what varies is rounding."""

BLOCK = 16
"""Columns that are measured at once: of 423,624 architectures they take 54 MB."""


class StandardisedFeatures:
    """Concatenates the columns that vary, with mean 0 and standard deviation 1.

    Args:
        inputs: features of the labelled architectures, which determine the scales.

    Attributes:
        ard: for each kind of features, whether a kernel has a length scale for each column.
        widths: columns that are kept of each kind of features.

    Raises:
        InputError: no column varies.
    """

    def __init__(self, inputs: Sequence[FeatureMatrix]) -> None:
        self._columns = [_Columns(each.rows) for each in inputs]
        self.ard = [each.ard for each in inputs]
        self.widths = [columns.width for columns in self._columns]
        if not any(self.widths):
            raise InputError(
                "all labelled architectures have the same features: "
                "label others, or choose other features"
            )

    def __call__(self, inputs: Sequence[FeatureMatrix]) -> np.ndarray:
        """The same features of other architectures. **Shape** (B, sum of widths).

        Raises:
            InputError: a number is not finite.
        """
        pairs = zip(self._columns, inputs, strict=True)
        rows = np.concatenate([columns(each.rows) for columns, each in pairs], axis=1)
        if not np.isfinite(rows).all():
            wrong = np.flatnonzero(~np.isfinite(rows).all(axis=1))[0]
            raise InputError(
                f"a feature of architecture {wrong} is not finite: "
                "leave the architecture out, or choose other features"
            )
        return rows


class _Columns:
    """Scales the columns that vary, and drops the others."""

    def __init__(self, rows: np.ndarray) -> None:
        # A block at a time: NumPy makes a copy of what it takes a standard deviation of.
        blocks = np.array_split(rows, -(-rows.shape[1] // BLOCK) or 1, axis=1)
        std = np.concatenate([block.std(axis=0) for block in blocks])
        largest = np.concatenate([np.abs(block).max(axis=0, initial=0.0) for block in blocks])
        # A column that is not finite is kept, to be refused.
        self._kept = np.flatnonzero(~(std <= ROUNDING * largest))
        self._mean, self._std = rows.mean(axis=0)[self._kept], std[self._kept]
        self.width = len(self._kept)

    def __call__(self, rows: np.ndarray) -> np.ndarray:
        return (rows[:, self._kept] - self._mean) / self._std
