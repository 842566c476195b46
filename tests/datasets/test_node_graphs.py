"""Cora and Citeseer from the raw files: PyTorch Geometric is the arbiter."""

from __future__ import annotations

import pickle
import shutil
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.sparse import csr_matrix

from datasets.citation_graphs import NodeGraph, NodeSplit, get_node_graph, planetoid
from datasets.citation_graphs.node_graph import by_rows, row_normalised
from datasets.citation_graphs.planetoid import INDEX, PICKLES, read_planetoid
from datasets.citation_graphs.splits import split_nodes
from datasets.formats.safe_pickle import PickleRefused, read_pickle
from experiment.errors import InputError

SIZES = {"cora": (2708, 1433, 7, 10_556, 0), "citeseer": (3327, 3703, 6, 9_104, 48)}


@pytest.fixture(scope="module")
def raw(data_root: Path) -> Path:
    folder = data_root / "planetoid"
    if not (folder / "ind.cora.x").is_file():
        pytest.skip("the raw files of Planetoid are not here")
    return folder


@pytest.fixture
def copies(raw: Path, tmp_path: Path) -> Path:
    """The raw files where they can be changed."""
    folder = tmp_path / "planetoid"
    folder.mkdir()
    for path in raw.glob("ind.*"):
        shutil.copyfile(path, folder / path.name)
    return folder


@pytest.mark.parametrize("name", SIZES)
@pytest.mark.filterwarnings("ignore")  # the pickles name modules that SciPy has moved
def test_raw_files_are_read_as_pytorch_geometric_does(name: str, raw: Path, tmp_path: Path) -> None:
    from torch_geometric.datasets import Planetoid

    place = tmp_path / name / "raw"
    place.mkdir(parents=True)
    for path in raw.glob(f"ind.{name}.*"):
        shutil.copyfile(path, place / path.name)
    expected = Planetoid(str(tmp_path), name)[0]
    graph = read_planetoid(name, raw)
    nodes, features, classes, edges, isolated = SIZES[name]
    assert (len(graph), graph.in_features, graph.num_classes) == (nodes, features, classes)
    assert (graph.edges.shape[1], len(graph.isolated)) == (edges, isolated)
    torch.testing.assert_close(graph.features.to_dense(), expected.x)
    torch.testing.assert_close(graph.edges, expected.edge_index)
    known = graph.labels >= 0
    torch.testing.assert_close(graph.labels[known], expected.y[known])
    assert graph.public is not None
    for part, mask in (
        (graph.public.train, expected.train_mask),
        (graph.public.validation, expected.val_mask),
        (graph.public.test, expected.test_mask),
    ):
        torch.testing.assert_close(part, mask.nonzero().squeeze(1))
    missing = (~known).nonzero().squeeze(1)
    assert len(missing) == (15 if name == "citeseer" else 0)
    assert not graph.features.to_dense()[missing].any()
    assert set(missing.tolist()).isdisjoint(graph.isolated.tolist())
    same = NodeGraph.of(name, expected)
    torch.testing.assert_close(same.features.to_dense(), expected.x)
    assert same.features.layout is torch.sparse_csr


def test_rows_are_normalised_as_in_pytorch_geometric(raw: Path) -> None:
    from torch_geometric.data import Data
    from torch_geometric.transforms import NormalizeFeatures

    graph = read_planetoid("citeseer", raw)
    dense = graph.features.to_dense()
    expected = NormalizeFeatures()(Data(x=dense.clone())).x
    torch.testing.assert_close(row_normalised(graph.features).to_dense(), expected)
    torch.testing.assert_close(row_normalised(dense), expected)


def test_random_splits_go_by_the_seed(raw: Path) -> None:
    graph = read_planetoid("citeseer", raw)
    splits = [split_nodes(graph, "random", seed) for seed in (0, 0, 1)]
    for split in splits:
        assert [len(part) for part in split.parts.values()] == [120, 500, 1000]
        assert graph.labels[split.train].bincount().tolist() == [20] * 6
        assert all(bool((graph.labels[part] >= 0).all()) for part in split.parts.values())
    assert torch.equal(splits[0].test, splits[1].test)
    assert not torch.equal(splits[0].test, splits[2].test)
    assert split_nodes(graph, "public") is graph.public


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-40])


def of_the_other(path: Path) -> None:
    shutil.copyfile(path.with_name(path.name.replace("cora", "citeseer")), path)


