"""Zero-cost scores of networks that classify the nodes of a graph, on its training nodes."""

from __future__ import annotations

from torch import Tensor, nn

from estimators.tasks.nodes import SplitNodes
from predictors.zero_cost import gradient_scores

ZERO_COST = ("gradient norm", "SNIP")
"""Those of :func:`node_scores`. NASWOT needs ReLU modules, which these networks have not; synflow
makes the features dense, which takes a second a network."""


class OnGraph(nn.Module):
    """The scores of the training nodes as a function of the features. **Shape** (N, F) → (T, C)."""

    def __init__(self, network: nn.Module, nodes: SplitNodes) -> None:
        super().__init__()
        self.network = network
        self.nodes = nodes

    def forward(self, features: Tensor) -> Tensor:
        """Scores of the classes."""
        return self.network(features, self.nodes.edges)[self.nodes.parts["train"]]


def node_scores(network: nn.Module, nodes: SplitNodes) -> tuple[float, float]:
    """The :data:`ZERO_COST` scores of a network at initialisation."""
    labels = nodes.labels[nodes.parts["train"]]
    return gradient_scores(OnGraph(network, nodes), nodes.features, labels)
