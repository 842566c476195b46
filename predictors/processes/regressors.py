"""Exact and sparse Gaussian processes that predict from features.

Both are the additive process of :mod:`predictors.processes.hyperparameters`, with a kernel for each
kind of features.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import Parameter

from experiment.errors import InputError
from predictors.processes import sparse
from predictors.processes.conditioning import (
    ConditionedGP,
    condition,
    fit,
    leave_one_out,
)
from predictors.processes.hyperparameters import Adam, Hyperparameters, cholesky_errors
from predictors.regressor import FeatureMatrix, NormalScores, Regressor, Scale
from predictors.standardised_features import StandardisedFeatures

STAGES = ((600, Adam(120)), (1_500, Adam(40)))
"""Labels that the exact process is fitted to, and how: few first, then more if there are."""
INDUCING = 500
FITTED, OPTIMISER = 4_000, Adam(60, rate=0.1)
"""Labels that the sparse process is fitted to, and how; with more, a random part of them."""


class ProcessRegressor(Regressor):
    """A :class:`~predictors.regressor.Regressor` that is an additive Gaussian process."""

    def learn(
        self, inputs: Sequence[FeatureMatrix], targets: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Fit the hyperparameters, and condition on all labels."""
        self._joined = StandardisedFeatures(inputs)
        self._hyperparameters = Hyperparameters(self._joined.widths, self._joined.ard)
        order = torch.from_numpy(np.random.default_rng(self.seed).permutation(len(targets)))
        rows = torch.from_numpy(self._joined(inputs))
        with cholesky_errors():
            self._process, mean, std = self.conditioned(rows, torch.from_numpy(targets), order)
        return mean.numpy(), std.numpy()

    def scores(self, inputs: Sequence[FeatureMatrix]) -> tuple[np.ndarray, np.ndarray]:
        """Posterior mean and standard deviation, noise included. **Shape** (B,) each."""
        rows = torch.from_numpy(self._joined(inputs))
        mean, variance = self._process.mean_and_variance(rows)
        return mean.numpy(), (variance + self._process.noise).sqrt().numpy()

    @abstractmethod
    def conditioned(
        self, rows: Tensor, targets: Tensor, order: Tensor
    ) -> tuple[ConditionedGP, Tensor, Tensor]:
        """The fitted process, and mean and standard deviation of each target, given the others.

        Args:
            rows: **shape** (n, F).
            targets: **shape** (n,).
            order: a random order of the rows. **Shape** (n,).
        """


class GaussianProcess(ProcessRegressor):
    """The exact process: its work grows with the labels cubed.

    Args:
        scale: what the targets are: ranks of the values, or the values.
        seed: of the choice of labels for the hyperparameters.
    """

    def conditioned(
        self, rows: Tensor, targets: Tensor, order: Tensor
    ) -> tuple[ConditionedGP, Tensor, Tensor]:
        """Maximise the marginal likelihood, and condition."""
        fitted = 0
        for labels, optimiser in STAGES:
            if len(targets) > fitted:
                part = order[:labels].sort().values
                fit(self._hyperparameters, rows[part], targets[part], optimiser)
            fitted = labels
        process = condition(*self._hyperparameters.fitted(), rows, targets)
        return process, *leave_one_out(process, targets)


class SparseGaussianProcess(ProcessRegressor):
    """The process with inducing points: its work grows in proportion to the labels.

    Args:
        scale: what the targets are: ranks of the values, or the values.
        seed: of the choice of labels that are fitted to, and that inducing points begin at.
        inducing: the most inducing points.
        parameters: the :attr:`parameters` of an earlier fit to the same labels. They are kept, and
            fitting only conditions on the labels: a fraction of a second instead of many.

    Raises:
        InputError: on fitting, if ``parameters`` are those of other features.
    """

    def __init__(
        self,
        scale: type[Scale] = NormalScores,
        seed: int = 0,
        inducing: int = INDUCING,
        parameters: Mapping[str, np.ndarray] | None = None,
    ) -> None:
        super().__init__(scale, seed)
        self.inducing = inducing
        self._earlier = parameters

    @property
    def parameters(self) -> dict[str, np.ndarray]:
        """Hyperparameters and inducing points of the fitted process, float64, by their names."""
        return {name: each.detach().numpy() for name, each in self._parameters.items()}

    def conditioned(
        self, rows: Tensor, targets: Tensor, order: Tensor
    ) -> tuple[ConditionedGP, Tensor, Tensor]:
        """Maximise the collapsed bound, inducing points included, and condition."""
        points = Parameter(rows[order[: self.inducing]].clone())
        self._parameters = {**dict(self._hyperparameters.named_parameters()), "points": points}
        part = order[:FITTED]
        if self._earlier is None:
            sparse.fit(self._hyperparameters, points, rows[part], targets[part], OPTIMISER)
        else:
            _take(self._parameters, self._earlier)
        kernel, noise = self._hyperparameters.fitted()
        process = sparse.condition(kernel, noise, points.detach(), rows, targets)
        return process, *sparse.leave_one_out(process, targets)


@torch.no_grad()
def _take(parameters: Mapping[str, Tensor], earlier: Mapping[str, np.ndarray]) -> None:
    """Set parameters to those of an earlier fit.

    Raises:
        InputError: they have other names or shapes.
    """
    shapes = {name: tuple(each.shape) for name, each in parameters.items()}
    if {name: np.shape(each) for name, each in earlier.items()} != shapes:
        raise InputError("the parameters of an earlier fit are those of other features: fit again")
    for name, each in parameters.items():
        each.copy_(torch.from_numpy(np.asarray(earlier[name], dtype=np.float64)))
