"""Batches of a training with input–output information: labelled and unlabelled ones, in turns.

A labelled batch has pairs of a trained network and an image with what the network computes of it;
an unlabelled one has architectures alone. Published are *blocks*: 300 labelled batches, then about
200 unlabelled ones, and when one kind is used up the other runs on. The paper leaves open what
another order would give: :data:`SAMPLINGS`.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from datasets.batch import GraphBatch
from experiment.errors import InputError
from Training_VAE.settings import IOSettings

LABELLED, UNLABELLED = 1, 2
"""Which random stream the rows of a kind are drawn from; 0 is that of the order of the batches."""


@dataclass(frozen=True, eq=False)
class Pairs:
    """What models learn to predict of every network and image.

    Attributes:
        graphs: the networks' architectures. A of them.
        inputs: the images, **shape** (I, C, height, width); none where a model sees no images.
        targets: **shape** (A, I, K); I is 1 where a model sees no images.
    """

    graphs: GraphBatch
    inputs: tuple[Tensor, ...]
    targets: Tensor

    def __len__(self) -> int:
        """A · I."""
        return self.targets.shape[0] * self.targets.shape[1]

    def batch(self, rows: np.ndarray) -> Batch:
        """Some of the pairs, which are counted network by network."""
        networks, images = (
            torch.from_numpy(each) for each in np.divmod(rows, self.targets.shape[1])
        )
        inputs = tuple(each[images] for each in self.inputs)
        return Batch(self.graphs[networks], inputs, self.targets[networks, images])

    def to(self, device: torch.device) -> Pairs:
        """The same on a device."""
        inputs = tuple(each.to(device) for each in self.inputs)
        return Pairs(self.graphs.to(device), inputs, self.targets.to(device))


@dataclass(frozen=True, eq=False)
class Batch:
    """Examples of one step.

    Attributes:
        graphs: architectures; in a labelled batch those of the pairs.
        inputs: an image for each, where the model sees images.
        targets: **shape** (B, K); ``None`` in an unlabelled batch.
    """

    graphs: GraphBatch
    inputs: tuple[Tensor, ...] = ()
    targets: Tensor | None = None

    def __len__(self) -> int:
        """B."""
        return len(self.graphs)


@dataclass(frozen=True)
class Blocks:
    """Batches of a block: so many labelled ones, then so many unlabelled ones."""

    labelled: int
    unlabelled: int

    @classmethod
    def of(cls, settings: IOSettings, networks: int, unlabelled: int) -> Blocks:
        """The blocks that the settings name.

        Args:
            settings: of the training.
            networks: labelled ones.
            unlabelled: batches of one pass over the unlabelled graphs.

        Raises:
            InputError: there are fewer labelled networks than a batch has examples.
        """
        if settings.block_unlabelled is not None:
            return cls(settings.block_labelled, settings.block_unlabelled)
        whole = networks // settings.batch_size
        if not whole:
            raise InputError(
                f"{networks} labelled networks are fewer than a batch has examples "
                f"({settings.batch_size}): give block_unlabelled, or smaller batches"
            )
        return cls(settings.block_labelled, int(settings.coefficient * unlabelled / whole))


def in_blocks(
    labelled: int, unlabelled: int, blocks: Blocks, generator: np.random.Generator
) -> np.ndarray:
    """Block after block, as published; when one kind is used up the other runs on."""
    first = np.arange(labelled) // blocks.labelled
    second = np.arange(unlabelled) // blocks.unlabelled if blocks.unlabelled else labelled
    of = np.concatenate([first, np.broadcast_to(second, unlabelled)])
    return np.argsort(of, kind="stable") < labelled


def evenly(
    labelled: int, unlabelled: int, blocks: Blocks, generator: np.random.Generator
) -> np.ndarray:
    """The rarer kind spread evenly among the other."""
    places = np.arange(1, labelled + unlabelled + 1) * labelled // (labelled + unlabelled)
    return np.diff(places, prepend=0) > 0


def shuffled(
    labelled: int, unlabelled: int, blocks: Blocks, generator: np.random.Generator
) -> np.ndarray:
    """In random order."""
    return generator.permutation(np.arange(labelled + unlabelled) < labelled)


SAMPLINGS: Mapping[str, Callable[[int, int, Blocks, np.random.Generator], np.ndarray]] = {
    "blocks": in_blocks,
    "evenly": evenly,
    "shuffled": shuffled,
}
"""Orders by name: from the numbers of labelled and unlabelled batches to the order of an epoch.

