"""DIGITS101: NAS-Bench-101 cells trained on handwritten digits; the table comes with the project.

``docs/digits101.md`` says how it was measured; ``python -m estimators.digits101 --train CELL``
measures one more cell in the same way.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Literal

import torch

from datasets.benchmark import Benchmark, NoMeasurementsError
from datasets.benchmarks.build import measured
from datasets.registry import get_space
from datasets.source_record import SourceRecord
from datasets.table import read_table
from experiment.errors import InputError
from experiment.files import sha256
from experiment.paths import REPOSITORY_ROOT

TABLE = REPOSITORY_ROOT / "datasets" / "DIGITS101" / "digits101.npz"
EPOCHS = (2, 4)
"""Half of the training, and all of it."""
COLUMNS = {
    4: {
        name: f"digits/4/{name}"
        for name in (
            "validation",
            "test",
            "training_seconds",
            "halfway_validation",
            "halfway_test",
        )
    },
    2: {name: f"digits/4/halfway_{name}" for name in ("validation", "test")},
}
"""Epochs → name of the metric → column."""


def load(
    data_root: str | Path | None = None,
    *,
    dataset: str = "digits",
    epochs: int = 4,
    source: str | Path | None = None,
    cells: Literal["complete", "larger"] = "complete",
) -> Benchmark:
    """DIGITS101 with ``validation``, ``test``, ``training_seconds``, ``parameters``, ``mflops`` ….

    The ``halfway_…`` metrics were taken at half of the epochs. Trials are seeds.

    Args:
        data_root: not needed, the table comes with the project.
        dataset: only ``digits`` was measured.
        epochs: 4, or 2 for what the same trainings had reached half-way; how long that took was
            not recorded.
        source: another table than the project's, such as one measured on another machine.
        cells: ``complete``, all 2,532 cells of the space, or ``larger``, the sample of 300 cells
            of 6, 7 and 8 nodes that lie outside it.

    Raises:
        InputError: no such data set or cells, or the table is absent, damaged or another space's.
    """
    if dataset != "digits":
        raise InputError(f"DIGITS101 was measured on digits only, not on {dataset!r}")
    if epochs not in COLUMNS:
        raise InputError(f"DIGITS101 was measured after 2 and 4 epochs, not after {epochs!r}")
    if cells not in ("complete", "larger"):
        raise InputError(f"DIGITS101 has the cells 'complete' and 'larger', not {cells!r}")
    space = get_space("DIGITS101")
    path = Path(source or TABLE)
    if not path.is_file():
        raise NoMeasurementsError(
            f"there is no table {str(path)!r}: it comes with the project, and "
            "python -m estimators.digits101_table makes another"
        )
    table = read_table(path)
    table = replace(table, record=SourceRecord(path, sha256(path), len(table)))
    if table.space != space.name:
        raise InputError(f"{str(path)!r} is a table of {table.space}, not of {space.name}")
    inside = table.graphs.num_nodes <= space.max_nodes
    rows = torch.nonzero(inside if cells == "complete" else ~inside)[:, 0]
    chosen = replace(
        table,
        graphs=table.graphs[rows],
        hashes=table.hashes[rows.numpy()],
        columns={
            name: replace(column, values=column.values[rows.numpy()])
            for name, column in table.columns.items()
        },
    )
    names = COLUMNS[epochs] | {"parameters": "parameters", "mflops": "mflops"}
    return measured(chosen, space, dataset, names)
