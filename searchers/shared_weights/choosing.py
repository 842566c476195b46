"""Training shared weights together with what chooses among their paths, and the choice as a search.

The estimator trains both when the first architecture is asked for, and keeps them in the folder of
the run; the searcher proposes what was chosen.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import cast

import numpy as np
from torch import nn

from datasets.graph import ArchitectureError, ArchitectureGraph
from estimators.from_scratch import representative
from estimators.shared_weights import SharedWeights, evaluate_path
from experiment.checks import whole_number
from experiment.errors import InputError
from models.errors import ModelError
from models.supernets.supernet import Supernet
from searchers.domain import Domain
from searchers.searcher import Searcher

TRIES = 1_000
"""Paths that are looked at, at most, for one more architecture."""


class ChoosingSupernet(nn.Module):
    """A supernet and what chooses among its paths, whose state is kept together.

    Args:
        supernet: shared weights.
        chooser: a controller that learns, or weights of the options.
    """

    def __init__(self, supernet: Supernet, chooser: nn.Module) -> None:
        super().__init__()
        self.supernet = supernet
        self.chooser = chooser


class ChoosingWeights(SharedWeights):
    """Shared weights that are trained together with what chooses among their paths.

    Args:
        training: as for :class:`~estimators.shared_weights.SharedWeights`.
        recipe: how the supernet and the choice are trained.
        folder: where both are kept.
    """

    _whole: ChoosingSupernet | None = None

    @abstractmethod
    def chooser(self, supernet: Supernet) -> nn.Module:
        """What chooses, before it is trained."""

    @abstractmethod
    def paths(self, chooser: nn.Module, seed: int) -> Iterator[Sequence[int]]:
        """Paths by what was learnt, the one to be measured first in front; some may come again."""

    def wrapped(self, supernet: Supernet) -> nn.Module:
        """The supernet and what chooses."""
        self._whole = ChoosingSupernet(supernet, self.chooser(supernet))
        return self._whole

    def chosen(self, seed: int) -> Iterator[ArchitectureGraph]:
        """Architectures by what was learnt, canonical, each once; all are members of the space.

        Args:
            seed: of what is drawn.

        Raises:
            DivergedError: the loss of the training is no longer finite.
        """
        supernet = self.supernet  # trained, or read, by now
        seen: set[str] = set()
        tries = 0
        assert self._whole is not None
        for path in self.paths(self._whole.chooser, seed):
            tries += 1
            try:
                graph = self.space.normalised(supernet.architecture(path))
                graph = representative(graph, self.space)
                new = self.space.is_legal(graph) and self.space.hash(graph) not in seen
            except (ModelError, ArchitectureError):
                new = False
            if new:
                seen.add(self.space.hash(graph))
                tries = 0
                yield graph
            elif tries == TRIES:
                return

    def accuracy(self, supernet: Supernet, path: Sequence[int]) -> float:
        """Validation accuracy of a path, in evaluation mode."""
        dropout = self.recipe.dropout_in_evaluation
        return evaluate_path(supernet, tuple(path), self.task, dropout)["accuracy"]


class ByChoice(Searcher):
    """Proposes what was chosen while shared weights were trained; nothing where that has an end.

    Args:
        domain: the candidate set.
        weights: that are trained when the first architecture is asked for.
        seed: of what is drawn.
    """

    def __init__(self, domain: Domain, weights: ChoosingWeights, seed: int = 0) -> None:
        super().__init__(domain, seed)
        self.weights = weights

    def ask(self, n: int = 1) -> list[ArchitectureGraph]:
        """The next ``n`` that were chosen; fewer where no others are left."""
        n = whole_number(n, "the number of architectures to propose")
        found = self.propose(n, np.random.default_rng(self.seed))
        new = (graph for graph in found if self.new(self.space.hash(graph)))
        chosen = list(islice(new, n))
        self.expect(chosen)
        return chosen

    def propose(self, n: int, generator: np.random.Generator) -> Iterator[ArchitectureGraph]:
        """What was chosen, from the first on."""
        return self.weights.chosen(self.seed)


def check_warmup(warmup_epochs: int, epochs: int) -> None:
    """Make sure that some epochs are left for the choice.

    Raises:
        InputError: none is.
    """
    whole_number(warmup_epochs, "warmup_epochs")
    if warmup_epochs >= epochs:
        raise InputError(
            f"warmup_epochs is {warmup_epochs}, expected 0 to {epochs - 1}: of {epochs} epochs one "
            "is needed for the choice"
        )


def as_choosing(whole: nn.Module) -> ChoosingSupernet:
    """What :meth:`ChoosingWeights.wrapped` returned."""
    return cast(ChoosingSupernet, whole)
