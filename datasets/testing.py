"""What every search space promises, as checks that a test of any space can run.

:func:`check_space` is all that the test of a new space needs::

    def test_ladder_keeps_the_promises_of_a_space() -> None:
        check_space(Ladder())

The checks of :data:`CHECKS` can be run one by one as well. networkx decides what is isomorphic.
Random choices are seeded: a space passes always or never.
"""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from itertools import islice

import numpy as np
import torch
from torch import Tensor

from datasets.batch import GraphBatch, LegalityMask
from datasets.graph import INPUT, OUTPUT, ArchitectureError, ArchitectureGraph
from datasets.space import SearchSpace

SMALL = 100_000
"""Spaces of fewer members are enumerated as a whole."""
SMALL_GRAPH = 12
"""Nodes up to which graphs are drawn, and beyond, to look for members among them."""
WALKS = 500
"""Graphs built under a mask in each of its checks."""
LARGEST_PICKLE = 100_000
"""Bytes that a space may take where it is sent to another process."""


def check_space(space: SearchSpace) -> None:
    """Run every check.

    Raises:
        AssertionError: a promise is broken; the message says which.
    """
    for check in CHECKS:
        check(space)


def check_types(space: SearchSpace) -> None:
    """Types are named, each once, the output and the input first."""
    assert space.types[OUTPUT] == "output", "types[0] is not 'output'"
    assert space.types[INPUT] == "input", "types[1] is not 'input'"
    assert len(set(space.types)) == len(space.types), "two types have one name"
    assert space.max_nodes >= 2, "max_nodes is below 2: an input and an output"


def check_samples(space: SearchSpace) -> None:
    """Samples are members, as many as requested, and a function of the generator's seed."""
    graphs = _sample(space, 60)
    assert len(graphs) == 60, "sample(60) does not give 60 graphs"
    assert all(space.is_legal(graph) for graph in graphs), "a sample is no member"
    assert all(graph.num_nodes <= space.max_nodes for graph in graphs), "a sample is too large"
    assert graphs == _sample(space, 60), "equal seeds give different samples"
    assert graphs != _sample(space, 60, seed=1), "different seeds give equal samples"
    assert _sample(space, 0) == [], "sample(0) is not empty"


def check_notation(space: SearchSpace) -> None:
    """``parse`` reads back what ``format`` and ``to_record`` wrote, optional keys or not."""
    for graph in _sample(space, 20):
        assert space.parse(space.format(graph)) == graph, f"{graph} is not read back"
        record = {**space.to_record(graph), "id": 7, "validation": 0.9}
        assert space.parse(json.dumps(record)) == graph, f"the JSON of {graph} is not read back"


def check_bad_notation(space: SearchSpace) -> None:
    """A damaged text is read as a member or refused by :class:`ArchitectureError`, no other way."""
    generator = np.random.default_rng(0)
    for graph in _sample(space, 60):
        for text in (space.format(graph), json.dumps(space.to_record(graph))):
            place, removed = generator.integers(0, len(text) + 1), generator.integers(0, 4)
            added = "".join(generator.choice(list('0123456789 []{}",|+~-:ab'), size=2))
            read_or_refused(space, text[:place] + added + text[place + removed :])
    for text in ("", " ", "{}", "[]", "null", '{"arch": 3}', "[" * 10_000):
        read_or_refused(space, text)


def read_or_refused(space: SearchSpace, text: str) -> None:
    """Check that ``parse`` makes a member of ``text``, or says what is wrong with it."""
    try:
        graph = space.parse(text)
    except ArchitectureError:
        return
    except Exception as error:
        raise AssertionError(
            f"parse({text!r}) raises {error!r}, expected a graph or an ArchitectureError"
        ) from error
    assert space.is_legal(graph), f"{text!r} is read as a graph that is no member"


def check_conversions(space: SearchSpace) -> None:
    """Members survive being batched, and being turned into PyG and networkx graphs."""
    graphs = _sample(space, 20)
    batch = GraphBatch.from_graphs(graphs, space.max_nodes)
    assert list(batch) == graphs, "a batch changes its graphs"
    assert list(GraphBatch.from_pyg(batch.to_pyg())) == graphs, "PyG changes a graph"
    for graph in graphs:
        assert ArchitectureGraph.from_networkx(graph.to_networkx()) == graph, (
            f"networkx changes {graph}"
        )


