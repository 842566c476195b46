"""Published NumPy tables of NAS-Bench-101: all repeats at 108 epochs, and four budgets.

``nb101_108ep_3rep.npz`` comes from apourchot/to_share_or_not_to_share and
``nb101_multibudget_val.npz`` from tiga1231/nasbench-vis, both made from the official records
(Ying et al., *NAS-Bench-101: Towards Reproducible Neural Architecture Search*, ICML 2019).
Accuracies stand there as counts of correct images out of 9,984, which is what 39 whole batches
of 256 hold; the official files hold their quotients in single precision, and so do we.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch

from datasets.batch import GraphBatch
from datasets.benchmark import UNIFORM_SAMPLE, Metric
from datasets.formats.arrays import read_arrays
from datasets.graph import INPUT, OUTPUT
from datasets.spaces.nb101 import NB101
from datasets.spaces.nb101_cells import MAX_VERTICES, OPERATION_TYPES
from datasets.table import Table, hash_strings, unpack_edges
from experiment.errors import InputError

IMAGES = 9984
"""Images that an accuracy counts."""
BUDGETS = (4, 12, 36, 108)
"""Epochs for which every cell was trained, each budget with its own schedule."""
WHEN = {"final": "", "halfway": "halfway_"}
"""Moments at which a network was evaluated → how names of columns begin."""
AFTER = {"final": "at the end", "halfway": "halfway through"}
PARTS = {
    "validation": "accuracy on 9,984 held-out training images of CIFAR-10",
    "test": "accuracy on 9,984 test images of CIFAR-10",
    "train": "accuracy on 9,984 of the 40,000 images trained on",
}
PARAMETERS = "trainable parameters of the network built from the cell"
CHECKED_HASHES = 2_000
"""Rows of an array table whose cells are hashed: all of them would take several seconds."""
_TYPE_OF_OPERATION = np.append(OPERATION_TYPES, OUTPUT)
"""Operations as type ids; −1, the padding, is the last entry."""
_GRAPH_ARRAYS = {
    "module_hash": (16,),
    "n_vertices": (),
    "adj_bits": (),
    "ops": (5,),
    "trainable_parameters": (),
}
_REPEATS = tuple(f"repeat {k}" for k in (1, 2, 3))


def read_108_epochs(path: Path) -> Table:
    """Read ``nb101_108ep_3rep.npz``.

    Raises:
        InputError: the file is absent, damaged, or lacks an array; or a hash stands twice, or is
            not that of its cell (see :data:`CHECKED_HASHES`).
    """
    counts = {f"{when}_{part}_correct9984": (3,) for when in WHEN for part in PARTS}
    times = {f"{when}_training_time": (3,) for when in WHEN}
    arrays = read_arrays(path, _GRAPH_ARRAYS | counts | times | {"sampled_from": ()})
    graphs, hashes = _architectures(arrays, path)
    columns = [_parameters(arrays)]
    for when, word in WHEN.items():
        for part, whole in PARTS.items():
            columns.append(
                Metric(
                    f"cifar10/108/{word}{part}",
                    "fraction",
                    f"{whole}, {AFTER[when]} of 108 epochs",
                    _accuracy(arrays[f"{when}_{part}_correct9984"]),
                    trial_names=_REPEATS,
                )
            )
        columns.append(
            Metric(
                f"cifar10/108/{word}training_seconds",
                "seconds",
                f"time spent training on a TPU, {AFTER[when]} of 108 epochs",
                arrays[f"{when}_training_time"].astype(np.float64),
                trial_names=_REPEATS,
            )
        )
    columns.append(
        Metric(
            UNIFORM_SAMPLE,
            "flag",
            "1 where the cell was drawn uniformly from all 423,624; the other rows "
            "over-represent some shapes",
            (arrays["sampled_from"] & 1).astype(np.float64)[:, None],
            kind="note",
        )
    )
    return Table(
        "NB101",
        graphs,
        hashes,
        {column.name: column for column in columns},
        f"NAS-Bench-101, {len(graphs):,} of the 423,624 cells, from {path.name}: three repeats "
        "of 108 epochs on 40,000 images of CIFAR-10, validated on 10,000 others and tested on "
        "the official test images. Isomorphic cells are one row.",
    )


def read_budgets(path: Path) -> Table:
    """Read ``nb101_multibudget_val.npz``: validation accuracy for four budgets, one repeat.

    Raises:
        InputError: as for :func:`read_108_epochs`.
    """
    counts = {f"val_correct9984_ep{epochs}": () for epochs in BUDGETS}
    arrays = read_arrays(path, _GRAPH_ARRAYS | counts | {"final_training_time_108": ()})
    graphs, hashes = _architectures(arrays, path)
    columns = [_parameters(arrays)]
    for epochs in BUDGETS:
        columns.append(
            Metric(
                f"cifar10/{epochs}/validation",
                "fraction",
                f"{PARTS['validation']}, at the end of {epochs} epochs",
                _accuracy(arrays[f"val_correct9984_ep{epochs}"])[:, None],
                trial_names=("one repeat",),
            )
        )
    columns.append(
        Metric(
            "cifar10/108/training_seconds",
            "seconds",
            "time spent training on a TPU, at the end of 108 epochs",
            arrays["final_training_time_108"].astype(np.float64)[:, None],
            trial_names=("one repeat",),
        )
    )
    return Table(
        "NB101",
        graphs,
        hashes,
        {column.name: column for column in columns},
        f"NAS-Bench-101, {len(graphs):,} of the 423,624 cells, from {path.name}: one repeat of "
        "each of four budgets, validation accuracy only.",
    )


def _architectures(arrays: Mapping[str, np.ndarray], path: Path) -> tuple[GraphBatch, np.ndarray]:
    nodes = arrays["n_vertices"].astype(np.int64)
    operations = arrays["ops"].astype(np.int64)
    interior = np.arange(MAX_VERTICES - 2) < nodes[:, None] - 2
    bits = arrays["adj_bits"].astype(np.uint32)
    edges_of_size = np.array([1 << n * (n - 1) // 2 for n in range(MAX_VERTICES + 1)])
    faulty = (nodes < 2) | (nodes > MAX_VERTICES)
    faulty |= ((operations < 0) == interior).any(axis=1) | (operations > 2).any(axis=1)
    faulty |= (operations < -1).any(axis=1)
    faulty |= bits >= edges_of_size[np.clip(nodes, 0, MAX_VERTICES)]
    if faulty.any():
        raise InputError(
            f"{str(path)!r}, row {np.flatnonzero(faulty)[0]}: the number of vertices, the "
            "operations and the edge bits do not make a cell, is the file damaged?"
        )
    types = np.zeros((len(nodes), MAX_VERTICES), dtype=np.int64)
    types[:, 0] = INPUT
    types[:, 1:-1] = _TYPE_OF_OPERATION[operations]
    packed = bits.astype("<u4").view(np.uint8).reshape(-1, 4)[:, :3]
    graphs = GraphBatch(
        torch.from_numpy(types),
        torch.from_numpy(unpack_edges(packed, MAX_VERTICES)),
        torch.from_numpy(nodes),
    )
    hashes = hash_strings(np.ascontiguousarray(arrays["module_hash"], dtype=np.uint8))
    _check_hashes(graphs, hashes, path)
    return graphs, hashes


def _check_hashes(graphs: GraphBatch, hashes: np.ndarray, path: Path) -> None:
    """No hash may stand on two rows, and those of a seeded sample must be their cells'."""
    first: dict[str, int] = {}
    for row, hash in enumerate(hashes.tolist()):
        if first.setdefault(hash, row) != row:
            raise InputError(
                f"{str(path)!r}, rows {first[hash]} and {row} have the same module hash {hash}: "
                "is the file damaged?"
            )
    order = np.random.default_rng(0).permutation(len(hashes))
    rows = np.sort(order[:CHECKED_HASHES])
    wrong = first_mismatch(graphs[torch.from_numpy(rows)], hashes[rows])
    if wrong is not None:
        raise InputError(
            f"{str(path)!r}, row {rows[wrong]}: the matrix and operations are not those of module "
            f"hash {hashes[rows[wrong]]}, is the file damaged?"
        )


def first_mismatch(graphs: GraphBatch, hashes: np.ndarray) -> int | None:
    """The first row that is no cell of NB101, or a cell of another hash; ``None`` if all fit.

    **Shape**: B graphs, hashes (B,) strings.
    """
    space = NB101()
    wrong = np.flatnonzero(~space.legal(graphs))
    if not len(wrong):
        wrong = np.flatnonzero(hash_strings(space.module_hashes(graphs)) != hashes)
    return int(wrong[0]) if len(wrong) else None


def _parameters(arrays: Mapping[str, np.ndarray]) -> Metric:
    return Metric(
        "parameters",
        "parameters",
        PARAMETERS,
        arrays["trainable_parameters"].astype(np.float64)[:, None],
    )


def _accuracy(correct: np.ndarray) -> np.ndarray:
    """Counts as the official files' fractions, which were in single precision."""
    return (correct / IMAGES).astype(np.float32).astype(np.float64)
