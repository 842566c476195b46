"""An estimator of one's own: ``infer`` gives metrics and loss on a part of the nodes.

``depth_first.py`` searches with it.
"""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from datasets import ArchitectureGraph, SearchSpace
from estimators import Measurement
from estimators.tasks.nodes import SplitNodes
from examples.two_layers import SPACE, TwoLayers


class FewSteps:
    """Trains each network for fifty steps on the training nodes of a graph."""

    space: SearchSpace = SPACE

    def __init__(self, nodes: SplitNodes) -> None:
        self.nodes = nodes

    def infer(self, network: nn.Module, part: str) -> tuple[dict[str, float], Tensor]:
        """Metrics and loss on ``train``, ``validation`` or ``test``; a forward pass as it is."""
        mask = self.nodes.parts[part]
        scores, labels = network(self.nodes.features, self.nodes.edges)[mask], self.nodes.labels
        accuracy = (scores.argmax(1) == labels[mask]).float().mean().item()
        return {"accuracy": accuracy}, nn.functional.nll_loss(scores, labels[mask])

    def measure(self, architectures: Sequence[ArchitectureGraph]) -> Iterator[Measurement]:
        """What every estimator has: one measurement for each architecture."""
        for graph in architectures:
            torch.manual_seed(0)
            network = TwoLayers(graph, self.nodes.features.shape[1], self.nodes.num_classes)
            optimiser = torch.optim.Adam(network.parameters(), lr=0.01, weight_decay=5e-4)
            for _ in range(50):
                optimiser.zero_grad()
                self.infer(network, "train")[1].backward()
                optimiser.step()
            metrics, _ = self.infer(network.eval(), "validation")
            yield Measurement(graph, SPACE.hash(graph), "ok", validation=metrics["accuracy"])
