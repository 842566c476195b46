"""What a network costs, as a description of its architecture."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from datasets.batch import GraphBatch
from datasets.space import SearchSpace
from experiment.errors import InputError
from models.networks.costs import Costs, enas_costs, nb101_costs, nb201_costs
from predictors.features.features import Features, computing


class NetworkCosts(Features):
    """Logarithms of a network's parameters and of its floating-point operations an image.

    The networks are those that the spaces' papers train on CIFAR-10.

    Raises:
        InputError: it is not known what networks the space's architectures stand for.
    """

    name = "costs"
    numeric = True

    def __init__(self, space: SearchSpace) -> None:
        super().__init__(space)
        counts: dict[str, Callable[[GraphBatch], Costs]] = {
            "NB101": nb101_costs,
            "DIGITS101": nb101_costs,
            "NB201": nb201_costs,
            "ENAS": enas_costs,
        }
        if space.name not in counts:
            raise InputError(
                f"what networks of {space.name} cost is not known, expected {', '.join(counts)}: "
                "describe its architectures by other features than costs, or add a formula here, "
                "in predictors/features/costs.py"
            )
        self._count = counts[space.name]

    def __call__(self, batch: GraphBatch) -> np.ndarray:
        """The logarithms. **Shape** (B, 2), float64."""
        graphs = batch.to("cpu")
        if self.space.name in ("NB101", "DIGITS101"):
            graphs = computing(graphs, self.space)
        costs = self._count(graphs)
        return torch.stack([costs.parameters, costs.flops], dim=1).double().log().numpy()
