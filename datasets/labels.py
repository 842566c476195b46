"""Which measured architectures a surrogate learns from, and which it is judged by."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
import torch

from datasets.batch import GraphBatch
from datasets.benchmark import Benchmark
from datasets.splits import split_rows
from experiment.errors import InputError


@dataclass(frozen=True)
class Labels:
    """Rows of a benchmark.

    Attributes:
        benchmark: of the space.
        metric: the quantity that is learnt: ``validation``, ``test``, or a column of a file.
        labelled: rows to learn from. **Shape** (n,).
        held_out: rows of the tenth that the split holds out, never labelled, in a random order:
            the first ones are a uniform sample. **Shape** (k,).
    """

    benchmark: Benchmark
    metric: str
    labelled: np.ndarray
    held_out: np.ndarray

    @property
    def values(self) -> np.ndarray:
        """What is learnt of each labelled architecture, a mean over trials. **Shape** (n,)."""
        return self.benchmark.metric(self.metric).mean()[self.labelled]

    @property
    def graphs(self) -> GraphBatch:
        """The labelled architectures."""
        return self.benchmark.graphs[torch.from_numpy(self.labelled)]

    @property
    def held_out_graphs(self) -> GraphBatch:
        """The architectures that a surrogate is judged by."""
        return self.benchmark.graphs[torch.from_numpy(self.held_out)]

    def truths(self) -> dict[str, np.ndarray]:
        """Means over the trials of the held-out ones, by metric. **Shape** (k,) each."""
        names = dict.fromkeys(("validation", "test", self.metric))
        present = [name for name in names if name in self.benchmark.metrics]
        return {name: self.benchmark.metric(name).mean()[self.held_out] for name in present}

    @property
    def fingerprint(self) -> str:
        """SHA-256 of which architectures are labelled, in their order, and with what."""
        names = self.benchmark.hashes[self.labelled].tolist()
        lines = [
            f"{name} {value!r}\n" for name, value in zip(names, self.values.tolist(), strict=True)
        ]
        return hashlib.sha256("".join(lines).encode("ascii")).hexdigest()


def draw_labels(benchmark: Benchmark, metric: str, amount: int | None, seed: int) -> Labels:
    """Hold out a tenth of the measured architectures, and draw labels from the others.

    Where a table says which of its rows are a uniform sample of the space (NB101), only these
    count.

    Args:
        benchmark: what was measured.
        metric: what is learnt.
        amount: how many to draw; ``None`` for all that are not held out.
        seed: of the split and the draw.

    Raises:
        InputError: the metric was not measured, or there are not so many to draw from.
    """
    space = benchmark.space.name
    if metric not in benchmark.metrics:
        raise InputError(
            f"{space} was measured without {metric} accuracy: leave out --test, which asks for it"
        )
    measured = np.isfinite(benchmark.metric(metric).mean())
    if "uniform_sample" in benchmark.metrics:
        measured &= benchmark.metric("uniform_sample").mean() == 1
    rows = np.flatnonzero(measured)
    split = split_rows(benchmark.hashes[rows], seed)
    train = rows[split.train]
    amount = len(train) if amount is None else amount
    if amount > len(train):
        raise InputError(
            f"--sample_amount {amount} is more than the {len(train)} measured architectures of "
            f"{space} that are not held out: ask for fewer"
        )
    generator = np.random.default_rng(seed)
    labelled = generator.permutation(train)[:amount]
    return Labels(benchmark, metric, labelled, generator.permutation(rows[split.test]))
