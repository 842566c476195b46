"""The front between accuracy and cost: what nothing else beats in both."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from botorch.utils.multi_objective.hypervolume import Hypervolume
from botorch.utils.multi_objective.pareto import is_non_dominated

from experiment.errors import InputError


@dataclass(frozen=True)
class Reference:
    """The point that a hypervolume is counted from.

    Attributes:
        accuracy: architectures below it count for nothing.
        cost: so do those above it.
    """

    accuracy: float
    cost: float

    @classmethod
    def of(cls, accuracies: np.ndarray, costs: np.ndarray) -> Reference:
        """The median accuracy and the highest cost of a table. **Shape** (rows,) each.

        Raises:
            InputError: all costs are equal, so that there is no front.
        """
        if np.nanmin(costs) == np.nanmax(costs):
            raise InputError(f"all costs are {costs[0]:g}: there is no front between them")
        return cls(float(np.nanmedian(accuracies)), float(np.nanmax(costs)))


def front(accuracies: np.ndarray, costs: np.ndarray) -> np.ndarray:
    """Rows that no other row beats: as accurate and as cheap, and better in one of the two.

    **Shape** (n,) each → (k,), in the order of rising costs.
    """
    both = torch.from_numpy(np.stack([accuracies, -costs], axis=1))
    rows = np.flatnonzero(is_non_dominated(both).numpy())
    return rows[np.argsort(costs[rows], kind="stable")]


def hypervolume(accuracies: np.ndarray, costs: np.ndarray, reference: Reference) -> float:
    """Area that some architectures dominate, in accuracy × cost. **Shape** (n,) each."""
    both = torch.from_numpy(np.stack([accuracies, -costs], axis=1))
    if not len(both):
        return 0.0
    worst = torch.tensor([reference.accuracy, -reference.cost], dtype=both.dtype)
    return Hypervolume(worst).compute(both[is_non_dominated(both)])
