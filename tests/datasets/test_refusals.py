"""What is no architecture, count, generator or notation is refused in one sentence, everywhere."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch

from datasets import get_space
from datasets.batch import GraphBatch, as_batch, as_graphs
from datasets.canonical import canonical_form, canonical_hash, canonical_hashes
from datasets.edit_distance import edit_distances
from datasets.graph import ArchitectureError, ArchitectureGraph
from datasets.images import get_images
from datasets.registry import SPACES, get_benchmark
from datasets.space import SearchSpace
from datasets.spaces.enas import ENAS
from datasets.spaces.nb201 import NB201
from datasets.splits import split_rows
from experiment.errors import InputError

REFUSED = (InputError, ArchitectureError)
GRAPH = ArchitectureGraph((1, 2, 0), ((0, 1), (1, 2)))
BATCH = GraphBatch.from_graphs([GRAPH])
NO_GRAPH: dict[str, Any] = {
    "text": "|none~0|",
    "dictionary": {"arch": "1 2 0"},
    "None": None,
    "number": 3,
    "batch": BATCH,
    "list": [GRAPH],
    "array": np.zeros((3, 3)),
}
NO_GRAPHS: dict[str, Any] = {
    "text": "abc",
    "texts": ["a", "b"],
    "dictionary": {"arch": "1 2 0"},
    "dictionaries": [{}],
    "None": None,
    "number": 3,
    "single graph": GRAPH,
    "batches": [BATCH],
    "mixture": [GRAPH, BATCH],
    "array": np.zeros((3, 3)),
    "tensor": torch.zeros(3, 3),
}


class Own(NB201):
    """A space of a user, which says nothing of what it refuses."""

    name = "Own"

    def format(self, graph: ArchitectureGraph) -> str:
        return "-".join(map(str, graph.types))

    def sample(self, n: int, generator: np.random.Generator) -> list[ArchitectureGraph]:
        return [self.from_index(0)] * n


SPACES_HERE: dict[str, SearchSpace] = {
    **{name: get_space(name) for name in SPACES if name != "NB101"},
    "Own": Own(),
    "ENAS4": ENAS(4),
}
spaces = pytest.mark.parametrize("space", SPACES_HERE.values(), ids=list(SPACES_HERE))


def refuse(call: Callable[[], object]) -> str:
    """The one sentence that a call is refused with."""
    with pytest.raises(REFUSED) as caught:
        call()
    message = str(caught.value)
    assert message
    assert "\n" not in message
    return message


def named(values: dict[str, Any]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("wrong", values.values(), ids=list(values))


@spaces
@named(NO_GRAPH)
@pytest.mark.parametrize(
    "method",
    ["why_illegal", "is_legal", "check", "canonical", "hash", "neighbours", "format", "to_record"],
)
def test_methods_of_a_space_take_graphs(space: SearchSpace, method: str, wrong: Any) -> None:
    assert "ArchitectureGraph" in refuse(lambda: getattr(space, method)(wrong))


@spaces
@pytest.mark.parametrize("method", ["hashes", "legal"])
def test_methods_of_a_space_take_batches_and_lists(space: SearchSpace, method: str) -> None:
    graphs = space.sample(2, np.random.default_rng(0))
    of_list = getattr(space, method)(graphs)
    assert of_list.tolist() == getattr(space, method)(GraphBatch.from_graphs(graphs)).tolist()
    for wrong in NO_GRAPHS.values():
        refuse(partial(getattr(space, method), wrong))


@spaces
@pytest.mark.parametrize("n", [-1, 1.5, "3", True, None], ids=str)
def test_a_number_of_samples_is_a_whole_number(space: SearchSpace, n: Any) -> None:
    generator = np.random.default_rng(0)
    assert refuse(lambda: space.sample(n, generator)).startswith("n is ")
    refuse(lambda: space.sample_batch(n, generator))


@spaces
@named({"seed": 0, "None": None, "torch": torch.Generator(), "name": "pcg64"})
def test_draws_need_a_generator(space: SearchSpace, wrong: Any) -> None:
    (graph,) = space.sample(1, np.random.default_rng(0))
    assert "default_rng(seed)" in refuse(lambda: space.sample(1, wrong))
    assert "default_rng(seed)" in refuse(lambda: space.mutate(graph, wrong))


@spaces
@named({"None": None, "number": 3, "bytes": b"1 2", "record": {"arch": "1 2"}, "graph": GRAPH})
def test_notations_are_text(space: SearchSpace, wrong: Any) -> None:
    assert "is read from text" in refuse(lambda: space.parse(wrong))
    refuse(lambda: space.read(wrong))


def test_an_architecture_of_another_space_is_not_written() -> None:
    cells = {name: get_space(name) for name in ("DIGITS101", "NB201", "ENAS")}
    for space in cells.values():
        for other in cells.values():
            if other is not space:
                (graph,) = other.sample(1, np.random.default_rng(0))
                refuse(partial(space.format, graph))
                refuse(partial(as_batch, [graph], space))


@pytest.mark.parametrize("index", [-1, 15_625, 1.5, "3", None, True], ids=str)
def test_an_index_is_a_number_of_the_list(index: Any) -> None:
    assert "index" in refuse(lambda: NB201().from_index(index))


@pytest.mark.parametrize("layers", [0, -1, 2.5, "6", None, True], ids=str)
def test_layers_are_a_whole_number(layers: Any) -> None:
    assert "layer" in refuse(lambda: ENAS(layers))


@named({"halves": np.full((1, 21), 0.5), "text": "x", "ragged": [[1, 2], [3]], "number": 3})
def test_rows_of_enas_are_whole_numbers(wrong: Any) -> None:
    refuse(lambda: ENAS().rows_to_batch(wrong))
    refuse(lambda: ENAS().from_row(wrong))


@pytest.mark.parametrize(
    ("types", "edges"),
    [
        (("a", "b"), ()),
        ((1.5, 0), ()),
        (3, ()),
        ((1, 0), ((0, 1, 2),)),
        ((1, 0), "ab"),
        ((1, 0), ((0, 1.0),)),
        ((1, 0), None),
    ],
)
def test_a_graph_is_made_of_whole_numbers(types: Any, edges: Any) -> None:
    refuse(lambda: ArchitectureGraph(types, edges))


@pytest.mark.parametrize(
    ("types", "matrix"),
    [([1, 0], [[0, 1], [0]]), ([1, 0], "x"), (3, [[0]]), ("ab", np.zeros((2, 2)))],
)
def test_a_matrix_is_one(types: Any, matrix: Any) -> None:
    refuse(lambda: ArchitectureGraph.from_adjacency(types, matrix))


def test_arrays_and_tensors_make_graphs() -> None:
    edges = np.array([[0, 1], [1, 2]])
    assert ArchitectureGraph(np.array([1, 2, 0]), edges) == GRAPH  # type: ignore[arg-type]
    assert ArchitectureGraph(torch.tensor([1, 2, 0]), torch.tensor(edges)) == GRAPH  # type: ignore[arg-type]


@named({**NO_GRAPHS, "nothing": object()})
def test_batches_are_made_of_graphs(wrong: Any) -> None:
    refuse(lambda: GraphBatch.from_graphs(wrong))
    refuse(lambda: as_graphs(wrong))
    refuse(lambda: as_batch(wrong))


def test_any_iterable_of_graphs_makes_a_batch() -> None:
    for graphs in ([GRAPH], (GRAPH,), iter([GRAPH]), {GRAPH}, np.array([GRAPH], dtype=object)):
        assert list(as_batch(graphs)) == [GRAPH]
    assert as_batch(BATCH) is BATCH
    assert len(as_batch([])) == 0


def test_tensors_of_a_batch_are_graphs() -> None:
    types, adjacency, nodes = BATCH.types, BATCH.adjacency, BATCH.num_nodes
    tensors: list[Any] = [
        (types.numpy(), adjacency, nodes),
        (types.float(), adjacency, nodes),
        (types, adjacency.float(), nodes),
        (types[0], adjacency, nodes),
        (types, adjacency, nodes[:0]),
        (None, adjacency, nodes),
    ]
    for parts in tensors:
        refuse(partial(GraphBatch, *parts))
    for parts in (
        (types - 1, adjacency, nodes),
        (types, adjacency, nodes + 1),
        (types, adjacency.transpose(1, 2), nodes),
    ):
        refuse(partial(as_batch, GraphBatch(*parts)))


@named({"graph": [BATCH, GRAPH], "text": "ab", "batch": BATCH})
def test_batches_are_joined(wrong: Any) -> None:
    refuse(lambda: GraphBatch.cat(wrong))


@pytest.mark.parametrize("position", [1, -2, "x", None, 0.0], ids=str)
def test_a_place_of_a_batch(position: Any) -> None:
    refuse(lambda: BATCH.graph(position))
    if position != 1 and position != -2:
        refuse(lambda: BATCH[position])


@pytest.mark.parametrize(
    "name", [3, None, ["NB201"], NB201()], ids=["3", "None", "a list", "a space"]
)
def test_names_are_text(name: Any) -> None:
    assert "NB201" in refuse(lambda: get_space(name))
    refuse(lambda: get_benchmark(name))


@pytest.mark.parametrize("wrong", [-1, 1.5, "0", None, 3], ids=str)
def test_a_trial_is_a_number(wrong: Any) -> None:
    benchmark = get_benchmark("DIGITS101")
    assert "trial" in refuse(lambda: benchmark.metric("validation").trial(wrong))
    assert "no metric" in refuse(lambda: benchmark.metric(wrong))


def test_larger_architectures_of_a_kind() -> None:
    """Predictors take them; what only looks alike is of another kind."""
    six, twelve = get_space("ENAS"), get_space("ENAS12")
    generator = np.random.default_rng(0)
    for space in SPACES_HERE.values():
        assert space.of_kind(space.sample_batch(5, generator)).all()
    assert six.of_kind(twelve.sample_batch(5, generator)).all()
    assert not six.of_kind(get_space("DIGITS101").sample_batch(50, generator)).all()
    graph = six.sample(1, generator)[0]
    last = graph.num_nodes - 1
    broken = [
        ArchitectureGraph(graph.types, tuple(set(graph.edges) - {(2, 3)})),
        ArchitectureGraph(graph.types, (*graph.edges, (0, last))),
        ArchitectureGraph((2, *graph.types[1:]), graph.edges),
        ArchitectureGraph((*graph.types[:-1], 2), graph.edges),
        ArchitectureGraph((1, 0), ((0, 1),)),
    ]
    found = six.of_kind(GraphBatch.from_graphs([*broken, graph], 14))
    assert found.tolist() == [False] * len(broken) + [True]


@named({**NO_GRAPH, "list": ["a"]})
def test_canonical_forms_are_of_graphs(wrong: Any) -> None:
    if isinstance(wrong, GraphBatch):
        return  # a batch is what two of the functions take
    refuse(lambda: canonical_form(wrong))
    refuse(lambda: canonical_hash(wrong))
    refuse(lambda: canonical_hashes(wrong))
    refuse(lambda: edit_distances(wrong, wrong))


def test_lists_of_graphs_are_hashed_and_compared() -> None:
    graphs: Any = [GRAPH, GRAPH]
    assert canonical_hashes(graphs) == [canonical_hash(GRAPH)] * 2
    assert edit_distances(graphs, graphs).tolist() == [0, 0]


@pytest.mark.parametrize("name", [3, None, ["digits"], "mnist"], ids=str)
def test_images_are_named(name: Any) -> None:
    assert "no image data is called" in refuse(lambda: get_images(name))


def test_a_split_has_a_seed_and_a_share() -> None:
    hashes = np.array(["a", "b", "c"])
    seeds: list[Any] = [-1, 0.5, "1", None]
    for seed in seeds:
        assert "seed" in refuse(partial(split_rows, hashes, seed))
    shares: list[Any] = [-0.1, 1.5, "0.1", None, np.nan]
    for share in shares:
        assert "test share" in refuse(partial(split_rows, hashes, 1, share))
    of_list: Any = hashes.tolist()
    assert split_rows(of_list).fingerprint == split_rows(hashes).fingerprint
