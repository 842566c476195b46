"""How the network of an architecture is sized, family by family."""

from __future__ import annotations

from dataclasses import dataclass
from inspect import Parameter, signature
from typing import Any

from torch import nn

from datasets.graph import ArchitectureError, ArchitectureGraph
from datasets.pruning import prune
from datasets.registry import SPACES, get_space
from datasets.space import SearchSpace, as_space
from estimators.design import Design
from estimators.node_designs import (
    AutoAttendDesign,
    AutoAttendPool1Design,
    GASSODesign,
    GraphNASMacroDesign,
    GraphNASMicroDesign,
    SinglePathDesign,
)
from estimators.tasks.data_sets import DATA_SETS
from estimators.tasks.task import Dimensions
from experiment.config import load_preset, resolve
from experiment.errors import InputError
from models.networks.families import NETWORKS, NetworkFamily
from models.networks.gine import GINENetwork, gine_costs
from models.networks.layers import BatchNorm, initialise_by_fan_out
from models.networks.mpnn import MPNNBaselineNetwork
from models.networks.mpnn_costs import mpnn_baseline_costs, mpnn_costs
from models.networks.mpnn_published import PublishedMPNNNetwork


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

    family = NETWORKS["nb101_cell"]
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
class NASBenchPyTorchDesign(NB101Design):
    """NB101 networks as NASBench-PyTorch makes them: PyTorch's batch norm, He's initial weights.

    The package trained the networks of info-NAS (``configs/info_nas.toml``).
    """

    batch_norm_momentum: float = 0.1

    def build(self, graph: ArchitectureGraph, data: Dimensions) -> nn.Module:
        """The network, with the initial weights of :func:`initialise_by_fan_out`."""
        network = super().build(graph, data)
        initialise_by_fan_out(network)
        return network


@dataclass(frozen=True)
class NB201Design(Design):
    """Sizes of :class:`models.networks.nb201.NB201Network`.

    Attributes:
        channels: of the first stage.
        cells: cells a stage.
    """

    family = NETWORKS["nb201_cell"]
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

    family = NETWORKS["enas_macro"]
    counted = ("filters",)

    filters: int = 96
    keep_probability: float = 0.5
    auxiliary: bool = True


@dataclass(frozen=True)
class NASBenchGraphDesign(Design):
    """Sizes of :class:`models.networks.nas_bench_graph.NASBenchGraphNetwork`.

    Attributes:
        hidden: width of the operations.
        pre: whether a linear layer comes first.
        post: whether a linear layer comes before the classifier.
        dropout: probability after every layer but the classifier.
    """

    family = NETWORKS["nas_bench_graph"]
    counted = ("hidden", "pre", "post")

    hidden: int = 256
    pre: bool = False
    post: bool = True
    dropout: float = 0.5


@dataclass(frozen=True)
class GINEDesign(Design):
    """Sizes of :class:`models.networks.gine.GINENetwork`, which is made by hand.

    Its space is ``FixedNetwork("GINE")``; it is built for the member of any other, too.

    Attributes:
        layers: of messages.
        hidden: width of the layers.
    """

    family = NetworkFamily(GINENetwork, gine_costs)
    counted = ("layers", "hidden")

    layers: int = 3
    hidden: int = 64

    def build(self, graph: ArchitectureGraph, data: Dimensions) -> nn.Module:
        """The network; the graph decides nothing."""
        return GINENetwork(**data.network, layers=self.layers, hidden=self.hidden)


@dataclass(frozen=True)
class MPNNDesign(Design):
    """Sizes of :class:`models.networks.mpnn.MPNNNetwork`.

    Attributes:
        dense_layers: of ReLU units before the last layer: 2 in the paper, 0 in DeepHyper's
            tutorial.
        dense_width: units of each.
        most_atoms: of a molecule, where the order of atoms matters.
        dropout: probability of dropping a weight of attention while it is trained.
    """

    family = NETWORKS["mpnn"]
    counted = ("dense_layers", "dense_width", "most_atoms")
    may_be_none = ("dense_layers",)

    dense_layers: int = 2
    dense_width: int = 32
    most_atoms: int = 128
    dropout: float = 0.5


