"""Gaussian processes on latents, and on latents joined with other descriptions.

The kernel is a sum of Matérn-5/2 kernels (Duvenaud et al. 2011, *Additive Gaussian Processes*): one
on the latents and, where other descriptions are joined, one on each of them. Hyperparameters
maximise the marginal likelihood of some hundred labels under the weak priors of
:mod:`predictors.processes.kernels` (Rasmussen & Williams 2006, chapter 5).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Protocol

import numpy as np
import torch
from linear_operator.utils.cholesky import psd_safe_cholesky
from scipy.optimize import minimize
from torch import Tensor
from torch.nn.utils import parameters_to_vector, vector_to_parameters

from datasets.batch import GraphBatch
from datasets.space import SearchSpace
from predictors.features import describe, make_features
from predictors.joined import Joined
from predictors.processes.conditioned import GaussianPosterior, MaternSum, exact, sparse
from predictors.processes.kernels import FIRST_NOISE, LEAST_NOISE, cholesky_errors
from predictors.regressor import Description

FITTED = 500
"""Labels that the hyperparameters are fitted to; with more, a random part of them."""
ITERATIONS = 20
"""Of L-BFGS-B."""


class Conditioning(Protocol):
    """How a process with fitted hyperparameters gets to know the labels."""

    def __call__(
        self, kernel: MaternSum, noise: float, rows: Tensor, targets: Tensor, order: Tensor
    ) -> GaussianPosterior:
        """The process that knows them.

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
        self, kernel: MaternSum, noise: float, rows: Tensor, targets: Tensor, order: Tensor
    ) -> GaussianPosterior:
        """See :func:`predictors.processes.conditioned.exact`."""
        return exact(kernel, noise, rows, targets)


@dataclass(frozen=True)
class Sparse:
    """Some labelled architectures are the inducing points; the work grows with the labels.

    Attributes:
        inducing: how many at most; the published experiment has 500.
    """

    inducing: int = 500

    def __call__(
        self, kernel: MaternSum, noise: float, rows: Tensor, targets: Tensor, order: Tensor
    ) -> GaussianPosterior:
        """See :func:`predictors.processes.conditioned.sparse`."""
        return sparse(kernel, noise, rows[order[: self.inducing]], rows, targets)


@dataclass(frozen=True)
class Sites:
    """Architectures as a surrogate sees them.

    Attributes:
        points: in the latent space. **Shape** (B, G).
        descriptions: by the other features, in their order.
    """

    points: Tensor
    descriptions: Sequence[Description] = ()


@dataclass(frozen=True)
class Learnt:
    """What a surrogate learnt.

    Attributes:
        whole: the process on :meth:`rows`.
        on_latents: its part on points of the latent space, of which no more is known than where
            they lie.
        joined: puts the other descriptions side by side; ``None`` where there are none.
    """

    whole: GaussianPosterior
    on_latents: GaussianPosterior
    joined: Joined | None

    def rows(self, sites: Sites) -> Tensor:
        """What :attr:`whole` takes of some architectures. **Shape** (B, F)."""
        return _rows(self.joined, sites)


