"""A Gaussian process over a candidate set.

Hyperparameters are fitted and labels are conditioned on in float64, as everywhere; what is computed
for many candidates is float32. Of a large candidate set nothing is kept but the given features: for
the 423,624 cells of NB101 a standardised copy would take 600 MB, covariances with 200 labels 340.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from predictors.processes import sparse
from predictors.processes.conditioning import PORTION, ConditionedGP, condition, fit
from predictors.processes.hyperparameters import Adam, Hyperparameters, cholesky_errors
from predictors.regressor import FeatureMatrix
from predictors.standardised_features import StandardisedFeatures

OPTIMISER = Adam(120)
EXACT = 512
"""Labels up to which the process is exact by default. A larger one makes long searches slower: with
1,024 a choice among many labels takes four times as long."""
LEAST_VARIANCE = 1e-8
"""Of a value whose targets have a variance of 1; below are rounding errors."""


class CandidateGP:
    """An additive process on the features of candidates.

    The work of an exact process grows with the number of labels cubed. Of more than ``exact`` of
    them so many, evenly spaced, are those that hyperparameters are fitted to and the inducing
    points through which all condition the process (:mod:`predictors.processes.sparse`).

    Args:
        features: of all candidates, over which they are standardised.
        exact: labels up to which the process is exact.
    """

    def __init__(self, features: Sequence[FeatureMatrix], exact: int = EXACT) -> None:
        self._exact = exact
        self._joined = StandardisedFeatures(features)
        self._features = features
        self._chosen, self._rows = torch.arange(0), torch.empty(0)
        self._hyperparameters = Hyperparameters(self._joined.widths, self._joined.ard)

    def __len__(self) -> int:
        return len(self._features[0].rows)

    def fit(self, rows: Sequence[int], targets: np.ndarray) -> None:
        """Fit the hyperparameters, from their usual start. **Shape** (n,) each.

        Raises:
            InputError: the covariance has no Cholesky factor.
        """
        self._hyperparameters = Hyperparameters(self._joined.widths, self._joined.ard)
        with cholesky_errors():
            part = self._part(len(rows))
            known = torch.from_numpy(targets[part])
            features = self._standardised(np.asarray(rows)[part].tolist())
            fit(self._hyperparameters, features, known, OPTIMISER)

    def condition(self, rows: Sequence[int], targets: np.ndarray) -> ConditionedGP:
        """The process, given some targets. **Shape** (n,) each.

        Raises:
            InputError: the covariance has no Cholesky factor.
        """
        kernel, noise = self._hyperparameters.fitted()
        with cholesky_errors():
            known, features = torch.from_numpy(targets), self._standardised(list(rows))
            if len(known) <= self._exact:
                return condition(kernel, noise, features, known)
            points = features[self._part(len(known))]
            return sparse.condition(kernel, noise, points, features, known)

    def posterior(
        self, process: ConditionedGP, candidates: Tensor | None = None
    ) -> CandidatePosterior:
        """Posterior of some candidates; default: of all.

        The features of these candidates are kept, as they are often those of the next time.
        **Shape** (A,), int64.
        """
        chosen = torch.arange(len(self)) if candidates is None else candidates
        if not torch.equal(chosen, self._chosen):
            parts = [self._standardised(part.numpy()).float() for part in chosen.split(PORTION)]
            self._chosen, self._rows = chosen, torch.cat(parts)
        return CandidatePosterior(process.to(torch.float32), chosen, self._rows)

    def mean_and_variance(self, process: ConditionedGP) -> tuple[Tensor, Tensor]:
        """Those of every candidate, in little memory. **Shape** (C,) each, float32."""
        single = process.to(torch.float32)
        # Results that lie between what a portion frees would keep it from being used again.
        means, variances = torch.empty(2, len(self))
        for start in range(0, len(self), PORTION):
            portion = slice(start, start + PORTION)
            rows = self._standardised(portion).float()
            means[portion], variances[portion] = single.mean_and_variance(rows)
        return means, variances

    def _part(self, n: int) -> slice | np.ndarray:
        """Positions of the labels that are fitted to, of ``n``."""
        return slice(n) if n <= self._exact else np.arange(self._exact) * n // self._exact

    def _standardised(self, rows: slice | list[int] | np.ndarray) -> Tensor:
        """Features of some candidates. **Shape** (B, F), float64."""
        chosen = [FeatureMatrix(each.rows[rows], each.ard) for each in self._features]
        return torch.from_numpy(self._joined(chosen))


class CandidatePosterior:
    """Means and standard deviations of some candidates, which fantasies narrow.

    Args:
        process: conditioned, in float32.
        candidates: their rows in the candidate set. **Shape** (A,), int64.
        rows: their features. **Shape** (A, F), float32.

    Attributes:
        candidates: as above.
        mean: **shape** (A,), float64.
    """

    @torch.no_grad()
    def __init__(self, process: ConditionedGP, candidates: Tensor, rows: Tensor) -> None:
        self.candidates = candidates
        self._process = process
        self._rows = rows
        means, reduced = zip(*map(process.reduced, rows.split(PORTION)), strict=True)
        self.mean = torch.cat(means).double()
        self._reduced = torch.cat(reduced)  # (A, K)
        variance = process.kernel.variance - self._reduced.square().sum(1)
        self._variance = variance.clamp(min=LEAST_VARIANCE).double()

    @property
    def std(self) -> Tensor:
        """Of the value without noise. **Shape** (A,), float64."""
        return self._variance.sqrt()

    @torch.no_grad()
    def fantasize_means(self, positions: Tensor) -> None:
        """Condition on the means of some of the candidates, as if they had been measured.

        Kriging believers (Ginsbourger, Le Riche & Carraro 2010): no mean changes, but the variances
        fall. All at once they cost one product of matrices and a small factorisation.

        Args:
            positions: different ones. **Shape** (P,), int64.
        """
        from linear_operator.utils.cholesky import psd_safe_cholesky

        own, kernel = self._reduced[positions], self._process.kernel
        across = kernel(self._rows[positions], self._rows) - own @ self._reduced.T  # (P, A)
        one = torch.eye(len(positions), dtype=torch.float64)
        factor = psd_safe_cholesky(across[:, positions].double() + self._process.noise * one)
        columns = torch.linalg.solve_triangular(factor.float(), across, upper=False).T
        self._reduced = torch.cat([self._reduced, columns], 1)
        fallen = columns.double().square().sum(1)
        self._variance = (self._variance - fallen).clamp(min=LEAST_VARIANCE)
