"""How long an epoch of QM7 takes for networks of the space MPNN.

    python benchmarks/mpnn_speed.py --out benchmarks/results/mpnn_speed.json

An epoch is the training alone, with the recipe of ``configs/molecules.toml``, on one thread.
Seconds are those of the processor, so that other work does not count.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from datasets import FixedNetwork, get_space
from estimators.fitting import training_loop
from estimators.networks import Design, MPNNBaselineDesign, MPNNDesign, PublishedMPNNDesign
from estimators.tasks.molecules import MoleculeRecipe, MoleculeTask
from experiment.arguments import output_file, parser
from experiment.environment import describe_environment
from experiment.errors import run_command
from experiment.files import write_json

MIDDLE = "gat,2 mean,gru,2 16,elu " * 3 + "sum_atoms 0:3 3:6"
LARGEST = "sym-gat,6 max,gru,4 32,elu " * 3 + "attention64 0:3 0:6 0:9 3:6 3:9 6:9"
PLACES = 9
"""Atoms that DeepHyper pads QM7's molecules to."""
NETWORKS: dict[str, tuple[str | None, Design]] = {
    "baseline": (None, MPNNBaselineDesign()),
    "middle": (MIDDLE, MPNNDesign()),
    "largest": (LARGEST, MPNNDesign()),
    "largest_published": (LARGEST, PublishedMPNNDesign(most_atoms=PLACES)),
}
"""Name → architecture, which the baseline has none of, and design."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the seconds."""
    command = parser("Measure the speed of training networks of MPNN on QM7.")
    command.add_argument("--data_root", type=Path, help="folder with molecules_aligned/")
    command.add_argument("--out", type=output_file, help="JSON file to write")
    options = command.parse_args(arguments)
    torch.set_num_threads(1)
    recipe = MoleculeRecipe.load("molecules", "qm7", overrides={"epochs": 1})
    task = MoleculeTask("qm7", data_root=options.data_root).prepare(recipe, "cpu")
    measured = {name: of_network(*each, task) for name, each in NETWORKS.items()}
    print(json.dumps(measured, indent=2))
    if options.out:
        environment = describe_environment(seed=0)
        write_json(options.out, {"networks": measured, "environment": environment})
    return 0


def of_network(architecture: str | None, design: Design, task: Any) -> dict[str, Any]:
    """Processor seconds of an epoch."""
    torch.manual_seed(0)
    graph = get_space("MPNN").parse(architecture) if architecture else FixedNetwork.member
    network = design.build(graph, task.dimensions)
    loop = training_loop(network, task, 0, shown=False)
    started = time.process_time()
    loop.run(lambda epoch, means: None, until=1)
    seconds = time.process_time() - started
    return {
        "architecture": architecture,
        "parameters": sum(each.numel() for each in network.parameters()),
        "molecules": len(task.examples(0, 0)),
        "seconds": round(seconds, 2),
    }


if __name__ == "__main__":
    run_command(main)
