"""Regions of the latent space that the acquisition is maximised in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from searchers.latent.standardised import Box


class Region(Protocol):
    """Says in which box the next points are chosen."""

    def __call__(self, whole: Box, points: Tensor, values: Tensor, initial: int) -> Box:
        """A part of the whole box, decided by what is known and nothing else.

        Args:
            whole: the box of all latents.
            points: of the observations, in their order. **Shape** (n, G).
            values: **shape** (n,).
            initial: how many of them the search began with.
        """
        ...


@dataclass(frozen=True)
class WholeBox:
    """Everywhere."""

    def __call__(self, whole: Box, points: Tensor, values: Tensor, initial: int) -> Box:
        """The whole box."""
        return whole


@dataclass(frozen=True)
class TrustRegion:
    """A box around the best point, which grows with success and shrinks without.

    TuRBO, Eriksson et al. 2019 (arXiv:1910.01265), whose lengths these are; a region that has
    shrunk too far begins anew at its first length.

    Attributes:
        first: length of the region's edges, in parts of the whole box's.
        largest: at most.
        smallest: where it begins anew.
        successes: better values in a row that double it.
        failures: values in a row without an improvement that halve it.
    """

    first: float = 0.8
    largest: float = 1.6
    smallest: float = 0.5**7
    successes: int = 3
    failures: int = 10

    def __call__(self, whole: Box, points: Tensor, values: Tensor, initial: int) -> Box:
        """The region after all observations."""
        centre = points[int(values.argmax())]
        half = self.length(values.tolist(), initial) / 2 * (whole.upper - whole.lower)
        lower = torch.maximum(whole.lower, torch.minimum(centre - half, whole.upper))
        upper = torch.minimum(whole.upper, torch.maximum(centre + half, whole.lower))
        return Box(lower, upper)

    def length(self, values: list[float], initial: int) -> float:
        """Length of the edges after some values, in the order of the observations."""
        length, better, worse = self.first, 0, 0
        best = max(values[:initial], default=-torch.inf)
        for value in values[initial:]:
            better, worse = (better + 1, 0) if value > best else (0, worse + 1)
            best = max(best, value)
            if better == self.successes:
                length, better = min(2 * length, self.largest), 0
            elif worse == self.failures:
                length, worse = length / 2, 0
            if length < self.smallest:
                length = self.first
        return length
