"""How many architectures an encoder can distinguish at best, with any weights.

    python benchmarks/reconstruction_bound.py [--data_root FOLDER] [--out FILE.json]

After k rounds of message passing a node knows a tree of walks of up to k edges (Xu et al. 2019,
arXiv:1810.00826). The trees are counted here by colour refinement (Weisfeiler and Leman 1968),
with each model's own kinds of messages, over all architectures of NB101, NB201, DIGITS101 and
NAS_BENCH_GRAPH and the measured ones of ENAS, which are all different up to isomorphism.

SVGE and DGMG sum over the nodes: two architectures with the same collection of trees have one
latent under any weights, and a decoder returns one of them at most. arch2vec has a latent for
every place: there the trees count in their order. Its decoder joins two nodes exactly where the
inner product of their latents is positive, so that nodes with equal trees, whose means are equal,
are always joined: an architecture with an *unjoined pair* of such nodes is never decoded from its
mean. (Nor is an isomorphic graph: in what is decoded the nodes of each colour form a clique. Were
it isomorphic to the architecture, its colours would be as many, hence the same classes, and these
are no cliques in the architecture.)

A colour is a 64-bit number. Where two colours collide by chance, a signature too few is counted:
everything is counted twice with independent numbers, and the two counts must agree.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
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
CHUNK = 8_192
"""Architectures at a time: the colours of their nodes stay in the processor's cache."""

Colours = np.ndarray
"""A number for every node of every graph. **Shape** (N, B), uint64."""


class Edges(NamedTuple):
    """The edges of many graphs, for each pair of places i, j of any: which graphs have i→j."""

    source: int
    target: int
    present: np.ndarray  # (B,), uint64: 0 or 1


class Bound(NamedTuple):
    """What a number of rounds leaves of a space.

    Attributes:
        distinct: signatures.
        unjoined: architectures with an unjoined pair of nodes that the decoder always joins.
        exact: signatures of the other architectures: no decoder returns more from the means.
    """

    distinct: int
    unjoined: int
    exact: int


@dataclass(frozen=True)
class Scheme:
    """What a model's encoder can know.

    Attributes:
        start: what a node is before the first round. **Shape** → (B, N), int64.
        stacks: the messages of a round, for each stack of states of its own.
        latent: what of the nodes' colours the latent keeps. **Shape** (N, B) and real places
            (N, B), bool → (B,).
        unjoined: whether nodes of equal colour are unjoined that the decoder always joins.
            **Shape** (N, B) and the graphs → (B,), bool.
    """

    start: Callable[[GraphBatch], np.ndarray]
    stacks: tuple[Callable[[Colours, list[Edges], np.uint64], Colours], ...]
    latent: Callable[[Colours, np.ndarray, np.uint64], np.ndarray]
    unjoined: Callable[[Colours, GraphBatch], np.ndarray]


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


def undirected(colours: Colours, edges: list[Edges], key: np.uint64) -> Colours:
    """A node and its neighbours of either direction, as one collection."""
    return along(colours, edges + [Edges(j, i, present) for i, j, present in edges], key)


def types(graphs: GraphBatch) -> np.ndarray:
    """The types of the nodes."""
    return graphs.types.numpy()


def types_and_degrees(graphs: GraphBatch) -> np.ndarray:
    """The types, with the numbers of edges into and out of a node, as SVGE_degrees has them."""
    into, out_of = graphs.adjacency.sum(1), graphs.adjacency.sum(2)
    places = graphs.max_nodes
    return ((graphs.types * places + into) * places + out_of).numpy()


def types_or_padding(graphs: GraphBatch) -> np.ndarray:
    """The types, and for a place behind the output a number of its own: there X is zero."""
    return graphs.types.where(graphs.node_mask(), -1).numpy()


def types_and_positions(graphs: GraphBatch) -> np.ndarray:
    """The types, each with its place."""
    return types_or_padding(graphs) * graphs.max_nodes + np.arange(graphs.max_nodes)


def collection(colours: Colours, real: np.ndarray, key: np.uint64) -> np.ndarray:
    """A sum over the nodes."""
    return (colours * real).sum(axis=0)


def sequence(colours: Colours, real: np.ndarray, key: np.uint64) -> np.ndarray:
    """A latent for every place, padding included."""
    joined = np.zeros_like(colours[0])
    for each in colours:
        joined = scrambled(joined * np.uint64(3) + each, key)
    return joined


def nothing_unjoined(colours: Colours, graphs: GraphBatch) -> np.ndarray:
    """No: the decoder decides on edges by more than the two nodes."""
    return np.zeros(len(graphs), dtype=bool)


