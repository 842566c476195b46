"""What the Gaussian processes have in common: kernel, noise, and how they are fitted.

The kernel is a sum of Matérn-5/2 kernels, one a description (Duvenaud et al. 2011, *Additive
Gaussian Processes*), each with an amplitude of its own: what no description explains is noise. A
description whose numbers are quantities of their own has a length scale for each of them; the
others have one. Hyperparameters maximise the marginal likelihood under weak priors
(Rasmussen & Williams 2006, chapter 5).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from gpytorch import Module
from gpytorch.constraints import GreaterThan
from gpytorch.kernels import AdditiveKernel, MaternKernel, ScaleKernel
from gpytorch.likelihoods import GaussianLikelihood
from gpytorch.priors import LogNormalPrior
from linear_operator.utils.errors import NanError, NotPSDError
from torch import Tensor

from experiment.errors import InputError

LEAST_NOISE, FIRST_NOISE = 1e-4, 0.1
"""Variances, of targets whose variance is 1."""
PORTION = 4096
"""Architectures that are predicted at once."""


def matern_sum(numeric: Sequence[bool], widths: Sequence[int]) -> AdditiveKernel:
    """Matérn kernels, each on its own columns of the inputs, added.

    Args:
        numeric: for each description, whether every column has a length scale of its own.
        widths: columns of each description; one without columns has no kernel.
    """
    kernels, begin = [], 0
    for own, width in zip(numeric, widths, strict=True):
        if width:
            kernels.append(_matern(own, range(begin, begin + width)))
        begin += width
    return AdditiveKernel(*kernels).double()


def noise() -> GaussianLikelihood:
    """Normal noise of one variance."""
    likelihood = GaussianLikelihood(
        noise_prior=LogNormalPrior(-2.0, 2.0), noise_constraint=GreaterThan(LEAST_NOISE)
    ).double()
    likelihood.noise = FIRST_NOISE
    return likelihood


def log_priors(*parts: Module) -> Tensor:
    """Logarithm of the prior density of the hyperparameters of some parts of a model."""
    found = (each for part in parts for each in part.named_priors())
    return torch.stack(
        [prior.log_prob(value(module)).sum() for _, module, prior, value, _ in found]
    ).sum()


def maximise(
    parameters: Iterable[torch.nn.Parameter],
    objective: Callable[[], Tensor],
    steps: int,
    rate: float,
) -> None:
    """Adam's steps uphill."""
    optimiser = torch.optim.Adam(list(parameters), lr=rate)
    for _ in range(steps):
        optimiser.zero_grad()
        (-objective()).backward()
        optimiser.step()


@contextmanager
def cholesky_errors() -> Iterator[None]:
    """Say in one sentence what it means that a covariance does not factorise.

    Raises:
        InputError: it does not.
    """
    try:
        yield
    except (NotPSDError, NanError) as error:
        raise InputError(
            "the covariance of the labels has no Cholesky factor: "
            "leave out repeated architectures, or describe them by other features"
        ) from error


def _matern(own_lengths: bool, columns: range) -> ScaleKernel:
    """A Matérn-5/2 kernel on some columns, with an amplitude; lengths begin at √(columns)."""
    width = len(columns)
    prior = LogNormalPrior(float(np.log(width) / 2), 1.0)
    kernel = MaternKernel(
        2.5,
        ard_num_dims=width if own_lengths else None,
        active_dims=tuple(columns),
        lengthscale_prior=prior,
    )
    kernel.lengthscale = width**0.5
    scaled = ScaleKernel(kernel, outputscale_prior=LogNormalPrior(0.0, 2.0))
    scaled.outputscale = 1.0
    return scaled
