"""The supernet of each family of architectures whose networks share weights."""

from __future__ import annotations

from models.supernets.nas_bench_graph import NASBenchGraphSupernet
from models.supernets.supernet import Supernet

SUPERNETS: dict[str, type[Supernet]] = {
    "nas_bench_graph": NASBenchGraphSupernet,
}
"""Family → its supernet; a new one is a class and a line here.

It takes what the data and the design of the family's networks decide, by the same names, and
``running_statistics``."""
