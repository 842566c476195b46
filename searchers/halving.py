"""Successive halving, and its asynchronous form: few epochs for many, many for the best.

Jamieson and Talwalkar, *Non-stochastic Best Arm Identification and Hyperparameter Optimization*,
AISTATS 2016, arXiv:1502.07943, as a bracket of Hyperband (Li et al., JMLR 18, 2018,
arXiv:1603.06560); Li et al., *A System for Massively Parallel Hyperparameter Tuning*, MLSys 2020,
arXiv:1810.05934, algorithm 2.
"""

from __future__ import annotations

from abc import abstractmethod
from bisect import insort
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice

import numpy as np

from datasets.batch import as_graphs
from datasets.graph import ArchitectureGraph
from estimators.fidelity import as_fidelities
from estimators.measurement import Measurement, as_measurements
from experiment.checks import whole_number
from experiment.errors import InputError
from searchers.domain import Domain
from searchers.searcher import Searcher

ETA = 3
"""One in so many goes on to the next fidelity; Li et al. 2018, section 2.6, recommend 3 or 4."""


class Halving(Searcher):
    """Draws random architectures, trains them for few epochs, and promotes the best.

    A rung is what was trained for one number of epochs. Which of a rung goes on to the next one is
    what the methods differ in (:meth:`promote`). When nothing may be promoted, a new architecture
    is drawn; when none is left, the best of the highest rung goes on.

    Args:
        domain: the candidate set.
        fidelities: epochs of the rungs, ascending, two or more.
        eta: one in so many is promoted.
        seed: of everything that is drawn.

    Raises:
        InputError: the fidelities are no ascending numbers of epochs, or eta is below 2.
    """

    def __init__(
        self, domain: Domain, fidelities: Sequence[int], *, eta: int = ETA, seed: int = 0
    ) -> None:
        super().__init__(domain, seed)
        self.fidelities = as_fidelities(fidelities)
        self.eta = whole_number(eta, "eta", least=None)
        if self.eta < 2:
            raise InputError(
                f"eta is {self.eta}, expected 2 at least: one in eta goes on to the next fidelity"
            )
        self._rung: dict[str, int] = {}
        self._received: set[tuple[str, int]] = set()
        self.begin()

    def fidelity(self, hash: str) -> int | None:
        """Epochs for which an architecture was proposed last; ``None`` for one that was not."""
        rung = self._rung.get(hash)
        return None if rung is None else self.fidelities[rung]

    def ask(self, n: int = 1) -> list[ArchitectureGraph]:
        """The next ``n`` architectures to train, canonical; :meth:`fidelity` says for how long.

        None was proposed for so many epochs before.

        Raises:
            InputError: ``n`` is no whole number, or negative.
        """
        chosen = []
        for _ in range(whole_number(n, "the number of architectures to propose")):
            found = self.promote() or self._draw() or self._best_left()
            if found is None:
                break
            hash, rung = found
            self._expect(hash, rung)
            chosen.append(self._asked[hash])
        return chosen

    def expect(
        self, architectures: Iterable[ArchitectureGraph], fidelities: Sequence[int] = ()
    ) -> None:
        """Take note that these are being trained.

        Args:
            architectures: what is being trained.
            fidelities: epochs of each; default: the fewest.

        Raises:
            ArchitectureError: something is no architecture, or no member of the space.
            InputError: a fidelity is none of the searcher's.
        """
        canonical = [self.space.canonical(each) for each in as_graphs(architectures)]
        rungs = [self._rung_of(epochs) for epochs in fidelities] or [0] * len(canonical)
        for architecture, rung in zip(canonical, rungs, strict=True):
            hash = self.space.hash(architecture)
            self._asked[hash] = architecture
            self._expect(hash, rung)

    def tell(self, measurements: Sequence[Measurement]) -> None:
        """Receive measurements; one without a fidelity is of the highest.

        Raises:
            ArchitectureError: one that was not proposed is no member of the space.
            InputError: something is no measurement, or of another fidelity. None was received then.
        """
        found = as_measurements(measurements)
        top = len(self.fidelities) - 1
        for each in found:
            if each.fidelity is not None:
                self._rung_of(each.fidelity)
        before = len(self.observations)
        super().tell(found)
        for number, one in enumerate(self.observations[before:], start=before):
            rung = top if one.fidelity is None else self._rung_of(one.fidelity)
            self._rung[one.hash] = max(rung, self._rung.get(one.hash, 0))
            if (one.hash, rung) not in self._received:
                self._received.add((one.hash, rung))
                self.receive(one.hash, rung, one.value, number)

    @abstractmethod
    def begin(self) -> None:
        """Make what the method keeps of the rungs; :attr:`fidelities` and ``eta`` are known."""

    @abstractmethod
    def promote(self) -> tuple[str, int] | None:
        """What goes on to the next rung: hash and rung; ``None``: nothing may, yet."""

    @abstractmethod
    def receive(self, hash: str, rung: int, value: float | None, number: int) -> None:
        """Take a value in.

        Args:
            hash: of the architecture.
            rung: that it was trained in.
            value: that is maximised; ``None`` where measuring it failed.
            number: of the observation: of equal values, the first counts as the better one.
        """

    def entered(self, hash: str) -> None:
        """An architecture was drawn, or given to start from: it is in the lowest rung."""

    def propose(self, n: int, generator: np.random.Generator) -> Iterable[ArchitectureGraph]:
        """Nothing: what is new is drawn at random."""
        return ()

    def open(self, hash: str, rung: int) -> bool:
        """Whether an architecture that was trained in a rung was not asked for beyond it."""
        return self._rung[hash] == rung

    def _rung_of(self, epochs: int) -> int:
        if epochs not in self.fidelities:
            known = ", ".join(map(str, self.fidelities))
            raise InputError(f"{epochs} epochs are none of the fidelities of this search, {known}")
        return self.fidelities.index(epochs)

    def _expect(self, hash: str, rung: int) -> None:
        if hash not in self._rung:
            self.entered(hash)
        self._rung[hash] = rung
        self._pending[hash] = self._asked[hash]

    def _draw(self) -> tuple[str, int] | None:
        """A random new architecture, for the lowest rung."""
        chosen: dict[str, ArchitectureGraph] = {}
        self._add_random(chosen, 1, np.random.default_rng([self.seed, len(self._asked)]))
        self._asked |= chosen
        return next(((hash, 0) for hash in chosen), None)

    def _best_left(self) -> tuple[str, int] | None:
        """The best of the highest rung below the top that has one which did not go on."""
        for rung in reversed(range(len(self.fidelities) - 1)):
            left = [
                each
                for each in self.succeeded
                if each.fidelity == self.fidelities[rung] and self.open(each.hash, rung)
            ]
            if left:
                return max(left, key=lambda each: each.value or 0.0).hash, rung + 1
        return None


