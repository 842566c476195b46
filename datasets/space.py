"""What a search space is: its operations and limits, and what can be done with its members.

A new space is one file with a subclass of :class:`SearchSpace` and a line in
``datasets/registry.py``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from datasets.graph import ArchitectureError, ArchitectureGraph
from datasets.guards import guard
from experiment.checks import random_generator, shown
from experiment.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

    from datasets.batch import GraphBatch, Legality, LegalityMask
    from datasets.forms.form import Form

Entry = TypeVar("Entry")
"""What a table holds."""

ENUMERABLE = 10**6
"""Members of the largest space that is worked on as a list of all of them: in it hashes are looked
for, and it is split, ranked and searched, without a table. Ten times as many would take minutes to
hash and gigabytes to hold."""


class SearchSpace(ABC):
    """A set of architectures.

    Attributes:
        name: as users write it (``NB101``).
        types: name of every type id; ``types[0]`` is "output", ``types[1]`` "input".
        max_nodes: nodes of the largest member, input and output included.
        size: number of members (of isomorphism classes, where orders of nodes do not matter).
    """

    name: str
    types: tuple[str, ...]
    max_nodes: int
    size: int

    @property
    def family(self) -> str:
        """The kind of the architectures, by which each library looks up what suits them.

        Networks, costs and defaults are tables of families. By default a space is a family of one,
        which is called like the space. Spaces with the same networks name a common family; a
        subclass of one of them overrides it where its architectures represent other networks.
        """
        return self.name

    @property
    def is_enumerable(self) -> bool:
        """Whether the space is worked on as a list of all its members: :data:`ENUMERABLE`."""
        return self.size <= ENUMERABLE

    def entry(self, table: Mapping[str, Entry], otherwise: Entry) -> Entry:
        """What a table holds for the space by its own name, else for its family."""
        return table.get(self.name, table.get(self.family, otherwise))

    @property
    def preset_sections(self) -> tuple[str, ...]:
        """The way to the space's own table in a section of a preset: ``[network.<sections>]``."""
        return (self.name,)

    def __init_subclass__(cls, **named: Any) -> None:
        super().__init_subclass__(**named)
        guard(cls)

    def __getstate__(self) -> dict[str, Any]:
        """What is pickled: everything but cached properties, which are computed anew."""
        return {
            name: value
            for name, value in vars(self).items()
            if not isinstance(getattr(type(self), name, None), cached_property)
        }

    @abstractmethod
    def why_illegal(self, graph: ArchitectureGraph) -> str | None:
        """The reason why ``graph`` is no member, in one sentence; ``None`` for a member."""

    def is_legal(self, graph: ArchitectureGraph) -> bool:
        """Whether ``graph`` is a member of the space."""
        return self.why_illegal(graph) is None

    def check(self, graph: ArchitectureGraph) -> ArchitectureGraph:
        """Return ``graph``, a member.

        Raises:
            ArchitectureError: it is no member; the message says why.
        """
        reason = self.why_illegal(graph)
        if reason is not None:
            raise ArchitectureError(f"not an architecture of {self.name}: {reason}")
        return graph

    def legal(self, batch: GraphBatch) -> np.ndarray:
        """:meth:`is_legal` of every graph; vectorised where speed matters. **Shape** (B,), bool."""
        return np.array([self.is_legal(graph) for graph in batch], dtype=bool)

    def of_kind(self, batch: GraphBatch) -> np.ndarray:
        """Which graphs are architectures of this kind: members, or larger ones. **Shape** (B,).

        A predictor of the space takes these. Here they are all graphs with the space's node types;
        a space that knows more of what its architectures have in common overrides this.
        """
        return (batch.types < len(self.types)).all(dim=1).cpu().numpy()

    @abstractmethod
    def canonical(self, graph: ArchitectureGraph) -> ArchitectureGraph:
        """The canonical representative of the isomorphism class of ``graph``.

        Two members are the same architecture exactly when their canonical graphs are equal.
        """

    def normalised(self, graph: ArchitectureGraph) -> ArchitectureGraph:
        """The member that a space counts as the same as ``graph``, which may be none itself.

        Here it is the graph as it is; a space that knows an architecture by several graphs that
        are not isomorphic overrides this.
        """
        return graph

    def hash(self, graph: ArchitectureGraph) -> str:
        """A hexadecimal name of the architecture, the same for all its isomorphic graphs.

        It is :func:`datasets.canonical.canonical_hash`, where a space has no name of its own for
        its architectures; one that has overrides :meth:`hashes` as well.
        """
        from datasets.canonical import canonical_hash

        return canonical_hash(graph)

    def hashes(self, batch: GraphBatch) -> np.ndarray:
        """The :meth:`hash` of every graph of a batch. **Shape** (B,), strings."""
        from datasets.canonical import canonical_hashes

        return np.array(canonical_hashes(batch), dtype=np.str_)

    @abstractmethod
    def sample(self, n: int, generator: np.random.Generator) -> list[ArchitectureGraph]:
        """Draw ``n`` members, with repetition; each class says from which distribution."""

    def sample_batch(self, n: int, generator: np.random.Generator) -> GraphBatch:
        """:meth:`sample` as a batch; a space that can draw one at once overrides this."""
        from datasets.batch import GraphBatch

        return GraphBatch.from_graphs(self.sample(n, generator), self.max_nodes)

    @abstractmethod
    def neighbours(self, graph: ArchitectureGraph) -> list[ArchitectureGraph]:
        """All other members one edit away, canonical, each once; the class defines its edits."""

    def mutate(self, graph: ArchitectureGraph, generator: np.random.Generator) -> ArchitectureGraph:
        """One of the :meth:`neighbours`, drawn uniformly.

        Raises:
            ArchitectureError: it has none.
        """
        random_generator(generator)
        options = self.neighbours(graph)
        if not options:
            raise ArchitectureError(f"the architecture has no neighbours in {self.name}")
        return options[generator.integers(len(options))]

    @abstractmethod
    def enumerate(self) -> Iterator[GraphBatch]:
        """Every architecture once, as canonical graphs, in a fixed order, in batches."""

    @abstractmethod
    def parse(self, text: str) -> ArchitectureGraph:
        """Read the official notation, or one JSON object of an architecture file.

        Raises:
            ArchitectureError: the text is no member of the space; the message says what is wrong.
        """

    def read(self, text: str) -> ArchitectureGraph:
        """:meth:`parse` an architecture that may lie beyond the space, where that has a meaning.

        Raises:
            ArchitectureError: the text is no architecture of this kind.
        """
        return self.parse(text)

    @abstractmethod
    def format(self, graph: ArchitectureGraph) -> str:
        """Write the official notation, which :meth:`parse` reads back to an equal graph."""

    def to_record(self, graph: ArchitectureGraph) -> dict[str, object]:
        """The JSON object of an architecture file, without the optional keys.

        It is ``{"arch": <the official notation>}``, where a space's files have no other form.
        """
        return {"arch": self.format(graph)}

    def forms(self, data_root: str | Path | None = None) -> dict[str, Form]:
        """Name → form in which others write the architectures; see :mod:`datasets.convert`.

        A space that has more than those that every space has overrides this.

        Args:
            data_root: where measured architectures are, to find hashes among.
        """
        from datasets.architecture_files import by_hash
        from datasets.forms.form import common_forms

        return common_forms(self, lambda text: by_hash(text, self, data_root))

    @abstractmethod
    def legality_mask(self, *, reverse: bool = False) -> LegalityMask:
        """Mask for a decoder that builds members from the input, or reversed from the output."""

    def legality(self) -> Legality:
        """Both masks, the test for membership and the hashes, for a decoder."""
        from datasets.batch import Legality

        return Legality(
            self.legality_mask(), self.legality_mask(reverse=True), self.legal, self.hashes
        )


guard(SearchSpace)


def as_space(space: object) -> SearchSpace:
    """``space``, a search space.

    Raises:
        InputError: it is something else, such as its name.
    """
    if not isinstance(space, SearchSpace):
        raise InputError(
            f"the search space is {shown(space)}, expected a SearchSpace: "
            "datasets.get_space(name) gives the one of a name"
        )
    return space
