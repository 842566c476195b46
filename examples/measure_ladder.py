"""Train Ladder networks to tell two spirals apart, and write a line for each.

    python examples/measure_ladder.py --out runs/data/ladder/measured.jsonl --architectures 200

makes the table that the benchmark of ``examples/adding_a_space.py`` reads.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
if str(ROOT) not in sys.path[:1]:
    sys.path.insert(0, str(ROOT))

import json
import time
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from datasets.graph import ArchitectureGraph
from examples.adding_a_space import Ladder
from experiment.arguments import non_negative_int, parser, positive_int
from experiment.errors import run_command
from experiment.files import atomic_path, refuse_existing
from experiment.progress import progress

WIDTH = 16
POINTS = 200
"""Points in each of the training, validation and test sets."""
ACTIVATIONS = {"relu": torch.relu, "tanh": torch.tanh, "sine": torch.sin}


class LadderNetwork(nn.Module):
    """The network of an architecture: two coordinates → logits of two classes."""

    def __init__(self, graph: ArchitectureGraph) -> None:
        super().__init__()
        self._activations = [ACTIVATIONS[Ladder.types[kind]] for kind in graph.types[1:-1]]
        self._sources = [
            [i for i, j in graph.edges if j == node] for node in range(1, graph.num_nodes)
        ]
        self.first = nn.Linear(2, WIDTH)
        self.layers = nn.ModuleList(nn.Linear(WIDTH, WIDTH) for _ in self._activations)
        self.last = nn.Linear(WIDTH, 2)

    def forward(self, points: Tensor) -> Tensor:
        """**Shape** (P, 2) → (P, 2)."""
        values = [self.first(points)]
        for layer, activation, sources in zip(
            self.layers, self._activations, self._sources[:-1], strict=True
        ):
            total = torch.stack([values[k] for k in sources]).sum(0)
            values.append(activation(layer(total)))
        return self.last(torch.stack([values[k] for k in self._sources[-1]]).sum(0))


def two_spirals(points: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Two spirals of one and a half turns (after Lang and Witbrock, 1988), with some noise.

    **Shape**: (P, 2) coordinates and (P,) classes.
    """
    labels = torch.arange(points) % 2
    turn = torch.rand(points, generator=generator).sqrt()
    angle = 3 * torch.pi * turn + torch.pi * labels
    spiral = turn[:, None] * torch.stack([angle.cos(), angle.sin()], 1)
    return spiral + 0.02 * torch.randn(points, 2, generator=generator), labels


def measure(graph: ArchitectureGraph, seed: int, steps: int) -> dict[str, float]:
    """Train the network once, with Adam on all training points a step."""
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(0)  # the same points for every network
    train, validation, test = (two_spirals(POINTS, generator) for _ in range(3))
    network = LadderNetwork(graph)
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-2)
    began = time.perf_counter()
    for _ in range(steps):
        optimiser.zero_grad()
        nn.functional.cross_entropy(network(train[0]), train[1]).backward()
        optimiser.step()
    seconds = time.perf_counter() - began
    return {
        "validation": accuracy(network, *validation),
        "test": accuracy(network, *test),
        "training_seconds": seconds,
        "parameters": sum(parameter.numel() for parameter in network.parameters()),
    }


@torch.no_grad()
def accuracy(network: LadderNetwork, points: Tensor, labels: Tensor) -> float:
    """Share of the points classified rightly."""
    return float((network(points).argmax(1) == labels).double().mean())


def measurements(architectures: int, trials: int, steps: int, seed: int) -> Iterator[str]:
    """Lines of the table: each of the architectures, drawn without repetition, ``trials`` times."""
    space = Ladder()
    graphs = [graph for batch in space.enumerate() for graph in batch]
    chosen = np.random.default_rng(seed).permutation(len(graphs))[:architectures]
    with progress(len(chosen) * trials, "training", "networks") as bar:
        for row in chosen:
            for trial in range(trials):
                figures = measure(graphs[row], seed + trial, steps)
                yield json.dumps({**space.to_record(graphs[row]), **figures})
                bar.advance(1)


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the table."""
    flags = parser("Train Ladder networks to tell two spirals apart, and write a line for each.")
    flags.add_argument("--out", type=Path, required=True, help="the file to write, FILE.jsonl")
    flags.add_argument("--architectures", type=positive_int, default=200, help="how many")
    flags.add_argument("--trials", type=positive_int, default=2, help="trainings of each")
    flags.add_argument("--steps", type=positive_int, default=300, help="steps of a training")
    flags.add_argument("--seed", type=non_negative_int, default=1, help="of choice and weights")
    flags.add_argument("--overwrite", action="store_true", help="replace a file that is there")
    given = flags.parse_args(arguments)
    refuse_existing([given.out], given.overwrite)
    with atomic_path(given.out) as partial:
        lines = measurements(given.architectures, given.trials, given.steps, given.seed)
        partial.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    print(f"{given.out}: {given.architectures} architectures, {given.trials} trainings of each")
    return 0


if __name__ == "__main__":
    run_command(main)
