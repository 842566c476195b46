"""What a predictor is fitted on, and what it is to predict."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from datasets.batch import GraphBatch
from datasets.benchmark import Benchmark
from datasets.space import SearchSpace
from experiment.errors import InputError
from Performance_Prediction.lines import read_lines, values_of

LABELS = 400
"""Architectures of a benchmark that are learnt from where nobody says how many."""


@dataclass(frozen=True)
class Measured:
    """Architectures with what was measured of them, each once.

    Attributes:
        space: the search space.
        source: where the numbers are from, in a few words.
        graphs: the architectures. B of them.
        hashes: the space's hash of each. **Shape** (B,), strings.
        values: by metric, a mean over trials. **Shape** (B,) each.
    """

    space: SearchSpace
    source: str
    graphs: GraphBatch
    hashes: np.ndarray
    values: dict[str, np.ndarray]

    def __len__(self) -> int:
        return len(self.hashes)

    def __getitem__(self, rows: np.ndarray) -> Measured:
        """Some of them. **Shape** (n,) integers."""
        values = {name: each[rows] for name, each in self.values.items()}
        graphs = self.graphs[torch.from_numpy(rows)]
        return Measured(self.space, self.source, graphs, self.hashes[rows], values)

    def fingerprint(self, metric: str) -> str:
        """SHA-256 of which architectures these are, in their order, and of what was measured."""
        pairs = zip(self.hashes.tolist(), self.values[metric].tolist(), strict=True)
        text = "".join(f"{name} {value!r}\n" for name, value in pairs)
        return hashlib.sha256(text.encode("ascii")).hexdigest()


def of_benchmark(benchmark: Benchmark, metrics: Sequence[str]) -> Measured:
    """The architectures of a benchmark of which all ``metrics`` are known.

    Where a table says which of its rows are a uniform sample of the space (NB101), only these.

    Raises:
        InputError: a metric was not measured.
    """
    values = {name: benchmark.metric(name).mean() for name in metrics}
    known = np.isfinite(np.stack(list(values.values()))).all(axis=0)
    if "uniform_sample" in benchmark.metrics:
        known &= benchmark.metric("uniform_sample").mean() == 1
    rows = np.flatnonzero(known)
    source = f"{benchmark.space.name} on {benchmark.dataset}"
    return Measured(benchmark.space, source, benchmark.graphs, benchmark.hashes, values)[rows]


def of_file(path: Path, space: SearchSpace, metrics: Sequence[str]) -> Measured:
    """The architectures of a file of measurements; of equal ones the mean is taken.

    Raises:
        ArchitectureError: a line is no member of the space; the message says which line.
        InputError: the file cannot be read, or a line lacks a number.
    """
    lines = read_lines(path, space)
    graphs = GraphBatch.from_graphs([line.graph for line in lines], space.max_nodes)
    hashes, first, group = np.unique(space.hashes(graphs), return_index=True, return_inverse=True)
    counts = np.bincount(group)
    values = {
        name: np.bincount(group, weights=values_of(lines, name, path)) / counts for name in metrics
    }
    return Measured(space, path.name, graphs[torch.from_numpy(first)], hashes, values)


def divide(measured: Measured, labels: int | None, seed: int) -> tuple[Measured, Measured]:
    """Draw architectures to learn from; the rest is there to be predicted.

    Args:
        measured: what there is.
        labels: how many to draw; ``None`` for all.
        seed: of the draw.

    Raises:
        InputError: there are not so many.
    """
    amount = len(measured) if labels is None else labels
    if amount > len(measured):
        raise InputError(
            f"--labels {amount} is more than the {len(measured)} measured architectures "
            f"of {measured.source}: ask for fewer"
        )
    order = np.random.default_rng(seed).permutation(len(measured))
    return measured[order[:amount]], measured[order[amount:]]
