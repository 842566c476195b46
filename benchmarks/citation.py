"""Cora and Citeseer: test accuracy of GCN and GAT, which were made by hand, over ten seeds.

    python benchmarks/citation.py --store RUN.sqlite --out benchmarks/results/citation.json

The public split, row-normalised features, the published settings in ``configs/citation.toml``. The
weights of the first epoch with the best validation accuracy are tested, once. What is in the store
is not trained again.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from datasets.fixed_network import FixedNetwork
from estimators.from_scratch import FromScratch
from estimators.measurement import Measurement
from estimators.node_designs import GATDesign, GCNDesign
from estimators.store import Store
from estimators.tasks.nodes import NodeRecipe, NodeTask
from experiment.arguments import output_file, parser
from experiment.environment import describe_environment
from experiment.errors import run_command
from experiment.files import write_json

DESIGNS = {"GCN": GCNDesign(), "GAT": GATDesign()}
GRAPHS = ("cora", "citeseer")
SEEDS = 10


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the figures."""
    command = parser("Measure GCN and GAT on Cora and Citeseer.")
    command.add_argument("--networks", nargs="+", choices=list(DESIGNS), default=list(DESIGNS))
    command.add_argument("--store", type=Path, help="file of trainings that are not repeated")
    command.add_argument("--data_root", type=Path, help="folder with planetoid/ …")
    command.add_argument("--out", type=output_file, help="JSON file to write")
    options = command.parse_args(arguments)
    torch.set_num_threads(1)
    store = Store(options.store) if options.store else None
    measured = [
        measure(network, graph, options.data_root, store)
        for network in options.networks
        for graph in GRAPHS
    ]
    print(json.dumps(measured, indent=2))
    if options.out:
        environment = describe_environment(seed=0)
        write_json(options.out, {"measured": measured, "environment": environment})
    return 0


def measure(
    network: str, graph: str, data_root: Path | None, store: Store | None
) -> dict[str, Any]:
    """Mean and standard deviation over the seeds, in percent."""
    space, recipe = FixedNetwork(network), NodeRecipe.load("citation", network)
    task = NodeTask(graph, data_root=data_root)
    found: list[Measurement] = []
    for seed in range(SEEDS):
        estimator = FromScratch(space, task, DESIGNS[network], recipe, seed=seed, store=store)
        found += estimator.measure([space.member])
        print(f"{network} {graph} seed {seed}: {found[-1].test}", file=sys.stderr, flush=True)
    test = np.array([100 * one.values["test"] for one in found])
    validation = np.array([100 * one.values["validation"] for one in found])
    return {
        "network": network,
        "graph": graph,
        "parameters": found[0].parameters,
        "test": [round(float(value), 1) for value in test],
        "test_mean": round(float(test.mean()), 2),
        "test_std": round(float(test.std(ddof=1)), 2),
        "validation_mean": round(float(validation.mean()), 2),
        "validation_std": round(float(validation.std(ddof=1)), 2),
        "epoch_mean": round(float(np.mean([one.values["best_epoch"] for one in found])), 1),
    }


if __name__ == "__main__":
    run_command(main)
