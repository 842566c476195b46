"""The costs of networks as features of their architectures."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from datasets.batch import GraphBatch
from datasets.pruning import prune_batch
from datasets.space import SearchSpace
from experiment.errors import InputError
from models.networks.costs import Costs
from models.networks.families import NETWORKS
from predictors.features.features import Features

Formula = Callable[[GraphBatch], Costs]
"""Parameters and multiply-adds of the networks of a batch, without building them."""


def cost_formula(space: SearchSpace) -> Formula | None:
    """What the networks that the space's paper trains on CIFAR-10 cost; ``None`` if unknown."""
    family = NETWORKS.get(space.family)
    return None if family is None or space.max_nodes < family.least_nodes else family.costs


class NetworkCosts(Features):
    """Logarithms of a network's parameters and of its floating-point operations an image.

    The networks are those of :func:`cost_formula`.

    Raises:
        InputError: no network family is known for the space.
    """

    name = "costs"
    ard = True
    extrapolates = True

    def __init__(self, space: SearchSpace) -> None:
        super().__init__(space)
        formula = cost_formula(space)
        if formula is None:
            known = [f"{name} ({one.least_nodes} nodes or more)" for name, one in NETWORKS.items()]
            raise InputError(
                f"what networks of {space.name} cost is not known, expected {', '.join(known)}: "
                "describe its architectures by other features than costs, or add a formula to "
                "NETWORKS in models/networks/families.py"
            )
        self._formula = formula

    def __call__(self, batch: GraphBatch) -> np.ndarray:
        """The logarithms. **Shape** (B, 2), float64."""
        costs = self._formula(prune_batch(batch.to("cpu")))
        return torch.stack([costs.parameters, costs.flops], dim=1).double().log().numpy()
