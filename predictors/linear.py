"""Ridge regression on features of architectures."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from predictors.regressor import FeatureMatrix, Regressor
from predictors.standardised_features import StandardisedFeatures

STRENGTHS = tuple(np.logspace(-2, 5, 29).tolist())
"""Penalties that are compared, for columns of standard deviation 1."""


class Ridge(Regressor):
    """A :class:`~predictors.regressor.Regressor`: linear in the features.

    The penalty on the weights is that with the least leave-one-out error (scikit-learn's
    ``RidgeCV``). The root of that error is the standard deviation of all predictions
    (homoscedastic).

    Args:
        scale: what the targets are: ranks of the values, or the values.
        seed: not used, nothing is drawn.
    """

    def learn(
        self, inputs: Sequence[FeatureMatrix], targets: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Choose the penalty and the weights."""
        from sklearn.linear_model import RidgeCV

        self._joined = StandardisedFeatures(inputs)
        rows = self._joined(inputs)
        # With a score of its own RidgeCV keeps what it predicts of each label, not its error.
        self._model = RidgeCV(
            STRENGTHS, scoring="neg_mean_squared_error", store_cv_results=True
        ).fit(rows, targets)
        chosen = STRENGTHS.index(float(self._model.alpha_))
        expected = self._model.cv_results_[:, chosen]
        self._std = float(np.sqrt(np.mean((targets - expected) ** 2)))
        return expected, np.full(len(targets), self._std)

    def scores(self, inputs: Sequence[FeatureMatrix]) -> tuple[np.ndarray, np.ndarray]:
        """The weighted sums. **Shape** (B,) each."""
        scores = self._model.predict(self._joined(inputs))
        return scores, np.full(len(scores), self._std)
