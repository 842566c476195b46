"""How the network of an architecture is sized, space by space."""

from __future__ import annotations

import re
from abc import ABC
from collections.abc import Callable
from dataclasses import asdict, dataclass
from inspect import signature
from typing import Any, ClassVar

from torch import nn

from datasets.batch import GraphBatch
from datasets.graph import ArchitectureError, ArchitectureGraph
from datasets.images import ImageData, get_images
from datasets.pruning import prune
from datasets.registry import SPACES
from datasets.space import SearchSpace
from experiment.config import load_preset, resolve
from experiment.errors import InputError
from models.networks.costs import Costs, enas_costs, nb101_costs, nb201_costs
from models.networks.enas import ENASNetwork
from models.networks.layers import BatchNorm
from models.networks.nb101 import NB101Network
from models.networks.nb201 import NB201Network


@dataclass(frozen=True)
class Design(ABC):
    """Everything about a network but the architecture and the data: its sizes are the fields."""

    network: ClassVar[type[nn.Module]]
    formula: ClassVar[Callable[..., Costs]]
    counted: ClassVar[tuple[str, ...]]
    """Fields that decide parameters and FLOPs."""

    def build(self, graph: ArchitectureGraph, data: ImageData) -> nn.Module:
        """The network for the images of ``data``, with weights drawn from PyTorch's generator."""
        return self.network(
            graph,
            num_classes=data.num_classes,
            in_channels=data.in_channels,
            **self._arguments(),
        )

    def costs(self, batch: GraphBatch, data: ImageData) -> Costs:
        """Parameters and FLOPs of the networks of a batch, without building them."""
        return type(self).formula(
            batch,
            num_classes=data.num_classes,
            in_channels=data.in_channels,
            image_size=data.image_size,
            **{name: getattr(self, name) for name in self.counted},
        )

    def _arguments(self) -> dict[str, Any]:
        """The fields as the network takes them."""
        return asdict(self)


@dataclass(frozen=True)
class NB101Design(Design):
    """Sizes of :class:`models.networks.nb101.NB101Network`.

    Attributes:
        stem_channels: channels of the first stack.
        stacks: stacks of cells.
        cells: cells a stack.
        batch_norm_momentum: share of the newest batch in the running statistics. The published
            0.003 suits 108 epochs; a handful of epochs needs PyTorch's 0.1.
        batch_norm_epsilon: added to the variance.
    """

    network = NB101Network
    formula = nb101_costs
    counted = ("stem_channels", "stacks", "cells")

    stem_channels: int = 128
    stacks: int = 3
    cells: int = 3
    batch_norm_momentum: float = 0.003
    batch_norm_epsilon: float = 1e-5

    def _arguments(self) -> dict[str, Any]:
        sizes = {name: getattr(self, name) for name in self.counted}
        return {
            **sizes,
            "batch_norm": BatchNorm(self.batch_norm_momentum, self.batch_norm_epsilon),
        }


@dataclass(frozen=True)
class NB201Design(Design):
    """Sizes of :class:`models.networks.nb201.NB201Network`.

    Attributes:
        channels: of the first stage.
        cells: cells a stage.
    """

    network = NB201Network
    formula = nb201_costs
    counted = ("channels", "cells")

    channels: int = 16
    cells: int = 5


@dataclass(frozen=True)
class ENASDesign(Design):
    """Sizes of :class:`models.networks.enas.ENASNetwork`; the auxiliary head costs nothing.

    Attributes:
        filters: channels of the stem.
        keep_probability: share of the features that the classifier sees in training.
        auxiliary: whether a second classifier helps the training.
    """

    network = ENASNetwork
    formula = enas_costs
    counted = ("filters",)

    filters: int = 96
    keep_probability: float = 0.5
    auxiliary: bool = True


DESIGNS: dict[str, type[Design]] = {
    "NB101": NB101Design,
    "DIGITS101": NB101Design,
    "NB201": NB201Design,
    "ENAS": ENASDesign,
}
"""Kind of search space → how its networks are sized."""
MEASURED: dict[str, tuple[str, str]] = {"DIGITS101": ("digits101", "digits")}
"""Space → preset and images of the networks that its benchmark has measured, where they are not
those of the network's class."""


def preset_sections(space: str) -> tuple[str, ...]:
    """Where presets keep what is particular to a space: ``ENAS12`` is ``ENAS``, then ``12``."""
    match = re.fullmatch(r"(ENAS)(\d+)", space)
    return match.groups() if match else (space,)


def load_design(
    config: str, space: str, *sections: str, overrides: dict[str, Any] | None = None
) -> Design:
    """Sizes from a preset's section ``[network.<space>.<sections>]``, with the user's on top.

    Raises:
        InputError: no network is known for the space, or an unknown size.
    """
    sections = (*preset_sections(space), *sections)
    if sections[0] not in DESIGNS:
        raise InputError(
            f"no network is known for {space} architectures: there are {', '.join(DESIGNS)}; "
            "measure them by a table or a function of your own, or add a Design to DESIGNS in "
            "estimators/networks.py"
        )
    preset = load_preset(config, "network", *sections)
    return resolve(DESIGNS[sections[0]], preset, overrides)


def module_lines(
    space: SearchSpace,
    graph: ArchitectureGraph,
    design: Design | None = None,
    data: ImageData | None = None,
) -> str:
    """Three lines of Python that build the PyTorch module of an architecture.

    They run as they are where the repository root is on the path, and leave it in ``network``.

    Args:
        space: of the architecture.
        graph: the architecture; dangling nodes are left out, the order of the others stays.
        design: its sizes; default: those that the space's benchmark has measured, which are the
            defaults of the network's class but for :data:`MEASURED`.
        data: the images that it is for; default: 3 channels and 10 classes, or those of
            :data:`MEASURED` where there is no ``design`` either.

    Returns:
        The lines, without a newline at the end. For a space without networks it is one comment
        that says so.

    Raises:
        ArchitectureError: no path joins input and output.
    """
    kind = preset_sections(space.name)[0]
    if kind not in DESIGNS:
        return (
            f"# no network is known for {space.name} architectures: there are {', '.join(DESIGNS)}"
        )
    cell = prune(graph)
    if cell is None:
        raise ArchitectureError("no path leads from the first node to the last: no network")
    if design is None and data is None and kind in MEASURED:
        preset, images = MEASURED[kind]
        design, data = load_design(preset, kind), get_images(images)
    registered = space.name in SPACES
    reader = "parse" if registered and space.is_legal(cell) else "read"
    network = DESIGNS[kind].network
    sizes = "".join(f", {name}={value!r}" for name, value in _unusual(network, design, data))
    imported = f"BatchNorm, {network.__name__}" if "BatchNorm(" in sizes else network.__name__
    return (
        "from datasets import get_space\n"
        f"from {network.__module__} import {imported}\n"
        f'network = {network.__name__}(get_space("{space.name if registered else kind}")'
        f".{reader}({space.format(cell)!r}){sizes})"
    )


def _unusual(
    network: type[nn.Module], design: Design | None, data: ImageData | None
) -> list[tuple[str, Any]]:
    """The arguments of a network that are not its defaults."""
    given = {} if design is None else design._arguments()
    if data is not None:
        given |= {"num_classes": data.num_classes, "in_channels": data.in_channels}
    defaults = signature(network).parameters
    return [(name, value) for name, value in given.items() if value != defaults[name].default]
