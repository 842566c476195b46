"""The compact table: measured architectures of one space in one file that opens at once.

The layout is described in ``docs/data-formats.md``.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from datasets.batch import GraphBatch
from datasets.benchmark import Metric
from datasets.formats.arrays import array_names
from datasets.source_record import SourceRecord
from experiment.errors import InputError
from experiment.files import atomic_path

MOST_NODES = 255
"""Of an architecture in a table: they are counted and numbered in bytes."""
FORMAT = "nas-table"
VERSION = 1
_HEADER_KINDS = {
    "space": str,
    "max_nodes": int,
    "description": str,
    "source": dict,
    "columns": dict,
}
"""What the header holds beside format and version."""


@dataclass(frozen=True, slots=True)
class Table:
    """Architectures of one space and everything that one source measured of them.

    Attributes:
        space: name of the search space.
        graphs: the architectures, one a row.
        hashes: the space's hash of each row. **Shape** (rows,), strings.
        columns: name → values. Measured on a data set by a schedule: ``cifar10/108/test``;
            of the architecture alone: ``parameters``.
        description: source, protocol and merges, in a few sentences.
        source: identity of the file that was read: ``name``, ``bytes``, ``sha256``; of a table
            of an earlier version ``fingerprint`` in place of the checksum.
        record: what was opened, where, and its checksum; not written into the table.
    """

    space: str
    graphs: GraphBatch
    hashes: np.ndarray
    columns: dict[str, Metric]
    description: str
    source: dict[str, Any] = field(default_factory=dict)
    record: SourceRecord | None = None

    def __len__(self) -> int:
        return len(self.hashes)


def write_table(path: Path, table: Table) -> None:
    """Write a table so that it is whole or not there at all.

    Raises:
        InputError: the file cannot be written (a full disk, a folder without permission), or the
            architectures have more nodes than it can hold.
    """
    if table.graphs.max_nodes > MOST_NODES:
        raise InputError(
            f"architectures of up to {table.graphs.max_nodes} nodes do not fit into a table, which "
            f"holds {MOST_NODES} at most"
        )
    header = {
        "format": FORMAT,
        "version": VERSION,
        "space": table.space,
        "max_nodes": table.graphs.max_nodes,
        "description": table.description,
        "source": table.source,
        "columns": {
            name: {
                "unit": column.unit,
                "description": column.description,
                "averaged": column.averaged,
                "trial_names": column.trial_names,
                "maximise": column.maximise,
                "kind": column.kind,
            }
            for name, column in table.columns.items()
        },
    }
    arrays = {
        "header": np.frombuffer(json.dumps(header).encode(), dtype=np.uint8),
        "types": table.graphs.types.numpy().astype(np.uint8),
        "num_nodes": table.graphs.num_nodes.numpy().astype(np.uint8),
        "edges": pack_edges(table.graphs.adjacency.numpy()),
        "hash": hash_bytes(table.hashes),
    }
    arrays |= {
        _array_name(name): _narrowest(column.values) for name, column in table.columns.items()
    }
    with atomic_path(path) as partial, partial.open("wb") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]


def is_table(path: Path) -> bool:
    """Whether a file is one of ours, of any version; reads the archive's index."""
    return "header" in array_names(path)


def read_header(path: Path) -> dict[str, Any]:
    """The JSON header of a table.

    Raises:
        InputError: the file is no table of ours, or of another version.
    """
    return _guarded(path, _header)


def read_table(path: Path, wanted: Callable[[str], bool] | None = None) -> Table:
    """Open a table.

    Args:
        path: a file that :func:`write_table` wrote.
        wanted: says of a column's name whether to read it; default: all of them.

    Raises:
        InputError: the file is absent, damaged, or no table of ours.
    """
    return _guarded(path, lambda archive: _table(archive, wanted))


def pack_edges(adjacency: np.ndarray) -> np.ndarray:
    """Pack upper triangles into bits: bit i + j·(j−1)/2, from the lowest, is the edge i→j.

    **Shape**: (rows, N, N) → (rows, ⌈N·(N−1)/16⌉) uint8.
    """
    source, target = _edge_order(adjacency.shape[-1])
    return np.packbits(adjacency[:, source, target].astype(bool), axis=1, bitorder="little")


def unpack_edges(packed: np.ndarray, max_nodes: int) -> np.ndarray:
    """Inverse of :func:`pack_edges`. **Shape**: (rows, bytes) → (rows, N, N) bool."""
    source, target = _edge_order(max_nodes)
    bits = np.unpackbits(packed, axis=1, count=len(source), bitorder="little")
    adjacency = np.zeros((len(packed), max_nodes, max_nodes), dtype=bool)
    adjacency[:, source, target] = bits.view(bool)
    return adjacency


def hash_bytes(hashes: np.ndarray) -> np.ndarray:
    """Hexadecimal strings as bytes. **Shape**: (rows,) → (rows, digits / 2) uint8."""
    if not len(hashes):
        return np.zeros((0, 16), dtype=np.uint8)
    raw = bytes.fromhex("".join(hashes.tolist()))
    return np.frombuffer(raw, dtype=np.uint8).reshape(len(hashes), -1)