class LatentSurrogate:
    """Learns targets of architectures from their points, and from other descriptions of them.

    Args:
        space: the search space.
        conditioning: exact or sparse.
        features: other descriptions, keys of ``predictors.features.FEATURES``; each has a kernel
            of its own, which is added to that of the latents. ``one_hot`` is the raw encoding.

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

    def sites(self, points: Tensor, graphs: GraphBatch) -> Sites:
        """Describe architectures whose points are known. **Shape** (B, G)."""
        described = [Description(describe(each, graphs), each.numeric) for each in self.features]
        return Sites(points, described)

    def learn(self, sites: Sites, targets: Tensor, seed: int) -> Learnt:
        """Fit the hyperparameters, and condition on all labels.

        Args:
            sites: labelled architectures.
            targets: of mean about 0 and deviation about 1. **Shape** (n,), float64.
            seed: of the choice of labels for the hyperparameters and of inducing points.

        Raises:
            InputError: their covariance does not factorise.
        """
        joined = Joined(sites.descriptions) if sites.descriptions else None
        rows = _rows(joined, sites)
        hyperparameters = Hyperparameters(
            [sites.points.shape[1], *(joined.widths if joined else [])],
            [False, *(joined.numeric if joined else [])],
        )
        order = torch.randperm(len(rows), generator=torch.Generator().manual_seed(seed))
        part = order[:FITTED]
        with cholesky_errors():
            hyperparameters.fit(rows[part], targets[part])
            kernel, noise = hyperparameters.settled()
            whole = self.conditioning(kernel, noise, rows, targets, order)
        on_latents = whole.first_component() if joined else whole
        return Learnt(whole, on_latents, joined)


class Hyperparameters(torch.nn.Module):
    """Length scales, variances and noise, as logarithms.

    They begin at, and have log-normal priors around: √columns for length scales, deviation 1; 1
    for variances, deviation 2; exp(−2) for the noise, deviation 2, which begins at 0.1.

    Args:
        widths: columns of each description; one without columns has no kernel.
        own_lengths: for each, whether every column has a length scale of its own.
    """

    def __init__(self, widths: Sequence[int], own_lengths: Sequence[bool]) -> None:
        super().__init__()
        ends = list(accumulate(widths))
        self.columns = tuple(
            slice(end - width, end) for end, width in zip(ends, widths, strict=True) if width
        )
        self.typical = [
            torch.full((width if own else 1,), math.log(width) / 2, dtype=torch.float64)
            for width, own in zip(widths, own_lengths, strict=True)
            if width
        ]
        self.lengths = torch.nn.ParameterList(each.clone() for each in self.typical)
        self.variances = torch.nn.Parameter(torch.zeros(len(self.typical), dtype=torch.float64))
        self.noise = torch.nn.Parameter(torch.tensor(math.log(FIRST_NOISE), dtype=torch.float64))

    def fit(self, rows: Tensor, targets: Tensor) -> None:
        """Maximise :meth:`objective`. **Shape** (n, F) and (n,)."""
        parameters = list(self.parameters())

        def loss(numbers: np.ndarray) -> tuple[float, np.ndarray]:
            vector_to_parameters(torch.from_numpy(numbers), parameters)
            value = -self.objective(rows, targets)
            slopes = torch.autograd.grad(value, parameters)
            return value.item(), parameters_to_vector(slopes).numpy()

        start = parameters_to_vector(parameters).detach().numpy().copy()
        found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": ITERATIONS})
        vector_to_parameters(torch.from_numpy(found.x), parameters)

    def objective(self, rows: Tensor, targets: Tensor) -> Tensor:
        """Logarithm of the likelihood and the priors, a label. **Shape** (n, F), (n,) → ().

        Rasmussen & Williams 2006, equation 2.30.
        """
        one = torch.eye(len(rows), dtype=rows.dtype)
        covariance = self._kernel()(rows, rows) + self._noise() * one
        factor = psd_safe_cholesky(covariance)
        inner = torch.linalg.solve_triangular(factor, targets[:, None], upper=False)
        volume = 2 * factor.diagonal().log().sum() + len(rows) * math.log(2 * math.pi)
        return (-0.5 * (inner.square().sum() + volume) + self._log_priors()) / len(rows)

    def settled(self) -> tuple[MaternSum, float]:
        """Kernel and variance of the noise, without gradients."""
        kernel = self._kernel()
        lengths = tuple(each.detach() for each in kernel.lengths)
        settled = MaternSum(kernel.columns, lengths, kernel.variances.detach())
        return settled, self._noise().item()

    def _kernel(self) -> MaternSum:
        return MaternSum(
            self.columns, tuple(each.exp() for each in self.lengths), self.variances.exp()
        )

    def _noise(self) -> Tensor:
        return LEAST_NOISE + self.noise.exp()

    def _log_priors(self) -> Tensor:
        """Logarithm of the log-normal densities, but for constants."""
        total = _log_normal(self.variances, 0.0, 2.0) + _log_normal(self.noise, -2.0, 2.0)
        for lengths, typical in zip(self.lengths, self.typical, strict=True):
            total = total + _log_normal(lengths, typical, 1.0)
        return total


def _log_normal(logarithm: Tensor, middle: Tensor | float, deviation: float) -> Tensor:
    """Logarithm of a log-normal density of some numbers, but for a constant. **Shape** → ()."""
    return -(logarithm + ((logarithm - middle) / deviation).square() / 2).sum()


def _rows(joined: Joined | None, sites: Sites) -> Tensor:
    """The points, and the other descriptions beside them. **Shape** (B, F)."""
    if joined is None:
        return sites.points
    return torch.cat([sites.points, torch.from_numpy(joined(sites.descriptions))], 1)
