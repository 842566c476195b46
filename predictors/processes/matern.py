"""Matérn-5/2 kernels, and sums of them over blocks of features.

The derivative of :func:`matern` exists everywhere, also where two points meet.
"""

from __future__ import annotations

from dataclasses import dataclass
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


@dataclass(frozen=True)
class AdditiveMatern:
    """A sum of Matérn-5/2 kernels, each on a block of features of its own.

    Duvenaud, Nickisch & Rasmussen 2011, *Additive Gaussian Processes*. It is written out because
    an acquisition evaluates it thousands of times at a few points each, where the bookkeeping of
    GPyTorch's kernels takes most of the time.

    Attributes:
        blocks: the columns of each kernel.
        lengths: its length scales. **Shape** of each (1,) or (columns,).
        variances: of each. **Shape** (kernels,).
    """

    blocks: tuple[slice, ...]
    lengths: tuple[Tensor, ...]
    variances: Tensor

    @property
    def variance(self) -> Tensor:
        """Of the process at any point. **Shape** ()."""
        return self.variances.sum()

    @property
    def first(self) -> AdditiveMatern:
        """The first kernel alone."""
        return AdditiveMatern(self.blocks[:1], self.lengths[:1], self.variances[:1])

    def to(self, dtype: torch.dtype) -> AdditiveMatern:
        """The kernel of rows of another precision."""
        lengths = tuple(each.to(dtype) for each in self.lengths)
        return AdditiveMatern(self.blocks, lengths, self.variances.to(dtype))

    def __call__(self, rows: Tensor, others: Tensor) -> Tensor:
        """Covariances. **Shape** (…, n, F), (…, m, F) → (…, n, m)."""
        total = torch.zeros((), dtype=rows.dtype)
        for block, lengths, variance in zip(self.blocks, self.lengths, self.variances, strict=True):
            squares = squared_distances(rows[..., block] / lengths, others[..., block] / lengths)
            total = total + variance * matern(squares)
        return total


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