def hash_strings(raw: np.ndarray) -> np.ndarray:
    """Inverse of :func:`hash_bytes`. **Shape**: (rows, bytes) → (rows,) strings."""
    digits = 2 * raw.shape[1]
    if not raw.size:
        return np.zeros(len(raw), dtype=f"U{max(digits, 1)}")
    text = np.frombuffer(raw.tobytes().hex().encode(), dtype=f"S{digits}")
    return text.astype(f"U{digits}")


def _edge_order(nodes: int) -> tuple[np.ndarray, np.ndarray]:
    """Ends (i, j) of the possible edges, ordered by j, then i."""
    target, source = np.tril_indices(nodes, -1)
    return source, target


def _array_name(column: str) -> str:
    # Names inside a zip archive with slashes would unpack into folders.
    return f"column:{column.replace('/', '.')}"


def _narrowest(values: np.ndarray) -> np.ndarray:
    """The same numbers in single precision, where that loses nothing."""
    narrow = values.astype(np.float32)
    return narrow if np.array_equal(narrow, values, equal_nan=True) else values


def _guarded(path: Path, read: Callable[[Any], Any]) -> Any:
    """Open an archive and ``read`` it; any fault of the file becomes one sentence."""
    if not path.is_file():
        raise InputError(
            f"there is no table {str(path)!r}: make it with python -m datasets.prepare"
        )
    try:
        with np.load(path, allow_pickle=False) as archive:
            return read(archive)
    except InputError as error:
        raise InputError(f"{str(path)!r}: {error}") from error
    except Exception as error:  # zipfile and numpy raise a dozen kinds for damaged bytes
        raise InputError(
            f"{str(path)!r} is damaged or no table of ours ({type(error).__name__}: {error}): "
            "remove it and make it again with python -m datasets.prepare"
        ) from error


def _header(archive: Any) -> dict[str, Any]:
    if not hasattr(archive, "files") or "header" not in archive.files:
        raise InputError("no table of ours, it has no header")
    header = json.loads(archive["header"].tobytes())
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        raise InputError("no table of ours, its header is another format's")
    if header.get("version") != VERSION:
        raise InputError(
            f"table version {header.get('version')!r}, this program reads {VERSION}: "
            "make it again with python -m datasets.prepare"
        )
    for key, kind in _HEADER_KINDS.items():
        if not isinstance(header.get(key), kind):
            raise InputError(
                f"its header has no {key!r} of the right kind, the table is damaged: "
                "make it again with python -m datasets.prepare"
            )
    return header


def _table(archive: Any, wanted: Callable[[str], bool] | None) -> Table:
    header = _header(archive)
    nodes = int(header["max_nodes"])
    if not 1 <= nodes <= MOST_NODES:
        raise InputError(f"max_nodes is {nodes}, expected 1 to {MOST_NODES}")
    types, num_nodes, edges = (archive[name] for name in ("types", "num_nodes", "edges"))
    rows = len(types)
    expected = {"types": (rows, nodes), "num_nodes": (rows,), "edges": (rows, edges.shape[-1])}
    for name, array in (("types", types), ("num_nodes", num_nodes), ("edges", edges)):
        if array.shape != expected[name] or array.dtype != np.uint8:
            raise InputError(f"array {name!r} is {array.dtype} {array.shape}")
    if rows and not 1 <= num_nodes.min() <= num_nodes.max() <= nodes:
        raise InputError(f"num_nodes goes from {num_nodes.min()} to {num_nodes.max()}")
    raw_hash = archive["hash"]
    if raw_hash.ndim != 2 or len(raw_hash) != rows or raw_hash.dtype != np.uint8:
        raise InputError(f"array 'hash' is {raw_hash.dtype} {raw_hash.shape}, {rows} rows expected")
    return Table(
        space=str(header["space"]),
        graphs=GraphBatch(
            torch.from_numpy(types.astype(np.int64)),
            torch.from_numpy(unpack_edges(edges, nodes)),
            torch.from_numpy(num_nodes.astype(np.int64)),
        ),
        hashes=hash_strings(raw_hash),
        columns={
            name: _column(archive, name, about, rows)
            for name, about in header["columns"].items()
            if wanted is None or wanted(name)
        },
        description=str(header["description"]),
        source=dict(header["source"]),
    )


def _column(archive: Any, name: str, about: dict[str, Any], rows: int) -> Metric:
    values = archive[_array_name(name)]
    if values.ndim != 2 or len(values) != rows or values.dtype.kind != "f":
        raise InputError(f"column {name!r} is {values.dtype} {values.shape}, {rows} rows expected")
    return Metric(
        name,
        str(about["unit"]),
        str(about["description"]),
        values.astype(np.float64),
        averaged=bool(about["averaged"]),
        trial_names=tuple(about["trial_names"]),
        maximise=about.get("maximise"),  # tables written before have no direction
        kind=about.get("kind"),  # nor a kind
    )
