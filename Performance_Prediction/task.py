"""What a predictor is fitted on, and what it is to predict."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from datasets.batch import GraphBatch
from datasets.benchmark import Benchmark
from datasets.objective import Objective
from datasets.space import SearchSpace
from experiment.errors import InputError

LABELS = 400
"""Architectures of a benchmark that predictors are fitted to by default."""


@dataclass(frozen=True)
class Measured:
    """Architectures with what was measured of them, each once.

    Attributes:
        space: the search space.
        source: where the numbers are from, in a few words.
        graphs: the architectures. B of them.
        hashes: the space's hash of each. **Shape** (B,), strings.
        values: by metric, a mean over trials; first that which predictions are judged by, last
            that which is learnt (they may be one). **Shape** (B,) each.
        objectives: of each metric what is better, and its unit.
    """

    space: SearchSpace
    source: str
    graphs: GraphBatch
    hashes: np.ndarray
    values: dict[str, np.ndarray]
    objectives: dict[str, Objective]

    def __len__(self) -> int:
        return len(self.hashes)

    def __getitem__(self, rows: np.ndarray) -> Measured:
        """Some of them. **Shape** (n,) integers."""
        values = {name: each[rows] for name, each in self.values.items()}
        graphs = self.graphs[torch.from_numpy(rows)]
        hashes = self.hashes[rows]
        return Measured(self.space, self.source, graphs, hashes, values, self.objectives)

    @property
    def label(self) -> Objective:
        """What is learnt."""
        return self.objectives[list(self.values)[-1]]

    @property
    def target(self) -> Objective:
        """What predictions are judged by."""
        return self.objectives[next(iter(self.values))]

    @property
    def labels(self) -> np.ndarray:
        """The values of what is learnt. **Shape** (B,)."""
        return self.values[self.label.name]

    def fingerprint(self, metric: str) -> str:
        """SHA-256 of which architectures these are, in their order, and of what was measured."""
        pairs = zip(self.hashes.tolist(), self.values[metric].tolist(), strict=True)
        text = "".join(f"{name} {value!r}\n" for name, value in pairs)
        return hashlib.sha256(text.encode("ascii")).hexdigest()


def of_benchmark(
    benchmark: Benchmark, metrics: Sequence[str], *, minimise: bool = False
) -> Measured:
    """The architectures of a benchmark of which all ``metrics`` are known.

    Where a table says which of its rows are a uniform sample of the space (NB101), only these.

    Args:
        benchmark: a table's, or that of a file of measurements.
        metrics: what predictions are judged by first, what is learnt last.
        minimise: whether lower values are better; overrides the direction of the metric.

    Raises:
        InputError: a metric was not measured.
    """
    values = {name: benchmark.metric(name).mean() for name in metrics}
    known = np.isfinite(np.stack(list(values.values()))).all(axis=0)
    if "uniform_sample" in benchmark.metrics:
        known &= benchmark.metric("uniform_sample").mean() == 1
    rows = np.flatnonzero(known)
    source = f"{benchmark.space.name} on {benchmark.dataset}"
    objectives = {name: benchmark.metric(name).objective for name in metrics}
    if minimise:
        objectives = {name: replace(each, maximise=False) for name, each in objectives.items()}
    return Measured(
        benchmark.space, source, benchmark.graphs, benchmark.hashes, values, objectives
    )[rows]


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
