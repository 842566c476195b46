"""The graph of one architecture, the dense batch of many, and their conversions."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
import torch

from datasets.batch import GraphBatch
from datasets.graph import ArchitectureError, ArchitectureGraph

DIAMOND = ArchitectureGraph((1, 2, 3, 0), ((0, 1), (0, 2), (1, 3), (2, 3)))


def test_edges_are_sorted_and_adjacency_has_them() -> None:
    graph = ArchitectureGraph((1, 2, 0), ((1, 2), (0, 1)))
    assert graph.edges == ((0, 1), (1, 2))
    assert graph.adjacency.tolist() == [[0, 1, 0], [0, 0, 1], [0, 0, 0]]


@pytest.mark.parametrize(
    ("types", "edges", "message"),
    [
        ((), (), "at least one node"),
        ((1, -2), (), "ids from 0 on"),
        ((1, 0), ((1, 0),), "1→0"),
        ((1, 0), ((0, 0),), "0→0"),
        ((1, 0), ((0, 2),), "0→2"),
        ((1, 0), ((-1, 1),), "-1→1"),
        ((1, 0), ((0, 1), (0, 1)), "given twice"),
    ],
)
def test_what_is_no_graph_is_refused(
    types: tuple[int, ...], edges: tuple[tuple[int, int], ...], message: str
) -> None:
    with pytest.raises(ArchitectureError, match=message):
        ArchitectureGraph(types, edges)


@pytest.mark.parametrize(
    "matrix", [np.zeros((2, 2)), np.eye(3), np.full((3, 3), 2), np.tri(3, k=-1)]
)
def test_what_is_no_adjacency_matrix_is_refused(matrix: np.ndarray) -> None:
    with pytest.raises(ArchitectureError):
        ArchitectureGraph.from_adjacency([1, 2, 0], matrix)


CHAIN = np.array([[0, 1, 0], [0, 0, 1], [0, 0, 0]])


@pytest.mark.parametrize(
    "matrix",
    [
        *(CHAIN.astype(kind) for kind in (bool, np.uint8, np.int64, np.float16, float, object)),
        [[False, np.True_, 0.0], [0, np.int8(0), np.float32(1)], [0, -0.0, 0]],
        torch.tensor(CHAIN, dtype=torch.float32),
    ],
    ids=["bool", "uint8", "int64", "float16", "float64", "object", "mixed", "tensor"],
)
def test_zeros_and_ones_of_every_type_are_edges(matrix: np.ndarray) -> None:
    graph = ArchitectureGraph.from_adjacency([1, 2, 0], matrix)
    assert graph == ArchitectureGraph((1, 2, 0), ((0, 1), (1, 2)))


@pytest.mark.parametrize(
    ("matrix", "message"),
    [
        (CHAIN * 0.5, "other than 0 and 1"),
        (CHAIN * np.nan, "other than 0 and 1"),
        (CHAIN.astype(str), "other than 0 and 1"),
        (CHAIN.astype(complex), "other than 0 and 1"),
        (np.full((3, 3), None), "other than 0 and 1"),
        ([[0, 1], [0, 0, 1], [0, 0, 0]], "N rows of N zeros and ones"),
        ([], "has shape"),
        (None, "has shape"),
    ],
    ids=["halves", "nan", "strings", "complex", "objects", "ragged", "empty", "none"],
)
def test_other_entries_and_shapes_are_one_sentence(matrix: np.ndarray, message: str) -> None:
    with pytest.raises(ArchitectureError, match=message):
        ArchitectureGraph.from_adjacency([1, 2, 0], matrix)


def test_reversed_twice_is_the_same() -> None:
    graph = ArchitectureGraph((1, 2, 3, 0), ((0, 1), (1, 2), (0, 3), (2, 3)))
    assert graph.reversed() == ArchitectureGraph((0, 3, 2, 1), ((0, 1), (0, 3), (1, 2), (2, 3)))
    assert graph.reversed().reversed() == graph


def test_networkx_puts_nodes_into_topological_order() -> None:
    graph = nx.DiGraph([("end", "start")]).reverse()
    graph.nodes["start"]["type"], graph.nodes["end"]["type"] = 1, 0
    assert ArchitectureGraph.from_networkx(graph) == ArchitectureGraph((1, 0), ((0, 1),))


def test_networkx_with_a_cycle_or_without_types_is_refused() -> None:
    with pytest.raises(ArchitectureError, match="cycle"):
        ArchitectureGraph.from_networkx(nx.DiGraph([(0, 1), (1, 0)]))
    with pytest.raises(ArchitectureError, match="'type'"):
        ArchitectureGraph.from_networkx(nx.DiGraph([(0, 1)]))


def test_batch_pads_flips_and_gives_graphs_back() -> None:
    graphs = [DIAMOND, ArchitectureGraph((1, 0), ((0, 1),)), ArchitectureGraph((1,), ())]
    batch = GraphBatch.from_graphs(graphs, max_nodes=6)
    assert batch.types.shape == (3, 6)
    assert list(batch) == graphs
    assert batch.node_mask().sum(1).tolist() == [4, 2, 1]
    assert list(batch.reversed()) == [graph.reversed() for graph in graphs]
    assert list(batch.padded(4)) == graphs
    assert list(GraphBatch.cat([batch[:1], batch.padded(9)[1:]])) == graphs
    assert list(batch[torch.tensor([False, True, True])]) == graphs[1:]


def test_batch_that_is_too_narrow_or_does_not_fit_is_refused() -> None:
    with pytest.raises(ArchitectureError, match="4 nodes"):
        GraphBatch.from_graphs([DIAMOND], max_nodes=3)
    with pytest.raises(ArchitectureError, match="asked to hold 3"):
        GraphBatch.from_graphs([DIAMOND]).padded(3)
    with pytest.raises(ArchitectureError, match="fit together"):
        GraphBatch(torch.zeros(2, 3).long(), torch.zeros(2, 3, 2).bool(), torch.ones(2).long())


def test_no_batches_cannot_be_joined() -> None:
    with pytest.raises(ArchitectureError, match="no batches to join"):
        GraphBatch.cat([])
    assert GraphBatch.cat([GraphBatch.empty(7)]).max_nodes == 7


def test_pyg_round_trip_keeps_graphs_without_edges() -> None:
    graphs = [DIAMOND, ArchitectureGraph((1, 2), ())]
    data = graphs[0].to_pyg()
    assert data.num_nodes == 4
    assert data.edge_index.shape == (2, 4)
    assert [ArchitectureGraph.from_pyg(graph.to_pyg()) for graph in graphs] == graphs
    assert list(GraphBatch.from_pyg(GraphBatch.from_graphs(graphs).to_pyg())) == graphs
