"""Cora, Citeseer and Pubmed from the raw files of Planetoid.

Yang, Cohen and Salakhutdinov, *Revisiting Semi-Supervised Learning with Graph Embeddings*, ICML
2016 (arXiv:1603.08861). https://github.com/kimiyoung/planetoid has eight files a set: features and
classes of the nodes to train on (``x``, ``y``), of all nodes but the test nodes (``allx``,
``ally``) and of the test nodes (``tx``, ``ty``), the numbers of the test nodes in the order of the
latter (``test.index``), and the neighbours of each node (``graph``). The nodes from the first test
node on that ``test.index`` lacks, 15 of Citeseer, have neither features nor a class. They are nodes
of the graph all the same, and each has an edge; the 48 nodes of Citeseer without an edge are
others. As in PyTorch Geometric, loops are left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from datasets.citation_graphs.node_graph import NO_CLASS, NodeGraph, NodeSplit, compressed
from datasets.formats.safe_pickle import PickleRefused, read_pickle
from datasets.formats.sparse_rows import SparseRows
from experiment.errors import InputError

PICKLES = ("x", "y", "tx", "ty", "allx", "ally", "graph")
INDEX = "test.index"
VALIDATION = 500
"""Nodes of the public validation part: those that follow the training nodes."""


@dataclass(frozen=True, slots=True, eq=False)
class _Files:
    """What the raw files hold, read and checked one by one.

    Attributes:
        name: of the set, for messages.
        y: classes of the training nodes, one-hot. **Shape** (n, C).
        ally: of all nodes but the test nodes. **Shape** (m, C).
        ty: of the test nodes. **Shape** (t, C).
        allx: features of all nodes but the test nodes.
        tx: of the test nodes.
        index: numbers of the test nodes. **Shape** (t,), int64.
        graph: node → neighbours.
    """

    name: str
    y: np.ndarray
    ally: np.ndarray
    ty: np.ndarray
    allx: SparseRows
    tx: SparseRows
    index: np.ndarray
    graph: dict[int, list[int]]


def read_planetoid(name: str, folder: Path) -> NodeGraph:
    """Read a set, without running anything that is in its pickles.

    Args:
        name: ``cora``, ``citeseer`` or ``pubmed``, as in the names of the files.
        folder: of the files ``ind.<name>.x`` ….

    Raises:
        InputError: a file is absent, cut off, or of another set.
    """
    files = _read(name, folder)
    _check(files)
    known, nodes = len(files.ally), int(files.index.max()) + 1
    labels = torch.full((nodes,), NO_CLASS)
    labels[:known] = torch.from_numpy(files.ally.argmax(1))
    labels[files.index] = torch.from_numpy(files.ty.argmax(1))
    train = torch.arange(len(files.y))
    validation = torch.arange(len(files.y), len(files.y) + VALIDATION)
    test = torch.from_numpy(np.sort(files.index))
    return NodeGraph(
        name,
        _features(files, nodes),
        _edges(files, nodes),
        labels,
        NodeSplit(train, validation, test),
    )


def _read(name: str, folder: Path) -> _Files:
    found = {part: _pickled(folder / f"ind.{name}.{part}") for part in PICKLES}
    for part in ("x", "tx", "allx"):
        if not isinstance(found[part], SparseRows):
            raise _wrong(folder / f"ind.{name}.{part}", "no sparse matrix")
    for part in ("y", "ty", "ally"):
        array = found[part]
        one_hot = isinstance(array, np.ndarray) and array.ndim == 2 and array.dtype.kind in "biuf"
        if not one_hot or not ((array == 1).sum(1) == 1).all() or (array != 0).sum() != len(array):
            raise _wrong(folder / f"ind.{name}.{part}", "no matrix with one class a row")
    graph = found["graph"]
    if not isinstance(graph, dict) or not all(
        type(node) is int
        and isinstance(others, list)
        and all(type(other) is int for other in others)
        for node, others in graph.items()
    ):
        raise _wrong(folder / f"ind.{name}.graph", "no lists of neighbours")
    width = {found[part].shape[1] for part in ("x", "tx", "allx")}
    classes = {found[part].shape[1] for part in ("y", "ty", "ally")}
    if len(width) > 1 or len(classes) > 1:
        raise _mixed(name, "their numbers of features or classes differ")
    same = (
        len(found["y"]) <= len(found["ally"])
        and (found["y"] == found["ally"][: len(found["y"])]).all()
    )
    if not same or found["x"].shape[0] != len(found["y"]):
        raise _mixed(name, "the nodes of x and y are not the first ones of allx and ally")
    index = _index(folder / f"ind.{name}.{INDEX}")
    kept: Any = {part: found[part] for part in PICKLES if part != "x"}
    return _Files(name=name, index=index, **kept)


def _check(files: _Files) -> None:
    """Make sure that the files are of one set.

    Raises:
        InputError: they are not.
    """
    known = len(files.ally)
    if files.allx.shape[0] != known or files.tx.shape[0] != len(files.ty):
        raise _mixed(files.name, "features and classes are of other numbers of nodes")
    if len(files.index) != len(files.ty):
        raise _mixed(
            files.name,
            f"{INDEX} has {len(files.index):,} test nodes, and ty the classes of {len(files.ty):,}",
        )
    if len(np.unique(files.index)) != len(files.index) or files.index.min() != known:
        raise _mixed(files.name, f"the test nodes do not follow the {known:,} nodes of allx")
    nodes = int(files.index.max()) + 1
    # One wrong number may tell of two thousand million nodes: their number is looked at first.
    if len(files.graph) != nodes or sorted(files.graph) != list(range(nodes)):
        raise _mixed(
            files.name, f"the graph has {len(files.graph):,} nodes, and the features {nodes:,}"
        )
    if any(not 0 <= other < nodes for others in files.graph.values() for other in others):
        raise _mixed(files.name, f"the graph has an edge beyond its {nodes:,} nodes")
    if len(files.y) + VALIDATION > known:
        raise InputError(
            f"the files ind.{files.name}.* have {known - len(files.y):,} nodes between training "
            f"and test nodes, expected at least {VALIDATION}, the public validation nodes"
        )


def _features(files: _Files, nodes: int) -> Tensor:
    """Features in the order of the nodes, by rows. **Shape** (N, F), float32."""
    known = len(files.ally)
    before, test = files.allx, files.tx
    rows = np.concatenate(
        [
            np.repeat(np.arange(known), np.diff(before.starts)),
            np.repeat(files.index, np.diff(test.starts)),
        ]
    )
    columns = np.concatenate([before.columns, test.columns])
    values = np.concatenate([before.values, test.values]).astype(np.float32)
    places = torch.from_numpy(np.stack([rows, columns]))
    shape = (nodes, before.shape[1])
    entries = torch.sparse_coo_tensor(
        places, torch.from_numpy(values), shape, check_invariants=False
    )
    return compressed(entries.coalesce())


def _edges(files: _Files, nodes: int) -> Tensor:
    """Both directions of every edge once, without loops, by target and source. **Shape** (2, E)."""
    sources = np.repeat(
        np.fromiter(files.graph, dtype=np.int64), [len(others) for others in files.graph.values()]
    )
    targets = np.concatenate([np.array(others, dtype=np.int64) for others in files.graph.values()])
    different = sources != targets
    sources, targets = sources[different], targets[different]
    both = np.unique(np.concatenate([targets * nodes + sources, sources * nodes + targets]))
    return torch.from_numpy(np.stack([both % nodes, both // nodes]))


def _pickled(path: Path) -> Any:
    try:
        return read_pickle(path.read_bytes())[0]
    except OSError as error:
        raise InputError(f"cannot read {str(path)!r}: {error.strerror or error}") from error
    except PickleRefused as error:
        raise _wrong(path, str(error)) from error


def _index(path: Path) -> np.ndarray:
    """The numbers in a text, one a line. **Shape** (t,), int64."""
    try:
        numbers = [int(line) for line in path.read_text(encoding="ascii").split()]
    except OSError as error:
        raise InputError(f"cannot read {str(path)!r}: {error.strerror or error}") from error
    except ValueError as error:
        raise _wrong(path, "no list of whole numbers") from error
    if not numbers or not 0 <= min(numbers) <= max(numbers) < 2**31:
        raise _wrong(path, "no numbers of nodes")
    return np.array(numbers, dtype=np.int64)


def _wrong(path: Path, what: str) -> InputError:
    return InputError(f"{str(path)!r} is no raw file of Planetoid ({what}): fetch it again")


def _mixed(name: str, what: str) -> InputError:
    return InputError(
        f"the files ind.{name}.* are cut off or not of one set ({what}): fetch them again"
    )
