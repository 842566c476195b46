"""Seconds from nothing to the latents of all 423,624 NB101 cells on disk.

    python benchmarks/encoding.py [--model SVGE] [--path_state_dict FOLDER] [--data_root FOLDER]
        [--out FILE.json]

Runs ``python -m Training_VAE.extract_latents`` as a user would: once in a folder of tables that
is empty, where the cells' hashes are computed, and once more, where they are read. Then the
phases are timed one by one, in this process. Without ``--path_state_dict`` the weights are fresh
ones: the time does not depend on them.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import torch

from datasets.batch import GraphBatch
from datasets.benchmarks.sources import TABLE_VARIABLE
from datasets.latent_files import save_latents
from datasets.registry import find_benchmark
from datasets.spaces.nb101 import NB101
from datasets.splits import split_rows
from experiment.arguments import output_file, parser, positive_int
from experiment.environment import describe_environment
from experiment.errors import run_command
from experiment.files import write_json
from experiment.paths import data_root
from models import MODELS, build_model, load_vae
from models.checkpoints import checkpoint_path
from Training_VAE.data import Architectures
from Training_VAE.latents import latent_table

SECONDS = 90
"""What the command must stay under, on two cores."""

T = TypeVar("T")


def run_extraction(command: list[str], tables: Path) -> dict[str, float]:
    """Wall and processor seconds of the command, whose tables lie in ``tables``."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.perf_counter()
    subprocess.run(command, cwd=ROOT, check=True, env={**os.environ, TABLE_VARIABLE: str(tables)})
    seconds = time.perf_counter() - started
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"seconds": round(seconds, 1), "processor_seconds": round(processor, 1)}


def time_phases(weights: Path, root: Path, folder: Path) -> dict[str, float]:
    """Seconds of each phase of the command, after its imports."""
    phases: dict[str, float] = {}

    def timed(name: str, action: Callable[[], T]) -> T:
        started = time.perf_counter()
        result = action()
        phases[name] = round(time.perf_counter() - started, 2)
        return result

    space = NB101()
    model = load_vae(weights, max_nodes=space.max_nodes)
    graphs = timed("enumerate", lambda: GraphBatch.cat(space.enumerate()))
    hashes = timed("hash", lambda: space.hashes(graphs))
    split = timed("split", lambda: split_rows(hashes))
    benchmark = timed("read_measurements", lambda: find_benchmark(space.name, root))
    timed("encode_alone", lambda: model.encode_all(graphs))
    architectures = Architectures(space, graphs, hashes, split)
    table = timed("encode_and_look_up", lambda: latent_table(model, architectures, benchmark))
    timed("write", lambda: save_latents(folder / "latents.npz", table))
    return phases


def main(arguments: Sequence[str] | None = None) -> int:
    """Print and on request store the figures; 1 if the command needs too long."""
    flags = parser("Time the encoding of all NB101 cells.")
    flags.add_argument("--model", default="SVGE", choices=list(MODELS), help="which VAE")
    flags.add_argument("--path_state_dict", type=Path, help="weights (default: fresh ones)")
    flags.add_argument("--data_root", type=Path, help="folder with nasbench101/")
    flags.add_argument("--threads", type=positive_int, help="of PyTorch (default: its own)")
    flags.add_argument("--out", type=output_file, help="JSON file to write")
    given = flags.parse_args(arguments)
    if given.threads:
        torch.set_num_threads(given.threads)
    root = data_root(given.data_root)
    environment = describe_environment(seed=0)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        weights = given.path_state_dict
        if weights is None:
            weights = folder / "weights"
            weights.mkdir()
            sizes = MODELS[given.model].sizes_type
            model = build_model(given.model, sizes(len(NB101.types), NB101.max_nodes))
            torch.save(model.state_dict(), checkpoint_path(weights, 1))
        command = [
            *(sys.executable, "-m", "Training_VAE.extract_latents", "--overwrite"),
            *("--model", given.model, "--path_state_dict", str(weights.resolve())),
            *("--data_root", str(root.resolve()), "--out", str(folder / "latents.npz")),
            *(("--threads", str(given.threads)) if given.threads else ()),
        ]
        figures = {
            name: run_extraction(command, folder / "tables")
            for name in ("first_time", "with_kept_hashes")
        }
        phases = time_phases(weights, root, folder)
    for name, figure in figures.items():
        print(
            f"{name}: {figure['seconds']} s (at most {SECONDS}), "
            f"{figure['processor_seconds']} s of processors"
        )
    for name, seconds in phases.items():
        print(f"  {name} {seconds} s")
    if given.out:
        write_json(
            given.out,
            {
                "model": given.model,
                "architectures": NB101.size,
                **figures,
                "phases_seconds": phases,
                "environment": environment,
            },
        )
    return int(max(figure["seconds"] for figure in figures.values()) > SECONDS)


if __name__ == "__main__":
    run_command(main)
