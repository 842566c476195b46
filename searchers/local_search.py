"""Local search.

White, Nolen and Savani, *Exploring the Loss Landscape in Neural Architecture Search*, UAI 2021,
arXiv:2005.02960, with both of the paper's variants: the search moves as soon as it finds something
better, and in a local optimum it continues from the next best architecture that has unmeasured
neighbours.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from datasets.graph import ArchitectureGraph
from searchers.domain import Domain
from searchers.neighbourhoods import Neighbourhoods
from searchers.searcher import Searcher


class LocalSearch(Searcher):
    """Asks for the neighbours of the best architecture that has some that are not known yet.

    Args:
        domain: the candidate set.
        seed: of everything that is drawn.
        initial: random architectures to begin with.
    """

    def __init__(self, domain: Domain, seed: int = 0, initial: int = 10) -> None:
        super().__init__(domain, seed, initial)
        self._neighbourhoods = Neighbourhoods(domain)

    def propose(self, n: int, generator: np.random.Generator) -> Iterator[ArchitectureGraph]:
        """New neighbours in a random order, those of the best architecture first."""
        for centre in sorted(self.succeeded, key=lambda each: -(each.value or 0.0)):
            near = self._neighbourhoods.of(centre)
            new = [graph for hash, graph in near.items() if self.new(hash)]
            for position in generator.permutation(len(new)):
                yield new[position]