def unjoined_pair(colours: Colours, graphs: GraphBatch) -> np.ndarray:
    """Whether two nodes have one colour and no edge: their inner product is positive."""
    adjacency, real = graphs.adjacency.numpy(), graphs.node_mask().numpy()
    found = np.zeros(len(graphs), dtype=bool)
    for i, j in combinations(range(graphs.max_nodes), 2):
        found |= (colours[i] == colours[j]) & ~adjacency[:, i, j] & real[:, j]
    return found


SCHEMES = {
    "SVGE": Scheme(types, (along, against), collection, nothing_unjoined),
    "SVGE_degrees": Scheme(types_and_degrees, (along, against), collection, nothing_unjoined),
    "DGMG": Scheme(types, (both_ways,), collection, nothing_unjoined),
    "arch2vec": Scheme(types_or_padding, (undirected,), sequence, unjoined_pair),
    "arch2vec_masked": Scheme(types_or_padding, (undirected,), sequence, unjoined_pair),
    "arch2vec_directed": Scheme(types_and_positions, (both_ways,), sequence, unjoined_pair),
}
"""The models; SVGE's two stacks meet only in the sum over the nodes.

Padding is the same isolated place in every graph of arch2vec: that it takes part in the published
model, and in the masked one does not, makes no difference to what either can distinguish.
"""


def edges_of(graphs: GraphBatch) -> list[Edges]:
    """All pairs of places that an edge of some graph joins."""
    adjacency = graphs.adjacency.numpy()
    pairs = np.argwhere(adjacency.any(axis=0)).tolist()
    return [Edges(i, j, adjacency[:, i, j].astype(np.uint64)) for i, j in pairs]


def count_signatures(graphs: GraphBatch, scheme: Scheme, rounds: int, key: int) -> list[Bound]:
    """What 1, 2, … rounds leave of different graphs; ``key`` chooses the numbers."""
    parts = [graphs[start : start + CHUNK] for start in range(0, len(graphs), CHUNK)]
    by_part = [list(_refined(part, scheme, rounds, np.uint64(key))) for part in parts]
    bounds = []
    for by_round in zip(*by_part, strict=True):
        signatures, unjoined = (np.concatenate(each) for each in zip(*by_round, strict=True))
        distinct = len(np.unique(signatures))
        exact = len(np.unique(signatures[~unjoined])) if unjoined.any() else distinct
        bounds.append(Bound(distinct, int(unjoined.sum()), exact))
    return bounds


def _refined(
    graphs: GraphBatch, scheme: Scheme, rounds: int, key: np.uint64
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Signatures after each round, and whether there is an unjoined pair. **Shape** (B,) each."""
    edges = edges_of(graphs)
    real = graphs.node_mask().numpy().T
    start = scrambled(scheme.start(graphs).T.astype(np.uint64), key)
    stacks = [start for _ in scheme.stacks]
    for _ in range(rounds):
        stacks = [step(s, edges, key) for step, s in zip(scheme.stacks, stacks, strict=True)]
        nodes = np.zeros_like(start)
        for colours in stacks:
            nodes = scrambled(nodes * np.uint64(7) + colours, key)
        yield scheme.latent(nodes, real, key), scheme.unjoined(nodes, graphs)


def bounds(graphs: GraphBatch) -> dict[str, dict[str, dict[str, float]]]:
    """The :class:`Bound` and the share of exact ones, by model and number of rounds.

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
            label: {**bound._asdict(), "share": bound.exact / len(graphs)}
            for label, bound in chosen.items()
        }
    return found


def architectures(space: str, data_root: Path | None) -> GraphBatch | None:
    """All architectures of a space, of ENAS the measured ones, where they are at hand."""
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
    for space in ("NB101", "NB201", "DIGITS101", "NAS_BENCH_GRAPH", "ENAS"):
        graphs = architectures(space, given.data_root)
        if graphs is None:
            continue
        found = bounds(graphs)
        spaces[space] = {"architectures": len(graphs), "models": found}
        print(f"{space}, {len(graphs):,} architectures")
        for model, by_rounds in found.items():
            for rounds, bound in by_rounds.items():
                print(
                    f"  {model:<18} {rounds:>3} rounds {bound['distinct']:>8,} signatures, "
                    f"{bound['unjoined']:>7,} with an unjoined pair, "
                    f"at most {bound['share']:.3%} exact",
                    flush=True,
                )
    if given.out:
        write_json(given.out, {"spaces": spaces, "environment": describe_environment(0)})
    return 0


if __name__ == "__main__":
    run_command(main)
