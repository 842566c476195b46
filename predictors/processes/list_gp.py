"""A Gaussian process that is asked about the same list of architectures again and again.

It is the additive process of :mod:`predictors.processes.gaussian_process`. What it computes for a
whole list is kept from one time to the next: descriptions, and squared distances to what was
measured, a column for each measurement. So a hundred thousand candidates cost less than a second
a query.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from predictors.joined import Joined
from predictors.processes.gaussian_process import AdditiveProcess
from predictors.processes.kernels import cholesky_errors
from predictors.processes.matern import matern
from predictors.regressor import Description

STEPS = 120
"""Of the search for hyperparameters."""
LEAST_VARIANCE = 1e-8
"""Of a value whose targets have a variance of 1; below are rounding errors."""


class PoolProcess:
    """Learns values of some architectures of a list, and says what to expect of all.

    Args:
        descriptions: of all architectures of the list; they are standardised over it.
    """

    def __init__(self, descriptions: Sequence[Description]) -> None:
        self._joined = Joined(descriptions)
        self._rows = torch.from_numpy(self._joined(descriptions))  # (B, F)
        widths = [width for width in self._joined.widths if width]
        parts = self._rows.float().split(widths, dim=1)
        own = [
            own
            for own, width in zip(self._joined.numeric, self._joined.widths, strict=True)
            if width
        ]
        self._kinds = [
            _OwnLengths(part) if each else _OneLength(part)
            for each, part in zip(own, parts, strict=True)
        ]
        self._model = AdditiveProcess(self._joined)

    def __len__(self) -> int:
        return len(self._rows)

    def fit(self, rows: Sequence[int], targets: np.ndarray) -> None:
        """Choose hyperparameters, beginning afresh. **Shape** (n,) each.

        Raises:
            InputError: the covariance has no Cholesky factor.
        """
        self._model = AdditiveProcess(self._joined)
        with cholesky_errors():
            self._model.fit(self._rows[list(rows)], torch.from_numpy(targets), STEPS)

    @torch.no_grad()
    def expect(
        self, rows: Sequence[int], targets: np.ndarray, among: Tensor | None = None
    ) -> Expectation:
        """What some targets make expect of others.

        Args:
            rows: what was measured. **Shape** (n,).
            targets: its values. **Shape** (n,).
            among: rows that one wants to know of; default: all. **Shape** (A,).

        Raises:
            InputError: the covariance has no Cholesky factor.
        """
        known = torch.from_numpy(targets)
        with cholesky_errors():
            self._model.condition(self._rows[list(rows)], known)
        among = torch.arange(len(self)) if among is None else among
        across = self.across(list(rows), among)  # (n, A)
        explained = torch.linalg.solve_triangular(self._model.factor.float(), across, upper=False)
        mean = self._model.weights.float() @ across
        prior = sum(float(variance) for variance, _ in self._model.components())
        variance = (prior - explained.square().sum(0)).clamp(min=LEAST_VARIANCE)
        best = known - self.noise * self._model.weights
        return Expectation(self, among, mean.double(), variance.double(), explained, best)

    def across(self, rows: list[int], among: Tensor) -> Tensor:
        """Covariance of some architectures with others. **Shape** (n, A), float32."""
        total = torch.zeros(len(rows), len(among))
        for (variance, lengths), kind in zip(self._model.components(), self._kinds, strict=True):
            squares = kind.squares(rows, among, lengths.float())
            total += matern(squares).mul_(variance.float())
        return total

    @property
    def noise(self) -> float:
        """Variance of the noise."""
        return float(self._model.noise.noise.detach())


class Expectation:
    """What is expected of some architectures of a list.

    Attributes:
        rows: which they are. **Shape** (A,), int64.
        mean: **shape** (A,), float64.
        known: means of those that were measured, in their order. **Shape** (n,), float64.
    """

    def __init__(
        self,
        process: PoolProcess,
        rows: Tensor,
        mean: Tensor,
        variance: Tensor,
        explained: Tensor,
        known: Tensor,
    ) -> None:
        self.rows = rows
        self.mean = mean
        self.known = known
        self._process = process
        self._variance = variance
        self._explained = explained

    @property
    def deviation(self) -> Tensor:
        """Of the value without noise. **Shape** (A,), float64."""
        return self._variance.sqrt()

    @torch.no_grad()
    def believe(self, position: int) -> None:
        """Take what is expected of one of them for measured.

        A kriging believer (Ginsbourger, Le Riche & Carraro 2010): no mean changes, but how far
        the others may be off.
        """
        own = (self._variance[position] + self._process.noise).sqrt()
        across = self._process.across([int(self.rows[position])], self.rows)[0]
        across = (across - self._explained[:, position] @ self._explained) / own.float()
        self._explained = torch.cat([self._explained, across[None]])
        self._variance = (self._variance - across.double().square()).clamp(min=LEAST_VARIANCE)


class _OneLength:
    """Squared distances of a description with one length scale: they are kept.

    Args:
        values: **shape** (B, F).
    """

    def __init__(self, values: Tensor) -> None:
        self._values = values
        self._squares = values.square().sum(1)
        self._kept: dict[int, Tensor] = {}

    def squares(self, rows: list[int], among: Tensor, lengths: Tensor) -> Tensor:
        """In units of the length scale. **Shape** (n, A)."""
        for row in rows:
            if row not in self._kept:
                products = self._values @ self._values[row]
                self._kept[row] = self._squares + self._squares[row] - 2 * products
        distances = torch.stack([self._kept[row][among] for row in rows])
        return distances.clamp_(min=0).div_(lengths**2)


class _OwnLengths:
    """Squared distances of a description whose quantities have length scales of their own.

    Args:
        values: **shape** (B, F).
    """

    def __init__(self, values: Tensor) -> None:
        self._values = values

    def squares(self, rows: list[int], among: Tensor, lengths: Tensor) -> Tensor:
        """In units of the length scales. **Shape** (n, A)."""
        others, chosen = self._values[among] / lengths, self._values[rows] / lengths
        both = chosen.square().sum(1)[:, None] + others.square().sum(1)
        return (chosen @ others.T).mul_(-2).add_(both).clamp_(min=0)
