"""A search space of one architecture, for a network that was made by hand.

With it a baseline is trained, kept and reported as the architectures of a search are.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from datasets.batch import GraphBatch
from datasets.graph import INPUT, OUTPUT, ArchitectureError, ArchitectureGraph
from datasets.space import SearchSpace
from datasets.spaces.notation import excerpt, read_arch


class FixedNetwork(SearchSpace):
    """The space whose only member is an input that leads to an output.

    The network itself is the matter of its design alone.

    Args:
        name: of the network. It is the notation of the member, and the family.
    """

    types = ("output", "input")
    max_nodes = 2
    size = 1

    member = ArchitectureGraph((INPUT, OUTPUT), ((0, 1),))
    """The architecture."""

    def __init__(self, name: str) -> None:
        self.name = name

    def why_illegal(self, graph: ArchitectureGraph) -> str | None:
        """The reason why ``graph`` is not the member; ``None`` for the member."""
        if graph != self.member:
            return f"{self.name} is one network, expected an input that leads to an output"
        return None

    def canonical(self, graph: ArchitectureGraph) -> ArchitectureGraph:
        """The graph itself."""
        return self.check(graph)

    def sample(self, n: int, generator: np.random.Generator) -> list[ArchitectureGraph]:
        """The member, ``n`` times."""
        return [self.member] * n

    def neighbours(self, graph: ArchitectureGraph) -> list[ArchitectureGraph]:
        """None: there is no other member."""
        self.check(graph)
        return []

    def enumerate(self) -> Iterator[GraphBatch]:
        """The member."""
        yield GraphBatch.from_graphs([self.member])

    def parse(self, text: str) -> ArchitectureGraph:
        """Read the name of the network, or the JSON object of an architecture file.

        Raises:
            ArchitectureError: it is another name.
        """
        if read_arch(text.strip(), self.name) != self.name:
            raise ArchitectureError(f"{excerpt(text)} is not {self.name}, the only network")
        return self.member

    def format(self, graph: ArchitectureGraph) -> str:
        """The name of the network."""
        self.check(graph)
        return self.name

    def legality_mask(self, *, reverse: bool = False) -> FixedMask:
        """Mask for a decoder that builds the member."""
        return FixedMask(INPUT if reverse else OUTPUT)


class FixedMask:
    """The :class:`datasets.batch.LegalityMask` of :class:`FixedNetwork`: nothing is free.

    Args:
        end: type of the second node.
    """

    def __init__(self, end: int) -> None:
        self._end = end

    def allowed_types(self, types: Tensor, adjacency: Tensor) -> Tensor:
        """The end. **Shape**: types (B, n), adjacency (B, n, n) → (B, 2) bool."""
        allowed = torch.zeros(len(types), 2, dtype=torch.bool, device=types.device)
        allowed[:, self._end] = True
        return allowed

    def allowed_edges(
        self, types: Tensor, adjacency: Tensor, new_types: Tensor, drawn: Tensor
    ) -> Tensor:
        """The edge. **Shape**: types (B, n), …, drawn (B, k) → (B, 2) bool."""
        return torch.tensor([False, True], device=types.device).expand(len(types), 2)
