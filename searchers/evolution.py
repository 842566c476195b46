"""Regularised evolution.

Real, Aggarwal, Huang and Le, *Regularized Evolution for Image Classifier Architecture Search*,
AAAI 2019, arXiv:1802.01548, algorithm 1: of a random sample of the population the best one is
mutated, the child joins the population, and the oldest member leaves it.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from datasets.graph import ArchitectureGraph
from searchers.domain import Domain
from searchers.neighbourhoods import Neighbourhoods
from searchers.searcher import Searcher

POPULATION = 30
SAMPLE = 10
"""Settings for a few hundred queries, those of ``naszilla``, the code of White et al. 2021
(arXiv:1910.11858)."""
TRIES = 50
"""Tournaments per child before random architectures are proposed."""


class RegularisedEvolution(Searcher):
    """Mutates the best of a random sample of the architectures that were measured last.

    As every child joins and the oldest leaves, the population is the last successful
    observations; it begins with the random architectures and grows to its size. A mutation is an
    edit that leads to an architecture that was not proposed yet.

    Args:
        domain: the candidate set.
        seed: of everything that is drawn.
        initial: random architectures to begin with.
        population: most members.
        sample: members of which the best one becomes a parent, drawn with replacement.
    """

    def __init__(
        self,
        domain: Domain,
        seed: int = 0,
        initial: int = 10,
        population: int = POPULATION,
        sample: int = SAMPLE,
    ) -> None:
        super().__init__(domain, seed, initial)
        self.population = population
        self.sample = sample
        self._neighbourhoods = Neighbourhoods(domain)

    def propose(self, n: int, generator: np.random.Generator) -> Iterator[ArchitectureGraph]:
        """Yields mutated children until the caller stops."""
        members = self.succeeded[-self.population :]
        values = np.array([each.value for each in members])
        for _ in range(TRIES * n):
            drawn = generator.integers(len(members), size=self.sample)
            parent = members[drawn[values[drawn].argmax()]]
            near = self._neighbourhoods.of(parent)
            children = [graph for hash, graph in near.items() if self.new(hash)]
            if children:
                yield children[generator.integers(len(children))]