def check_canonical(space: SearchSpace) -> None:
    """Canonical graphs, and hashes, are equal exactly for isomorphic members."""
    import networkx as nx

    graphs = _sample(space, 60)
    forms = [space.canonical(graph) for graph in graphs]
    assert [space.canonical(form) for form in forms] == forms, "canonical() changes its own result"
    assert all(space.is_legal(form) for form in forms), "a canonical graph is no member"
    for a in range(12):
        for b in range(a):
            same = nx.vf2pp_is_isomorphic(
                graphs[a].to_networkx(), graphs[b].to_networkx(), node_label="type"
            )
            pair = f"{graphs[a]} and {graphs[b]}"
            assert same == (forms[a] == forms[b]), f"canonical() is wrong about {pair}"
            assert same == (space.hash(graphs[a]) == space.hash(graphs[b])), (
                f"hash() is wrong about {pair}"
            )


def check_hash(space: SearchSpace) -> None:
    """A hash is hexadecimal, the same for every order of the nodes, and the same in a batch."""
    generator = np.random.default_rng(2)
    graphs = _sample(space, 60)
    for graph in graphs:
        other = relabelled(graph, generator)
        assert space.hash(other) == space.hash(graph), f"the hash of {graph} depends on its order"
        if space.is_legal(other):
            assert space.canonical(other) == space.canonical(graph), (
                f"the canonical graph of {graph} depends on its order"
            )
    hashes = [space.hash(graph) for graph in graphs]
    assert all(set(hash) <= set("0123456789abcdef") for hash in hashes), "a hash is not hexadecimal"
    batch = GraphBatch.from_graphs(graphs, space.max_nodes)
    assert space.hashes(batch).tolist() == hashes, "hashes() does not agree with hash()"


def check_neighbours(space: SearchSpace) -> None:
    """Neighbours are other members, canonical, each once; mutation draws among them."""
    graphs = _sample(space, 8)
    for graph in graphs:
        found = space.neighbours(graph)
        assert found, f"{graph} has no neighbours"
        assert len(set(found)) == len(found), f"{graph} has a neighbour twice"
        assert space.canonical(graph) not in found, f"{graph} is its own neighbour"
        assert all(space.is_legal(other) for other in found), f"{graph} has an illegal neighbour"
        assert all(space.canonical(other) == other for other in found), (
            f"{graph} has a neighbour that is not canonical"
        )
    generator = np.random.default_rng(3)
    drawn = {space.mutate(graphs[0], generator) for _ in range(20)}
    assert drawn <= set(space.neighbours(graphs[0])), "mutate() leaves the neighbours"
    assert len(drawn) > 1, "mutate() always draws the same neighbour"


def check_legality(space: SearchSpace) -> None:
    """``legal`` agrees with ``is_legal``; what is no member is refused with the reason."""
    generator = np.random.default_rng(4)
    graphs = _sample(space, 60)
    broken = [damaged(graph, generator) for graph in graphs for _ in range(5)]
    largest = max(space.max_nodes, SMALL_GRAPH) + 2
    sizes = generator.integers(1, largest + 1, size=50).tolist()
    everything = [*graphs, *broken, *(random_dag(generator, size, types=6) for size in sizes)]
    expected = [space.is_legal(graph) for graph in everything]
    assert not all(expected), "every damaged graph counts as a member"
    batch = GraphBatch.from_graphs(everything, max_nodes=largest)
    assert space.legal(batch).tolist() == expected, "legal() does not agree with is_legal()"
    assert space.legal(batch[:0]).tolist() == [], "legal() of no graphs is not empty"
    for graph, member in zip(everything, expected, strict=True):
        assert member or space.why_illegal(graph), f"{graph} is refused without a reason"


