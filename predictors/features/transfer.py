"""What is expected of a cell on another, cheaper task, as a description."""

from __future__ import annotations

import functools

import numpy as np

from datasets import get_benchmark
from datasets.batch import GraphBatch
from datasets.space import SearchSpace
from experiment.errors import InputError
from predictors.features.counts import WalkCounts
from predictors.features.features import Features
from predictors.features.statistics import GraphStatistics
from predictors.regressor import Description
from predictors.sparse import SparseGaussianProcess

INDUCING = 200
"""Inducing points; the whole space is described in seconds."""


class DigitsTransfer(Features):
    """How well a cell is expected to do on digits, by all cells that DIGITS101 has measured.

    The 2,532 cells of at most 5 nodes and the 300 larger ones come with the project, so this
    costs no label on the task that is asked about. A sparse Gaussian process on graph statistics
    and labelled walks learns their validation accuracies; its score (see
    :class:`predictors.regressor.Forecast`) is the description.

    Raises:
        InputError: the space is not NB101; DIGITS101 would be described by its own labels.
    """

    name = "digits"
    numeric = True

    def __init__(self, space: SearchSpace) -> None:
        super().__init__(space)
        if space.name != "NB101":
            raise InputError(
                f"what is known of digits describes cells of NB101, not {space.name}: "
                "describe its architectures by other features than digits"
            )

    def __call__(self, batch: GraphBatch) -> np.ndarray:
        """The scores. **Shape** (B, 1), float64."""
        scores, _ = _learnt_on_digits().scores(_described(batch, self.space))
        return scores[:, None]


def _described(batch: GraphBatch, space: SearchSpace) -> list[Description]:
    kinds = [GraphStatistics(space), WalkCounts(space)]
    return [Description(kind(batch), kind.numeric) for kind in kinds]


@functools.cache
def _learnt_on_digits() -> SparseGaussianProcess:
    """Fitted once a process: every cell is described by the same one."""
    tables = [get_benchmark("DIGITS101", cells=cells) for cells in ("complete", "larger")]
    cells = GraphBatch.cat(table.graphs for table in tables)
    accuracies = np.concatenate([table.metric("validation").mean() for table in tables])
    learner = SparseGaussianProcess(inducing=INDUCING)
    learner.fit(_described(cells, tables[0].space), accuracies)
    return learner
