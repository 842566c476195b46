"""Sizes of the networks of a family, without the architecture and the data."""

from __future__ import annotations

from abc import ABC
from dataclasses import asdict, dataclass, fields
from typing import Any, ClassVar, Self

from torch import nn

from datasets.batch import GraphBatch
from datasets.graph import ArchitectureGraph
from datasets.space import SearchSpace
from estimators.tasks.task import Dimensions
from experiment.checks import whole_number
from models.networks.costs import Costs
from models.networks.families import NetworkFamily


@dataclass(frozen=True)
class Design(ABC):
    """Everything about a network but the architecture and the data: its sizes are the fields.

    Raises:
        InputError: a size is less than 1, or than 0 where there may be none of it.
    """

    family: ClassVar[NetworkFamily]
    """The networks whose sizes these are."""
    counted: ClassVar[tuple[str, ...]]
    """Fields that decide parameters and FLOPs."""
    may_be_none: ClassVar[tuple[str, ...]] = ()
    """Fields that may be 0."""

    def __post_init__(self) -> None:
        for size in fields(self):
            if size.type in (int, "int"):
                least = 0 if size.name in self.may_be_none else 1
                whole_number(getattr(self, size.name), size.name, least)

    def build(self, graph: ArchitectureGraph, data: Dimensions) -> nn.Module:
        """The network for data of these dimensions, with weights from PyTorch's generator."""
        return self.family.network(graph, **data.network, **self._arguments())

    def costs(self, batch: GraphBatch, data: Dimensions) -> Costs:
        """Parameters and FLOPs of the networks of a batch, without building them."""
        sizes = {name: getattr(self, name) for name in self.counted}
        return self.family.costs(batch, **data.network, **data.costs, **sizes)

    def for_space(self, space: SearchSpace) -> Self:
        """The same sizes for the architectures of a space; one with options of its own decides."""
        return self

    def _arguments(self) -> dict[str, Any]:
        """The fields as the network takes them."""
        return asdict(self)
