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
    return both.sub_(rows @ others.mT, alpha=2).clamp_(min=0)


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

    def within(self, rows: Tensor) -> Tensor:
        """Covariances of rows among themselves, differentiable by lengths and variances alone.

        It is ``kernel(rows, rows)``; a fit, whose rows stay as they are, needs half the passes
        over matrices of all pairs. **Shape** (n, F) → (n, n).
        """
        return _Within.apply(rows, self.blocks, self.variances, *self.lengths)


class _Matern(torch.autograd.Function):
    """Keeps one matrix for the way back, where automatic differentiation keeps five."""

    @staticmethod
    def forward(ctx: Any, squares: Tensor) -> Tensor:
        correlations, slope = _correlations(squares)
        ctx.save_for_backward(slope)
        return correlations

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        (slope,) = ctx.saved_tensors
        return gradient * slope * (-5 / 6)


class _Within(torch.autograd.Function):
    """Keeps three matrices of a block for the way back, which takes one product at most."""

    @staticmethod
    def forward(
        ctx: Any, rows: Tensor, blocks: tuple[slice, ...], variances: Tensor, *lengths: Tensor
    ) -> Tensor:
        total = rows.new_zeros(len(rows), len(rows))
        kept = []
        for block, scales, variance in zip(blocks, lengths, variances, strict=True):
            scaled = rows[:, block] / scales
            squares = squared_distances(scaled, scaled)
            correlations, slope = _correlations(squares)
            total.addcmul_(correlations, variance)
            kept += [scaled, squares, correlations, slope]
        ctx.save_for_backward(variances, *lengths, *kept)
        return total

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        variances, *others = ctx.saved_tensors
        lengths, kept = others[: len(variances)], others[len(variances) :]
        by_variance, by_lengths = torch.empty_like(variances), []
        for k, scales in enumerate(lengths):
            scaled, squares, correlations, slope = kept[4 * k : 4 * k + 4]
            by_variance[k] = gradient.reshape(-1) @ correlations.view(-1)
            # by the squares, but for the factor −5/6 · variance
            by_squares = gradient * slope
            if len(scales) == 1:
                moments = (by_squares.reshape(-1) @ squares.view(-1))[None]
            else:  # Σ w (x − x')² of each column
                moments = (by_squares.sum(0) + by_squares.sum(1)) @ scaled.square()
                moments -= 2 * (scaled * (by_squares @ scaled)).sum(0)
            by_lengths.append(moments * (5 / 3) * variances[k] / scales)
        return None, None, by_variance, *by_lengths


def _correlations(squares: Tensor) -> tuple[Tensor, Tensor]:
    """Correlations, and their derivatives by the square times −6/5."""
    fives = 5 * squares
    roots = fives.sqrt()
    decay = torch.neg(roots).exp_()
    slope = roots.add_(1).mul_(decay)  # in place: a whole space at once is gigabytes
    return fives.mul_(decay).div_(3).add_(slope), slope