@dataclass(frozen=True)
class PublishedMPNNDesign(MPNNDesign):
    """MPNN networks of DeepHyper's released layers: :mod:`models.networks.mpnn_published`.

    ``most_atoms`` is the number that every molecule is padded to.
    """

    family = NetworkFamily(PublishedMPNNNetwork, mpnn_costs, least_nodes=6)


@dataclass(frozen=True)
class MPNNBaselineDesign(Design):
    """DeepHyper's hand-made network, :class:`models.networks.mpnn.MPNNBaselineNetwork`.

    Its space is ``FixedNetwork("MPNN_baseline")``; it is built for the member of any other, too.
    """

    family = NetworkFamily(MPNNBaselineNetwork, mpnn_baseline_costs)
    counted = ()

    def build(self, graph: ArchitectureGraph, data: Dimensions) -> nn.Module:
        """The network; the graph decides nothing."""
        return MPNNBaselineNetwork(**data.network)


DESIGNS: dict[str, type[Design]] = {
    "nb101_cell": NB101Design,
    "nb201_cell": NB201Design,
    "enas_macro": ENASDesign,
    "nas_bench_graph": NASBenchGraphDesign,
    "mpnn": MPNNDesign,
    "single_path": SinglePathDesign,
    "graphnas_micro": GraphNASMicroDesign,
    "graphnas_macro": GraphNASMacroDesign,
    "gasso": GASSODesign,
    "autoattend": AutoAttendDesign,
    "autoattend_pool1": AutoAttendPool1Design,
}
"""Family of search spaces → how its networks are sized."""
MEASURED: dict[str, tuple[str, str]] = {"DIGITS101": ("digits101", "digits")}
"""Space → preset and data set of the networks that its benchmark has measured, where they are not
those of the network's class."""

BY_DATA_SET: dict[str, str] = {
    "nas_bench_graph": "default",
    "single_path": "citation",
    "graphnas_micro": "citation",
    "graphnas_macro": "citation",
    "gasso": "citation",
    "autoattend": "citation",
    "autoattend_pool1": "citation",
}
"""Family whose networks classify the nodes of a graph → preset that sizes them; it may have a
section for each data set, as for those of a benchmark."""


def table_design(space: SearchSpace, data_set: str | None) -> Design | None:
    """Sizes of the networks that a benchmark has measured on one of several data sets.

    Args:
        space: of the benchmark.
        data_set: its name; ``None``: unknown.

    Returns:
        ``None`` where they are those of :func:`module_lines` for all data sets.
    """
    if data_set is None or space.family not in BY_DATA_SET:
        return None
    return load_design(BY_DATA_SET[space.family], space, data_set)


def check_data(design: object, data: Dimensions, unit: str) -> None:
    """Make sure that the networks of a :class:`Design` are for such data.

    Args:
        design: sizes of networks; one of another class knows itself what it takes.
        data: what they are to be trained on decides of them.
        unit: what its examples are called, for the message.

    Raises:
        InputError: they are for data of another kind.
    """
    if not isinstance(design, Design):
        return
    network = design.family.network
    if foreign := [name for name in data.network if name not in signature(network).parameters]:
        raise InputError(
            f"{network.__name__} is no network for {unit}, it has no {foreign[0]}: choose other "
            "data (those of docs/problem.md for search_problem.py), look its architectures up in a "
            "table, or search by a function of your own"
        )


def measured_as(space: SearchSpace, preset: str, data_set: str) -> bool:
    """Whether the space's benchmark has measured the networks of a preset on that data set."""
    return MEASURED.get(space.name) == (preset, data_set)


def load_design(
    config: str, space: SearchSpace, *sections: str, overrides: dict[str, Any] | None = None
) -> Design:
    """Sizes from a preset's section ``[network.<space>.<sections>]``, with the user's on top.

    Raises:
        InputError: no network is known for the space's family, or an unknown size.
    """
    if as_space(space).family not in DESIGNS:
        raise InputError(
            f"{_unknown(space)}; measure them by a table or a function of your own, or add a "
            "Design to DESIGNS in estimators/networks.py"
        )
    preset = load_preset(config, "network", *space.preset_sections, *sections)
    return resolve(DESIGNS[space.family], preset, overrides).for_space(space)


