"""Hashes of many architectures, computed once and kept beside the compact tables.

The official hash of NAS-Bench-101 is some 50 md5 a cell: the 423,624 cells take ten seconds, as
every command on that space would without this. The file's name is a fingerprint of the graphs,
so that it can only be found for the graphs that it was made of.
"""

from __future__ import annotations

import hashlib
from contextlib import suppress
from pathlib import Path

import numpy as np

from datasets.batch import GraphBatch
from datasets.benchmarks.sources import table_folders, writable_table_folder
from datasets.space import SearchSpace
from datasets.table import hash_bytes, hash_strings
from experiment.errors import InputError
from experiment.files import atomic_path
from experiment.paths import data_root as find_data_root

MANY = 100_000
"""Fewer architectures are hashed sooner than it is worth a file."""


def kept_hashes(space: SearchSpace, graphs: GraphBatch, data_root: Path | None) -> np.ndarray:
    """``space.hashes(graphs)``, from the file of an earlier call where there is one.

    Args:
        space: of the architectures.
        graphs: members, on the CPU.
        data_root: below which the tables are kept, unless ``NAS_TABLE_DIR`` names their folder.

    Returns:
        **Shape** (B,), strings.

    Raises:
        InputError: the data root that was named does not exist.
    """
    if len(graphs) < MANY:
        return space.hashes(graphs)
    root = find_data_root(data_root)
    name = f"hashes.{space.name}.{fingerprint(graphs)}.npz"
    for folder in table_folders(root):
        kept = _read(folder / name, len(graphs))
        if kept is not None:
            return hash_strings(kept)
    hashes = space.hashes(graphs)
    with suppress(InputError):  # a full disk: the hashes are here all the same
        _write(writable_table_folder(root) / name, hashes)
    return hashes


def fingerprint(graphs: GraphBatch) -> str:
    """32 hexadecimal digits that tell these graphs from others."""
    digest = hashlib.sha256()
    for part in (graphs.types, graphs.adjacency, graphs.num_nodes):
        digest.update(repr(tuple(part.shape)).encode())
        digest.update(part.numpy().astype(np.uint8).data)
    return digest.hexdigest()[:32]


def _read(path: Path, rows: int) -> np.ndarray | None:
    """The bytes of the hashes; ``None`` where there are none, or others than were written."""
    try:
        with np.load(path, allow_pickle=False) as content:
            kept = content["hash"]
    # Damaged bytes make the reader fail in any way there is; the hashes are then made again.
    except Exception:
        return None
    return kept if kept.dtype == np.uint8 and kept.ndim == 2 and len(kept) == rows else None


def _write(path: Path, hashes: np.ndarray) -> None:
    with atomic_path(path) as partial:
        np.savez(partial, hash=hash_bytes(hashes))
