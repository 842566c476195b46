"""How fast D-VAE of the published sizes is trained, encodes and decodes on ENAS.

    python benchmarks/dvae_speed.py [--repeats 5] [--out FILE.json]

One thread, and its processor time, which other work on the machine changes less than the clock. A
figure is the median of timed stretches, which alternate. Training is forward and backward, without
the optimiser's step, as the published code was measured. Products of large matrices say how fast
the processor is: 59 GFLOP/s where the published code was measured.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from datasets import get_space
from experiment.arguments import output_file, parser, positive_int
from experiment.environment import describe_environment
from experiment.errors import run_command
from experiment.files import write_json
from models import DVAE, DVAESizes, Objective

PUBLISHED = {"training, batch 32": 30, "encoding": 271, "sampled decoding": 134}
"""Graphs a second of the published code, one thread, float32, AVX2 (measured elsewhere)."""

STRETCH = 512
"""Graphs in a timed stretch."""


def stretches() -> dict[str, Callable[[], object]]:
    """What is timed, by its name; each goes through :data:`STRETCH` graphs."""
    space = get_space("ENAS")
    graphs = space.sample_batch(STRETCH, np.random.default_rng(0))
    torch.manual_seed(0)
    model = DVAE(DVAESizes(len(space.types), space.max_nodes))
    latents = model.encode_all(graphs).mean
    legality = space.legality()

    def training(size: int) -> Callable[[], None]:
        def passes() -> None:
            model.train()
            for first in range(0, STRETCH, size):
                model.zero_grad()
                model.loss(graphs[first : first + size], Objective()).total.backward()
            model.eval()

        return passes

    return {
        "training, batch 32": training(32),
        "training, batch 128": training(128),
        "encoding": lambda: model.encode_all(graphs),
        "sampled decoding": lambda: model.decode_sampled(latents),
        "sampled decoding of members": lambda: model.decode_sampled(latents, legality),
        "greedy decoding of members": lambda: model.decode_greedily(latents, legality),
    }


def product_rate(rows: int = 2048, repeats: int = 5) -> float:
    """GFLOP/s of a float32 product of square matrices: how fast the processor is, median."""
    left, right = torch.rand(2, rows, rows)
    rates = []
    for _ in range(repeats + 1):
        began = time.process_time()
        torch.mm(left, right)
        rates.append(2e-9 * rows**3 / (time.process_time() - began))
    return statistics.median(rates[1:])  # the first is a warm-up


def main(arguments: Sequence[str] | None = None) -> int:
    """Print and, on request, store the figures."""
    flags = parser("Measure the speed of D-VAE.")
    flags.add_argument("--repeats", type=positive_int, default=5)
    flags.add_argument("--out", type=output_file, help="JSON file to write")
    given = flags.parse_args(arguments)
    torch.set_num_threads(1)
    product = product_rate()
    print(f"products of square matrices of 2,048 rows: {product:.1f} GFLOP/s", flush=True)
    rates: dict[str, list[float]] = {}
    calls = stretches()
    for repeat in range(given.repeats + 1):
        for name, call in calls.items():
            began = time.process_time()
            call()
            if repeat:  # the first is a warm-up
                rates.setdefault(name, []).append(STRETCH / (time.process_time() - began))
    rows = []
    for name, each in rates.items():
        median = statistics.median(each)
        row = {
            "what": name,
            "graphs_per_second": median,
            "spread": [min(each), max(each)],
            "times_published": median / PUBLISHED[name] if name in PUBLISHED else None,
        }
        rows.append(row)
        print(row, flush=True)
    if given.out:
        environment = describe_environment(0)
        write_json(given.out, {"rows": rows, "product_gflops": product, "environment": environment})
    return 0


if __name__ == "__main__":
    run_command(main)
