"""A space of graph networks of one's own: two layers, each ``gcn`` or ``gat_8``, and what they are.

The space holds the choices, the module the forward pass. An operation is any module that is called
with features and edges. ``own_estimator.py`` trains these networks, ``depth_first.py`` searches.
"""

import sys
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch_geometric.nn import GATConv, GCNConv

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from datasets import ArchitectureGraph, DecisionSpace, Kind

OPERATIONS = {
    "gcn": GCNConv,
    "gat_8": lambda inputs, outputs: GATConv(inputs, outputs, heads=8, concat=False),
}
LAYER = Kind("layer", {"operation": tuple(OPERATIONS)})
SPACE = DecisionSpace("TWO_LAYERS", [LAYER, LAYER], edges=[(0, 1), (1, 2), (2, 3)])


class TwoLayers(nn.Module):
    """The network of an architecture. **Shape** (N, inputs), (2, E) → (N, classes)."""

    def __init__(self, graph: ArchitectureGraph, inputs: int, classes: int) -> None:
        super().__init__()
        first, last = (OPERATIONS[SPACE.types[kind]] for kind in graph.types[1:-1])
        self.first, self.last = first(inputs, 64), last(64, classes)

    def forward(self, features: Tensor, edges: Tensor) -> Tensor:
        """Log-probabilities of the classes."""
        state = functional.leaky_relu(self.first(features, edges))
        state = functional.dropout(state, 0.2, self.training)
        return self.last(state, edges).log_softmax(1)


if __name__ == "__main__":
    network = TwoLayers(SPACE.parse("gcn gat_8"), inputs=5, classes=3)
    print(SPACE.size, network(torch.rand(4, 5), torch.tensor([[0, 1, 2], [1, 2, 3]])).exp())
