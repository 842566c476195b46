"""``nb201.csv.gz`` and ``nb201_latency_help.csv.gz``: NAS-Bench-201, one architecture a line.

The first joins public tables that agree with the official records (Dong and Yang,
*NAS-Bench-201: Extending the Scope of Reproducible Neural Architecture Search*, ICLR 2020); the
second holds latencies measured for HELP (Lee et al., *HELP: Hardware-Adaptive Efficient Latency
Prediction for NAS via Meta-Learning*, NeurIPS 2021). Accuracies stand there in per cent and are
fractions here.
"""

from __future__ import annotations

import csv
import gzip
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from datasets.batch import GraphBatch
from datasets.benchmark import Metric
from datasets.graph import ArchitectureError
from datasets.registry import get_space
from datasets.table import Table
from experiment.errors import InputError

_PREFIX = {"cifar10-valid": "c10valid", "cifar10": "c10", "cifar100": "c100",
           "ImageNet16-120": "in16"}  # fmt: skip
_SETS = {
    ("cifar10-valid", "x-valid"): "val",
    ("cifar10-valid", "ori-test"): "test",
    ("cifar10", "ori-test"): "test",
    ("cifar100", "x-valid"): "val",
    ("cifar100", "x-test"): "test",
    ("ImageNet16-120", "x-valid"): "val",
    ("ImageNet16-120", "x-test"): "test",
}
EVALUATED_ON = {
    ("cifar10-valid", "x-valid"): "trained on 25,000 training images of CIFAR-10, evaluated on "
    "the other 25,000",
    ("cifar10-valid", "ori-test"): "trained on 25,000 training images of CIFAR-10, evaluated on "
    "its 10,000 test images",
    ("cifar10", "ori-test"): "trained on all 50,000 training images of CIFAR-10, evaluated on "
    "its 10,000 test images",
    ("cifar100", "x-valid"): "trained on all 50,000 training images of CIFAR-100, evaluated on "
    "5,000 of its test images",
    ("cifar100", "x-test"): "trained on all 50,000 training images of CIFAR-100, evaluated on "
    "the other 5,000 of its test images",
    ("cifar100", "ori-test"): "trained on all 50,000 training images of CIFAR-100, evaluated on "
    "all 10,000 test images, those of x-valid and x-test together",
    ("ImageNet16-120", "x-valid"): "trained on the 151,700 training images of ImageNet16-120, "
    "evaluated on 3,000 of its test images",
    ("ImageNet16-120", "x-test"): "trained on the 151,700 training images of ImageNet16-120, "
    "evaluated on the other 3,000 of its test images",
    ("ImageNet16-120", "ori-test"): "trained on the 151,700 training images of ImageNet16-120, "
    "evaluated on all 6,000 test images, those of x-valid and x-test together",
}
"""What an accuracy means, by data set trained on and the official name of the evaluated set."""


@dataclass(frozen=True, slots=True)
class _Lines:
    """A CSV file: titles, and cells as text. **Shape** of cells (lines, titles)."""

    path: Path
    titles: list[str]
    cells: np.ndarray

    def numbers(self, titles: Sequence[str], divisor: float = 1.0) -> np.ndarray:
        """Columns as numbers over ``divisor``. **Shape** (lines, titles)."""
        missing = [title for title in titles if title not in self.titles]
        if missing:
            raise InputError(f"{str(self.path)!r} has no column {missing[0]!r}")
        text = self.cells[:, [self.titles.index(title) for title in titles]]
        try:
            return text.astype(np.float64) / divisor
        except ValueError:
            line, column = next(
                place for place in np.ndindex(text.shape) if not _is_number(str(text[place]))
            )
            raise InputError(
                f"{str(self.path)!r}, line {line + 2}, column {titles[column]!r}: "
                f"{str(text[line, column])!r} is no number"
            ) from None


