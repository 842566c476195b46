"""The architectures a VAE is trained on, and those held out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch

from datasets import get_benchmark
from datasets.batch import GraphBatch
from datasets.kept_hashes import kept_hashes
from datasets.space import SearchSpace
from datasets.splits import Split, split_fingerprint, split_rows
from experiment.errors import InputError
from experiment.progress import progress
from predictors.fine_tuning import Labelled
from Training_VAE.settings import TrainingSettings


@dataclass(frozen=True)
class Architectures:
    """All architectures of a training, canonical and each once.

    Attributes:
        space: the search space.
        graphs: one a row.
        hashes: the space's hash of each. **Shape** (rows,).
        split: which rows are held out.
    """

    space: SearchSpace
    graphs: GraphBatch
    hashes: np.ndarray
    split: Split

    @property
    def train(self) -> GraphBatch:
        """The training graphs, in a seeded random order: the first k are a uniform sample."""
        return self.graphs[torch.from_numpy(self.train_rows)]

    @property
    def test(self) -> GraphBatch:
        """The held-out graphs, in a seeded random order: the first k are a uniform sample."""
        return self.graphs[torch.from_numpy(self.test_rows)]

    @property
    def train_rows(self) -> np.ndarray:
        """Rows of :attr:`train`."""
        return self._in_random_order(self.split.train)

    @property
    def test_rows(self) -> np.ndarray:
        """Rows of :attr:`test`."""
        return self._in_random_order(self.split.test)

    def without(self, hashes: np.ndarray) -> Architectures:
        """Those that are not among ``hashes``; each stays in its part. **Shape** (k,), strings."""
        kept = ~np.isin(self.hashes, hashes)
        row = np.cumsum(kept) - 1
        train, test = (row[part[kept[part]]] for part in (self.split.train, self.split.test))
        left = self.hashes[kept]
        split = Split(train, test, split_fingerprint(left, test), self.split.seed)
        return Architectures(self.space, self.graphs[torch.from_numpy(kept)], left, split)

    def _in_random_order(self, rows: np.ndarray) -> np.ndarray:
        return np.random.default_rng(self.split.seed).permutation(rows)


def load_architectures(
    space: SearchSpace, data_root: Path | None, seed: int, cells_up_to: int | None = None
) -> Architectures:
    """Architectures of a space, split 90/10.

    A space that can be enumerated (NB101, NB201) is taken whole; of a larger one (ENAS) the
    architectures that its benchmark measured.

    Args:
        space: the search space.
        data_root: where the benchmark's files are, and the tables made of them.
        seed: of the split.
        cells_up_to: leave out architectures with more nodes.

    Raises:
        InputError: the benchmark's files are absent or broken, or nothing is left.
    """
    if space.is_enumerable:
        with progress(None, f"enumerating the {space.size:,} architectures of {space.name}"):
            graphs = GraphBatch.cat(space.enumerate())
            if cells_up_to is not None:
                graphs = graphs[graphs.num_nodes <= cells_up_to]
            hashes = kept_hashes(space, graphs, data_root)
    else:
        benchmark = get_benchmark(space.name, data_root)
        graphs, hashes = benchmark.graphs, benchmark.hashes
        if cells_up_to is not None:
            small = graphs.num_nodes <= cells_up_to
            graphs, hashes = graphs[small], hashes[small.numpy()]
    if len(graphs) < 10:
        raise InputError(
            f"{len(graphs)} architectures of {space.name} are left to train and test on: "
            f"raise cells_up_to (now {cells_up_to})"
        )
    return Architectures(space, graphs, hashes, split_rows(hashes, seed))


Examples = TypeVar("Examples", GraphBatch, Labelled)


def epoch_examples(
    train: Examples, settings: TrainingSettings, seed: int, device: torch.device
) -> Callable[[int], Examples]:
    """The training examples of every epoch in the order they are seen, by seed and epoch alone."""

    def shuffled(epoch: int) -> Examples:
        number, part = divmod(epoch, settings.epochs_a_pass)
        generator = np.random.default_rng([seed, settings.pass_order(number)])
        order = generator.permutation(len(train))
        rows = np.array_split(order, settings.epochs_a_pass)[part]
        return train[torch.from_numpy(rows)].to(device)

    return shuffled


def epoch_graphs(
    architectures: Architectures, settings: TrainingSettings, seed: int, device: torch.device
) -> Callable[[int], GraphBatch]:
    """The graphs of every epoch in the order they are seen, a function of seed and epoch alone."""
    train = architectures.train[: settings.limit]
    if not settings.fresh_graphs:
        return epoch_examples(train, settings, seed, device)

    space = architectures.space
    count = -(-len(train) // settings.epochs_a_pass)
    held_out = set(architectures.hashes[architectures.split.test].tolist())

    def fresh(epoch: int) -> GraphBatch:
        generator = np.random.default_rng([seed, epoch])
        parts: list[GraphBatch] = []
        missing = count
        while missing:
            graphs = space.sample_batch(missing, generator)
            allowed = [h not in held_out for h in space.hashes(graphs).tolist()]
            parts.append(graphs[torch.tensor(allowed)])
            missing -= len(parts[-1])
        return GraphBatch.cat(parts).to(device)

    return fresh
