"""Seconds from files to usable data: the ENAS text, and a table of the size of all NB101.

    python benchmarks/loading.py [--data_root FOLDER] [--repeats 5] [--out FILE.json]

The NB101 table is made here: all 423,624 cells of our own enumeration with their official
hashes, and made-up numbers in the columns of ``nasbench_only108.tfrecord``. Each figure is the
median of several repeats in one process, imports left out.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from datasets.batch import GraphBatch
from datasets.benchmark import Metric
from datasets.benchmarks.nb101 import MEASURED
from datasets.registry import get_benchmark
from datasets.spaces.nb101 import NB101
from datasets.table import Table, hash_strings, write_table
from experiment.arguments import output_file, parser, positive_int
from experiment.environment import describe_environment
from experiment.errors import run_command
from experiment.files import write_json
from experiment.paths import data_root

ENAS_SECONDS, NB101_SECONDS = 2.0, 1.0
"""What they must stay under, on two cores."""
TRAINING_BATCH = 128


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the figures; 1 if one is missed."""
    command = parser("Time the loading of ENAS and NB101.")
    command.add_argument("--data_root", type=Path, help="folder with ENAS/")
    command.add_argument("--repeats", type=positive_int, default=5)
    command.add_argument("--out", type=output_file, help="JSON file to write")
    options = command.parse_args(arguments)
    environment = describe_environment(seed=0)
    print(json.dumps(environment, indent=2))
    root = data_root(options.data_root)
    missed = False
    figures = {}
    if (root / "ENAS" / "final_structures6.txt").is_file():
        seconds = median(lambda: enas_batches(root), options.repeats)
        missed |= report("ENAS, text to training batches", seconds, ENAS_SECONDS)
        figures["enas_text_to_batches_seconds"] = round(seconds, 2)
    else:
        print(f"ENAS: no ENAS/final_structures6.txt below {root}, left out")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "NB101.whole.npz"
        write_table(path, whole_nb101())
        print(f"NB101 table: {path.stat().st_size / 1e6:.0f} MB")
        seconds = median(lambda: nb101_queries(path), options.repeats)
        missed |= report("NB101, table of 423,624 rows to a first answer", seconds, NB101_SECONDS)
        figures["nb101_table_to_answer_seconds"] = round(seconds, 2)
    if options.out:
        write_json(options.out, {**figures, "environment": environment})
    return int(missed)


def enas_batches(root: Path) -> None:
    """Read the text and cut it into shuffled batches with their targets."""
    benchmark = get_benchmark("ENAS", root, source=root / "ENAS" / "final_structures6.txt")
    targets = torch.from_numpy(benchmark.metric("validation").mean())
    batches = [
        (benchmark.graphs[rows], targets[rows])
        for rows in torch.randperm(len(benchmark)).split(TRAINING_BATCH)
    ]
    assert sum(len(graphs) for graphs, _ in batches) == 19_015


def nb101_queries(path: Path) -> None:
    """Open the table and look a cell up."""
    benchmark = get_benchmark("NB101", source=path)
    assert len(benchmark) == NB101.size
    assert benchmark.query(benchmark.hashes[12_345]).known


def whole_nb101() -> Table:
    """All cells with their hashes and made-up measurements."""
    space = NB101()
    graphs = GraphBatch.cat(space.enumerate())
    generator = np.random.default_rng(0)
    columns = {
        name: Metric(name, "fraction", "made up", generator.random((len(graphs), 3), np.float32))
        for name in (f"cifar10/108/{quantity}" for quantity in MEASURED)
    }
    columns["parameters"] = Metric(
        "parameters", "parameters", "made up", generator.integers(10**6, 10**7, (len(graphs), 1))
    )
    hashes = hash_strings(space.module_hashes(graphs, processes=2))
    return Table("NB101", graphs, hashes, columns, "every cell, with made-up numbers")


def median(action: Callable[[], None], repeats: int) -> float:
    """Median seconds of several runs."""
    seconds = []
    for _ in range(repeats):
        started = time.perf_counter()
        action()
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds)


def report(what: str, seconds: float, limit: float) -> bool:
    """Print a figure; whether it missed its limit."""
    print(f"{what}: {seconds:.2f} s (at most {limit:.0f} s)", flush=True)
    return seconds > limit


if __name__ == "__main__":
    run_command(main)