def read_csv(path: Path) -> Table:
    """Read ``nb201.csv.gz``.

    Raises:
        InputError: the file is absent or damaged, or a line is malformed.
    """
    lines = _read_lines(path, "arch_str")
    space = get_space("NB201")
    graphs = []
    for number, text in enumerate(lines.cells[:, lines.titles.index("arch_str")], 2):
        try:
            graphs.append(space.parse(str(text)))
        except ArchitectureError as error:
            raise InputError(f"{str(path)!r}, line {number}: {error}") from error
    batch = GraphBatch.from_graphs(graphs, space.max_nodes)
    columns = [*_accuracies(lines), *_costs(lines)]
    return Table(
        "NB201",
        batch,
        space.hashes(batch),
        {column.name: column for column in columns},
        f"NAS-Bench-201, {len(batch):,} architectures in the official order, from {path.name}: "
        "the 200-epoch schedule and the separate 12-epoch schedule on each data set, means over "
        "the trials. Every architecture string is a row of its own, functionally equal ones too.",
    )


def read_latencies(path: Path) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Read ``nb201_latency_help.csv.gz``.

    Returns:
        The official index of each line, **shape** (lines,), and device → milliseconds, (lines,).

    Raises:
        InputError: the file is absent or damaged, or a line is malformed.
    """
    lines = _read_lines(path, "index")
    titles = [title for title in lines.titles if title.endswith("_ms")]
    values = lines.numbers(titles)
    index = lines.numbers(["index"])[:, 0].astype(np.int64)
    return index, {title.removesuffix("_ms"): values[:, k] for k, title in enumerate(titles)}


def _accuracies(lines: _Lines) -> list[Metric]:
    columns = []
    for (dataset, evaluated), word in _SETS.items():
        for epochs in (200, 12):
            title = f"{_PREFIX[dataset]}_{word}{epochs}"
            name = f"{dataset}/{epochs}/{evaluated}"
            meaning = f"accuracy after {epochs} epochs, {EVALUATED_ON[dataset, evaluated]}"
            if title in lines.titles:
                columns.append(
                    Metric(
                        name,
                        "fraction",
                        f"{meaning}; mean over the trials",
                        lines.numbers([title], 100),
                        averaged=True,
                    )
                )
            singles = [f"{title}_trial{letter}" for letter in "AB"]
            if set(singles) <= set(lines.titles):
                columns.append(
                    Metric(
                        f"{name}.single",
                        "fraction",
                        f"{meaning}; one trial as each of two public tables has it, which may "
                        "be the same trial",
                        lines.numbers(singles, 100),
                        trial_names=("table A", "table B"),
                    )
                )
    return columns


def _costs(lines: _Lines) -> list[Metric]:
    columns = []
    for dataset in ("cifar10", "cifar100", "ImageNet16-120"):
        short = _PREFIX[dataset]
        parts = (
            ("parameters", f"params_{short}", "parameters", "trainable parameters"),
            ("mflops", f"flops_{short}_M", "MFLOPs", "millions of multiply-adds for one image"),
            ("latency_seconds", f"gpu_latency_{short}_s", "seconds", "latency of a batch, GPU"),
        )
        for name, title, unit, description in parts:
            meaning = f"{description}, network for {dataset}"
            columns.append(Metric(f"{dataset}/{name}", unit, meaning, lines.numbers([title])))
    return columns


def _read_lines(path: Path, required: str) -> _Lines:
    try:
        with gzip.open(path, "rt", encoding="ascii", newline="") as file:
            rows = list(csv.reader(file))
    except (OSError, EOFError, zlib.error, ValueError, csv.Error) as error:
        raise InputError(f"cannot read {str(path)!r} as a gzipped CSV file: {error}") from error
    if len(rows) < 2 or required not in rows[0]:
        raise InputError(f"{str(path)!r} has no titles with {required!r} and lines below them")
    for number, row in enumerate(rows, 1):
        if len(row) != len(rows[0]):
            raise InputError(
                f"{str(path)!r}, line {number} has {len(row)} values, expected {len(rows[0])}"
            )
    return _Lines(path, rows[0], np.array(rows[1:]))


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
