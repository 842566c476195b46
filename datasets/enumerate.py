"""Write every architecture of a space into a file.

    python -m datasets.enumerate --space NB101 --out nb101.npz

The file holds ``types`` (rows, N), ``adjacency`` (rows, N, N) and ``num_nodes`` (rows,), all
uint8, and for NB101 the official ``module_hash`` (rows, 16) as md5 bytes. NB101 stands in the
order of its official enumeration, NB201 in that of its official index.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from experiment.errors import InputError, run_command
from experiment.threads import available_cores

if TYPE_CHECKING:
    from datasets.batch import GraphBatch
    from datasets.space import SearchSpace

# Everything that loads torch is imported where it is used: the processes that compute NB101's
# hashes import this module again, and need none of it.

MOST_ROWS = 10_000_000
"""Spaces with more members are written up to ``--limit`` only."""
MOST_PROCESSES = 4
"""Each process loads NumPy and holds its share of the hashes: more cost memory and gain little."""


def architectures(space: SearchSpace, limit: int | None, max_nodes: int | None) -> GraphBatch:
    """The first ``limit`` architectures of a space, of at most ``max_nodes`` nodes.

    Raises:
        InputError: the space is too large to be written as a whole, or ``max_nodes`` does not
            apply to it.
    """
    from datasets.batch import GraphBatch

    if limit is None and space.size > MOST_ROWS:
        raise InputError(
            f"{space.name} has {space.size:,} architectures, too many for a file: "
            "choose how many with --limit"
        )
    return GraphBatch.cat(_first(_batches(space, max_nodes), limit))


def _batches(space: SearchSpace, max_nodes: int | None) -> Iterator[GraphBatch]:
    if max_nodes is None:
        return space.enumerate()
    from datasets.spaces.nb101 import NB101

    if not isinstance(space, NB101):
        raise InputError(
            f"--max_nodes chooses among sizes, but all {space.name} architectures have "
            f"{space.max_nodes} nodes: leave it out"
        )
    if not 2 <= max_nodes <= space.max_nodes:
        raise InputError(
            f"--max_nodes is {max_nodes}, {space.name} cells have 2 to {space.max_nodes} nodes"
        )
    return space.enumerate(max_nodes)


def _first(batches: Iterator[GraphBatch], limit: int | None) -> Iterator[GraphBatch]:
    missing = limit
    for batch in batches:
        if missing is None:
            yield batch
            continue
        yield batch[:missing]
        missing -= min(missing, len(batch))
        if missing == 0:
            return


def processes() -> int:
    """Processes that share the hashing: one for each processor that this one may run on."""
    return min(available_cores(), MOST_PROCESSES)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command."""
    from datasets.registry import SPACES, get_space
    from datasets.spaces.nb101 import NB101
    from experiment.arguments import parser, positive_int
    from experiment.files import atomic_path, check_output

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
        columns = {
            name: getattr(graphs, name).numpy().astype(np.uint8)
            for name in ("types", "adjacency", "num_nodes")
        }
        if isinstance(space, NB101):
            columns["module_hash"] = space.module_hashes(graphs, processes=processes())
        np.savez_compressed(partial, **columns)
    seconds = time.perf_counter() - started
    print(f"{chosen.out}: {len(graphs):,} {space.name} architectures in {seconds:.1f} s")


if __name__ == "__main__":
    run_command(main)
