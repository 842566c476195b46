"""Networks for the Ladder of ``examples/adding_a_space.py``: training, costs and defaults.

``docs/adding-a-space.md`` explains this file. From the repository root::

    python examples/ladder_networks.py Bayesian_Optimization.search --space Ladder --estimator train

runs a command of the project with the space and its networks registered.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
if str(ROOT) not in sys.path[:1]:
    sys.path.insert(0, str(ROOT))

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor, nn

from datasets.batch import GraphBatch
from datasets.graph import ArchitectureGraph
from estimators.networks import DESIGNS, Design
from examples import adding_a_space
from examples.measure_ladder import ACTIVATIONS
from experiment.errors import run_command
from models.networks.costs import Costs
from models.networks.families import NETWORKS, NetworkFamily
from predictors.defaults import DEFAULTS, Choice, Defaults
from searchers.defaults import SEARCH_DEFAULTS, SearchDefaults

SIDE = 8
"""Images are averaged to so many pixels a side before the first layer."""


class LadderImageNetwork(nn.Module):
    """The network of an architecture: images → scores of classes.

    **Shape**: (B, ``in_channels``, H, W) → (B, ``num_classes``).
    """

    def __init__(
        self,
        graph: ArchitectureGraph,
        *,
        num_classes: int = 10,
        in_channels: int = 3,
        width: int = 64,
    ) -> None:
        super().__init__()
        kinds = [adding_a_space.Ladder.types[kind] for kind in graph.types[1:-1]]
        self._activations = [ACTIVATIONS[kind] for kind in kinds]
        self._sources = [
            [i for i, j in graph.edges if j == node] for node in range(1, graph.num_nodes)
        ]
        self.first = nn.Sequential(
            nn.AdaptiveAvgPool2d(SIDE), nn.Flatten(), nn.Linear(in_channels * SIDE**2, width)
        )
        self.layers = nn.ModuleList(nn.Linear(width, width) for _ in kinds)
        self.last = nn.Linear(width, num_classes)

    def forward(self, images: Tensor) -> Tensor:
        """Scores of the classes."""
        values = [self.first(images)]
        for layer, activation, sources in zip(
            self.layers, self._activations, self._sources[:-1], strict=True
        ):
            values.append(activation(layer(sum(values[k] for k in sources))))
        return self.last(sum(values[k] for k in self._sources[-1]))


def ladder_costs(
    batch: GraphBatch,
    *,
    num_classes: int = 10,
    in_channels: int = 3,
    image_size: int = 32,
    width: int = 64,
) -> Costs:
    """Costs of :class:`LadderImageNetwork`: all its parameters are those of dense layers."""
    layers = batch.num_nodes - 2
    ends = (in_channels * SIDE**2 + 1) * width + (width + 1) * num_classes
    parameters = ends + layers * (width + 1) * width
    return Costs(parameters, parameters.clone())


FAMILY = NetworkFamily(LadderImageNetwork, ladder_costs, least_nodes=3)


@dataclass(frozen=True)
class LadderDesign(Design):
    """Sizes of the networks.

    Attributes:
        width: features of each layer.
    """

    family = FAMILY
    counted = ("width",)

    width: int = 64


def register() -> None:
    """Make the space known, and enter its family into one table of each library."""
    adding_a_space.register()
    NETWORKS["Ladder"] = FAMILY
    DESIGNS["Ladder"] = LadderDesign
    DEFAULTS["Ladder"] = Defaults(Choice("gp", ("statistics", "costs")))
    SEARCH_DEFAULTS["Ladder"] = SearchDefaults(("statistics", "costs"))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command of the project with the space and its networks registered."""
    register()
    return adding_a_space.main(arguments)


if __name__ == "__main__":
    from examples import ladder_networks  # classes of __main__ could not be imported elsewhere

    run_command(ladder_networks.main)
