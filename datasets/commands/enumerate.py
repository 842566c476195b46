"""Write every architecture of a space: the flags of ``python -m datasets.enumerate``."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from datasets.enumerate import architectures, columns
from datasets.registry import SPACES, get_space
from experiment.arguments import parser, positive_int
from experiment.files import atomic_path, check_output


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the file, and say how long that took."""
    flags = parser("Write every architecture of a search space into a compressed .npz file.")
    flags.add_argument("--space", choices=list(SPACES), required=True, help="the search space")
    flags.add_argument("--out", type=Path, required=True, help="the file to write, FILE.npz")
    flags.add_argument("--limit", type=positive_int, help="stop after so many architectures")
    flags.add_argument("--max_nodes", type=int, help="NB101: leave out cells with more nodes")
    flags.add_argument("--overwrite", action="store_true", help="replace the file that is there")
    chosen = flags.parse_args(arguments)
    check_output(chosen.out, ".npz", overwrite=chosen.overwrite)

    started = time.perf_counter()
    space = get_space(chosen.space)
    with atomic_path(chosen.out) as partial:
        graphs = architectures(space, chosen.limit, chosen.max_nodes)
        np.savez_compressed(partial, **columns(space, graphs))  # type: ignore[arg-type]
    seconds = time.perf_counter() - started
    print(f"{chosen.out}: {len(graphs):,} {space.name} architectures in {seconds:.1f} s")
