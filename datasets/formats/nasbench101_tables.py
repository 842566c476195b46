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
from datasets.benchmark import Metric
from datasets.formats.arrays import read_arrays
from datasets.graph import INPUT
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
_TYPE_OF_OPERATION = np.array([3, 2, 4, 0])
"""conv3x3, conv1x1, maxpool3x3 and padding (−1, the last entry) as type ids."""
MAX_NODES = 7
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
        InputError: the file is absent, damaged, or lacks an array.
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
            "uniform_sample",
            "flag",
            "1 where the cell was drawn uniformly from all 423,624; the other rows "
            "over-represent some shapes",
            (arrays["sampled_from"] & 1).astype(np.float64)[:, None],
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
        InputError: the file is absent, damaged, or lacks an array.
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
    interior = np.arange(MAX_NODES - 2) < nodes[:, None] - 2
    bits = arrays["adj_bits"].astype(np.uint32)
    edges_of_size = np.array([1 << n * (n - 1) // 2 for n in range(MAX_NODES + 1)])
    faulty = (nodes < 2) | (nodes > MAX_NODES)
    faulty |= ((operations < 0) == interior).any(axis=1) | (operations > 2).any(axis=1)
    faulty |= bits >= edges_of_size[np.clip(nodes, 0, MAX_NODES)]
    if faulty.any():
        raise InputError(
            f"{str(path)!r}, row {np.flatnonzero(faulty)[0]}: the number of vertices, the "
            "operations and the edge bits do not make a cell, is the file damaged?"
        )
    types = np.zeros((len(nodes), MAX_NODES), dtype=np.int64)
    types[:, 0] = INPUT
    types[:, 1:-1] = _TYPE_OF_OPERATION[operations]
    packed = bits.astype("<u4").view(np.uint8).reshape(-1, 4)[:, :3]
    graphs = GraphBatch(
        torch.from_numpy(types),
        torch.from_numpy(unpack_edges(packed, MAX_NODES)),
        torch.from_numpy(nodes),
    )
    return graphs, hash_strings(np.ascontiguousarray(arrays["module_hash"], dtype=np.uint8))


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
