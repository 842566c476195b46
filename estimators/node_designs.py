"""Sizes of the networks that classify nodes, but for those of NAS-Bench-Graph."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

from torch import nn

from datasets.graph import ArchitectureGraph
from datasets.space import SearchSpace
from estimators.design import Design
from estimators.tasks.task import Dimensions
from models.networks.families import NETWORKS, NetworkFamily
from models.networks.node_chains import SINGLE_PATH_OPERATIONS
from models.networks.node_networks import GATNetwork, GCNNetwork, gat_costs, gcn_costs


@dataclass(frozen=True)
class GCNDesign(Design):
    """Sizes of :class:`models.networks.node_networks.GCNNetwork`, which is made by hand.

    Its space is ``FixedNetwork("GCN")``.

    Attributes:
        hidden: width of the first convolution.
        dropout: of the inputs of both.
    """

    family = NetworkFamily(GCNNetwork, gcn_costs)
    counted = ("hidden",)

    hidden: int = 16
    dropout: float = 0.5

    def build(self, graph: ArchitectureGraph, data: Dimensions) -> nn.Module:
        """The network; the graph decides nothing."""
        return GCNNetwork(**data.network, **self._arguments())


@dataclass(frozen=True)
class GATDesign(Design):
    """Sizes of :class:`models.networks.node_networks.GATNetwork`, which is made by hand.

    Its space is ``FixedNetwork("GAT")``.

    Attributes:
        hidden: width of a head of the first layer.
        heads: of the first layer.
        dropout: of the inputs of both layers, and of their attention.
    """

    family = NetworkFamily(GATNetwork, gat_costs)
    counted = ("hidden", "heads")

    hidden: int = 8
    heads: int = 8
    dropout: float = 0.6

    def build(self, graph: ArchitectureGraph, data: Dimensions) -> nn.Module:
        """The network; the graph decides nothing."""
        return GATNetwork(**data.network, **self._arguments())


@dataclass(frozen=True)
class SinglePathDesign(Design):
    """Sizes of :class:`models.networks.node_chains.SinglePathNetwork`.

    Attributes:
        hidden: width of all operations but the last.
        dropout: probability between operations.
        operations: of the node types from 2 on; those of the space where there is one.
    """

    family = NETWORKS["single_path"]
    counted = ("hidden", "operations")

    hidden: int = 64
    dropout: float = 0.2
    operations: tuple[str, ...] = SINGLE_PATH_OPERATIONS

    def for_space(self, space: SearchSpace) -> Self:
        """The sizes, for the operations of the space."""
        return replace(self, operations=tuple(space.types[2:]))


@dataclass(frozen=True)
class GraphNASMicroDesign(Design):
    """Sizes of :class:`models.networks.graphnas_micro.GraphNASMicroNetwork`.

    Attributes:
        hidden: width of linear layers and cells.
        dropout: probability for a feature of a node.
        hidden_dropout: probability for what a cell and the classifier take.
    """

    family = NETWORKS["graphnas_micro"]
    counted = ("hidden",)

    hidden: int = 64
    dropout: float = 0.9
    hidden_dropout: float = 0.0


@dataclass(frozen=True)
class GraphNASMacroDesign(Design):
    """Sizes of :class:`models.networks.graphnas_macro.GraphNASMacroNetwork`.

    Attributes:
        dropout: probability for what a layer takes, and for weights of its messages.
    """

    family = NETWORKS["graphnas_macro"]
    counted = ()

    dropout: float = 0.6


@dataclass(frozen=True)
class GASSODesign(Design):
    """Sizes of :class:`models.networks.node_chains.GASSONetwork`.

    Attributes:
        hidden: width of all operations but the last.
        dropout: probability before every operation.
    """

    family = NETWORKS["gasso"]
    counted = ("hidden",)

    hidden: int = 64
    dropout: float = 0.8


@dataclass(frozen=True)
class AutoAttendDesign(Design):
    """Sizes of :class:`models.networks.autoattend.AutoAttendNetwork`.

    Attributes:
        hidden: width of all layers but the last.
        dropout: probability for what operations take, and for weights of attention.
    """

    family = NETWORKS["autoattend"]
    counted = ("hidden",)

    hidden: int = 64
    dropout: float = 0.9


@dataclass(frozen=True)
class AutoAttendPool1Design(AutoAttendDesign):
    """Sizes of :class:`models.networks.autoattend.AutoAttendPool1Network`."""

    family = NETWORKS["autoattend_pool1"]
