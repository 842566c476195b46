"""The networks of each family of architectures, and their costs.

A family (``SearchSpace.family``) is the kind of its architectures. A new one is a class of
networks, a formula of their costs, and a line in :data:`NETWORKS`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import nn

from models.networks.autoattend import AutoAttendNetwork, AutoAttendPool1Network
from models.networks.autoattend_costs import autoattend_costs, autoattend_pool1_costs
from models.networks.costs import Costs, enas_costs, nb101_costs, nb201_costs
from models.networks.enas import ENASNetwork
from models.networks.graph_costs import nas_bench_graph_costs
from models.networks.graphnas_macro import GraphNASMacroNetwork, graphnas_macro_costs
from models.networks.graphnas_micro import GraphNASMicroNetwork, graphnas_micro_costs
from models.networks.mpnn import MPNNNetwork
from models.networks.mpnn_costs import mpnn_costs
from models.networks.nas_bench_graph import NASBenchGraphNetwork
from models.networks.nb101 import NB101Network
from models.networks.nb201 import NB201Network
from models.networks.node_chains import (
    GASSONetwork,
    SinglePathNetwork,
    gasso_costs,
    single_path_costs,
)


@dataclass(frozen=True)
class NetworkFamily:
    """The networks of one family.

    Attributes:
        network: makes one from an architecture without dangling nodes, with weights drawn from
            PyTorch's generator. It takes what the data decide (of images ``num_classes`` and
            ``in_channels``, of nodes ``num_classes`` and ``in_features``), and sizes with defaults.
        costs: parameters and FLOPs of a batch of such architectures. It takes the same of the
            data, what decides the FLOPs alone (``image_size``), and those sizes that decide them.
        least_nodes: of the smallest architecture that has a network.
    """

    network: type[nn.Module]
    costs: Callable[..., Costs]
    least_nodes: int = 2


NETWORKS: dict[str, NetworkFamily] = {
    "nb101_cell": NetworkFamily(NB101Network, nb101_costs),
    "nb201_cell": NetworkFamily(NB201Network, nb201_costs),
    # Their images are halved after a third and after two thirds of the layers: at least 3.
    "enas_macro": NetworkFamily(ENASNetwork, enas_costs, least_nodes=5),
    "nas_bench_graph": NetworkFamily(NASBenchGraphNetwork, nas_bench_graph_costs),
    "mpnn": NetworkFamily(MPNNNetwork, mpnn_costs, least_nodes=6),
    "single_path": NetworkFamily(SinglePathNetwork, single_path_costs, least_nodes=3),
    "graphnas_micro": NetworkFamily(GraphNASMicroNetwork, graphnas_micro_costs, least_nodes=8),
    "graphnas_macro": NetworkFamily(GraphNASMacroNetwork, graphnas_macro_costs, least_nodes=6),
    "gasso": NetworkFamily(GASSONetwork, gasso_costs, least_nodes=3),
    "autoattend": NetworkFamily(AutoAttendNetwork, autoattend_costs, least_nodes=6),
    "autoattend_pool1": NetworkFamily(
        AutoAttendPool1Network, autoattend_pool1_costs, least_nodes=6
    ),
}
"""Family → its networks."""
