"""How good predictions are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Quality:
    """Predictions against what was measured.

    Attributes:
        architectures: how many were compared.
        kendall_tau: τ-b, the share of pairs in the right order less that in the wrong one; NaN
            where all predictions or all truths are equal.
        spearman_rho: linear correlation of the ranks; NaN in the same case.
        pearson_r: linear correlation; NaN in the same case.
        rmse: root of the mean squared error, in the unit of the values.
    """

    architectures: int
    kendall_tau: float
    spearman_rho: float
    pearson_r: float
    rmse: float

    @classmethod
    def of(cls, predicted: np.ndarray, truth: np.ndarray) -> Quality:
        """Compare; an architecture without a finite truth is left out. **Shape** (B,) each."""
        from scipy.stats import kendalltau, pearsonr, spearmanr

        known = np.isfinite(truth)
        predicted, truth = predicted[known], truth[known]
        tau = rho = pearson = float("nan")
        if len(truth) > 1 and np.ptp(predicted) > 0 and np.ptp(truth) > 0:
            tau = float(kendalltau(predicted, truth).statistic)
            rho = float(spearmanr(predicted, truth).statistic)
            pearson = float(pearsonr(predicted, truth).statistic)
        error = float(np.sqrt(np.square(predicted - truth).mean())) if len(truth) else float("nan")
        return cls(len(truth), tau, rho, pearson, error)

    def __str__(self) -> str:
        return (
            f"Kendall τ {self.kendall_tau:.4f}, Pearson r {self.pearson_r:.4f}, "
            f"RMSE {self.rmse:.5f} on {self.architectures:,} architectures"
        )
