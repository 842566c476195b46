"""Pack the official light tables into the one that comes with the project."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from datasets.benchmarks.nas_bench_graph import TABLE
from datasets.downloads.published import published_file
from datasets.formats.nas_bench_graph import read_package
from datasets.formats.nas_bench_graph_packed import write_packed
from experiment.arguments import parser
from experiment.paths import data_root


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the wheel, write the table, and say how large it is."""
    flags = parser("Pack the light tables of the package nas-bench-graph into one small file.")
    flags.add_argument(
        "--from", dest="wheel", type=Path, help="the wheel (default: its place below the data root)"
    )
    flags.add_argument("--data_root", type=Path, help="folder with nasbenchgraph/")
    flags.add_argument("--out", type=Path, default=TABLE, help="where the table is written")
    given = flags.parse_args(arguments)
    wheel = given.wheel or data_root(given.data_root) / published_file("NAS_BENCH_GRAPH").place
    write_packed(given.out, read_package(wheel))
    print(f"{given.out}: {given.out.stat().st_size:,} bytes")
    return 0
