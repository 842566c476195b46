"""The written-out kernel agrees with GPyTorch's, values and slopes."""

from __future__ import annotations

import torch
from gpytorch.kernels import MaternKernel

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
