"""What a network costs, as a description of its architecture."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from datasets.batch import GraphBatch
from datasets.space import SearchSpace
from datasets.spaces.enas import ENAS
from experiment.errors import InputError
from models.networks.costs import Costs, enas_costs, nb101_costs, nb201_costs
from predictors.features.features import Features, computing

Formula = Callable[[GraphBatch], Costs]
"""Parameters and multiply-adds of the networks of a batch, without building them."""
FORMULAS: dict[str, Formula] = {
    "NB101": nb101_costs,
    "DIGITS101": nb101_costs,
    "NB201": nb201_costs,
}
"""Space → what its networks cost; ENAS networks of any number of layers have one formula."""
FEWEST_LAYERS = 3
"""Layers of the smallest ENAS network: it is halved after a third and after two thirds."""


def cost_formula(space: SearchSpace) -> Formula | None:
    """What the networks that the space's paper trains on CIFAR-10 cost; ``None`` if unknown."""
    if isinstance(space, ENAS):
        return enas_costs if space.layers >= FEWEST_LAYERS else None
    return FORMULAS.get(space.name)


class NetworkCosts(Features):
    """Logarithms of a network's parameters and of its floating-point operations an image.

    The networks are those of :func:`cost_formula`.

    Raises:
        InputError: it is not known what networks the space's architectures stand for.
    """

    name = "costs"
    numeric = True

    def __init__(self, space: SearchSpace) -> None:
        super().__init__(space)
        formula = cost_formula(space)
        if formula is None:
            raise InputError(
                f"what networks of {space.name} cost is not known, expected "
                f"{', '.join(FORMULAS)}, or ENAS with {FEWEST_LAYERS} layers or more: describe its "
                "architectures by other features than costs, or add a formula here, in "
                "predictors/features/costs.py"
            )
        self._count = formula

    def __call__(self, batch: GraphBatch) -> np.ndarray:
        """The logarithms. **Shape** (B, 2), float64."""
        graphs = batch.to("cpu")
        if self.space.name in ("NB101", "DIGITS101"):
            graphs = computing(graphs, self.space)
        costs = self._count(graphs)
        return torch.stack([costs.parameters, costs.flops], dim=1).double().log().numpy()