def check_enumeration(space: SearchSpace) -> None:
    """``enumerate`` gives canonical members in a fixed order; a small space in full, each once."""
    first, again = (list(next(space.enumerate())[:300]) for _ in range(2))
    assert first == again, "enumerate() has no fixed order"
    assert all(space.canonical(graph) == graph for graph in islice(first, 0, 300, 7)), (
        "enumerate() gives a graph that is not canonical"
    )
    if space.size >= SMALL:
        return
    rows = GraphBatch.cat(space.enumerate())
    assert len(rows) == space.size, f"enumerate() gives {len(rows)} graphs, size is {space.size}"
    assert space.legal(rows).all(), "enumerate() gives a graph that is no member"
    parts = [rows.num_nodes[:, None], rows.types, rows.adjacency.flatten(1)]
    distinct = len(torch.cat(parts, 1).unique(dim=0))
    assert distinct == space.size, "enumerate() gives an architecture twice"


def check_masks_let_members_pass(space: SearchSpace) -> None:
    """Every member can be built under the mask, from the input and from the output."""
    batch = GraphBatch.from_graphs(_sample(space, WALKS), space.max_nodes)
    for reverse in (False, True):
        mask = space.legality_mask(reverse=reverse)
        views = batch.reversed() if reverse else batch
        for nodes in batch.num_nodes.unique():
            assert_lets_pass(mask, views[batch.num_nodes == nodes])


def check_masks_build_members(space: SearchSpace) -> None:
    """Whatever is built under the mask is a member, from the input and from the output."""
    generator = torch.Generator().manual_seed(0)
    for reverse in (False, True):
        mask = space.legality_mask(reverse=reverse)
        start = OUTPUT if reverse else INPUT
        for edge_share in (0.0, 0.5, 1.0):
            for end_weight in (0.05, 3.0):
                graphs = walk(
                    mask, start, space.max_nodes, edge_share, end_weight, WALKS, generator
                )
                graphs = graphs.reversed() if reverse else graphs
                wrong = np.flatnonzero(~space.legal(graphs))
                assert not len(wrong), (
                    f"the mask (reverse={reverse}) lets {graphs.graph(int(wrong[0]))} be built, "
                    "which is no member"
                )


def check_pickling(space: SearchSpace) -> None:
    """A space survives being pickled, as it is when other processes measure its members."""
    other = pickle.loads(pickle.dumps(space))
    graphs = _sample(space, 8)
    assert _sample(other, 8) == graphs, "a pickled space gives other samples"
    assert [other.hash(one) for one in graphs] == [space.hash(one) for one in graphs], (
        "a pickled space gives other hashes"
    )
    assert len(pickle.dumps(space)) < LARGEST_PICKLE, (
        f"a pickled space takes more than {LARGEST_PICKLE:,} bytes, which travel to every process: "
        "keep what can be computed in a functools.cached_property"
    )


CHECKS: tuple[Callable[[SearchSpace], None], ...] = (
    check_types,
    check_samples,
    check_pickling,
    check_legality,
    check_notation,
    check_bad_notation,
    check_conversions,
    check_canonical,
    check_hash,
    check_neighbours,
    check_enumeration,
    check_masks_let_members_pass,
    check_masks_build_members,
)
"""All checks of :func:`check_space`."""


def assert_lets_pass(mask: LegalityMask, graphs: GraphBatch) -> None:
    """Check that a mask allows every decision that leads to ``graphs``.

    Args:
        mask: of the direction in which ``graphs`` are read.
        graphs: all of one number of nodes.
    """
    for n in range(1, int(graphs.num_nodes[0])):
        types, adjacency = graphs.types[:, :n], graphs.adjacency[:, :n, :n]
        new_types = graphs.types[:, n]
        allowed = mask.allowed_types(types, adjacency)
        assert allowed.gather(1, new_types[:, None]).all(), f"a mask forbids a member's node {n}"
        for k in range(n):
            drawn = graphs.adjacency[:, :k, n]
            choices = mask.allowed_edges(types, adjacency, new_types, drawn)
            taken = graphs.adjacency[:, k, n].long()
            assert choices.gather(1, taken[:, None]).all(), (
                f"a mask forbids what a member has between {k} and {n}"
            )


