"""The candidates of a command's flags, and the files that they are written to."""

from __future__ import annotations

import json
from argparse import Namespace
from pathlib import Path

import numpy as np
import torch

from datasets import get_benchmark
from datasets.batch import GraphBatch
from datasets.benchmark import Benchmark
from datasets.source_record import announce
from datasets.space import SearchSpace
from experiment.arguments import Parser, non_negative_int, positive_int
from experiment.errors import InputError
from experiment.files import atomic_path, check_output
from experiment.paths import REPOSITORY_ROOT
from Extrapolation_Ability.candidates import (
    MOST_EXTENDED,
    PUBLISHED_NODES,
    Keep,
    best_cells,
    distinct,
    extension_steps,
    published_candidates,
    random_cells,
)
from Extrapolation_Ability.macro_candidates import best_networks, macro_candidates

CANDIDATES = REPOSITORY_ROOT / "runs" / "candidates"
"""Where candidates are written unless another place is named."""
CELL_FLAGS, NETWORK_FLAGS = ("extend_best", "max_edges", "nodes"), ("stack_best",)
"""What :func:`wanted_cells` and :func:`wanted_networks` read beside the number of random ones."""
EXTENDED, RANDOM_NETWORKS = 10, 1_000
"""Cells that are extended, and networks that are drawn, unless a number is given."""


def add_cell_flags(flags: Parser) -> None:
    """Add the flags that :func:`wanted_cells` reads."""
    flags.add_argument(
        "--extend_best",
        type=positive_int,
        metavar="K",
        help="every cell that is one of the K best measured ones with one node more",
    )
    flags.add_argument(
        "--max_edges", type=positive_int, help="most edges of the extended cells (default: any)"
    )
    flags.add_argument(
        "--nodes",
        type=positive_int,
        help="nodes of the candidates (default: one more than the space has); further than one "
        "beyond the space, K of the extensions are extended at every step",
    )


def add_random_flag(flags: Parser) -> None:
    """Add the flag of random candidates."""
    flags.add_argument("--random", type=non_negative_int, metavar="N", help="N random candidates")


def add_network_flags(flags: Parser) -> None:
    """Add the flag of :func:`wanted_networks`."""
    flags.add_argument(
        "--stack_best",
        type=positive_int,
        metavar="K",
        help="12 layers out of the K best measured networks of 6: every two of them one behind "
        "the other, and each with its layers doubled",
    )


def wanted_cells(given: Namespace, space: SearchSpace, keep: Keep | None = None) -> GraphBatch:
    """The candidates of a space of cells by the flags, each once.

    Args:
        given: the flags, with ``data_root`` and ``seed``.
        space: of the cells that are extended.
        keep: chooses which cells are extended again; default: as many as were extended first,
            at random.

    Raises:
        InputError: no such cells can be made, or too few were measured.
    """
    nodes = given.nodes or space.max_nodes + 1
    if not 4 <= nodes <= MOST_EXTENDED + 1:
        raise InputError(f"--nodes is {nodes}: candidates have 4 to {MOST_EXTENDED + 1} nodes")
    generator = np.random.default_rng(given.seed)
    extended = given.extend_best
    if extended is None and given.random is None:
        if nodes == space.max_nodes + 1 == PUBLISHED_NODES and given.max_edges is None:
            return GraphBatch.from_graphs(published_candidates(generator))
        extended = EXTENDED
    parts = []
    if extended:
        base = min(nodes - 1, space.max_nodes)
        best = best_cells(_table(space.name, given), base, extended)
        chosen = keep or _at_random(extended, generator)
        *_, last = extension_steps(best, nodes, chosen, given.max_edges)
        if not len(last):
            raise InputError(
                f"no extension of the best {extended} cells has at most {given.max_edges} edges: "
                "allow more by --max_edges"
            )
        parts.append(last)
    if given.random:
        parts.append(GraphBatch.from_graphs(random_cells(nodes, given.random, generator)))
    return _some(parts)


def wanted_networks(given: Namespace, space: SearchSpace) -> GraphBatch:
    """The ENAS candidates of 12 layers by the flags, each once.

    Args:
        given: the flags, with ``data_root`` and ``seed``.
        space: of the networks of 6 layers that they are made of.

    Raises:
        InputError: none are requested, or too few were measured.
    """
    generator = np.random.default_rng(given.seed)
    best = []
    if given.stack_best:
        best = best_networks(_table(space.name, given), given.stack_best)
    unsaid = RANDOM_NETWORKS if given.stack_best is None else 0
    random = unsaid if given.random is None else given.random
    return _some([macro_candidates(random, best, generator)])


def _table(space: str, given: Namespace) -> Benchmark:
    """The benchmark whose best architectures candidates are made of, announced."""
    table = get_benchmark(space, given.data_root)
    announce([table], json=getattr(given, "json", False))
    return table


def write_candidates(path: Path, space: SearchSpace, graphs: GraphBatch, overwrite: bool) -> None:
    """Write architectures as JSON lines with their hashes, whole or not at all.

    Raises:
        InputError: the file exists and is not to be replaced, or cannot be written.
    """
    check_output(path, overwrite=overwrite)
    hashes = space.hashes(graphs).tolist()
    with atomic_path(path) as partial, partial.open("w", encoding="utf-8") as file:
        for graph, hash in zip(graphs, hashes, strict=True):
            file.write(json.dumps({**space.to_record(graph), "hash": hash}) + "\n")


def _at_random(count: int, generator: np.random.Generator) -> Keep:
    def keep(cells: GraphBatch) -> GraphBatch:
        rows = generator.choice(len(cells), min(count, len(cells)), replace=False)
        return cells[torch.from_numpy(rows)]

    return keep


def _some(parts: list[GraphBatch]) -> GraphBatch:
    if not sum(len(part) for part in parts):
        raise InputError("no candidates are requested: give a number above 0")
    return distinct(GraphBatch.cat(parts))
