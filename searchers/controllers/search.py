"""A controller that draws architectures, as a searcher."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterable, Iterator, Sequence, Set

import numpy as np
import torch

from datasets.batch import as_graphs
from datasets.graph import ArchitectureError, ArchitectureGraph
from estimators.measurement import Measurement
from searchers.adapters.parameters import decisions_of
from searchers.controllers.learning import GRAPHNAS_RL, RL, ControllerSettings, Learner, Update
from searchers.domain import Domain
from searchers.searcher import Searcher

DRAWS = 1
"""Sets the seeds of the draws apart from those of the random architectures."""
AT_ONCE = 16
"""Rows that are drawn together: most of the time of a draw does not depend on their number."""
TRIES = 50
"""Draws per proposal that may be known or illegal before a random architecture is proposed."""


class Draws:
    """Rows that a controller draws, and what it learns as soon as they are measured.

    The first ``samples`` rows that were added and not learnt from are learnt from together, when
    all of them are measured.

    Args:
        learner: that is trained.
        seed: of what is drawn.
    """

    def __init__(self, learner: Learner, seed: int) -> None:
        self.learner = learner
        self._seed = seed
        self._drawn = 0
        self._rows: list[tuple[int, ...]] = []
        self._waiting: list[tuple[tuple[int, ...], str]] = []
        self._values: dict[str, float] = {}
        self._shares = False

    def copy(self) -> Draws:
        """The same, to be continued by itself; its controller is copied when it learns."""
        other = copy.copy(self)
        other._rows, other._waiting = self._rows.copy(), self._waiting.copy()
        other._shares = True
        return other

    def follow(self, other: Draws) -> None:
        """Continue where a copy has come to."""
        self.learner, self._drawn = other.learner, other._drawn
        self._rows, self._waiting = other._rows, other._waiting

    def next_row(self) -> tuple[int, ...]:
        """A row by the present probabilities."""
        if not self._rows:
            generator = np.random.default_rng([self._seed, self._drawn, DRAWS])
            drawn = self.learner.controller.sample(AT_ONCE, generator)
            self._rows = [tuple(row) for row in drawn.tolist()]
        self._drawn += 1
        return self._rows.pop(0)

    def add(self, row: tuple[int, ...], hash: str) -> None:
        """A row that was drawn is, or was, measured."""
        self._waiting.append((row, hash))
        self._learn()

    def receive(self, hash: str, value: float | None) -> None:
        """An architecture was measured, also one that was not drawn.

        Args:
            hash: of it.
            value: that is maximised; ``None`` where measuring it failed.
        """
        self._values.setdefault(hash, math.nan if value is None else value)
        self._learn()

    def _learn(self) -> None:
        """Learn from what is due. A failure counts as the worst value of all."""
        n = self.learner.settings.samples
        while len(due := self._waiting[:n]) == n and all(name in self._values for _, name in due):
            known = [value for value in self._values.values() if not math.isnan(value)]
            if not known:
                return
            worst = min(known)
            values = [self._values[name] for _, name in due]
            rewards = [worst if math.isnan(value) else value for value in values]
            rows = torch.tensor([row for row, _ in due])
            if self._shares:
                self.learner, self._shares = copy.deepcopy(self.learner), False
            self.learner.learn(rows, torch.tensor(rewards, dtype=torch.float32))
            del self._waiting[:n]
            self._rows = []  # drawn by what the probabilities were before


class ControllerSearch(Searcher):
    """Draws architectures by a controller, which learns from the values that they reach.

    A row that is drawn again is not measured again: it is learnt from with its known value, so that
    probabilities change as they do where every draw is measured. Rows that make no architecture, or
    none of the domain, are drawn anew and not learnt from. Random architectures to begin with, and
    measurements of others, are not learnt from either, as the controller did not draw them.

    Decisions are the parameters of :func:`~searchers.adapters.parameters.decisions_of`.

    AutoGL's penalty on the number of inputs is left out: it is for choices of any number of inputs,
    which no space of AutoGL has. So is the last stage of its ``GraphNasRL``, twenty trainings of
    each of the five best: :mod:`searchers.declared` trains the best of any search again.

    Args:
        domain: the candidate set.
        seed: of everything that is drawn.
        initial: random architectures to begin with; published is none.
        settings: of the controller and its training.

    Attributes:
        draws: the controller, and what it waits for.

    Raises:
        InputError: no decisions describe the space.
    """

    def __init__(
        self,
        domain: Domain,
        seed: int = 0,
        initial: int = 10,
        settings: ControllerSettings = RL,
    ) -> None:
        super().__init__(domain, seed, initial)
        self._parameters = decisions_of(domain.space)
        self._choices = [tuple(each) for each in self._parameters.choices.values()]
        learner = Learner([len(each) for each in self._choices], settings, self.seed)
        self.draws = Draws(learner, self.seed)
        self._members: dict[tuple[int, ...], tuple[ArchitectureGraph, str] | None] = {}

    @property
    def updates(self) -> list[Update]:
        """What was learnt."""
        return self.draws.learner.updates

    def propose(self, n: int, generator: np.random.Generator) -> Iterator[ArchitectureGraph]:
        """Yields what the controller draws until the caller stops, or nothing new is drawn.

        Nothing changes by it: :meth:`expect` repeats the draws, so that a search that resumes,
        which knows only what was proposed, has the same controller.
        """
        draws, known = self.draws.copy(), set(self._asked)
        while (graph := self._next(draws, known)) is not None:
            known.add(self.space.hash(graph))
            yield graph

    def expect(
        self, architectures: Iterable[ArchitectureGraph], fidelities: Sequence[int] = ()
    ) -> None:
        """Draw what is being measured, where it is what the controller draws next.

        Raises:
            ArchitectureError: something is no architecture, or no member of the space.
        """
        for graph in [self.space.canonical(each) for each in as_graphs(architectures)]:
            hash = self.space.hash(graph)
            if hash not in self._asked and len(self._asked) >= self.initial:
                draws = self.draws.copy()
                found = self._next(draws, self._asked.keys())
                if found is None or self.space.hash(found) == hash:
                    self.draws.follow(draws)
            super().expect([graph])

    def tell(self, measurements: Sequence[Measurement]) -> None:
        """Receive rewards; those that complete a batch update the controller.

        Raises:
            ArchitectureError: one that was not proposed is no member of the space.
            InputError: something is no measurement. None was received then.
        """
        count = len(self.observations)
        super().tell(measurements)
        for each in self.observations[count:]:
            self.draws.receive(each.hash, each.value)

    def _next(self, draws: Draws, known: Set[str]) -> ArchitectureGraph | None:
        """The next architecture of the domain that is drawn and new; ``None`` after many tries."""
        for _ in range(TRIES):
            row = draws.next_row()
            if row not in self._members:
                self._members[row] = self._member(row)
            if (found := self._members[row]) is not None:
                graph, hash = found
                draws.add(row, hash)
                if hash not in known:
                    return graph
        return None

    def _member(self, row: Sequence[int]) -> tuple[ArchitectureGraph, str] | None:
        """The architecture of a row and its hash; ``None`` where it makes none of the domain."""
        values = [options[number] for options, number in zip(self._choices, row, strict=True)]
        configuration = dict(zip(self._parameters.choices, values, strict=True))
        try:
            graph = self._parameters.architecture(configuration)
        except ArchitectureError:
            return None
        hash = self.space.hash(graph)
        return (graph, hash) if self.domain.holds(hash) else None


def rl(domain: Domain, seed: int = 0, initial: int = 10) -> ControllerSearch:
    """A controller that learns after every ten measurements."""
    return ControllerSearch(domain, seed, initial, RL)


def graphnas_rl(domain: Domain, seed: int = 0, initial: int = 10) -> ControllerSearch:
    """A controller as GraphNAS has it, which learns after each measurement."""
    return ControllerSearch(domain, seed, initial, GRAPHNAS_RL)