class ASHA(Halving):
    """Promotes whenever it can: the asynchronous successive halving algorithm (ASHA).

    As soon as an architecture is among the best ``1 / eta`` of those that were measured in its
    rung, it goes on, from the highest rung down; nothing waits for the slowest training. Early in
    a rung that promotes some that would not have gone on later.
    """

    def begin(self) -> None:
        """No rung has a value yet."""
        self._ranked: list[list[tuple[float, int, str]]] = [[] for _ in self.fidelities]

    def receive(self, hash: str, rung: int, value: float | None, number: int) -> None:
        """Rank a value in its rung; what failed is in none."""
        if value is not None:
            insort(self._ranked[rung], (-value, number, hash))

    def promote(self) -> tuple[str, int] | None:
        """The best that did not go on, of the best ``1 / eta`` of the highest rung with one."""
        for rung in reversed(range(len(self.fidelities) - 1)):
            ranked = self._ranked[rung]
            for _, _, hash in islice(ranked, len(ranked) // self.eta):
                if self.open(hash, rung):
                    return hash, rung + 1
        return None


class SuccessiveHalving(Halving):
    """Promotes when all of a rung are measured: successive halving, bracket after bracket.

    A bracket has ``eta ** (rungs − 1)`` architectures, so that one of them is trained for the most
    epochs. As long as none may be promoted, the next bracket begins, so that no worker waits for a
    rung to be complete (as Li et al. 2020 compare with it in parallel, after Falkner, Klein and
    Hutter, *BOHB*, ICML 2018, section 4.2).
    """

    def begin(self) -> None:
        """The first bracket is empty."""
        top = len(self.fidelities) - 1
        self.sizes = tuple(self.eta ** (top - rung) for rung in range(top + 1))
        self._bracket_of: dict[str, _Bracket] = {}
        self._newest = _Bracket(self.sizes[0])
        self._ready: deque[tuple[str, int]] = deque()

    def entered(self, hash: str) -> None:
        """It belongs to the newest bracket; when that is full, to another one."""
        if self._newest.members == self.sizes[0]:
            self._newest = _Bracket(self.sizes[0])
        self._newest.members += 1
        self._bracket_of[hash] = self._newest

    def receive(self, hash: str, rung: int, value: float | None, number: int) -> None:
        """Take a value into its bracket; the one that completes a rung decides who goes on."""
        bracket = self._bracket_of.get(hash)
        if bracket is None or rung != bracket.rung:
            return
        bracket.left -= 1
        if value is not None:
            bracket.ranked.append((-value, number, hash))
        if bracket.left or rung == len(self.fidelities) - 1:
            return
        best = sorted(bracket.ranked)[: self.sizes[rung + 1]]
        self._ready += [(hash, rung + 1) for _, _, hash in best]
        bracket.rung, bracket.left, bracket.ranked = rung + 1, len(best), []

    def promote(self) -> tuple[str, int] | None:
        """The first of those that won in a complete rung, the best of it first."""
        while self._ready:
            hash, rung = self._ready[0]
            if self.open(hash, rung - 1):
                return hash, rung
            self._ready.popleft()
        return None


@dataclass
class _Bracket:
    """Architectures that were drawn together, and the one rung that they are in.

    Attributes:
        left: how many of the rung were not measured yet.
        rung: counted from 0.
        members: how many were drawn.
        ranked: minus the value, number of the observation, and hash of what has a value.
    """

    left: int
    rung: int = 0
    members: int = 0
    ranked: list[tuple[float, int, str]] = field(default_factory=list)
