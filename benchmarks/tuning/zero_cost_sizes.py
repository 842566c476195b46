"""On which small networks and images zero-cost scores are computed.

    python benchmarks/tuning/zero_cost_sizes.py [--sample 150] [--space NB201] [--out FILE.json]

Kendall's τ of the scores with the *validation* accuracy for networks of other sizes and other
images than those chosen, on another draw of architectures than the reported one. NB201 (CIFAR-10)
and DIGITS101; ``--space`` measures one alone.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from benchmarks.zero_cost import DATA_SETS, sample, score, tau
from datasets import get_benchmark
from datasets.benchmark import Benchmark
from experiment.arguments import output_file, parser, positive_int
from experiment.environment import describe_environment
from experiment.errors import run_command
from experiment.files import write_json
from predictors.features.zero_cost import ZeroCost
from predictors.zero_cost import SCORES


def of_sizes(table: Benchmark, count: int) -> dict[str, Any]:
    """τ of each score with the validation accuracy, for other networks and images."""
    rows = sample(table, count, seed=202)
    accuracy = table.metric("validation").mean()[rows]
    found = {}
    for cells in (1, 2, 5):
        for images in ("digits", "normal"):
            features = ZeroCost(table.space)
            sizes = {**dict(features.networks.sizes), "cells": cells}
            features.networks = replace(features.networks, sizes=tuple(sizes.items()))
            if images == "normal":
                generator = torch.Generator().manual_seed(0)
                features.images = torch.randn(features.images.shape, generator=generator)
            seconds = time.process_time()
            values = score(features, table, rows)
            seconds = time.process_time() - seconds
            found[f"cells {cells}, {images}"] = {
                name: round(tau(values[:, place], accuracy), 3) for place, name in enumerate(SCORES)
            } | {"milliseconds_a_network": round(1000 * seconds / len(rows), 1)}
    return {"architectures": len(rows), "tau_validation": found}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and write what was measured."""
    flags = parser("On which small networks and images zero-cost scores are computed.")
    flags.add_argument("--data_root", type=Path, help="folder with nasbench201/")
    flags.add_argument("--sample", type=positive_int, default=150, help="random architectures")
    flags.add_argument("--space", choices=tuple(DATA_SETS), help="one space (default: both)")
    flags.add_argument("--out", type=output_file, help="JSON file to write")
    given = flags.parse_args(arguments)
    torch.set_num_threads(1)
    result: dict[str, Any] = {"environment": describe_environment(0)}
    for space in [given.space] if given.space else DATA_SETS:
        table = get_benchmark(space, given.data_root, dataset=DATA_SETS[space][0])
        result[space] = of_sizes(table, given.sample)
        print(json.dumps({space: result[space]}, indent=2), flush=True)
    if given.out:
        write_json(given.out, result)
    return 0


if __name__ == "__main__":
    run_command(main)
