"""Architectures together with hyper-parameters of their training, as members of one space."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import prod
from typing import Any, NoReturn

import numpy as np

from datasets.batch import GraphBatch, LegalityMask
from datasets.graph import ArchitectureError, ArchitectureGraph
from datasets.hyperparameters import Range, Value
from datasets.space import SearchSpace
from experiment.errors import InputError

_KEY, _JOIN = "hyperparameters", " with "


@dataclass(frozen=True, slots=True)
class ConfiguredArchitecture(ArchitectureGraph):
    """An architecture and the hyper-parameters that it is trained with.

    Attributes:
        chosen: name and value of each hyper-parameter, in the order of the space.
    """

    chosen: tuple[tuple[str, Value], ...] = ()

    @property
    def plain(self) -> ArchitectureGraph:
        """The architecture alone."""
        return ArchitectureGraph(self.types, self.edges)

    def at(self, graph: ArchitectureGraph) -> ConfiguredArchitecture:
        """Another architecture with the same hyper-parameters."""
        return ConfiguredArchitecture(graph.types, graph.edges, self.chosen)


class ConfiguredSpace(SearchSpace):
    """Every architecture of a space with every value of some hyper-parameters.

    A batch of graphs holds no hyper-parameters: what works on batches, such as a search over a
    list or a decoder, is for architectures alone.

    Args:
        architectures: the space of the architectures.
        ranges: name → values of each hyper-parameter.

    Raises:
        InputError: there is no hyper-parameter.
    """

    def __init__(self, architectures: SearchSpace, ranges: Mapping[str, Range]) -> None:
        if not ranges:
            raise InputError("no hyper-parameter has a range: use the space of architectures")
        self.architectures = architectures
        self.ranges = dict(ranges)
        self.name = f"{architectures.name}{_JOIN}{', '.join(ranges)}"
        self.types = architectures.types
        self.max_nodes = architectures.max_nodes
        self.size = architectures.size * prod(map(len, ranges.values()))

    @property
    def family(self) -> str:
        """Their own: parameters describe them otherwise than the architectures alone."""
        return "configured"

    @property
    def is_enumerable(self) -> bool:
        """Never: lists are batches."""
        return False

    def configure(
        self, graph: ArchitectureGraph, values: Mapping[str, Value]
    ) -> ConfiguredArchitecture:
        """An architecture with a value of each hyper-parameter.

        Raises:
            ArchitectureError: a hyper-parameter has no value, or none of its range.
        """
        if set(values) != set(self.ranges):
            raise ArchitectureError(
                f"the hyper-parameters are {', '.join(values) or 'none'}, expected "
                f"{', '.join(self.ranges)}"
            )
        chosen = []
        for name, span in self.ranges.items():
            own = span.own(values[name])
            if own is None:
                raise ArchitectureError(f"{name} is {values[name]!r}, expected {span}")
            chosen.append((name, own))
        return ConfiguredArchitecture(graph.types, graph.edges, tuple(chosen))

    def why_illegal(self, graph: ArchitectureGraph) -> str | None:
        """The reason why ``graph`` is no member, in one sentence; ``None`` for a member."""
        if not isinstance(graph, ConfiguredArchitecture):
            return "it has no hyper-parameters"
        try:
            self.configure(graph, dict(graph.chosen))
        except ArchitectureError as error:
            return str(error)
        return self.architectures.why_illegal(graph.plain)

    def canonical(self, graph: ArchitectureGraph) -> ArchitectureGraph:
        """The canonical architecture with the same hyper-parameters."""
        member = self._member(graph)
        return member.at(self.architectures.canonical(member.plain))

    def hash(self, graph: ArchitectureGraph) -> str:
        """A hexadecimal name of architecture and hyper-parameters."""
        member = self._member(graph)
        text = json.dumps([self.architectures.hash(member.plain), member.chosen])
        return hashlib.sha256(text.encode()).hexdigest()[:32]

    def hashes(self, batch: GraphBatch) -> np.ndarray:
        """None: a batch holds no hyper-parameters."""
        self._refuse_lists()

    def sample(self, n: int, generator: np.random.Generator) -> list[ArchitectureGraph]:
        """Architectures as their space draws them, and uniform values."""
        graphs = self.architectures.sample(n, generator)
        return [self.configure(graph, self._draw(generator)) for graph in graphs]

    def neighbours(self, graph: ArchitectureGraph) -> list[ArchitectureGraph]:
        """The neighbours of the architecture, then other values of one hyper-parameter."""
        member = self._member(graph)
        near: list[ArchitectureGraph] = [
            member.at(each) for each in self.architectures.neighbours(member.plain)
        ]
        values = dict(member.chosen)
        for name, span in self.ranges.items():
            others = (value for value in span.values if value != values[name])
            near += [self.configure(graph, {**values, name: other}) for other in others]
        return near

    def enumerate(self) -> Iterator[GraphBatch]:
        """None: a batch holds no hyper-parameters."""
        self._refuse_lists()

    def parse(self, text: str) -> ArchitectureGraph:
        """Read ``<notation> with {"learning_rate": 0.001}``, or the object of an architecture file.

        Raises:
            ArchitectureError: the text is no member of the space; the message says what is wrong.
        """
        notation, _, written = text.rpartition(_JOIN)
        try:
            record = json.loads(text) if text.lstrip().startswith("{") else None
            values = json.loads(written) if record is None else record.pop(_KEY, {})
        except ValueError as error:
            raise ArchitectureError(
                f"the hyper-parameters of {text!r} are no JSON object: {error}"
            ) from error
        if not isinstance(values, dict):
            raise ArchitectureError(f"the hyper-parameters are {values!r}, expected an object")
        graph = self.architectures.parse(notation if record is None else json.dumps(record))
        return self.configure(graph, values)

    def format(self, graph: ArchitectureGraph) -> str:
        """The architecture's notation, and the hyper-parameters as a JSON object."""
        member = self._member(graph)
        notation = self.architectures.format(member.plain)
        return f"{notation}{_JOIN}{json.dumps(dict(member.chosen))}"

    def to_record(self, graph: ArchitectureGraph) -> dict[str, object]:
        """The object of the architecture, with the key ``hyperparameters``."""
        member = self._member(graph)
        return {**self.architectures.to_record(member.plain), _KEY: dict(member.chosen)}

    def legality_mask(self, *, reverse: bool = False) -> LegalityMask:
        """None: a decoder makes no hyper-parameters."""
        self._refuse_lists()

    def _draw(self, generator: np.random.Generator) -> dict[str, Value]:
        return {
            name: span.values[int(generator.integers(len(span)))]
            for name, span in self.ranges.items()
        }

    def _member(self, graph: ArchitectureGraph) -> ConfiguredArchitecture:
        if not isinstance(graph, ConfiguredArchitecture):
            raise ArchitectureError(
                f"not a member of {self.name!r}: it has no hyper-parameters; configure() adds them"
            )
        return graph

    def _refuse_lists(self) -> NoReturn:
        raise InputError(
            f"{self.name} is no space of architectures alone, so that it has no lists and no "
            "decoders: give the hyper-parameters fixed values, or choose another method"
        )


def parts_of(
    space: SearchSpace, graph: ArchitectureGraph
) -> tuple[SearchSpace, ArchitectureGraph, dict[str, Any]]:
    """The space of the architectures alone, the architecture, and its hyper-parameters.

    The last are empty for a member of any other space, which is returned as it is.
    """
    if isinstance(space, ConfiguredSpace) and isinstance(graph, ConfiguredArchitecture):
        return space.architectures, graph.plain, dict(graph.chosen)
    return space, graph, {}


def hyperparameters_of(graph: ArchitectureGraph) -> dict[str, Value]:
    """The hyper-parameters of an architecture; none where it was not configured."""
    return dict(graph.chosen) if isinstance(graph, ConfiguredArchitecture) else {}
