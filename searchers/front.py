"""The front between two objectives, a value and a cost: what nothing else beats in both."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from datasets.objective import Objective
from experiment.errors import InputError

Pair = tuple[Objective, Objective]
"""What is looked for, and what it costs; either may be maximised or minimised."""


def gains(values: np.ndarray, costs: np.ndarray, objectives: Pair) -> np.ndarray:
    """Two quantities with the sign by which more is better. **Shape** (n,) each → (n, 2)."""
    return np.stack(
        [one.sign * each for one, each in zip(objectives, (values, costs), strict=True)], axis=1
    )


@dataclass(frozen=True)
class Reference:
    """The point that a hypervolume is counted from.

    Attributes:
        value: architectures that are worse count for nothing.
        cost: so do those that cost more.
        objectives: what the two are.
    """

    value: float
    cost: float
    objectives: Pair

    @classmethod
    def of(cls, values: np.ndarray, costs: np.ndarray, objectives: Pair) -> Reference:
        """The median value and the worst cost of a table. **Shape** (rows,) each.

        Raises:
            InputError: all costs are equal, so that there is no front.
        """
        if np.nanmin(costs) == np.nanmax(costs):
            raise InputError(f"all costs are {costs[0]:g}: there is no front between them")
        worst = np.nanmin(costs) if objectives[1].maximise else np.nanmax(costs)
        return cls(float(np.nanmedian(values)), float(worst), objectives)

    def hypervolume(self, values: np.ndarray, costs: np.ndarray) -> float:
        """Area that some architectures dominate, in value × cost. **Shape** (n,) each."""
        from botorch.utils.multi_objective.hypervolume import Hypervolume
        from botorch.utils.multi_objective.pareto import is_non_dominated

        both = torch.from_numpy(gains(values, costs, self.objectives))
        if not len(both):
            return 0.0
        worst = gains(np.array([self.value]), np.array([self.cost]), self.objectives)
        return Hypervolume(torch.from_numpy(worst[0])).compute(both[is_non_dominated(both)])


def front(values: np.ndarray, costs: np.ndarray, objectives: Pair) -> np.ndarray:
    """Rows that no other row beats: as good in both, and better in one of the two.

    **Shape** (n,) each → (k,), the best cost first.
    """
    from botorch.utils.multi_objective.pareto import is_non_dominated

    both = gains(values, costs, objectives)
    rows = np.flatnonzero(is_non_dominated(torch.from_numpy(both)).numpy())
    return rows[np.argsort(-both[rows, 1], kind="stable")]
