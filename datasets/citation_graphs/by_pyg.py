"""Graphs that PyTorch Geometric reads, where their raw files are at hand.

Coauthor networks and co-purchases of Shchur et al., *Pitfalls of Graph Neural Network Evaluation*
(arXiv:1811.05868). The class of the data set reads the file, and writes what it made of it beside
it; nothing is downloaded.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from datasets.citation_graphs.node_graph import NodeGraph
from experiment.errors import InputError

CLASSES = {
    "cs": ("Coauthor", "CS", "ms_academic_cs.npz"),
    "physics": ("Coauthor", "Physics", "ms_academic_phy.npz"),
    "photo": ("Amazon", "Photo", "amazon_electronics_photo.npz"),
    "computers": ("Amazon", "Computers", "amazon_electronics_computers.npz"),
}
"""Name → class of PyTorch Geometric, its name there, and the raw file."""


def read_by_pyg(name: str, root: Path) -> NodeGraph:
    """Read a set below ``root`` as its class keeps it: ``<root>/<Name>/raw/<file>``.

    Raises:
        InputError: the file is absent or damaged, or the folder cannot be written.
    """
    kind, called, file = CLASSES[name]
    raw = root / called / "raw" / file
    if not raw.is_file():
        raise InputError(
            f"there is no {str(raw)!r}: put the raw file of PyTorch Geometric's {kind} there"
        )
    from torch_geometric import datasets

    reader: Any = getattr(datasets, kind)
    try:
        return NodeGraph.of(name, reader(str(root), called)[0])
    except InputError:
        raise
    except Exception as error:  # zipfile, numpy and scipy raise a dozen kinds for damaged bytes
        raise InputError(
            f"PyTorch Geometric cannot read {str(raw)!r} ({type(error).__name__}: {error}): fetch "
            "it again, into a folder that can be written"
        ) from error