def walk(
    mask: LegalityMask,
    start: int,
    max_nodes: int,
    edge_share: float,
    end_weight: float,
    size: int,
    generator: torch.Generator,
) -> GraphBatch:
    """Build graphs at random under a mask, as a decoder does.

    Args:
        mask: says what is allowed.
        start: type of the first node; a graph stops at the opposite type.
        max_nodes: of the space.
        edge_share: probability of an edge where the mask leaves the choice.
        end_weight: how likely the end is, compared with each other type.
        size: how many graphs.
        generator: source of randomness.
    """
    end = INPUT + OUTPUT - start
    finished = []
    types = torch.full((size, 1), start)
    adjacency = torch.zeros(size, 1, 1, dtype=torch.bool)
    while len(types):
        n = types.shape[1]
        assert n < max_nodes, f"under a mask a graph is not ended at {max_nodes} nodes"
        allowed = mask.allowed_types(types, adjacency)
        assert allowed.any(dim=1).all(), f"a mask leaves no type for node {n}"
        weights = allowed.float()
        weights[:, end] *= end_weight
        new_types = torch.multinomial(weights, 1, generator=generator)[:, 0]
        drawn = torch.zeros(len(types), 0, dtype=torch.bool)
        for _ in range(n):
            wish = torch.rand(len(types), generator=generator) < edge_share
            edge = _allowed_edge(mask, types, adjacency, new_types, drawn, wish)
            drawn = torch.cat([drawn, edge[:, None]], 1)
        types = torch.cat([types, new_types[:, None]], dim=1)
        adjacency = torch.nn.functional.pad(adjacency, (0, 1, 0, 1))
        adjacency[:, :n, n] = drawn
        ended = new_types == end
        nodes = torch.full((int(ended.sum()),), n + 1)
        finished.append(GraphBatch(types[ended], adjacency[ended], nodes))
        types, adjacency = types[~ended], adjacency[~ended]
    return GraphBatch.cat(finished)


def _allowed_edge(
    mask: LegalityMask,
    types: Tensor,
    adjacency: Tensor,
    new_types: Tensor,
    drawn: Tensor,
    wish: Tensor,
) -> Tensor:
    """The next edge as wished for where the mask allows that, else the other way. (B,) bool."""
    choices = mask.allowed_edges(types, adjacency, new_types, drawn)
    assert choices.shape == (len(types), 2), f"allowed_edges has shape {tuple(choices.shape)}"
    assert choices.any(dim=1).all(), f"a mask leaves no choice for the edge from {drawn.shape[1]}"
    absent, present = choices.unbind(1)
    return torch.where(wish, present, ~absent)


def relabelled(graph: ArchitectureGraph, generator: np.random.Generator) -> ArchitectureGraph:
    """The same architecture with its nodes in a random topological order."""
    order: list[int] = []
    left = set(range(graph.num_nodes))
    while left:
        blocked = {j for i, j in graph.edges if i in left}
        node = int(generator.choice(sorted(left - blocked)))
        order.append(node)
        left.remove(node)
    place = {node: k for k, node in enumerate(order)}
    return ArchitectureGraph(
        tuple(graph.types[node] for node in order),
        tuple((place[i], place[j]) for i, j in graph.edges),
    )


def random_dag(
    generator: np.random.Generator, nodes: int, types: int = 2, density: float = 0.4
) -> ArchitectureGraph:
    """A labelled DAG; few types and regular edges make symmetric ones likely."""
    edges = [(i, j) for j in range(nodes) for i in range(j) if generator.random() < density]
    return ArchitectureGraph(tuple(generator.integers(2, 2 + types, size=nodes)), tuple(edges))


def damaged(graph: ArchitectureGraph, generator: np.random.Generator) -> ArchitectureGraph:
    """The graph with a random type or edge changed."""
    i, j = sorted(generator.choice(graph.num_nodes, size=2, replace=False).tolist())
    if generator.random() < 0.5:
        return ArchitectureGraph(graph.types, tuple(set(graph.edges) ^ {(i, j)}))
    types = list(graph.types)
    types[i] = int(generator.integers(0, 9))
    return ArchitectureGraph(tuple(types), graph.edges)


def _sample(space: SearchSpace, n: int, seed: int = 0) -> list[ArchitectureGraph]:
    return space.sample(n, np.random.default_rng(seed))
