"""Measure NB101 cells on handwritten digits, as in the table of DIGITS101.

``python -m estimators.digits101 --train '{"matrix": …, "ops": …}'`` trains a cell of any size, or
the one with a hash; ``--check 20`` trains a random sample of the table's cells again.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from datasets.benchmark import NoMeasurementsError
from datasets.graph import ArchitectureGraph
from datasets.registry import get_benchmark, get_space
from datasets.space import SearchSpace
from datasets.spaces.digits101 import Digits101
from estimators.from_scratch import FromScratch, representative
from estimators.measurement import Measurement
from estimators.networks import load_design
from estimators.store import Store
from estimators.tasks.images import ImageClassification, ImageRecipe
from experiment.errors import InputError, run_command
from experiment.progress import progress

SPACE = "DIGITS101"
CONFIG, DATA_SET = "digits101", "digits"


def estimator(
    seed: int = 0, *, store: Store | None = None, space: SearchSpace | None = None
) -> FromScratch:
    """The estimator by which the table was made: from scratch, on the CPU.

    The same seed gives the same accuracies on the same kind of machine, whoever does the work, as
    long as each does it with one thread.

    Args:
        seed: of weights and order of the images; the table has seeds 0, 1 and 2.
        store: where measurements are kept and looked for; default: nowhere.
        space: of the architectures, whose networks are as small; default: DIGITS101.

    Raises:
        InputError: no network is known for the space.
    """
    space = get_space(SPACE) if space is None else space
    return FromScratch(
        space,
        ImageClassification(DATA_SET),
        load_design(CONFIG, space),
        ImageRecipe.load(CONFIG),
        seed=seed,
        store=store,
    )


def find_cell(text: str, source: str | Path | None = None) -> ArchitectureGraph:
    """The cell that ``text`` describes by a JSON object, or by the hash of one in the table.

    Raises:
        ArchitectureError: it is no cell, or one without a path from input to output.
        InputError: the table has no such hash.
    """
    space = Digits101()
    if text.lstrip().startswith("{"):
        cell = space.read(text)
        representative(cell, space)  # refuses one whose output cannot be reached
        return cell
    for cells in ("complete", "larger"):
        benchmark = get_benchmark(SPACE, cells=cells, source=source)
        with suppress(InputError):  # neither a hash nor a cell
            if (row := benchmark.row(text)) is not None:
                return benchmark.graphs.graph(row)
    raise InputError(
        f"{text!r} is neither a cell as JSON nor the hash of one in the table: expected "
        '{"matrix": [[0, 1], [0, 0]], "ops": ["input", "output"]}'
    )


def describe(measurement: Measurement, seed: int) -> str:
    """A measurement as a line for people."""
    if not measurement.ok:
        return f"seed {seed}: {measurement.status}: {measurement.reason}"
    return (
        f"seed {seed}: validation {100 * (measurement.validation or 0):.2f} %, "
        f"test {100 * (measurement.test or 0):.2f} % in {measurement.cost_seconds:.2f} s; "
        f"{measurement.parameters:,} parameters, {measurement.flops:,} FLOPs"
    )


def describe_table_row(cell: ArchitectureGraph, source: str | Path | None = None) -> str | None:
    """What the table has of the cell, as a line for people; ``None`` without a table.

    Args:
        cell: the cell.
        source: another table than the committed one.

    Raises:
        NoMeasurementsError: there is no table ``source``.
    """
    try:
        table = get_benchmark(SPACE, source=source)
    except NoMeasurementsError:
        if source is None:
            return None  # it was just trained, which is what was requested
        raise
    if not table.space.is_legal(cell):
        return f"the cell is larger than those of {SPACE}: no other was measured to rank it among"
    row = table.row(cell)
    mean = table.metric("validation").mean()
    if row is None or np.isnan(mean[row]):
        return "in the table: no accuracy of this cell"
    return (
        f"in the table: validation {100 * mean[row]:.2f} % on average, "
        f"rank {1 + int((mean > mean[row]).sum())} of {len(table):,}"
    )


@dataclass(frozen=True)
class Repetition:
    """Test accuracies of cells that were trained again with seed 0.

    Attributes:
        again: (cells,) fractions of this time.
        recorded: (cells, seeds) fractions in the table, seed 0 first.
    """

    again: np.ndarray
    recorded: np.ndarray

    @property
    def identical(self) -> int:
        """Cells that reached the very same accuracy."""
        return int((self._differences == 0).sum())

    @property
    def mean_difference(self) -> float:
        """Mean absolute difference from seed 0 of the table, a fraction."""
        return float(self._differences.mean())

    @property
    def seed_std(self) -> float:
        """Standard deviation between the table's own seeds, a fraction, mean over the cells."""
        if self.recorded.shape[1] < 2:
            return 0.0
        return float(self.recorded.std(axis=1, ddof=1).mean())

    @property
    def _differences(self) -> np.ndarray:
        return np.abs(self.again - self.recorded[:, 0])


def repeat(count: int, seed: int, source: str | Path | None = None) -> Repetition:
    """Train ``count`` of the table's cells, drawn with ``seed``, again.

    Args:
        count: how many cells; all of the table, where it has fewer.
        seed: of the sample.
        source: another table than the committed one.

    Returns:
        The accuracies. Cells whose training failed in the table are left out; a training that
        fails now is NaN, and so is the mean difference.
    """
    table = get_benchmark(SPACE, source=source)
    rows = np.random.default_rng(seed).choice(len(table), min(count, len(table)), replace=False)
    trials = table.metric("test").values[rows]
    cells = [table.graphs.graph(int(row)) for row in rows]
    measured = progress(estimator(0).measure(cells), "training again", "cells")
    again = {one.hash: np.nan if one.test is None else one.test for one in measured}
    recorded = ~np.isnan(trials).any(axis=1)  # a failed training is none to compare with
    found = np.array([again[hash] for hash in table.hashes[rows]])
    return Repetition(found[recorded], trials[recorded])


if __name__ == "__main__":
    from estimators.commands.digits101 import main

    run_command(main)
