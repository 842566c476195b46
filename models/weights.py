"""Linear layers whose weights are prepared once for many small products."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Affine(NamedTuple):
    """Weight (out, in) and bias (out,) in the type a computation runs in."""

    weight: Tensor
    bias: Tensor

    def __call__(self, x: Tensor) -> Tensor:
        """``x Wᵀ + b``. **Shape** (…, in) → (…, out)."""
        return F.linear(x, self.weight, self.bias)


def affine(layer: nn.Linear, dtype: torch.dtype) -> Affine:
    """The weights of ``layer`` in ``dtype``."""
    return Affine(layer.weight.to(dtype), layer.bias.to(dtype))


def stacked(layers: list[nn.Linear], dtype: torch.dtype) -> Affine:
    """Several layers on the same input as one: their outputs stand side by side."""
    return Affine(
        torch.cat([layer.weight for layer in layers]).to(dtype),
        torch.cat([layer.bias for layer in layers]).to(dtype),
    )