def _unknown(space: SearchSpace) -> str:
    return (
        f"no network is known for {space.name} architectures: there are those of the families "
        f"{', '.join(DESIGNS)}"
    )


def module_lines(
    space: SearchSpace,
    graph: ArchitectureGraph,
    design: Design | None = None,
    data: Dimensions | None = None,
) -> str:
    """Three lines of Python that build the PyTorch module of an architecture.

    They run as they are where the repository root is on the path, and leave it in ``network``.

    Args:
        space: of the architecture.
        graph: the architecture; dangling nodes are left out, unless that makes it no member; the
            order of the others stays.
        design: its sizes; default: those that the space's benchmark has measured, which are the
            defaults of the network's class but for :data:`MEASURED`.
        data: dimensions of the data that it is for, such as an entry of
            :data:`~estimators.tasks.data_sets.DATA_SETS`; default: those of the network's class,
            or of :data:`MEASURED` where there is no ``design`` either.

    Returns:
        The lines, without a newline at the end. For a space without networks, or one that no
        registered space reads, it is one comment that says so.

    Raises:
        ArchitectureError: no path joins input and output.
    """
    if space.family not in DESIGNS:
        return f"# {_unknown(space)}" if design is None else _without_architecture(design, data)
    known = _registered(space)
    if known is None:
        return f"# add {space.name} to datasets/registry.py, so that its networks can be built here"
    cell = prune(graph)
    if cell is None:
        raise ArchitectureError("no path leads from the first node to the last: no network")
    if space.is_legal(graph) and not space.is_legal(cell):
        cell = graph  # its dangling nodes are a part of every architecture
    if design is None and space.name in MEASURED:
        preset, data_set = MEASURED[space.name]
        design, data = load_design(preset, space), data or DATA_SETS[data_set]
    reader = "parse" if known == space.name and space.is_legal(cell) else "read"
    network = (DESIGNS[space.family] if design is None else type(design)).family.network
    sizes = "".join(f", {name}={value!r}" for name, value in _unusual(network, design, data))
    imported = f"BatchNorm, {network.__name__}" if "BatchNorm(" in sizes else network.__name__
    space_import, made = _space_lines(known)
    return (
        f"{space_import}\n"
        f"from {network.__module__} import {imported}\n"
        f"network = {network.__name__}({made}.{reader}({space.format(cell)!r}){sizes})"
    )


def _without_architecture(design: Design, data: Dimensions | None) -> str:
    """Lines that build a network made by hand, which takes no architecture, or a comment."""
    network = design.family.network
    taken = signature(network).parameters.values()
    if not all(one.kind is Parameter.KEYWORD_ONLY for one in taken):
        return f"# add the family of {network.__name__} to DESIGNS in estimators/networks.py"
    sizes = ", ".join(f"{name}={value!r}" for name, value in _unusual(network, design, data))
    return (
        f"from {network.__module__} import {network.__name__}\n"
        f"network = {network.__name__}({sizes})"
    )


def _space_lines(name: str) -> tuple[str, str]:
    """An import and an expression that make a space in any process."""
    module, attribute = SPACES[name]
    if module.startswith("datasets."):
        return "from datasets import get_space", f'get_space("{name}")'
    return f"from {module} import {attribute}", f"{attribute}()"  # registered in this process alone


def _registered(space: SearchSpace) -> str | None:
    """The name by which a space that reads the architectures is found; ``None`` for none."""
    if space.name in SPACES:
        return space.name
    return next((name for name in SPACES if get_space(name).family == space.family), None)


def _unusual(
    network: type[nn.Module], design: Design | None, data: Dimensions | None
) -> list[tuple[str, Any]]:
    """The arguments of a network that are not its defaults."""
    given = {} if design is None else design._arguments()
    if data is not None:
        given |= data.network
    defaults = signature(network).parameters
    return [(name, value) for name, value in given.items() if value != defaults[name].default]
