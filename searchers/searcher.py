"""Ask and tell: what every search is behind one interface."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from datasets.batch import as_graphs
from datasets.graph import ArchitectureGraph
from estimators.measurement import Measurement, as_measurements
from experiment.checks import shown, whole_number
from experiment.errors import InputError
from searchers.domain import Domain, as_domain

PATIENCE = 200
"""Random draws per requested architecture before the search for a new one ends."""


@dataclass(frozen=True, slots=True)
class Observation:
    """What a searcher received of one architecture.

    Attributes:
        architecture: canonical.
        hash: the space's hash of it.
        value: what is maximised, or ``None`` where measuring it failed.
        fidelity: epochs of the training, where the search chose them; ``None``: all of them.
    """

    architecture: ArchitectureGraph
    hash: str
    value: float | None
    fidelity: int | None = None

    @property
    def rank(self) -> tuple[float, float]:
        """By what observations with a value are compared: more epochs first, then the value."""
        return rank(self.fidelity, self.value or 0.0)


def rank(fidelity: int | None, value: float) -> tuple[float, float]:
    """By what values are compared: a longer training counts for more than a better value.

    Accuracies after few epochs are lower, and say less, than those after many.
    """
    return math.inf if fidelity is None else fidelity, value


class Searcher(ABC):
    """Proposes architectures to measure and receives their measurements; it maximises.

    - Deterministic: proposals depend on the seed and on earlier calls of :meth:`ask` and
      :meth:`tell`, in their order, alone. A killed search resumes with a new searcher that receives
      the same measurements.
    - No repeats: an architecture is proposed once, up to isomorphism.
    - Filtered: proposals that are outside the domain, or repeated, are dropped. Random
      architectures replace them.

    A subclass implements :meth:`propose`.

    Args:
        domain: the candidate set.
        seed: of everything that is drawn.
        initial: random architectures to begin with.

    Attributes:
        fidelities: epochs that it lets a network be trained for, ascending; none: it leaves them
            to what measures, and proposes each architecture once.
        observations: what it received, in order.
        dropped: number of proposals that were repeated or outside the domain.
    """

    fidelities: tuple[int, ...] = ()

    def __init__(self, domain: Domain, seed: int = 0, initial: int = 10) -> None:
        initial = whole_number(initial, "the number of architectures to begin with", least=None)
        if initial < 1:
            raise InputError(f"a search begins with {initial} architectures, expected 1 at least")
        self.domain = as_domain(domain)
        self.space = domain.space
        self.seed = whole_number(seed, "seed")
        self.initial = initial
        self.observations: list[Observation] = []
        self._succeeded: list[Observation] = []
        self.dropped = 0
        self._asked: dict[str, ArchitectureGraph] = {}
        self._pending: dict[str, ArchitectureGraph] = {}

    @property
    def succeeded(self) -> list[Observation]:
        """The observations that have a value."""
        return self._succeeded.copy()

    @property
    def pending(self) -> list[ArchitectureGraph]:
        """What was proposed and is not measured yet, in order."""
        return list(self._pending.values())

    @property
    def incumbent(self) -> Observation | None:
        """The best observation, the first of equal ones."""
        return max(self.succeeded, key=lambda each: each.rank, default=None)

    def fidelity(self, hash: str) -> int | None:
        """Epochs for which an architecture was proposed last; ``None``: all that there are."""
        return None

    def ask(self, n: int = 1) -> list[ArchitectureGraph]:
        """The next ``n`` architectures to measure, canonical; fewer where no others are left.

        None was proposed before.

        Raises:
            InputError: ``n`` is no whole number, or negative; or :meth:`propose` gives something
                else than architectures.
        """
        n = whole_number(n, "the number of architectures to propose")
        generator = np.random.default_rng([self.seed, len(self._asked)])
        chosen: dict[str, ArchitectureGraph] = {}
        begin = min(n, max(self.initial - len(self._asked), 0))
        self._add_random(chosen, begin, generator)
        if len(chosen) < n and self._succeeded:
            self._add(chosen, self._proposals(n - len(chosen), generator), n)
        self._add_random(chosen, n, generator)
        self.expect(chosen.values())
        return list(chosen.values())

    def expect(
        self, architectures: Iterable[ArchitectureGraph], fidelities: Sequence[int] = ()
    ) -> None:
        """Take note that these are being measured, as :meth:`ask` does with what it returns.

        Args:
            architectures: what is being measured.
            fidelities: epochs of each, to a searcher that chooses them.

        Raises:
            ArchitectureError: something is no architecture, or no member of the space.
        """
        canonical = [self.space.canonical(each) for each in as_graphs(architectures)]
        for architecture in canonical:
            hash = self.space.hash(architecture)
            self._asked[hash] = self._pending[hash] = architecture

    def tell(self, measurements: Sequence[Measurement]) -> None:
        """Receive measurements, of architectures that were proposed or of any others.

        Raises:
            ArchitectureError: one that was not proposed is no member of the space.
            InputError: something is no measurement. None was received then.
        """
        known = [each for each in as_measurements(measurements) if each.hash]
        canonical = [
            self._asked.get(each.hash) or self.space.canonical(each.architecture) for each in known
        ]
        for measurement, architecture in zip(known, canonical, strict=True):
            self._asked[measurement.hash] = architecture
            self._pending.pop(measurement.hash, None)
            value = self.value(measurement)
            seen = Observation(architecture, measurement.hash, value, measurement.fidelity)
            self.observations.append(seen)
            if value is not None:
                self._succeeded.append(seen)

    def value(self, measurement: Measurement) -> float | None:
        """What is maximised: the validation value, ``None`` where there is no finite one."""
        value = measurement.validation
        return value if measurement.ok and value is not None and math.isfinite(value) else None

    @abstractmethod
    def propose(self, n: int, generator: np.random.Generator) -> Iterable[ArchitectureGraph]:
        """Architectures to measure next, the best first: ``n`` or more members of the space.

        At least one observation has a value.
        """

    def new(self, hash: str) -> bool:
        """Whether an architecture may be proposed: in the domain, and not proposed before."""
        return hash not in self._asked and self.domain.holds(hash)

    def _proposals(self, n: int, generator: np.random.Generator) -> Iterator[ArchitectureGraph]:
        """What :meth:`propose` gives, checked as it is taken."""
        found, what = self.propose(n, generator), f"{type(self).__name__}.propose"
        if isinstance(found, str | Mapping) or not isinstance(found, Iterable):
            raise InputError(
                f"{what} returned {'None' if found is None else shown(found)}, expected a list of "
                "architectures, the best first, or an empty one: return it, or yield architectures"
            )
        for one in found:
            if not isinstance(one, ArchitectureGraph):
                raise InputError(
                    f"{what} proposed {shown(one)}, expected an ArchitectureGraph: the parse() of "
                    "its space makes one of a notation"
                )
            yield one

    def _add(
        self, chosen: dict[str, ArchitectureGraph], found: Iterable[ArchitectureGraph], n: int
    ) -> None:
        """Take what is new of ``found``, until there are ``n``."""
        for architecture in found:
            if len(chosen) >= n:
                return
            hash = self.space.hash(architecture)
            if hash in chosen or not self.new(hash):
                self.dropped += 1
                continue
            chosen[hash] = self.space.canonical(architecture)

    def _add_random(
        self, chosen: dict[str, ArchitectureGraph], n: int, generator: np.random.Generator
    ) -> None:
        """Fill up to ``n`` with random new architectures, or fewer where none are left."""
        for _ in range(PATIENCE):
            if len(chosen) >= n:
                return
            for architecture in self.domain.sample(n - len(chosen), generator):
                hash = self.space.hash(architecture)
                if hash not in chosen and self.new(hash):
                    chosen[hash] = self.space.canonical(architecture)
