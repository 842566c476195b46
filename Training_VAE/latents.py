"""Latents of all architectures of a training, with what was measured of them, on disk."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from datasets.batch import GraphBatch
from datasets.benchmark import Benchmark
from datasets.latent_files import DATASET, METRIC, OBJECTIVES, objectives_column
from datasets.space import SearchSpace
from experiment.files import atomic_path
from experiment.progress import progress
from models import Embedding, Latent
from Training_VAE.data import Architectures

CHUNK = 16_384
"""Graphs encoded at once."""


def encode_with_progress(model: Embedding, graphs: GraphBatch) -> Latent:
    """:meth:`Embedding.encode_all` with a bar; the latents are on the CPU."""
    parts = []
    model.eval()
    with progress(len(graphs), "encoding", "graphs") as bar:
        for start in range(0, len(graphs), CHUNK):
            part = graphs[start : start + CHUNK].to(model.device)
            parts.append(model.encode_all(part, CHUNK))
            bar.advance(len(part))
    return Latent(*(torch.cat(same).cpu() for same in zip(*parts, strict=True)))


def latent_table(
    model: Embedding, architectures: Architectures, benchmark: Benchmark | None
) -> dict[str, np.ndarray]:
    """The columns of a latent file.

    Args:
        model: the trained VAE.
        architectures: one row each.
        benchmark: adds the mean over the trials of each of its metrics, NaN where an architecture
            was not measured.

    Returns:
        ``mean`` and ``log_variance`` (rows, F) float32, in their flat form, ``hash`` (rows,),
        ``split`` (rows,) with 0 for training and 1 for test; with a benchmark, a float column
        ``metric/<name>`` a metric, ``dataset``, which they were measured on, and ``objectives``,
        their units and directions.
    """
    latent = encode_with_progress(model, architectures.graphs)
    table: dict[str, np.ndarray] = {
        "mean": latent.flat.numpy(),
        "log_variance": latent.log_variance.flatten(1).numpy(),
        "hash": architectures.hashes,
        "split": architectures.split.parts(),
    }
    if benchmark is not None:
        table[DATASET] = np.array(benchmark.dataset)
        table[OBJECTIVES] = objectives_column(
            {name: benchmark.objective(name) for name in benchmark.metrics}
        )
        rows = benchmark.rows(architectures.hashes)
        for name, metric in benchmark.metrics.items():
            table[METRIC + name] = np.append(metric.mean(), np.nan)[rows]  # row −1 is the NaN
    return table


USUAL_KEYS: dict[str, tuple[str, ...]] = {
    "validation": ("Y_val_{}",),
    "test": ("Y_test_{}",),
    "training_seconds": ("Y_time_{}",),
}
"""Metric → its published ``.mat`` keys, for the part (``train``, ``test``) in the braces."""
PUBLISHED_KEYS: dict[str, dict[str, tuple[str, ...]]] = {
    # Its one accuracy is a validation accuracy.
    "ENAS": {"validation": ("Y_{}",)},
    # One trial and the mean over the trials; here both are the mean.
    "nb201_cell": {name: (*keys, f"{keys[0]}_avg") for name, keys in USUAL_KEYS.items()},
}
"""Family, or space → the keys where they are not :data:`USUAL_KEYS`."""


def published_matrices(table: dict[str, np.ndarray], space: SearchSpace) -> dict[str, Any]:
    """The table under the published ``.mat`` keys, if they were measured.

    The latents are ``Z_train, Z_test``. Every number is a mean over the trials.

    Args:
        table: from :func:`latent_table`.
        space: its search space.
    """
    parts = {"train": table["split"] == 0, "test": table["split"] == 1}
    names = space.entry(PUBLISHED_KEYS, USUAL_KEYS)
    matrices = {}
    for part, rows in parts.items():
        matrices[f"Z_{part}"] = table["mean"][rows]
        for metric, keys in names.items():
            if (values := table.get(METRIC + metric)) is not None:
                matrices |= {key.format(part): values[rows, None] for key in keys}
    return matrices


def save_published(path: Path, table: dict[str, np.ndarray], space: SearchSpace) -> None:
    """Write the table as a ``.mat`` file with :func:`published_matrices`, atomically."""
    from scipy.io import savemat

    with atomic_path(path) as partial, partial.open("wb") as handle:
        savemat(handle, published_matrices(table, space))
