"""The hyperparameters of an additive Gaussian process: priors, start and optimisation.

The process is a sum of Matérn-5/2 kernels over blocks of features
(:class:`predictors.processes.matern.AdditiveMatern`), each with a variance of its own, and normal
noise. With ``ard``, each column of a block has a length scale (automatic relevance determination);
without it, the block has one. Hyperparameters maximise the marginal likelihood under weak
log-normal priors (Rasmussen & Williams 2006, chapter 5).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
import torch
from torch import Tensor
from torch.nn import Parameter, ParameterList
from torch.nn.functional import softplus
from torch.nn.utils import parameters_to_vector, vector_to_parameters

from experiment.errors import InputError
from predictors.processes.matern import AdditiveMatern

LEAST_NOISE, FIRST_NOISE = 1e-4, 0.1
"""Variances, of targets whose variance is 1. A smaller least one lets repeated architectures leave
the covariance without a Cholesky factor."""


@dataclass(frozen=True)
class Coordinates:
    """How positive hyperparameters depend on the numbers that an optimiser moves.

    Attributes:
        value: of a hyperparameter, given its number.
        number: the inverse of ``value``.
        unseen_noise: part of the noise's variance that its start and its prior leave out.
    """

    value: Callable[[Tensor], Tensor]
    number: Callable[[Tensor], Tensor]
    unseen_noise: float


def _inverse_softplus(values: Tensor) -> Tensor:
    return values + torch.log(-torch.expm1(-values))


SOFTPLUS = Coordinates(softplus, _inverse_softplus, 0.0)
"""GPyTorch's: Adam's steps of one size change large values by amounts, small ones by factors."""
LOGARITHM = Coordinates(torch.exp, torch.log, LEAST_NOISE)
"""L-BFGS-B needs the fewest evaluations in them."""


class Hyperparameters(torch.nn.Module):
    """Length scales, variances and noise.

    ========================  ===============  =======================================
    hyperparameter            start            log-normal prior: median, log standard deviation
    ========================  ===============  =======================================
    length scales of a block  √columns         √columns, 1
    variance of a block       1                1, 2
    variance of the noise     0.1              exp(−2), 2
    ========================  ===============  =======================================

    Args:
        widths: columns of each block; a block without columns has no kernel.
        ard: for each block, whether every column has a length scale of its own.
        coordinates: that they are optimised in.
    """

    def __init__(
        self, widths: Sequence[int], ard: Sequence[bool], coordinates: Coordinates = SOFTPLUS
    ) -> None:
        super().__init__()
        self.coordinates = coordinates
        self.blocks = tuple(
            slice(end - width, end)
            for end, width in zip(accumulate(widths), widths, strict=True)
            if width
        )
        self._medians = [
            torch.full((width if own else 1,), width**0.5, dtype=torch.float64)
            for width, own in zip(widths, ard, strict=True)
            if width
        ]
        ones = torch.ones(len(self.blocks), dtype=torch.float64)
        noise = torch.tensor(FIRST_NOISE + coordinates.unseen_noise, dtype=torch.float64)
        self.lengths = ParameterList(Parameter(coordinates.number(each)) for each in self._medians)
        self.variances = Parameter(coordinates.number(ones))
        self.noise = Parameter(coordinates.number(noise - LEAST_NOISE))

    def forward(self) -> tuple[AdditiveMatern, Tensor]:
        """Kernel and variance of the noise. **Shape** of the latter ()."""
        value = self.coordinates.value
        lengths = tuple(value(each) for each in self.lengths)
        kernel = AdditiveMatern(self.blocks, lengths, value(self.variances))
        return kernel, LEAST_NOISE + value(self.noise)

    @torch.no_grad()
    def fitted(self) -> tuple[AdditiveMatern, float]:
        """Kernel and variance of the noise, without gradients."""
        kernel, noise = self()
        return kernel, noise.item()

    def maximise(
        self,
        log_likelihood: Callable[[AdditiveMatern, Tensor], Tensor],
        labels: int,
        optimiser: Optimiser,
        others: Sequence[Parameter] = (),
    ) -> None:
        """Maximise a likelihood times the priors.

        Args:
            log_likelihood: of a kernel and a variance of the noise. **Shape** ().
            labels: that it is of; the objective is the mean over them.
            optimiser: see :data:`Optimiser`.
            others: parameters beside the hyperparameters that the likelihood depends on.
        """

        def objective() -> Tensor:
            kernel, noise = self()
            return (log_likelihood(kernel, noise) + self.log_prior(kernel, noise)) / labels

        optimiser([*self.parameters(), *others], objective)

    def log_prior(self, kernel: AdditiveMatern, noise: Tensor) -> Tensor:
        """Logarithm of their prior density, but for constants. **Shape** ()."""
        seen = noise - self.coordinates.unseen_noise
        total = _log_normal(kernel.variances, 1.0, 2.0) + _log_normal(seen, math.exp(-2.0), 2.0)
        for lengths, median in zip(kernel.lengths, self._medians, strict=True):
            total = total + _log_normal(lengths, median, 1.0)
        return total


REFUSED = 1e6
"""Loss where it cannot be computed. Means of log-likelihoods over labels are some units; a number
much larger than this leaves nothing of the line search's interpolation but a tiny step."""

