import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from datasets.batch import GraphBatch
from datasets.benchmark import Metric
from datasets.graph import ArchitectureGraph
from datasets.spaces.enas import ENAS
from datasets.table import (
    Table,
    hash_bytes,
    hash_strings,
    is_table,
    pack_edges,
    read_header,
    read_table,
    unpack_edges,
    write_table,
)
from experiment.errors import InputError


def small_table() -> Table:
    graphs = [
        ArchitectureGraph((1, 2, 0), ((0, 1), (1, 2))),
        ArchitectureGraph((1, 0), ((0, 1),)),
    ]
    columns = {
        "cifar10/108/test": Metric(
            "cifar10/108/test",
            "fraction",
            "accuracy",
            np.array([[0.1, np.nan], [0.3, 0.4]]),
            trial_names=("one", "two"),
        ),
        "parameters": Metric(
            "parameters",
            "parameters",
            "size",
            np.array([[7.0], [9.0]]),
            averaged=True,
            maximise=False,
        ),
        "energy": Metric(
            "energy",
            "joules",
            "of a pass",
            np.array([[0.2], [0.5]]),
            kind="cost",
        ),
    }
    return Table(
        "NB101",
        GraphBatch.from_graphs(graphs, 7),
        np.array(["0" * 31 + "a", "f" * 32]),
        columns,
        "two cells",
        {"name": "nothing", "bytes": 0, "fingerprint": "x"},
    )


def test_table_comes_back_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "t.npz"
    table = small_table()
    write_table(path, table)
    again = read_table(path)
    assert (again.space, again.description, again.source) == ("NB101", "two cells", table.source)
    assert list(again.graphs) == list(table.graphs)
    assert again.graphs.max_nodes == 7
    assert again.hashes.tolist() == table.hashes.tolist()
    for name, column in table.columns.items():
        other = again.columns[name]
        np.testing.assert_array_equal(other.values, column.values)
        assert (other.unit, other.averaged, other.trial_names, other.maximise, other.kind) == (
            column.unit,
            column.averaged,
            column.trial_names,
            column.maximise,
            column.kind,
        )
    assert [p.name for p in tmp_path.iterdir()] == ["t.npz"]


def test_a_table_of_before_gives_its_columns_the_kinds_of_their_units(tmp_path: Path) -> None:
    path = tmp_path / "t.npz"
    values = np.ones((2, 1))
    units = {"test": "fraction", "seconds": "seconds", "uniform_sample": "flag"}
    columns = {name: Metric(name, unit, "", values) for name, unit in units.items()}
    write_table(path, dataclasses.replace(small_table(), columns=columns))
    with np.load(path) as archive:
        arrays = dict(archive)
    header = json.loads(arrays["header"].tobytes())
    for about in header["columns"].values():
        del about["kind"], about["maximise"]
    arrays["header"] = np.frombuffer(json.dumps(header).encode(), dtype=np.uint8)
    np.savez(path, **arrays)
    kinds = {name: column.kind for name, column in read_table(path).columns.items()}
    assert kinds == {"test": "quality", "seconds": "cost", "uniform_sample": "note"}


def test_only_wanted_columns_are_read(tmp_path: Path) -> None:
    write_table(tmp_path / "t.npz", small_table())
    table = read_table(tmp_path / "t.npz", lambda name: name == "parameters")
    assert list(table.columns) == ["parameters"]
    names = {"parameters", "cifar10/108/test", "energy"}
    assert set(read_header(tmp_path / "t.npz")["columns"]) == names


@pytest.mark.parametrize("nodes", [1, 2, 7, 14])
def test_edges_survive_packing(nodes: int) -> None:
    bits = np.random.default_rng(nodes).random((50, nodes, nodes)) < 0.4
    adjacency = np.triu(bits, 1)
    assert np.array_equal(unpack_edges(pack_edges(adjacency), nodes), adjacency)