@pytest.mark.parametrize("part", [*PICKLES, INDEX])
@pytest.mark.parametrize("damage", [cut, of_the_other])
def test_a_damaged_or_foreign_file_is_one_sentence(part: str, damage: Any, copies: Path) -> None:
    damage(copies / f"ind.cora.{part}")
    with pytest.raises(
        InputError, match=r"(is no raw file of Planetoid|are cut off or not of one)"
    ):
        read_planetoid("cora", copies)


def test_a_number_of_a_node_beyond_the_graph_takes_no_memory(
    copies: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = copies / f"ind.cora.{INDEX}"
    first, *others = index.read_text().split()
    index.write_text("\n".join([first, "2000000000", *others[1:]]))
    monkeypatch.setattr(planetoid, "range", None, raising=False)  # numbers are not listed
    with pytest.raises(InputError, match="and the features 2,000,000,001"):
        read_planetoid("cora", copies)


def test_what_is_not_there_is_one_sentence(copies: Path) -> None:
    (copies / "ind.cora.tx").unlink()
    with pytest.raises(InputError, match=r"cannot read .*ind.cora.tx"):
        read_planetoid("cora", copies)
    for name, said in (
        ("pubmed", "put the eight raw files ind.pubmed"),
        ("photo", "there is no .*amazon_electronics_photo.npz"),
        ("coraa", "no graph is called 'coraa'.*cora"),
    ):
        with pytest.raises(InputError, match=said):
            get_node_graph(name, copies.parent)


def test_other_sets_are_read_by_pytorch_geometric(tmp_path: Path) -> None:
    raw = tmp_path / "pyg" / "Photo" / "raw"
    raw.mkdir(parents=True)
    features = csr_matrix(np.eye(4, 30, dtype=np.float32))
    adjacency = csr_matrix(np.eye(4, k=1, dtype=np.float32))
    arrays = {
        f"{of}_{part}": getattr(matrix, part)
        for of, matrix in (("attr", features), ("adj", adjacency))
        for part in ("data", "indices", "indptr", "shape")
    }
    np.savez(raw / "amazon_electronics_photo.npz", labels=np.array([0, 1, 1, 0]), **arrays)
    graph = get_node_graph("photo", tmp_path)
    assert (len(graph), graph.in_features, graph.num_classes) == (4, 30, 2)
    assert graph.edges.shape == (2, 6)
    with pytest.raises(InputError, match="photo has no public split: take a random one"):
        split_nodes(graph, "public")
    with pytest.raises(InputError, match="photo has 0 nodes with a class beside those to train"):
        split_nodes(graph, "random")
    computers = tmp_path / "pyg" / "Computers" / "raw"
    computers.mkdir(parents=True)
    (computers / "amazon_electronics_computers.npz").write_bytes(b"no archive")
    with pytest.raises(InputError, match="PyTorch Geometric cannot read"):
        get_node_graph("computers", tmp_path)


def numbers(*given: int) -> torch.Tensor:
    return torch.tensor(given, dtype=torch.int64)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"features": torch.ones(2, 3)}, r"features of shape \(2, 3\)"),
        ({"features": torch.ones(3, 3).double()}, "features of torch.float64"),
        ({"features": torch.full((3, 2), torch.nan)}, "a feature that is no finite number"),
        ({"edges": numbers(0, 1)}, "edges of shape"),
        ({"edges": numbers(0, 3)[:, None]}, "an edge at node 3, expected 0 to 2"),
        ({"labels": numbers(-1, -1, -1)}, "no node whose class is known"),
        ({"public": NodeSplit(numbers(0), numbers(1), numbers(3))}, "has the node 3"),
    ],
)
def test_a_graph_that_does_not_fit_together_is_refused(change: dict[str, Any], said: str) -> None:
    given = {
        "features": torch.ones(3, 2),
        "edges": numbers(0, 1)[:, None],
        "labels": numbers(0, 1, 0),
    }
    with pytest.raises(InputError, match=said):
        NodeGraph("mine", **{**given, **change})