Optimiser = Callable[[Sequence[Parameter], Callable[[], Tensor]], None]
"""Maximises an objective, a scalar with gradients by the parameters, and changes them in place."""


@dataclass(frozen=True)
class Adam:
    """A fixed number of steps, which also stop early where few labels would be overfitted.

    Attributes:
        steps: how many.
        rate: of the steps.
    """

    steps: int
    rate: float = 0.05

    def __call__(self, parameters: Sequence[Parameter], objective: Callable[[], Tensor]) -> None:
        """Step uphill."""
        optimiser = torch.optim.Adam(parameters, lr=self.rate)
        for _ in range(self.steps):
            optimiser.zero_grad()
            (-objective()).backward()
            optimiser.step()


@dataclass(frozen=True)
class LBFGS:
    """SciPy's L-BFGS-B: for a few hyperparameters it takes the fewest evaluations.

    Its line search may try numbers whose exponentials overflow or whose covariance does not
    factorise: there the objective counts as :data:`REFUSED`, and the search takes a shorter step.

    Attributes:
        iterations: at most.
    """

    iterations: int

    def __call__(self, parameters: Sequence[Parameter], objective: Callable[[], Tensor]) -> None:
        """Climb until the objective no longer grows.

        Raises:
            NotPSDError, NanError: the objective cannot be computed at the start.
        """
        from linear_operator.utils.errors import NanError, NotPSDError
        from scipy.optimize import minimize

        start = parameters_to_vector(parameters).detach().numpy().copy()

        def loss(numbers: np.ndarray) -> tuple[float, np.ndarray]:
            vector_to_parameters(torch.from_numpy(numbers), parameters)
            try:
                value = -objective()
                slopes = parameters_to_vector(torch.autograd.grad(value, parameters))
            except (NotPSDError, NanError):
                if np.array_equal(numbers, start):
                    raise
                return REFUSED, np.zeros_like(numbers)
            if not (value.isfinite() and slopes.isfinite().all()):
                return REFUSED, np.zeros_like(numbers)
            return value.item(), slopes.numpy()

        options = {"maxiter": self.iterations}
        found = minimize(loss, start, jac=True, method="L-BFGS-B", options=options)
        vector_to_parameters(torch.from_numpy(found.x), parameters)


@contextmanager
def cholesky_errors() -> Iterator[None]:
    """Say in one sentence what it means that a covariance does not factorise.

    Raises:
        InputError: it does not.
    """
    from linear_operator.utils.errors import NanError, NotPSDError

    try:
        yield
    except (NotPSDError, NanError) as error:
        raise InputError(
            "the covariance of the labels has no Cholesky factor: "
            "leave out repeated architectures, or describe them by other features"
        ) from error


def _log_normal(values: Tensor, median: Tensor | float, std: float) -> Tensor:
    """Logarithm of a log-normal density of some numbers, but for a constant. **Shape** → ()."""
    logarithm, middle = values.log(), torch.as_tensor(median).log()
    return -(logarithm + ((logarithm - middle) / std).square() / 2).sum()
