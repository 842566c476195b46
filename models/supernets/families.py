"""The supernet of each family of architectures whose networks share weights."""

from __future__ import annotations

from models.supernets.autoattend import AutoAttendPool1Supernet, AutoAttendSupernet
from models.supernets.graphnas_micro import GraphNASMicroSupernet
from models.supernets.nas_bench_graph import NASBenchGraphSupernet
from models.supernets.node_chains import GASSOSupernet, SinglePathSupernet
from models.supernets.supernet import Supernet

SUPERNETS: dict[str, type[Supernet]] = {
    "nas_bench_graph": NASBenchGraphSupernet,
    "single_path": SinglePathSupernet,
    "graphnas_micro": GraphNASMicroSupernet,
    "autoattend": AutoAttendSupernet,
    "autoattend_pool1": AutoAttendPool1Supernet,
    "gasso": GASSOSupernet,
}
"""Family → its supernet; a new one is a class and a line here.

It takes what the data and the design of the family's networks decide, by the same names; where its
networks have batch norms, ``running_statistics``; and ``layers``, where the space has them."""
