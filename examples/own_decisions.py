"""Search a space of one's own decisions, with any modules at its nodes, connected freely.

    python examples/own_decisions.py

is interrupted with Ctrl-C and resumes when it is started again; ``python -m analysis.report
runs/own_decisions`` draws it. ``docs/mpnn.md`` explains the space.
"""

import sys
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from datasets import ArchitectureGraph, DecisionSpace, Kind
from models import DecisionNetwork
from searchers import search

DENSE = Kind("dense", {"width": ("4", "16", "64"), "activation": ("ReLU", "Tanh", "SiLU")})
NORM = Kind("norm")  # a constant node: nothing is decided at it
MERGE = Kind("merge", {"how": ("concat", "add")})
SPACE = DecisionSpace(
    "OWN",
    [DENSE, NORM, DENSE, MERGE],  # nodes 1 to 4, between the input (0) and the output (5)
    [(0, 1), (1, 2), (3, 4), (4, 5)],
    optional=[(0, 4), (2, 4)],  # what else is merged
    alternatives=[[(0, 3), (1, 3), (2, 3)]],  # what the second dense layer reads
)


class Merge(nn.Module):
    """Joins what comes in side by side, or adds it with zeros behind what is narrower."""

    def __init__(self, how: str) -> None:
        super().__init__()
        self.how = how

    def forward(self, *values: Tensor) -> Tensor:
        """All in one. **Shape**: each (B, any) → (B, any)."""
        if self.how == "concat":
            return torch.cat(values, dim=1)
        return nn.utils.rnn.pad_sequence([value.t() for value in values]).sum(dim=1).t()


MODULES: dict[str, Callable[..., nn.Module]] = {
    "dense": lambda width, activation: nn.Sequential(
        nn.LazyLinear(int(width)), getattr(nn, activation)()
    ),
    "norm": nn.LazyBatchNorm1d,
    "merge": Merge,
    "output": lambda: nn.LazyLinear(1),
}


def error(architecture: ArchitectureGraph) -> float:
    """Mean squared error on points of a surface that the network was not trained on."""
    torch.manual_seed(0)
    points = 2 * torch.rand(512, 2) - 1
    heights = (3 * points[:, :1]).sin() * points[:, 1:]
    network = DecisionNetwork(SPACE, architecture, MODULES)
    network(points)  # finds the widths that come in
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