def test_splits_that_are_none_are_refused() -> None:
    for parts, said in (
        ((numbers(0), numbers(), numbers(1)), "no validation nodes"),
        ((numbers(0), numbers(1), numbers(0)), "node 0 is in the split twice"),
        ((numbers(0), numbers(1), torch.tensor([True])), "the test nodes are torch.bool"),
    ):
        with pytest.raises(InputError, match=said):
            NodeSplit(*parts)
    split = NodeSplit(numbers(0), numbers(1), numbers(2))
    graph = NodeGraph("mine", torch.ones(3, 2), numbers(0, 1)[:, None], numbers(0, -1, 1), split)
    with pytest.raises(InputError, match="node 1 of the validation part of mine has no class"):
        split_nodes(graph, "public")
    with pytest.raises(InputError, match="no split of nodes is called 'full'"):
        split_nodes(graph, "full")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="the data of mine have no x"):
        NodeGraph.of("mine", object())
    assert by_rows(torch.eye(20)).layout is torch.sparse_csr
    assert by_rows(torch.eye(3)).layout is torch.strided


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_sparse_matrices_and_dictionaries_of_lists(protocol: int) -> None:
    matrix = csr_matrix(np.array([[0.0, 2.0, 0.0], [0.0, 0.0, 0.0], [1.0, 0.0, 3.0]]))
    graph = defaultdict(list, {0: [1, 2], 1: []})
    found, _ = read_pickle(pickle.dumps([matrix, graph, matrix], protocol=protocol))
    assert found[1] == {0: [1, 2], 1: []}
    assert found[0].shape == (3, 3)
    assert found[0].columns.tolist() == [1, 0, 2]
    assert found[0].starts.tolist() == [0, 1, 1, 3]
    assert found[0].values.tolist() == [2.0, 1.0, 3.0]


@pytest.mark.parametrize(
    ("part", "wrong"),
    [
        ("indices", np.array([1, 0, 7])),
        ("indptr", np.array([0, 2, 1, 3])),
        ("indptr", np.array([0, 1, 3])),
        ("data", np.array([1.0, 2.0])),
        ("data", [1.0, 2.0, 3.0]),
    ],
)
def test_a_sparse_matrix_whose_parts_do_not_fit_is_refused(part: str, wrong: Any) -> None:
    matrix = csr_matrix(np.array([[0.0, 2.0, 0.0], [0.0, 0.0, 0.0], [1.0, 0.0, 3.0]]))
    matrix.__dict__[part] = wrong
    with pytest.raises(PickleRefused, match="sparse matrix"):
        read_pickle(pickle.dumps(matrix, protocol=2))


def test_a_default_that_runs_something_is_refused() -> None:
    with pytest.raises(PickleRefused, match=r"asks for __builtin__\.dict"):
        read_pickle(pickle.dumps(defaultdict(dict), protocol=2))


def data(**changes: Any) -> Any:
    from torch_geometric.data import Data

    part = torch.arange(6) % 3
    masks = {f"{name}_mask": part == k for k, name in enumerate(("train", "val", "test"))}
    graph = {"x": torch.eye(6), "edge_index": numbers(0, 1)[:, None], "y": part}
    return Data(**{**graph, **masks, **changes})


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"x": [[1.0]]}, "the x of mine is a list of 1, expected real numbers in a tensor"),
        ({"x": torch.eye(6) * 1j}, "the x of mine is .*, expected real numbers"),
        ({"train_mask": [True] * 6}, "the train_mask of mine is a list of 6, expected a truth"),
        ({"val_mask": torch.tensor([True])}, r"the val_mask .* \(1,\) .* each of the 6 nodes"),
        ({"test_mask": numbers(2, 5)}, "the test_mask of mine .* of torch.int64, expected a truth"),
        ({"train_mask": torch.ones(6, 10, dtype=torch.bool)}, r"of shape \(6, 10\)"),
    ],
)
def test_data_of_the_wrong_kind_are_refused(change: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        NodeGraph.of("mine", data(**change))


def test_sparse_features_of_any_layout_are_taken() -> None:
    for features in (torch.eye(6).to_sparse(), torch.eye(6).to_sparse_csc()):
        graph = NodeGraph.of("mine", data(x=features))
        torch.testing.assert_close(row_normalised(graph.features).to_dense(), torch.eye(6))


def test_rows_of_both_signs_keep_their_signs() -> None:
    features = torch.tensor([[1.0, -2.0, 1.0], [1.0, -1.0, 0.0], [0.0, 0.0, 0.0]])
    expected = torch.tensor([[0.25, -0.5, 0.25], [0.5, -0.5, 0.0], [0.0, 0.0, 0.0]])
    torch.testing.assert_close(row_normalised(features), expected)
    torch.testing.assert_close(row_normalised(features.to_sparse_csr()).to_dense(), expected)


def test_a_seed_of_a_split_has_32_bits() -> None:
    with pytest.raises(InputError, match="seed of the split is 4294967296, expected at most"):
        split_nodes(NodeGraph.of("mine", data()), "random", 2**32)
