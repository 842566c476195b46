"""How far numbers are from those that another implementation gave."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Comparison:
    """One quantity.

    Attributes:
        name: of the quantity.
        difference: relative to the largest magnitude of the expected one.
        tolerance: the largest difference that passes.
    """

    name: str
    difference: float
    tolerance: float

    @property
    def passed(self) -> bool:
        """Whether it is within the tolerance."""
        return self.difference <= self.tolerance


def relative_difference(ours: Tensor, expected: Tensor) -> float:
    """``max |ours − expected| / max |expected|``. **Shape** any, the same twice, not empty."""
    scale = expected.abs().max()
    return float((ours - expected).abs().max() / torch.where(scale > 0, scale, 1.0))
