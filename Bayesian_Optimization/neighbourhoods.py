"""The neighbours of architectures that a search comes back to."""

from __future__ import annotations

from Bayesian_Optimization.domain import Domain
from Bayesian_Optimization.searcher import Observation
from datasets.graph import ArchitectureGraph


class Neighbourhoods:
    """Neighbours by their hashes, found once for each architecture.

    Args:
        domain: says which neighbours there are.
    """

    def __init__(self, domain: Domain) -> None:
        self._domain = domain
        self._found: dict[str, dict[str, ArchitectureGraph]] = {}

    def of(self, centre: Observation) -> dict[str, ArchitectureGraph]:
        """Hash → architecture of all that are one edit away from ``centre``."""
        if centre.hash not in self._found:
            near = self._domain.neighbours(centre.architecture)
            name_of = self._domain.space.hash
            self._found[centre.hash] = {name_of(graph): graph for graph in near}
        return self._found[centre.hash]
