"""Aging evolution over decisions, as DeepHyper runs it asynchronously.

Real, Aggarwal, Huang and Le, *Regularized Evolution for Image Classifier Architecture Search*,
AAAI 2019 (arXiv:1802.01548); Balaprakash et al., *Scalable Reinforcement-Learning-Based Neural
Architecture Search for Cancer Deep Learning Research*, SC 2019, and the class
``RegularizedEvolution`` of DeepHyper 0.4.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from datasets.graph import ArchitectureError, ArchitectureGraph
from experiment.checks import whole_number
from experiment.errors import InputError
from searchers.adapters.parameters import parameters_of
from searchers.domain import Domain
from searchers.searcher import Searcher

POPULATION, TOURNAMENT = 100, 10
"""DeepHyper's."""
TRIES = 200
"""Children per proposal that may be known or illegal before a random architecture is proposed."""


class AgingEvolution(Searcher):
    """Changes exactly one decision of the best of a random sample of the last measurements.

    Decisions are the parameters of :func:`~searchers.adapters.parameters.parameters_of`: each is as
    likely to change, whether it has two options or a thousand. Every measurement joins the queue,
    failures with the lowest value, and the oldest leaves it. Until the queue is full proposals are
    random. DeepHyper proposes architectures again; here each is proposed once.

    :class:`~searchers.evolution.RegularisedEvolution` draws among all neighbours alike, and begins
    to change architectures earlier.

    Args:
        domain: the candidate set.
        seed: of everything that is drawn.
        population: measurements in the queue.
        tournament: members of which the best one becomes a parent, drawn without replacement.

    Raises:
        InputError: the tournament is larger than the population, or no parameters describe the
            space.
    """

    def __init__(
        self,
        domain: Domain,
        seed: int = 0,
        population: int = POPULATION,
        tournament: int = TOURNAMENT,
    ) -> None:
        super().__init__(domain, seed, whole_number(population, "population", least=1))
        if whole_number(tournament, "tournament", least=1) > population:
            raise InputError(
                f"the tournament is {tournament}, more than the population, {population}: give "
                "at most as many"
            )
        self.population = population
        self.tournament = tournament
        self._parameters = parameters_of(self.space)

    def propose(self, n: int, generator: np.random.Generator) -> Iterator[ArchitectureGraph]:
        """Yields changed architectures until the caller stops; none before the queue is full."""
        members = self.observations[-self.population :]
        if len(members) < self.population:
            return
        values = np.array([-math.inf if each.value is None else each.value for each in members])
        for _ in range(TRIES * n):
            drawn = generator.choice(len(members), size=self.tournament, replace=False)
            parent = members[drawn[values[drawn].argmax()]]
            child = self._change(parent.architecture, generator)
            if child is not None and self.new(self.space.hash(child)):
                yield child

    def _change(
        self, graph: ArchitectureGraph, generator: np.random.Generator
    ) -> ArchitectureGraph | None:
        """The architecture with one decision changed; ``None`` where that makes no member."""
        choices = {name: each for name, each in self._parameters.choices.items() if len(each) > 1}
        if not choices:
            return None
        configuration = self._parameters.configuration(graph)
        name = list(choices)[int(generator.integers(len(choices)))]
        others = [value for value in choices[name] if value != configuration[name]]
        changed = {**configuration, name: others[int(generator.integers(len(others)))]}
        try:
            return self._parameters.architecture(changed)
        except ArchitectureError:
            return None
