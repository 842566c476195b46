"""Gradient-boosted trees on features of architectures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from predictors.regressor import FeatureMatrix, Regressor
from predictors.standardised_features import StandardisedFeatures

FOLDS = 5
SETTINGS: dict[str, Any] = {
    "max_iter": 150,
    "learning_rate": 0.07,
    "max_leaf_nodes": 8,
    "min_samples_leaf": 5,
    "max_features": 0.3,
    "l2_regularization": 1.0,
    "early_stopping": False,
}
"""Of scikit-learn's ``HistGradientBoostingRegressor``."""


class BoostedTrees(Regressor):
    """A :class:`~predictors.regressor.Regressor`: boosted trees, each fitted without one fold.

    The folds' trees are averaged. Their residuals on the held-out folds give the width of the
    intervals (cross-validation+, Barber et al. 2021, arXiv:1905.02928), which is the same
    everywhere. Trees saturate beyond the labelled values.

    Args:
        scale: what the targets are: ranks of the values, or the values.
        seed: of the folds and of the columns that splits are looked for in.
    """

    least_labels = 4 * FOLDS

    def learn(
        self, inputs: Sequence[FeatureMatrix], targets: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Fit the trees of every fold."""
        from sklearn.ensemble import HistGradientBoostingRegressor

        self._joined = StandardisedFeatures(inputs)
        rows = self._joined(inputs)
        generator = np.random.default_rng(self.seed)
        folds = generator.permutation(len(targets)) % FOLDS
        seeds = generator.integers(2**31, size=FOLDS).tolist()
        expected = np.empty(len(targets))
        self._models = []
        for fold in range(FOLDS):
            seen = folds != fold
            model = HistGradientBoostingRegressor(**SETTINGS, random_state=seeds[fold])
            model.fit(rows[seen], targets[seen])
            expected[~seen] = model.predict(rows[~seen])
            self._models.append(model)
        self._std = float(np.sqrt(np.mean((targets - expected) ** 2)))
        return expected, np.full(len(targets), self._std)

    def scores(self, inputs: Sequence[FeatureMatrix]) -> tuple[np.ndarray, np.ndarray]:
        """Mean of the folds' trees. **Shape** (B,) each."""
        rows = self._joined(inputs)
        scores = np.mean([model.predict(rows) for model in self._models], axis=0)
        return scores, np.full(len(scores), self._std)
