"""Files of latents: what a VAE makes of architectures, beside what was measured of them.

``mean`` and ``log_variance`` (rows, G), ``hash`` and ``split`` (rows,), a column
``metric/<name>`` for each measured quantity, ``dataset``, which they were measured on, and
``objectives``, a JSON object with the unit and the direction of each. Older files, whose metrics
stand under their plain names or have no unit, are read as well.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from datasets.objective import SHARE, Objective
from experiment.errors import InputError
from experiment.files import atomic_path, plain

METRIC = "metric/"
"""Before the name of every metric, so that one called ``mean`` is no latent."""
DATASET = "dataset"
OBJECTIVES = "objectives"
COLUMNS = ("mean", "log_variance", "hash", "split")
SUFFIX = ".npz"


def check_name(path: Path) -> None:
    """Refuse a file name that NumPy would change.

    Raises:
        InputError: it does not end in ``.npz``.
    """
    if path.suffix != SUFFIX:
        raise InputError(f"latents are written to {str(path)!r}, expected a name that ends in .npz")


def save_latents(path: Path, table: dict[str, np.ndarray]) -> None:
    """Write a latent table as ``.npz``, atomically.

    Raises:
        InputError: the name does not end in ``.npz``, or the file cannot be written.
    """
    check_name(path)
    with atomic_path(path) as partial:
        np.savez(partial, **table)  # type: ignore[arg-type]


def load_latents(path: Path, needed: Sequence[str] = COLUMNS) -> dict[str, np.ndarray]:
    """Read a latent table back.

    Args:
        path: of the file.
        needed: columns that have to be there.

    Raises:
        InputError: the file is absent, damaged, or lacks a column.
    """
    try:
        content = np.load(path, allow_pickle=False)
        if isinstance(content, np.ndarray):
            raise InputError("it holds one array, expected the columns of an .npz file")
        with content:
            table = {name: content[name] for name in content.files}
    # Damaged bytes make the reader fail in any way there is; none of them is ours to mend.
    except Exception as error:
        raise InputError(
            f"cannot read the latents {str(path)!r}: {error or type(error).__name__}; "
            "make them again by python -m Training_VAE.extract_latents"
        ) from error
    for name in needed:
        if name not in table:
            raise InputError(f"{str(path)!r} is no latent file, it lacks the column {name!r}")
    own = (*COLUMNS, DATASET, OBJECTIVES)
    return {
        name if name in own or name.startswith(METRIC) else METRIC + name: column
        for name, column in table.items()
    }


def dataset_of(table: dict[str, np.ndarray]) -> str | None:
    """The data set that a table's metrics were measured on; ``None`` where it does not tell."""
    return str(table[DATASET]) if DATASET in table else None


def objectives_column(objectives: Mapping[str, Objective]) -> np.ndarray:
    """The column ``objectives`` of a latent table.

    Args:
        objectives: name of a metric → what it is.
    """
    return np.array(json.dumps(plain(dict(objectives))))


def objective_of(table: dict[str, np.ndarray], metric: str) -> Objective:
    """What a metric of a table is.

    Older files do not tell: their ``validation`` and ``test`` are accuracies.

    Raises:
        InputError: the column was changed so that it cannot be read.
    """
    dataset = dataset_of(table)
    if OBJECTIVES not in table:
        unit = SHARE if metric in ("validation", "test") else None
        return Objective(metric, unit=unit, dataset=dataset)
    try:
        written = json.loads(str(table[OBJECTIVES]))
        return replace(Objective.read({"objective": written[metric]}), dataset=dataset)
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"the latent file's {OBJECTIVES!r} says nothing of {metric!r} ({error}): make it again "
            "by python -m Training_VAE.extract_latents"
        ) from error