def test_bit_of_an_edge_is_the_documented_one() -> None:
    adjacency = np.zeros((1, 7, 7), dtype=bool)
    adjacency[0, 2, 5] = True
    number = int.from_bytes(pack_edges(adjacency)[0].tobytes(), "little")
    assert number == 1 << (2 + 5 * 4 // 2)


def test_hashes_survive_packing() -> None:
    names = np.array(["00ff", "a1b2"])
    assert hash_bytes(names).tolist() == [[0, 255], [161, 178]]
    assert hash_strings(hash_bytes(names)).tolist() == names.tolist()
    assert hash_strings(hash_bytes(names[:0])).tolist() == []


def rewritten(path: Path, **changes: np.ndarray | None) -> Path:
    """The small table with some arrays replaced, or removed where the change is ``None``."""
    write_table(path, small_table())
    with np.load(path) as archive:
        arrays = dict(archive) | changes
    np.savez(path, **{name: a for name, a in arrays.items() if a is not None})
    return path


def header(**changes: object) -> np.ndarray:
    content = {
        "format": "nas-table",
        "version": 1,
        "space": "NB101",
        "max_nodes": 7,
        "description": "",
        "source": {},
        "columns": {},
    }
    return np.frombuffer(json.dumps(content | changes).encode(), dtype=np.uint8)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"header": None}, "no header"),
        ({"header": header(format="else")}, "another format"),
        ({"header": header(version=99)}, "table version 99, this program reads 1"),
        ({"header": header(max_nodes=300)}, "max_nodes is 300"),
        ({"header": header(columns={"x": {}})}, "damaged or no table"),
        ({"header": header(space=None)}, "header has no 'space' of the right kind"),
        ({"header": header(source="file")}, "header has no 'source' of the right kind"),
        ({"header": header(columns=[])}, "header has no 'columns' of the right kind"),
        ({"header": header(max_nodes="7")}, "header has no 'max_nodes' of the right kind"),
        ({"types": np.zeros((2, 7))}, "'types' is float64"),
        ({"num_nodes": np.array([1, 9], dtype=np.uint8)}, "num_nodes goes from 1 to 9"),
        ({"hash": np.zeros((3, 16), dtype=np.uint8)}, "2 rows expected"),
        ({"column:parameters": np.zeros((3, 1))}, "column 'parameters' is"),
        ({"edges": None}, "damaged or no table"),
    ],
)
def test_wrong_content_is_one_sentence(
    tmp_path: Path, changes: dict[str, np.ndarray | None], expected: str
) -> None:
    path = rewritten(tmp_path / "t.npz", **changes)
    with pytest.raises(InputError, match=expected) as caught:
        read_table(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("key", ["space", "max_nodes", "description", "source", "columns"])
def test_header_without_a_key_is_one_sentence(tmp_path: Path, key: str) -> None:
    path = tmp_path / "t.npz"
    content = json.loads(header().tobytes())
    del content[key]
    rewritten(path, header=np.frombuffer(json.dumps(content).encode(), dtype=np.uint8))
    for read in (read_header, read_table):
        with pytest.raises(InputError, match=f"t.npz': its header has no '{key}'"):
            read(path)


def test_damaged_bytes_are_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "t.npz"
    write_table(path, small_table())
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(InputError, match="damaged or no table"):
        read_table(path)
    assert not is_table(path)
    with pytest.raises(InputError, match="there is no table"):
        read_table(tmp_path / "absent.npz")


def test_pickled_objects_in_a_table_are_refused(tmp_path: Path) -> None:
    path = rewritten(tmp_path / "t.npz", types=np.array([[{}]], dtype=object))
    with pytest.raises(InputError, match="allow_pickle"):
        read_table(path)


def test_table_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.touch()
    with pytest.raises(InputError, match="cannot write"):
        write_table(blocked / "t.npz", small_table())
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_mean_over_trials_is_not_one_trial() -> None:
    test = small_table().columns["cifar10/108/test"]
    np.testing.assert_allclose(test.mean(), [0.1, 0.35])
    np.testing.assert_array_equal(test.trial(1), [np.nan, 0.4])
    with pytest.raises(InputError, match="trials 0 to 1, trial 2"):
        test.trial(2)
    with pytest.raises(InputError, match="only the mean"):
        small_table().columns["parameters"].trial(0)


def test_larger_architectures_than_any_benchmark_s_come_back(tmp_path: Path) -> None:
    space = ENAS(38)  # 40 nodes
    graphs = GraphBatch.from_graphs(space.sample(20, np.random.default_rng(0)), space.max_nodes)
    table = Table(space.name, graphs, space.hashes(graphs), {}, "large networks", {})
    write_table(tmp_path / "large.npz", table)
    back = read_table(tmp_path / "large.npz")
    assert torch.equal(back.graphs.adjacency, graphs.adjacency)
    assert torch.equal(back.graphs.types, graphs.types)
    assert back.hashes.tolist() == table.hashes.tolist()
    wide = dataclasses.replace(table, graphs=graphs.padded(300))
    with pytest.raises(InputError, match="300 nodes do not fit into a table, which holds 255"):
        write_table(tmp_path / "wide.npz", wide)
    assert not (tmp_path / "wide.npz").exists()
