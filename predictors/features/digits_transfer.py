"""The predicted accuracy of a cell on a cheaper task, as a feature."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from datasets import get_space
from datasets.batch import GraphBatch
from datasets.benchmarks.digits101 import TABLE
from datasets.space import SearchSpace
from experiment.errors import InputError
from experiment.files import atomic_path, sha256
from predictors.features.background import SOURCE, background_tables
from predictors.features.counts import WalkCounts
from predictors.features.features import Features
from predictors.features.statistics import GraphStatistics
from predictors.processes.regressors import SparseGaussianProcess
from predictors.regressor import FeatureMatrix

INDUCING = 200
"""Inducing points; features of the whole space take seconds."""
FIT = TABLE.with_name("transfer.npz")
"""Parameters of the fitted process. They come with the project, beside the table that they were
fitted to: the scores are the same on every machine, and no command waits for the fit."""
MAKE = "python Performance_Prediction/ship_digits_fit.py --overwrite"
TABLE_KEY = "table"


class DigitsTransfer(Features):
    """The predicted accuracy of a cell on digits, by a model of all cells that DIGITS101 measured.

    The 2,532 cells of at most 5 nodes and the 300 larger ones come with the project, so this
    costs no label of the target task. A sparse Gaussian process on graph statistics and labelled
    walks is fitted to their validation accuracies; its score (see
    :class:`predictors.regressor.Forecast`) is the feature.

    Raises:
        InputError: the space has no cells of NAS-Bench-101, or is DIGITS101, which would be
            predicted from its own labels.
    """

    name = "digits"
    ard = True
    extrapolates = True

    def __init__(self, space: SearchSpace) -> None:
        super().__init__(space)
        source = get_space(SOURCE)
        if space.family != source.family or space.name == source.name:
            raise InputError(
                f"what is known of digits describes cells of NB101, not {space.name}: "
                "describe its architectures by other features than digits"
            )

    def __call__(self, batch: GraphBatch) -> np.ndarray:
        """The scores. **Shape** (B, 1), float64."""
        scores, _ = _shipped_fit().scores(_described(batch, self.space))
        return scores[:, None]


def _described(batch: GraphBatch, space: SearchSpace) -> list[FeatureMatrix]:
    kinds = [GraphStatistics(space), WalkCounts(space)]
    return [FeatureMatrix(kind(batch), kind.ard) for kind in kinds]


def fit_digits(parameters: Mapping[str, np.ndarray] | None = None) -> SparseGaussianProcess:
    """A process that is fitted to the mean validation accuracies of all cells of DIGITS101.

    Args:
        parameters: those of an earlier fit, see
            :class:`~predictors.processes.regressors.SparseGaussianProcess`; without them it takes
            some 15 seconds of a processor.
    """
    tables = background_tables([DigitsTransfer.name], get_space(SOURCE))
    cells = GraphBatch.cat(table.graphs for table in tables)
    accuracies = np.concatenate([table.metric("validation").mean() for table in tables])
    process = SparseGaussianProcess(inducing=INDUCING, parameters=parameters)
    process.fit(_described(cells, tables[0].space), accuracies)
    return process


def write_fit(path: Path, process: SparseGaussianProcess) -> None:
    """Keep the parameters of a fit, in float32, with the checksum of the table that it read.

    Raises:
        InputError: the file cannot be written.
    """
    parameters = {name: each.astype(np.float32) for name, each in process.parameters.items()}
    with atomic_path(path) as partial:
        arrays: dict[str, Any] = {TABLE_KEY: np.array(sha256(TABLE)), **parameters}
        np.savez_compressed(partial, **arrays)


def read_fit(path: Path) -> SparseGaussianProcess:
    """The process whose parameters :func:`write_fit` kept.

    Raises:
        InputError: they are absent, damaged, or were fitted to another table or other features.
    """
    try:
        with np.load(path, allow_pickle=False) as content:
            parameters = {name: content[name] for name in content.files}
        if str(parameters.pop(TABLE_KEY)) != sha256(TABLE):
            raise InputError(f"it was fitted to another table than {str(TABLE)!r}")
        return fit_digits(parameters)
    # Damaged bytes make NumPy's reader fail in any way there is.
    except Exception as error:
        raise InputError(
            f"{str(path)!r}, from which the features digits are computed, cannot be used "
            f"({error}): {MAKE} makes it again"
        ) from error


@functools.cache
def _shipped_fit() -> SparseGaussianProcess:
    """Read once a process."""
    return read_fit(FIT)
