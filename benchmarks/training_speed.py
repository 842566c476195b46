"""Training graphs a second on ENAS-sized graphs, and what share of the processor that uses.

    python benchmarks/training_speed.py [--threads 2] [--repeats 5]

Every figure is the median of several timed stretches in one process, alternating over the
settings so that a drift of the machine's speed meets all of them. The graphs are uniform samples
of the ENAS space: the time does not depend on the weights or on which architectures they are.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import numpy as np
import torch

from datasets import get_space
from datasets.batch import GraphBatch
from experiment.arguments import output_file, parser, positive_int
from experiment.environment import describe_environment
from experiment.errors import run_command
from experiment.files import write_json
from experiment.optimisation import Optimisation, make_optimisers
from experiment.precision import has_fast_bfloat16
from models import SVGE, Objective, Sizes

GFLOP_A_GRAPH = 0.26
"""Matrix work of a training step on an ENAS graph when messages are folded into the nodes."""
PUBLISHED = {32: (120, 131), 128: (207, 221)}
"""Graphs a second of the published code by batch size, two cores, float32 (measured elsewhere)."""
STRETCH = 1024
"""Graphs in a timed stretch."""


def matrix_rate(dtype: torch.dtype) -> float:
    """GFLOP a second of a 2048³ matrix product."""
    a, b = torch.randn(2, 2048, 2048, dtype=dtype)
    a @ b
    products = 4
    began = time.perf_counter()
    for _ in range(products):
        a @ b
    return products * 2 * 2048**3 / (time.perf_counter() - began) / 1e9


def make_step(batch_size: int, dtype: torch.dtype, compiled: bool) -> Callable[[], None]:
    """One training step, as ``train_svge.py`` does it."""
    space = get_space("ENAS")
    graphs = space.sample(batch_size, np.random.default_rng(0))
    batch = GraphBatch.from_graphs(graphs, space.max_nodes)
    model = SVGE(Sizes(len(space.types), space.max_nodes)).train()
    model.compute_dtype = dtype
    if compiled:
        model.compile_networks()
    optimisers = make_optimisers(model, Optimisation(1, batch_size, 1e-4))
    objective = Objective()

    def step() -> None:
        optimisers.zero_grad()
        model.loss(batch, objective).total.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimisers.step()

    return step


def main(arguments: Sequence[str] | None = None) -> int:
    """Print and, on request, store the figures."""
    flags = parser("Measure the speed of training.")
    flags.add_argument("--threads", type=positive_int, default=2)
    flags.add_argument("--repeats", type=positive_int, default=5)
    flags.add_argument("--compile", action="store_true", help="measure compiled steps as well")
    flags.add_argument("--out", type=output_file, help="JSON file to write")
    given = flags.parse_args(arguments)
    torch.set_num_threads(given.threads)

    kinds = {"float32": torch.float32}
    if has_fast_bfloat16(torch.device("cpu")):
        kinds["bfloat16"] = torch.bfloat16
    settings = [
        (name, size, compiled)
        for name in kinds
        for size in (32, 64, 128)
        for compiled in ((False, True) if given.compile else (False,))
    ]
    steps = {key: make_step(key[1], kinds[key[0]], key[2]) for key in settings}
    for step in steps.values():
        for _ in range(2):
            step()
    rates: dict[tuple[str, int, bool], list[float]] = {key: [] for key in settings}
    peak: dict[str, list[float]] = {name: [] for name in kinds}
    for _ in range(given.repeats):
        for name, dtype in kinds.items():
            peak[name].append(matrix_rate(dtype))
        for key, step in steps.items():
            began = time.perf_counter()
            for _ in range(STRETCH // key[1]):
                step()
            rates[key].append(STRETCH / (time.perf_counter() - began))

    median = {key: statistics.median(values) for key, values in rates.items()}
    rows = []
    for (name, size, compiled), rate in median.items():
        row = {
            "precision": name,
            "batch_size": size,
            "compiled": compiled,
            "graphs_per_second": round(rate, 1),
            "spread": [round(f(rates[name, size, compiled]), 1) for f in (min, max)],
            "share_of_matrix_rate": round(rate * GFLOP_A_GRAPH / statistics.median(peak[name]), 3),
            "times_float32": round(rate / median["float32", size, compiled], 2),
        }
        if name == "float32" and size in PUBLISHED:
            slow, fast = PUBLISHED[size]
            row["times_published"] = [round(rate / fast, 2), round(rate / slow, 2)]
        rows.append(row)
        print(row, flush=True)
    matrix = {name: round(statistics.median(values), 1) for name, values in peak.items()}
    print(f"2048³ matrix product, GFLOP/s: {matrix}")
    if given.out:
        result = {"rows": rows, "matrix_gflop_per_second": matrix, "threads": given.threads}
        write_json(given.out, {**result, "environment": describe_environment(0)})
        print(json.dumps({"written": str(given.out)}))
    return 0


if __name__ == "__main__":
    run_command(main)
