"""Write every architecture of a space into a file.

    python -m datasets.enumerate --space NB101 --out nb101.npz

The file holds ``types`` (rows, N), ``adjacency`` (rows, N, N) and ``num_nodes`` (rows,), all
uint8, and for NB101 the official ``module_hash`` (rows, 16) as md5 bytes. NB101 stands in the
order of its official enumeration, NB201 in that of its official index.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from experiment.errors import InputError, run_command
from experiment.threads import available_cores

if TYPE_CHECKING:
    from datasets.batch import GraphBatch
    from datasets.space import SearchSpace

# Everything that loads torch is imported where it is used: the processes that compute NB101's
# hashes import this module again, and need none of it. The flags are in datasets.commands.

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


def columns(space: SearchSpace, graphs: GraphBatch) -> dict[str, np.ndarray]:
    """The arrays of a file of architectures, all uint8.

    Args:
        space: of the architectures.
        graphs: the architectures, a row each.

    Returns:
        ``types`` (rows, N), ``adjacency`` (rows, N, N), ``num_nodes`` (rows,), and for NB101
        ``module_hash`` (rows, 16).
    """
    from datasets.spaces.nb101 import NB101

    found = {
        name: getattr(graphs, name).numpy().astype(np.uint8)
        for name in ("types", "adjacency", "num_nodes")
    }
    if isinstance(space, NB101):
        found["module_hash"] = space.module_hashes(graphs, processes=processes())
    return found


if __name__ == "__main__":
    from datasets.commands.enumerate import main

    run_command(main)
