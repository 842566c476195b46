"""Graphs whose nodes are classified, by the names that users type."""

from __future__ import annotations

from pathlib import Path

from datasets.citation_graphs.by_pyg import CLASSES, read_by_pyg
from datasets.citation_graphs.node_graph import NodeGraph, NodeSplit
from datasets.citation_graphs.planetoid import read_planetoid
from experiment import paths
from experiment.config import nearest
from experiment.errors import InputError

__all__ = ["NODE_GRAPHS", "NodeGraph", "NodeSplit", "get_node_graph"]

PLANETOID = ("cora", "citeseer", "pubmed")
NODE_GRAPHS = (*PLANETOID, *CLASSES)
"""Names of the graphs."""


def get_node_graph(name: str, data_root: str | Path | None = None) -> NodeGraph:
    """The graph called ``name``.

    Args:
        name: one of :data:`NODE_GRAPHS`. The first three are read from the raw files of Planetoid
            in ``planetoid/``, the others by PyTorch Geometric from ``pyg/``.
        data_root: that holds these folders; as for :func:`experiment.paths.data_root`.

    Raises:
        InputError: there is none of that name, or its files are not there or damaged.
    """
    if not isinstance(name, str) or name not in NODE_GRAPHS:
        raise InputError(
            f"no graph is called {name!r}: {nearest(str(name), list(NODE_GRAPHS))} "
            "(a graph of your own is a NodeGraph)"
        )
    root = paths.data_root(data_root)
    if name in CLASSES:
        return read_by_pyg(name, root / "pyg")
    folder = root / "planetoid"
    if not (folder / f"ind.{name}.x").is_file():
        raise InputError(
            f"there is no ind.{name}.x below {str(folder)!r}: put the eight raw files ind.{name}.* "
            "of https://github.com/kimiyoung/planetoid there"
        )
    return read_planetoid(name, folder)
