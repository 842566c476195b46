"""How many architectures an encoder can distinguish at best, with any weights.

    python benchmarks/reconstruction_bound.py [--data_root FOLDER] [--out FILE.json]

After k rounds of message passing a node knows a tree of walks of up to k edges (Xu et al. 2019,
arXiv:1810.00826), and an encoder sums over its nodes: two architectures with the same collection
of trees have one latent under any weights, and a decoder returns one of them at most. The trees
are counted here by colour refinement (Weisfeiler and Leman 1968), with each model's own kinds of
messages, over all architectures of NB101 and NB201 and the measured ones of ENAS. The share of
distinct signatures bounds the exact reconstruction of a space from above.

A colour is a 64-bit number. Where two colours collide by chance, a signature too few is counted:
everything is counted twice with independent numbers, and the two counts must agree.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from datasets.batch import GraphBatch
from datasets.benchmark import NoMeasurementsError
from datasets.registry import get_benchmark, get_space
from experiment.arguments import output_file, parser
from experiment.environment import describe_environment
from experiment.errors import run_command
from experiment.files import write_json

ROUNDS = 4
"""Rounds counted one by one; then as many as change anything."""

Colours = np.ndarray
"""A number for every node of every graph. **Shape** (N, B), uint64."""


class Edges(NamedTuple):
    """The edges of many graphs, for each pair of places i, j of any: which graphs have i→j."""

    source: int
    target: int
    present: np.ndarray  # (B,), uint64: 0 or 1


@dataclass(frozen=True)
class Scheme:
    """What a model's encoder can know.

    Attributes:
        start: what a node is before the first round. **Shape** → (B, N), int64.
        stacks: the messages of a round, for each stack of states of its own.
    """

    start: Callable[[GraphBatch], np.ndarray]
    stacks: tuple[Callable[[Colours, list[Edges], np.uint64], Colours], ...]


def scrambled(numbers: np.ndarray | np.uint64, key: np.uint64) -> np.ndarray:
    """Numbers that look random, the same for equal ones (the finaliser of SplitMix64).

    Steele, Lea, Flood, *Fast splittable pseudorandom number generators*, OOPSLA 2014.
    """
    x = np.asarray(numbers + key, dtype=np.uint64)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def along(colours: Colours, edges: list[Edges], key: np.uint64) -> Colours:
    """A node and the collection of its in-neighbours: a sum of scrambled colours."""
    mixed, sums = scrambled(colours, key), np.zeros_like(colours)
    for source, target, present in edges:
        sums[target] += mixed[source] * present
    return scrambled(colours * np.uint64(3) + scrambled(sums, key), key)


def against(colours: Colours, edges: list[Edges], key: np.uint64) -> Colours:
    """:func:`along`, in the reversed graph."""
    return along(colours, [Edges(j, i, present) for i, j, present in edges], key)


def both_ways(colours: Colours, edges: list[Edges], key: np.uint64) -> Colours:
    """A node and its in-neighbours and its out-neighbours, as two collections."""
    joined = along(colours, edges, key) * np.uint64(5) + against(colours, edges, key)
    return scrambled(joined, key)


def types(graphs: GraphBatch) -> np.ndarray:
    """The types of the nodes."""
    return graphs.types.numpy()


def types_and_degrees(graphs: GraphBatch) -> np.ndarray:
    """The types, with the numbers of edges into and out of a node, as SVGE_degrees has them."""
    into, out_of = graphs.adjacency.sum(1), graphs.adjacency.sum(2)
    places = graphs.max_nodes
    return ((graphs.types * places + into) * places + out_of).numpy()


SCHEMES = {
    "SVGE": Scheme(types, (along, against)),
    "SVGE_degrees": Scheme(types_and_degrees, (along, against)),
    "DGMG": Scheme(types, (both_ways,)),
}
"""The models; SVGE's two stacks meet only in the sum over the nodes."""


def edges_of(graphs: GraphBatch) -> list[Edges]:
    """All pairs of places that an edge of some graph joins."""
    adjacency = graphs.adjacency.numpy()
    pairs = np.argwhere(adjacency.any(axis=0)).tolist()
    return [Edges(i, j, adjacency[:, i, j].astype(np.uint64)) for i, j in pairs]


def count_signatures(graphs: GraphBatch, scheme: Scheme, rounds: int, key: int) -> list[int]:
    """Distinct signatures of the graphs after 1, 2, … rounds; ``key`` chooses the numbers."""
    edges, keyed = edges_of(graphs), np.uint64(key)
    real = graphs.node_mask().numpy().T
    start = scrambled(scheme.start(graphs).T.astype(np.uint64), keyed)
    stacks = [start for _ in scheme.stacks]
    counts = []
    for _ in range(rounds):
        stacks = [step(s, edges, keyed) for step, s in zip(scheme.stacks, stacks, strict=True)]
        nodes = np.zeros_like(start)
        for colours in stacks:
            nodes = scrambled(nodes * np.uint64(7) + colours, keyed)
        counts.append(len(np.unique((nodes * real).sum(axis=0))))
    return counts


def bounds(graphs: GraphBatch) -> dict[str, dict[str, dict[str, float]]]:
    """Distinct signatures and their share, by model and number of rounds.

    ``any`` means every larger number of rounds: two graphs of N nodes that N rounds of
    refinement do not tell apart are never distinguished by it.

    Raises:
        AssertionError: colours collided by chance.
    """
    found = {}
    for name, scheme in SCHEMES.items():
        most = max(ROUNDS, graphs.max_nodes)
        counts = count_signatures(graphs, scheme, most, key=0x9E3779B97F4A7C15)
        assert counts == count_signatures(graphs, scheme, most, key=0xD1B54A32D192ED03), name
        labels = [str(k) for k in range(1, ROUNDS + 1)]
        chosen = dict(zip(labels, counts, strict=False)) | {"any": counts[-1]}
        found[name] = {
            label: {"distinct": count, "share": count / len(graphs)}
            for label, count in chosen.items()
        }
    return found


def architectures(space: str, data_root: Path | None) -> GraphBatch | None:
    """All architectures of NB101 or NB201, the measured ones of ENAS, where they are at hand."""
    if space != "ENAS":
        return GraphBatch.cat(get_space(space).enumerate())
    try:
        return get_benchmark(space, data_root).graphs
    except NoMeasurementsError as error:
        print(f"ENAS left out: {error}")
        return None


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the bounds, and on request store them."""
    flags = parser("Count what encoders can tell apart.")
    flags.add_argument("--data_root", type=Path, help="folder with ENAS/")
    flags.add_argument("--out", type=output_file, help="JSON file to write")
    given = flags.parse_args(arguments)
    spaces = {}
    for space in ("NB101", "NB201", "ENAS"):
        graphs = architectures(space, given.data_root)
        if graphs is None:
            continue
        found = bounds(graphs)
        spaces[space] = {"architectures": len(graphs), "models": found}
        print(f"{space}, {len(graphs):,} architectures")
        for model, by_rounds in found.items():
            for rounds, bound in by_rounds.items():
                print(
                    f"  {model:<24} {rounds:>3} rounds {bound['distinct']:>8,} signatures, "
                    f"at most {bound['share']:.3%} exact",
                    flush=True,
                )
    if given.out:
        write_json(given.out, {"spaces": spaces, "environment": describe_environment(0)})
    return 0


if __name__ == "__main__":
    run_command(main)
