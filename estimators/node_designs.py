"""Sizes of the networks of nodes that were made by hand."""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn

from datasets.graph import ArchitectureGraph
from estimators.networks import Design
from estimators.tasks.task import Dimensions
from models.networks.families import NetworkFamily
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
