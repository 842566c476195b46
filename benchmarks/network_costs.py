"""Parameters and FLOPs of every architecture in the tables: are they the recorded ones?

    python benchmarks/network_costs.py [--data_root FOLDER] [--built 20] [--out FILE.json]

The counts come from the formulas of ``models/networks/costs.py``. NAS-Bench-101 records the
parameters, NAS-Bench-201 parameters and FLOPs for three data sets, ENAS nothing. Of each table
some networks are built as well, without memory for their weights, and what they have is counted.
Seconds are those of the formulas for the whole table on one thread, the median of five runs.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from datasets.benchmark import Benchmark
from datasets.registry import get_benchmark
from experiment.arguments import output_file, parser, positive_int
from experiment.environment import describe_environment
from experiment.errors import run_command
from experiment.files import write_json
from models.networks.costs import Costs, enas_costs, nb101_costs, nb201_costs
from models.networks.enas import ENASNetwork
from models.networks.nb101 import NB101Network
from models.networks.nb201 import NB201Network

REPEATS = 5


@dataclass(frozen=True)
class Case:
    """One table, and how its networks are counted."""

    space: str
    dataset: str
    formula: Callable[..., Costs]
    network: type[nn.Module]
    classes: int = 10
    image_size: int = 32

    def count(self, benchmark: Benchmark) -> Costs:
        """Costs of every row."""
        return self.formula(benchmark.graphs, num_classes=self.classes, image_size=self.image_size)


CASES = (
    Case("NB101", "cifar10", nb101_costs, NB101Network),
    Case("NB201", "cifar10", nb201_costs, NB201Network),
    Case("NB201", "cifar100", nb201_costs, NB201Network, classes=100),
    Case("NB201", "ImageNet16-120", nb201_costs, NB201Network, classes=120, image_size=16),
    Case("ENAS", "cifar10", enas_costs, ENASNetwork),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the figures; 1 if a single number differs."""
    command = parser("Count parameters and FLOPs of whole tables.")
    command.add_argument("--data_root", type=Path, help="folder with nasbench101/, nasbench201/ …")
    command.add_argument("--built", type=positive_int, default=20, help="networks built a table")
    command.add_argument("--out", type=output_file, help="JSON file to write")
    options = command.parse_args(arguments)
    torch.set_num_threads(1)
    environment = describe_environment(seed=0)
    print(json.dumps(environment, indent=2))
    tables = {}
    differing = 0
    for case in CASES:
        benchmark = get_benchmark(case.space, options.data_root, dataset=case.dataset)
        equal = agreement(case, benchmark, options.built)
        differing += sum(total - same for same, total in equal.values())
        seconds = median_seconds(lambda: case.count(benchmark))  # noqa: B023 (called at once)
        text = ", ".join(f"{what} {same:,} of {total:,}" for what, (same, total) in equal.items())
        print(f"{case.space} {case.dataset}: equal {text}; {seconds:.4f} s", flush=True)
        tables[f"{case.space} {case.dataset}"] = {
            "equal": {what: {"equal": same, "of": total} for what, (same, total) in equal.items()},
            "seconds": round(seconds, 4),
        }
    if options.out:
        write_json(options.out, {"tables": tables, "environment": environment})
    return int(differing > 0)


def agreement(case: Case, benchmark: Benchmark, built: int) -> dict[str, tuple[int, int]]:
    """What is compared → how many are equal, of how many."""
    costs = case.count(benchmark)
    parameters = costs.parameters.numpy()
    equal = {}
    if "parameters" in benchmark.metrics:
        recorded = benchmark.metric("parameters").mean()
        equal["recorded parameters"] = (int((parameters == recorded).sum()), len(recorded))
    if "mflops" in benchmark.metrics:
        recorded = benchmark.metric("mflops").mean()  # with five decimals
        same = np.round(costs.flops.numpy() / 1e6, 5) == recorded
        equal["recorded FLOPs"] = (int(same.sum()), len(recorded))
    rows = np.random.default_rng(0).choice(len(benchmark), built, replace=False)
    weights = [weights_of_built(case, benchmark, int(row)) for row in rows]
    equal["parameters of built networks"] = (int((parameters[rows] == weights).sum()), built)
    return equal


def weights_of_built(case: Case, benchmark: Benchmark, row: int) -> int:
    """Trainable weights of one row's network."""
    graph = benchmark.graphs.graph(row)
    with torch.device("meta"):
        network = case.network(graph, num_classes=case.classes)
    return sum(weight.numel() for weight in network.parameters() if weight.requires_grad)


def median_seconds(action: Callable[[], object]) -> float:
    """Median seconds of several runs."""
    seconds = []
    for _ in range(REPEATS):
        started = time.perf_counter()
        action()
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds)


if __name__ == "__main__":
    run_command(main)
