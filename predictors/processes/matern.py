"""The Matérn-5/2 kernel of squared distances, with a derivative that exists everywhere."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable


def matern(squares: Tensor) -> Tensor:
    """Correlations at squared distances in length scales (Rasmussen & Williams 2006, 4.17).

    It is (1 + r + r²/3) exp(−r) with r² five times the square. Its derivative by the square is
    −5/6 (1 + r) exp(−r): smooth at 0, where that of the distance is not.
    """
    return _Matern.apply(squares)


def squared_distances(rows: Tensor, others: Tensor) -> Tensor:
    """Between every two. **Shape** (…, n, F), (…, m, F) → (…, n, m)."""
    both = rows.square().sum(-1)[..., :, None] + others.square().sum(-1)[..., None, :]
    return (both - 2 * rows @ others.mT).clamp(min=0)


class _Matern(torch.autograd.Function):
    """Keeps one matrix for the way back, where automatic differentiation keeps five."""

    @staticmethod
    def forward(ctx: Any, squares: Tensor) -> Tensor:
        fives = 5 * squares
        roots = fives.sqrt()
        decay = torch.neg(roots).exp_()
        slope = roots.add_(1).mul_(decay)  # in place: a whole space at once is gigabytes
        ctx.save_for_backward(slope)
        return fives.mul_(decay).div_(3).add_(slope)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        (slope,) = ctx.saved_tensors
        return gradient * slope * (-5 / 6)
