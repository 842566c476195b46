"""A conditioned Gaussian process about a linear trend in one column."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from predictors.processes.conditioning import ConditionedGP, condition
from predictors.processes.hyperparameters import LEAST_NOISE
from predictors.processes.matern import AdditiveMatern


class TrendGP(ConditionedGP):
    """The process of what is left of the targets when a trend in the last column is taken out.

    Its other arguments are those of :class:`ConditionedGP`, whose kernel reads other columns.

    Args:
        slope: of the trend.
        offset: of the trend.
    """

    def __init__(
        self,
        kernel: AdditiveMatern,
        noise: float,
        basis: Tensor,
        weights: Tensor,
        root: Tensor,
        known: Tensor,
        *,
        slope: float,
        offset: float,
    ) -> None:
        super().__init__(kernel, noise, basis, weights, root, known)
        self.slope = slope
        self.offset = offset

    def trend(self, rows: Tensor) -> Tensor:
        """The prior mean at each row. **Shape** (…, F) → (…)."""
        return self.slope * rows[..., -1] + self.offset

    def mean(self, rows: Tensor) -> Tensor:
        """Posterior means. **Shape** (B, F) → (B,)."""
        return super().mean(rows) + self.trend(rows)

    def reduced(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Means, and (R k(b, x))ᵀ. **Shape** (…, F) → (…), (…, K)."""
        mean, reduced = super().reduced(rows)
        return mean + self.trend(rows), reduced

    def to(self, dtype: torch.dtype) -> TrendGP:
        """The process of rows of another precision."""
        return TrendGP(
            self.kernel.to(dtype),
            self.noise,
            *(each.to(dtype) for each in (self.basis, self.weights, self.root, self.known)),
            slope=self.slope,
            offset=self.offset,
        )


def condition_about_trend(
    kernel: AdditiveMatern, noise: float, slope: float, rows: Tensor, targets: Tensor
) -> TrendGP:
    """The exact process, given its labels. **Shape** (n, F) and (n,).

    Targets are ranks among the labels: their zero and their unit depend on which architectures were
    labelled, and of the best of a search a unit is a small difference. So the trend passes through
    the mean of the labels, and kernel, noise and trend are those of targets in other units, which
    maximise the marginal likelihood.
    """
    centred = targets - targets.mean()
    trend = slope * (rows[:, -1] - rows[:, -1].mean())
    unit = _unit(kernel, noise, rows, centred, trend)
    kernel = replace(kernel, variances=kernel.variances * unit**2)
    noise, slope = max(noise * unit**2, LEAST_NOISE), slope * unit
    process = condition(kernel, noise, rows, centred - unit * trend)
    own = (process.basis, process.weights, process.root, process.known)
    offset = float(targets.mean() - slope * rows[:, -1].mean())
    return TrendGP(kernel, noise, *own, slope=slope, offset=offset)


def _unit(
    kernel: AdditiveMatern, noise: float, rows: Tensor, targets: Tensor, trend: Tensor
) -> float:
    """The u that maximises the likelihood of targets y with the mean u t and the covariance u² K.

    With v = 1 / u it is −½ (v y − t)ᵀ K⁻¹ (v y − t) + n log v, but for a constant; its derivative
    by v has one positive root.
    """
    from linear_operator.utils.cholesky import psd_safe_cholesky

    one = torch.eye(len(rows), dtype=rows.dtype)
    factor = psd_safe_cholesky(kernel(rows, rows) + noise * one)
    both = torch.linalg.solve_triangular(factor, torch.stack([targets, trend], 1), upper=False)
    own, across = float(both[:, 0] @ both[:, 0]), float(both[:, 0] @ both[:, 1])
    return 2 * own / (across + (across**2 + 4 * own * len(rows)) ** 0.5)
