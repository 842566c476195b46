"""The neighbours of architectures that a search comes back to."""

from __future__ import annotations

from datasets.graph import ArchitectureGraph
from searchers.domain import Domain
from searchers.searcher import Observation


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
            space = self._domain.space
            near = {space.hash(graph): graph for graph in space.neighbours(centre.architecture)}
            self._found[centre.hash] = {
                hash: graph for hash, graph in near.items() if self._domain.holds(hash)
            }
        return self._found[centre.hash]
