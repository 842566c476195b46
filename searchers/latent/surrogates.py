"""Gaussian processes on latents, and on latents beside other features.

They are additive processes (:mod:`predictors.processes.hyperparameters`) with a kernel on the
latents and one on each of the other features.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import torch
from torch import Tensor

from datasets.batch import GraphBatch
from datasets.space import SearchSpace
from predictors.features import describe, make_features
from predictors.processes import sparse
from predictors.processes.conditioning import ConditionedGP, condition, fit
from predictors.processes.hyperparameters import (
    LBFGS,
    LOGARITHM,
    Hyperparameters,
    cholesky_errors,
)
from predictors.processes.matern import AdditiveMatern
from predictors.regressor import FeatureMatrix
from predictors.standardised_features import StandardisedFeatures

FITTED = 500
"""Labels that the hyperparameters are fitted to; with more, a random part of them."""
OPTIMISER = LBFGS(20)


class Conditioning(Protocol):
    """Conditions a process with fitted hyperparameters on the labels."""

    def __call__(
        self, kernel: AdditiveMatern, noise: float, rows: Tensor, targets: Tensor, order: Tensor
    ) -> ConditionedGP:
        """The process, given the labels.

        Args:
            kernel: covariance.
            noise: its variance.
            rows: **shape** (n, F).
            targets: **shape** (n,).
            order: a random order of the rows. **Shape** (n,).
        """
        ...


@dataclass(frozen=True)
class Exact:
    """Every label is a basis point; the work grows with the labels cubed."""

    def __call__(
        self, kernel: AdditiveMatern, noise: float, rows: Tensor, targets: Tensor, order: Tensor
    ) -> ConditionedGP:
        """See :func:`predictors.processes.conditioning.condition`."""
        return condition(kernel, noise, rows, targets)


@dataclass(frozen=True)
class Sparse:
    """Some labelled architectures are the inducing points; the work grows with the labels.

    Attributes:
        inducing: how many at most; the published experiment has 500.
    """

    inducing: int = 500

    def __call__(
        self, kernel: AdditiveMatern, noise: float, rows: Tensor, targets: Tensor, order: Tensor
    ) -> ConditionedGP:
        """See :func:`predictors.processes.sparse.condition`."""
        return sparse.condition(kernel, noise, rows[order[: self.inducing]], rows, targets)


@dataclass(frozen=True)
class SurrogateInputs:
    """Inputs of a surrogate.

    Attributes:
        points: in the latent space. **Shape** (B, G).
        features: the other features, in their order.
    """

    points: Tensor
    features: Sequence[FeatureMatrix] = ()

    def first(self, n: int) -> SurrogateInputs:
        """Those of the first n architectures."""
        features = [FeatureMatrix(each.rows[:n], each.ard) for each in self.features]
        return SurrogateInputs(self.points[:n], features)


@dataclass(frozen=True)
class Prior:
    """The prior process of a surrogate, with fitted hyperparameters.

    Attributes:
        kernel: prior covariance.
        noise: variance of the noise.
        joined: concatenates the other features; ``None`` where there are none.
        alone: that of a process on the latents alone; ``None``: it is the kernel's first part.
    """

    kernel: AdditiveMatern
    noise: float
    joined: StandardisedFeatures | None
    alone: Prior | None = None


@dataclass(frozen=True)
class FittedSurrogate:
    """A surrogate that is fitted and conditioned.

    Attributes:
        whole: the process on :meth:`rows`.
        on_latents: its part on points of the latent space, which have no other features.
        joined: concatenates the other features; ``None`` where there are none.
    """

    whole: ConditionedGP
    on_latents: ConditionedGP
    joined: StandardisedFeatures | None

    def rows(self, inputs: SurrogateInputs) -> Tensor:
        """Inputs of :attr:`whole` for some architectures. **Shape** (B, F)."""
        return _rows(self.joined, inputs)


class LatentSurrogate:
    """A surrogate that is fitted to the points of architectures and to other features of them.

    Args:
        space: the search space.
        conditioning: exact or sparse.
        features: other features, keys of ``predictors.features.FEATURES``; each has a kernel of
            its own, which is added to that of the latents.

    Raises:
        InputError: unknown features, or some that do not suit the space.
    """

    def __init__(
        self,
        space: SearchSpace,
        conditioning: Conditioning | None = None,
        features: Sequence[str] = (),
    ) -> None:
        self.conditioning = conditioning or Exact()
        self.features = [make_features(name, space) for name in features]

    def inputs(self, points: Tensor, graphs: GraphBatch) -> SurrogateInputs:
        """Describe architectures whose points are known. **Shape** (B, G)."""
        described = [FeatureMatrix(describe(each, graphs), each.ard) for each in self.features]
        return SurrogateInputs(points, described)

    def fit(self, inputs: SurrogateInputs, targets: Tensor, seed: int) -> FittedSurrogate:
        """Fit the hyperparameters, and condition on all labels.

        Args:
            inputs: labelled architectures.
            targets: of mean about 0 and standard deviation about 1. **Shape** (n,), float64.
            seed: of the choice of labels for the hyperparameters and of inducing points.

        Raises:
            InputError: their covariance does not factorise.
        """
        return self.condition(self.prior(inputs, targets, seed), inputs, targets, seed)

    def prior(self, inputs: SurrogateInputs, targets: Tensor, seed: int) -> Prior:
        """Fit the hyperparameters; see :meth:`fit`."""
        joined = StandardisedFeatures(inputs.features) if inputs.features else None
        rows = _rows(joined, inputs)
        hyperparameters = Hyperparameters(
            [inputs.points.shape[1], *(joined.widths if joined else [])],
            [False, *(joined.ard if joined else [])],
            LOGARITHM,
        )
        part = _order(len(rows), seed)[:FITTED]
        with cholesky_errors():
            fit(hyperparameters, rows[part], targets[part], OPTIMISER)
        return Prior(*hyperparameters.fitted(), joined)

    def condition(
        self, prior: Prior, inputs: SurrogateInputs, targets: Tensor, seed: int
    ) -> FittedSurrogate:
        """Condition processes whose hyperparameters are known on all labels; see :meth:`fit`."""
        order = _order(len(targets), seed)

        def conditioned(one: Prior) -> ConditionedGP:
            rows = _rows(one.joined, inputs)
            with cholesky_errors():
                return self.conditioning(one.kernel, one.noise, rows, targets, order)

        whole = conditioned(prior)
        if prior.alone is not None:
            on_latents = conditioned(prior.alone)
        else:
            on_latents = whole.first_component() if prior.joined else whole
        return FittedSurrogate(whole, on_latents, prior.joined)


class SeparateSurrogate(LatentSurrogate):
    """Two processes: one on latents and other features, and one on the latents alone.

    In a sum of kernels the part on the latents explains only what the other features leave. Steps
    by its gradient lead less far up than those by a process that has nothing but the latents. Its
    arguments are those of :class:`LatentSurrogate`.
    """

    def prior(self, inputs: SurrogateInputs, targets: Tensor, seed: int) -> Prior:
        """Fit both, each with hyperparameters of its own; see :meth:`LatentSurrogate.fit`."""
        alone = super().prior(SurrogateInputs(inputs.points), targets, seed)
        return replace(super().prior(inputs, targets, seed), alone=alone)


def _order(n: int, seed: int) -> Tensor:
    """A random order of n labels. **Shape** (n,), int64."""
    return torch.randperm(n, generator=torch.Generator().manual_seed(seed))


def _rows(joined: StandardisedFeatures | None, inputs: SurrogateInputs) -> Tensor:
    """The points, with the other features beside them. **Shape** (B, F)."""
    if joined is None:
        return inputs.points
    return torch.cat([inputs.points, torch.from_numpy(joined(inputs.features))], 1)
