"""Search a space of one's own decisions, with any modules at its nodes, connected freely.

    python examples/own_decisions.py

is interrupted with Ctrl-C and resumes when it is started again; ``python -m analysis.report
runs/own_decisions`` draws it. ``docs/mpnn.md`` explains the space.
"""

import sys
from pathlib import Path

import torch
from torch import Tensor, nn

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from datasets import ArchitectureGraph, DecisionSpace, Kind
from searchers import search

DENSE = Kind("dense", {"width": ("4", "16", "64"), "activation": ("ReLU", "Tanh", "SiLU")})
NORM = Kind("norm")  # a constant node: nothing is decided at it
MERGE = Kind("merge", {"merge": ("concat", "product")})
SPACE = DecisionSpace(
    "OWN",
    [DENSE, NORM, DENSE, MERGE],  # nodes 1 to 4, between the input (0) and the output (5)
    [(0, 1), (1, 2), (3, 4), (4, 5)],
    optional=[(0, 4), (2, 4)],  # what else is merged
    alternatives=[[(0, 3), (1, 3), (2, 3)]],  # what the second dense layer reads
)


class Merge(nn.Module):
    """Joins what comes in side by side, or multiplies it after layers of one width."""

    def __init__(self, how: str, inputs: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.LazyLinear(16) for _ in range(inputs * (how == "product")))

    def forward(self, *values: Tensor) -> Tensor:
        """All in one. **Shape**: each (B, any) → (B, any)."""
        if not self.layers:
            return torch.cat(values, dim=1)
        same = [layer(value) for layer, value in zip(self.layers, values, strict=True)]
        return torch.stack(same).prod(dim=0)


class OwnNetwork(nn.Module):
    """The network of an architecture. **Shape** (B, 2) → (B, 1)."""

    def __init__(self, graph: ArchitectureGraph) -> None:
        super().__init__()
        nodes = range(1, graph.num_nodes)
        self.sources = [[i for i, j in graph.edges if j == node] for node in nodes]
        self.steps = nn.ModuleList(
            module(SPACE.types[graph.types[node]].split(","), len(sources))
            for node, sources in zip(nodes, self.sources, strict=True)
        )

    def forward(self, x: Tensor) -> Tensor:
        """What the last node gives."""
        values = [x]
        for step, sources in zip(self.steps, self.sources, strict=True):
            values.append(step(*(values[source] for source in sources)))
        return values[-1]


def module(options: list[str], inputs: int) -> nn.Module:
    """The module of a node's type; widths that come in are found when it is first called."""
    match options:
        case ["norm"]:
            return nn.LazyBatchNorm1d()
        case ["output"]:
            return nn.LazyLinear(1)
        case [width, activation]:
            return nn.Sequential(nn.LazyLinear(int(width)), getattr(nn, activation)())
    return Merge(options[0], inputs)


def error(architecture: ArchitectureGraph) -> float:
    """Mean squared error on points of a surface that the network was not trained on."""
    torch.manual_seed(0)
    points = 2 * torch.rand(512, 2) - 1
    heights = (3 * points[:, :1]).sin() * points[:, 1:]
    network = OwnNetwork(architecture)
    network(points)  # the widths that come in
    optimiser = torch.optim.Adam(network.parameters(), lr=0.01)
    for _ in range(100):
        optimiser.zero_grad()
        nn.functional.mse_loss(network(points[:256]), heights[:256]).backward()
        optimiser.step()
    network.eval()
    with torch.no_grad():
        return nn.functional.mse_loss(network(points[256:]), heights[256:]).item()


if __name__ == "__main__":
    result = search(
        SPACE,
        error,
        queries=30,
        method="evolution",
        minimise=True,
        unit="squared error",
        run="runs/own_decisions",
        resume=True,
    )
    print(result)