**Shape** (batches,), bool: whether each is labelled.
"""


def get_sampling(name: str) -> Callable[[int, int, Blocks, np.random.Generator], np.ndarray]:
    """The order of that name.

    Raises:
        InputError: there is none.
    """
    if name not in SAMPLINGS:
        raise InputError(
            f"no order of batches is called {name!r}: choose one of {', '.join(SAMPLINGS)}"
        )
    return SAMPLINGS[name]


def row_batches(
    items: int, size: int, count: int | None, passes: int, seed: tuple[int, ...]
) -> list[np.ndarray]:
    """Rows of the batches of one kind, pass after pass, each in an order of its own.

    The last batch of a pass may be short.

    Args:
        items: rows of a pass.
        size: of a full batch.
        count: how many batches; ``None``: those of all passes.
        passes: over the rows, where ``count`` is ``None``.
        seed: numbers that decide the orders.
    """

    def of_pass(number: int) -> Iterator[np.ndarray]:
        order = np.random.default_rng([*seed, number]).permutation(items)
        return (order[start : start + size] for start in range(0, items, size))

    numbers = range(passes) if count is None else itertools.count()
    return list(itertools.islice(itertools.chain.from_iterable(map(of_pass, numbers)), count))


@dataclass(frozen=True, eq=False)
class Mixture:
    """Batches of both kinds, epoch by epoch: a function of the seed and the epoch alone.

    Args:
        pairs: the labelled examples.
        graphs: the unlabelled ones.
        settings: how many of each, and in which order.
        seed: of the orders.

    Raises:
        InputError: there is nothing to draw from, or no such order.
    """

    pairs: Pairs
    graphs: GraphBatch
    settings: IOSettings
    seed: int

    def __post_init__(self) -> None:
        get_sampling(self.settings.sampling)
        if not len(self.pairs) or not len(self.graphs):
            raise InputError(
                f"there are {len(self.pairs)} labelled pairs and {len(self.graphs)} unlabelled "
                "architectures: expected some of both"
            )

    def __call__(self, epoch: int) -> MixedEpoch:
        """The batches of an epoch, counted from 0."""
        settings, size = self.settings, self.settings.batch_size
        labelled = row_batches(
            len(self.pairs), size, settings.labelled_batches, 1, (self.seed, epoch, LABELLED)
        )
        unlabelled = row_batches(
            len(self.graphs),
            size,
            settings.unlabelled_batches,
            settings.unlabelled_passes,
            (self.seed, epoch, UNLABELLED),
        )
        of_a_pass = settings.unlabelled_batches or -(-len(self.graphs) // size)
        blocks = Blocks.of(settings, len(self.pairs.graphs), of_a_pass)
        order = get_sampling(settings.sampling)(
            len(labelled), len(unlabelled), blocks, np.random.default_rng([self.seed, epoch, 0])
        )
        return MixedEpoch(self, order, labelled, unlabelled)


class MixedEpoch:
    """The batches of one epoch, for :class:`experiment.loop.TrainingLoop`.

    Its length is that of as many full batches; short ones take as much room as full ones.

    Attributes:
        order: whether each batch is labelled. **Shape** (batches,), bool.
        labelled_share: of all examples.
    """

    def __init__(
        self,
        mixture: Mixture,
        order: np.ndarray,
        labelled: list[np.ndarray],
        unlabelled: list[np.ndarray],
    ) -> None:
        self.order = order
        self._mixture = mixture
        kinds = iter(labelled), iter(unlabelled)
        self._rows = [next(kinds[0] if each else kinds[1]) for each in order]
        examples = sum(map(len, self._rows))
        self.labelled_share = sum(map(len, labelled)) / examples

    def __len__(self) -> int:
        return len(self.order) * self._mixture.settings.batch_size

    def __getitem__(self, index: slice) -> Batch:
        """The batch at ``index.start``."""
        number = index.start // self._mixture.settings.batch_size
        rows = self._rows[number]
        if self.order[number]:
            return self._mixture.pairs.batch(rows)
        return Batch(self._mixture.graphs[torch.from_numpy(rows)])
