"""The written-out kernel agrees with GPyTorch's, values and slopes."""

from __future__ import annotations

import torch
from gpytorch.kernels import MaternKernel

from predictors.processes.hyperparameters import Hyperparameters
from predictors.processes.matern import matern, squared_distances


def test_is_that_of_gpytorch() -> None:
    torch.manual_seed(0)
    rows = torch.randn(3, 20, 7, dtype=torch.float64)
    others = torch.randn(3, 15, 7, dtype=torch.float64)
    kernel = MaternKernel(2.5).double()
    kernel.lengthscale = 1.7
    expected = kernel(rows, others).to_dense()
    found = matern(squared_distances(rows / 1.7, others / 1.7))
    torch.testing.assert_close(found, expected)


def test_slopes_are_right_and_vanish_where_points_meet() -> None:
    torch.manual_seed(0)
    squares = torch.rand(5, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(matern, (squares,))
    here = torch.ones(2, 3, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(matern(squared_distances(here, here)).sum(), here)
    torch.testing.assert_close(slope, torch.zeros_like(slope))


def test_covariances_within_rows_have_the_slopes_of_automatic_differentiation() -> None:
    """For a gradient that is not symmetric too."""
    torch.manual_seed(0)
    rows = torch.randn(30, 7, dtype=torch.float64)
    rows[5] = rows[6]
    hyperparameters = Hyperparameters([4, 3], [False, True])
    ours, _ = hyperparameters()
    found, expected = ours.within(rows), ours(rows, rows)
    torch.testing.assert_close(found, expected)
    weights = torch.randn(30, 30, dtype=torch.float64)
    parameters = [*hyperparameters.lengths, hyperparameters.variances]
    slopes = [
        torch.autograd.grad((weights * each).sum(), parameters, retain_graph=True)
        for each in (found, expected)
    ]
    torch.testing.assert_close(*slopes)
