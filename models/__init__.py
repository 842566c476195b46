"""Networks: what embeds architectures (encoders and decoders), heads on it, decoding.

``models.networks`` has the networks that architectures represent. ``docs/api.md`` says what each
name is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from experiment.exports import exports

if TYPE_CHECKING:
    from models.arch2vec import Arch2vec, Arch2vecDirected, Arch2vecMasked, GINSizes
    from models.checkpoints import checkpoint_path, load_model, load_vae, stored_state
    from models.decoding import decode, decode_directions, union
    from models.decodings import Decodings, modal
    from models.dvae import DVAE, NGAE, DVAESizes
    from models.embedding import Embedding, Sizes
    from models.errors import ModelError
    from models.heads import Head, WithHeads, ranking_loss
    from models.io_models import IOAccuracy, IOConcat, IODense
    from models.io_sizes import AccuracySizes, ConcatSizes, DenseSizes
    from models.latent import Latent
    from models.likelihood import log_probability
    from models.loss import PUBLISHED, LossParts, Objective
    from models.nearest import decode_to_nearest
    from models.networks.autoattend import AutoAttendNetwork, AutoAttendPool1Network
    from models.networks.autoattend_costs import autoattend_costs, autoattend_pool1_costs
    from models.networks.complexity import ngae_complexity
    from models.networks.costs import Costs, enas_costs, nb101_costs, nb201_costs
    from models.networks.decisions import DecisionNetwork
    from models.networks.enas import ENASNetwork
    from models.networks.families import NETWORKS, NetworkFamily
    from models.networks.gine import GINENetwork, gine_costs
    from models.networks.graph_costs import nas_bench_graph_costs
    from models.networks.graphnas_macro import GraphNASMacroNetwork, graphnas_macro_costs
    from models.networks.graphnas_micro import GraphNASMicroNetwork, graphnas_micro_costs
    from models.networks.mpnn import MPNNBaselineNetwork, MPNNNetwork
    from models.networks.mpnn_costs import mpnn_costs
    from models.networks.mpnn_published import PublishedMPNNNetwork
    from models.networks.nas_bench_graph import NASBenchGraphNetwork
    from models.networks.nb101 import NB101Network
    from models.networks.nb201 import NB201Network
    from models.networks.node_chains import (
        GASSONetwork,
        SinglePathNetwork,
        gasso_costs,
        single_path_costs,
    )
    from models.networks.node_networks import GATNetwork, GCNNetwork, gat_costs, gcn_costs
    from models.prefix_tree import Greedy, Sampling
    from models.registry import MODELS, build_model
    from models.supernets.autoattend import AutoAttendPool1Supernet, AutoAttendSupernet
    from models.supernets.families import SUPERNETS
    from models.supernets.graphnas_micro import GraphNASMicroSupernet
    from models.supernets.nas_bench_graph import NASBenchGraphSupernet
    from models.supernets.node_chains import GASSOSupernet, SinglePathSupernet
    from models.supernets.supernet import Supernet
    from models.vae import DGMG, SVGE, GraphVAE, SVGEDegrees
else:
    __all__, __getattr__, __dir__ = exports(
        __name__,
        {
            "arch2vec": ["Arch2vec", "Arch2vecDirected", "Arch2vecMasked", "GINSizes"],
            "checkpoints": ["checkpoint_path", "load_model", "load_vae", "stored_state"],
            "decoding": ["decode", "decode_directions", "union"],
            "decodings": ["Decodings", "modal"],
            "dvae": ["DVAE", "NGAE", "DVAESizes"],
            "embedding": ["Embedding", "Sizes"],
            "errors": ["ModelError"],
            "heads": ["Head", "WithHeads", "ranking_loss"],
            "io_models": ["IOAccuracy", "IOConcat", "IODense"],
            "io_sizes": ["AccuracySizes", "ConcatSizes", "DenseSizes"],
            "latent": ["Latent"],
            "likelihood": ["log_probability"],
            "loss": ["PUBLISHED", "LossParts", "Objective"],
            "nearest": ["decode_to_nearest"],
            "networks.autoattend": ["AutoAttendNetwork", "AutoAttendPool1Network"],
            "networks.autoattend_costs": ["autoattend_costs", "autoattend_pool1_costs"],
            "networks.complexity": ["ngae_complexity"],
            "networks.costs": ["Costs", "enas_costs", "nb101_costs", "nb201_costs"],
            "networks.decisions": ["DecisionNetwork"],
            "networks.enas": ["ENASNetwork"],
            "networks.families": ["NETWORKS", "NetworkFamily"],
            "networks.gine": ["GINENetwork", "gine_costs"],
            "networks.graph_costs": ["nas_bench_graph_costs"],
            "networks.graphnas_macro": ["GraphNASMacroNetwork", "graphnas_macro_costs"],
            "networks.graphnas_micro": ["GraphNASMicroNetwork", "graphnas_micro_costs"],
            "networks.mpnn": ["MPNNBaselineNetwork", "MPNNNetwork"],
            "networks.mpnn_costs": ["mpnn_costs"],
            "networks.mpnn_published": ["PublishedMPNNNetwork"],
            "networks.nas_bench_graph": ["NASBenchGraphNetwork"],
            "networks.nb101": ["NB101Network"],
            "networks.nb201": ["NB201Network"],
            "networks.node_chains": [
                "GASSONetwork",
                "SinglePathNetwork",
                "gasso_costs",
                "single_path_costs",
            ],
            "networks.node_networks": ["GATNetwork", "GCNNetwork", "gat_costs", "gcn_costs"],
            "prefix_tree": ["Greedy", "Sampling"],
            "registry": ["MODELS", "build_model"],
            "supernets.autoattend": ["AutoAttendPool1Supernet", "AutoAttendSupernet"],
            "supernets.families": ["SUPERNETS"],
            "supernets.graphnas_micro": ["GraphNASMicroSupernet"],
            "supernets.nas_bench_graph": ["NASBenchGraphSupernet"],
            "supernets.node_chains": ["GASSOSupernet", "SinglePathSupernet"],
            "supernets.supernet": ["Supernet"],
            "vae": ["DGMG", "SVGE", "GraphVAE", "SVGEDegrees"],
        },
    )
