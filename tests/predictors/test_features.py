"""Descriptions of architectures: the same for isomorphic ones, and what networkx counts."""

from __future__ import annotations

from collections import Counter
from itertools import product
from pathlib import Path

import networkx as nx
import numpy as np
import pytest
import torch

from datasets import get_space
from datasets.batch import GraphBatch
from datasets.graph import ArchitectureGraph
from datasets.spaces.enas import ENAS
from datasets.testing import relabelled
from experiment.errors import InputError
from models import Arch2vecMasked, GINSizes, load_vae
from models.networks.enas import ENASNetwork
from predictors.features import FEATURES, describe, make_features
from predictors.features.features import active_subgraph

INVARIANT = ("statistics", "walks", "paths", "neighbourhoods")


def cells(space: str, count: int = 30, seed: int = 0) -> list[ArchitectureGraph]:
    return get_space(space).sample(count, np.random.default_rng(seed))


def paths_of(graph: ArchitectureGraph) -> list[tuple[int, ...]]:
    """Operations on every path from the input to the output, by networkx."""
    last = graph.num_nodes - 1
    walked = nx.all_simple_paths(graph.to_networkx(), 0, last)
    return [tuple(graph.types[node] for node in path[1:-1]) for path in walked]


@pytest.mark.parametrize(
    ("space", "name"),
    [
        (space, name)
        for space, name in product(["NB101", "NB201", "DIGITS101"], FEATURES)
        if name != "other_datasets" and (name != "digits" or space == "NB101")
    ],
)
def test_a_row_of_finite_numbers_for_each(space: str, name: str) -> None:
    batch = GraphBatch.from_graphs(cells(space), get_space(space).max_nodes)
    rows = describe(make_features(name, get_space(space)), batch)
    assert len(rows) == len(batch)
    assert rows.dtype == np.float64
    assert np.isfinite(rows).all()
    assert (rows.std(axis=0) > 0).any()
    single = describe(make_features(name, get_space(space)), batch[3:4])
    # Not to the last bit: sums over a batch of another size are taken in another order.
    np.testing.assert_allclose(single[0], rows[3], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", INVARIANT)
def test_isomorphic_cells_and_dangling_nodes_make_no_difference(name: str) -> None:
    generator = np.random.default_rng(1)
    space = get_space("NB101")
    features = make_features(name, space)
    for cell in cells("NB101", 20):
        other = relabelled(cell, generator)
        rows = describe(features, GraphBatch.from_graphs([cell, other]))
        assert np.allclose(rows[0], rows[1])
    cell = ArchitectureGraph((1, 3, 2, 0), ((0, 1), (1, 3)))  # node 2 dangles
    pruned = ArchitectureGraph((1, 3, 0), ((0, 1), (1, 2)))
    rows = describe(features, GraphBatch.from_graphs([cell, pruned]))
    assert np.allclose(rows[0], rows[1])


def test_path_counts_are_those_of_networkx() -> None:
    space = get_space("NB101")
    kinds = (2, 3, 4)
    order = [sequence for length in range(6) for sequence in product(kinds, repeat=length)]
    rows = describe(make_features("paths", space), GraphBatch.from_graphs(cells("NB101")))
    for row, cell in zip(rows, cells("NB101"), strict=True):
        counted = Counter(paths_of(cell))
        assert row.tolist() == [counted[sequence] for sequence in order]


def test_statistics_are_those_of_networkx() -> None:
    rows = describe(
        make_features("statistics", get_space("NB101")), GraphBatch.from_graphs(cells("NB101"))
    )
    for row, cell in zip(rows, cells("NB101"), strict=True):
        paths = paths_of(cell)
        lengths = [len(path) for path in paths]
        indegree = [sum(j == node for _, j in cell.edges) for node in range(cell.num_nodes)]
        expected: list[float] = [
            cell.num_nodes,
            len(cell.edges),
            indegree[-1],
            sum(i == 0 for i, _ in cell.edges),
            float((0, cell.num_nodes - 1) in cell.edges),
            max(lengths),
            min(lengths),
            float(np.log(len(paths))),
        ]
        assert np.allclose(row[:8], expected)
        for place, kinds in enumerate(((2,), (3,), (4,), (2, 3))):
            held = [sum(kind in kinds for kind in path) for path in paths]
            part = row[8 + 7 * place : 15 + 7 * place]
            assert part[0] == sum(kind in kinds for kind in cell.types[1:-1])
            assert np.allclose(part[3:6], [max(held), min(held), float(np.mean(held))])


def test_a_walk_back_takes_every_edge_equally() -> None:
    """Output ← {input, 3×3 ← input}: half of the walks pass the convolution."""
    cell = ArchitectureGraph((1, 3, 0), ((0, 1), (0, 2), (1, 2)))
    row = describe(make_features("statistics", get_space("NB101")), GraphBatch.from_graphs([cell]))
    assert row[0, 8 + 7 * 1 + 6] == 0.5


def test_zeros_take_what_needs_them_out_of_the_graph() -> None:
    space = get_space("NB201")
    text = "|nor_conv_3x3~0|+|none~0|none~1|+|skip_connect~0|none~1|nor_conv_1x1~2|"
    graph = active_subgraph(GraphBatch.from_graphs([space.parse(text)]), space).graph(0)
    assert graph == ArchitectureGraph((1, 5, 0), ((0, 1), (1, 2)))
    nothing = space.parse("|none~0|+|none~0|none~1|+|none~0|none~1|none~2|")
    for name in INVARIANT:
        row = describe(make_features(name, space), GraphBatch.from_graphs([nothing]))
        assert not row.any(), name


def test_walks_count_labelled_edges_and_pairs_of_them() -> None:
    cell = ArchitectureGraph((1, 3, 3, 0), ((0, 1), (1, 2), (2, 3)))
    space = get_space("NB101")
    row = describe(make_features("walks", space), GraphBatch.from_graphs([cell]))[0]
    pairs = np.expm1(row[:25]).reshape(5, 5)
    assert {(int(i), int(j)) for i, j in zip(*pairs.nonzero(), strict=True)} == {
        (1, 3),
        (3, 3),
        (3, 0),
    }
    triples = np.expm1(row[25:]).reshape(5, 5, 5)
    assert triples.sum() == pytest.approx(2)


def test_neighbourhoods_tell_cells_apart_that_walks_cannot() -> None:
    batch = GraphBatch.from_graphs(cells("NB101", 200))
    distinct = {}
    for name in ("walks", "neighbourhoods"):
        rows = describe(make_features(name, get_space("NB101")), batch)
        distinct[name] = len(np.unique(rows, axis=0))
    hashes = len(set(get_space("NB101").hashes(batch).tolist()))
    assert distinct["walks"] <= distinct["neighbourhoods"] <= hashes
    assert distinct["neighbourhoods"] > 0.97 * hashes


def test_one_hot_is_the_raw_encoding() -> None:
    space = get_space("NB201")
    batch = GraphBatch.from_graphs(cells("NB201", 3))
    row = describe(make_features("one_hot", space), batch)[0]
    types = torch.from_numpy(row[:56]).reshape(8, 7).argmax(dim=1)
    assert tuple(types.tolist()) == batch.graph(0).types
    assert row[56:].sum() == 10
    pairs = describe(make_features("one_hot_pairs", space), batch)
    assert pairs.shape == (3, 84 * 85 // 2)
    assert set(np.unique(pairs)) == {0.0, 1.0}


def test_bad_names_and_spaces_are_refused() -> None:
    with pytest.raises(InputError, match="no features are called 'statistic': did you mean"):
        make_features("statistic", get_space("NB101"))
    with pytest.raises(InputError, match="ENAS has more than 5,000 sequences"):
        make_features("paths", get_space("ENAS"))


def test_costs_are_those_of_the_published_networks() -> None:
    space = get_space("NB201")
    convolution = "nor_conv_3x3"
    cell = space.parse(
        f"|{convolution}~0|+|{convolution}~0|{convolution}~1|+"
        f"|skip_connect~0|{convolution}~1|{convolution}~2|"
    )
    (row,) = describe(make_features("costs", space), GraphBatch.from_graphs([cell]))
    # As NAS-Bench-201 records them for CIFAR-10.
    assert np.exp(row) == pytest.approx([1_288_506, 184.73025e6], rel=1e-6)


@pytest.mark.parametrize("layers", [3, 4, 6, 12])
def test_costs_of_macro_networks_of_any_number_of_layers(layers: int) -> None:
    space = ENAS(layers)
    batch = GraphBatch.from_graphs(space.sample(3, np.random.default_rng(layers)))
    rows = describe(make_features("costs", space), batch)
    with torch.device("meta"):
        networks = [ENASNetwork(graph, auxiliary=False) for graph in batch]
    expected = [sum(one.numel() for one in network.parameters()) for network in networks]
    assert np.exp(rows[:, 0]) == pytest.approx(expected)
    assert (rows[:, 1] > rows[:, 0]).all()
    with pytest.raises(InputError, match="networks of ENAS2 cost is not known"):
        make_features("costs", ENAS(2))


def test_latents_are_the_means_of_the_weights_that_are_named() -> None:
    space = get_space("NB201")
    batch = GraphBatch.from_graphs(cells("NB201", 5))
    expected = load_vae("SVGE_NB201").encode_all(batch).mean.numpy()
    rows = describe(make_features("latents", space, "SVGE_NB201"), batch)
    np.testing.assert_allclose(rows, expected, rtol=1e-6)
    with pytest.raises(InputError, match="were trained on NB201, not on NB101"):
        make_features("latents", get_space("NB101"), "SVGE_NB201")


def test_graph_vectors_of_a_latent_for_every_node_are_means_over_the_nodes(
    tmp_path: Path,
) -> None:
    space = get_space("NB101")
    batch = GraphBatch.from_graphs(cells("NB101", 5)).padded(space.max_nodes)
    model = Arch2vecMasked(GINSizes(len(space.types), space.max_nodes, 8, 4, 2)).eval()
    path = tmp_path / "model_checkpoint1.obj"
    torch.save(model.state_dict(), path)
    rows = describe(make_features("graph_vectors", space, path), batch)
    mean = model.encode_all(batch).mean.detach()
    for row, latents, nodes in zip(rows, mean, batch.num_nodes.tolist(), strict=True):
        np.testing.assert_allclose(row, latents[:nodes].mean(0), rtol=1e-5, atol=1e-7)
    assert describe(make_features("latents", space, path), batch).shape == (5, 7 * 4)


def test_digits_describe_only_cells_that_have_other_labels() -> None:
    for name in ("DIGITS101", "NB201"):
        with pytest.raises(InputError, match=f"describes cells of NB101, not {name}"):
            make_features("digits", get_space(name))


def test_digits_know_that_a_cell_needs_convolutions() -> None:
    good = ArchitectureGraph((1, 3, 3, 3, 0), ((0, 1), (1, 2), (2, 3), (3, 4), (0, 3)))
    bad = ArchitectureGraph((1, 4, 4, 0), ((0, 1), (1, 2), (2, 3)))
    rows = describe(
        make_features("digits", get_space("NB101")), GraphBatch.from_graphs([good, bad])
    )
    assert rows[0, 0] > 0 > rows[1, 0]
