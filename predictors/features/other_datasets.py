"""What architectures reach on the other data sets of a benchmark, as features."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np

from datasets.batch import GraphBatch
from datasets.benchmark import Benchmark
from datasets.registry import BENCHMARKS
from datasets.space import SearchSpace
from experiment.errors import InputError
from predictors.features.background import NEW, OTHERS, read_datasets, table_on
from predictors.features.features import Features
from predictors.regressor import NormalScores


class OtherDatasets(Features):
    """A column for each other data set: how high the architecture ranks there.

    A column has the mean of the normal scores of the validation and the test values, which halves
    the noise of the measurements. Where an architecture was not measured, it has the mean of those
    columns that are known, and 0, the median, where none is.

    The tables are those of the data root (``NAS_DATA_ROOT``); of NAS_BENCH_GRAPH they come with the
    project.

    Args:
        space: a search space whose benchmark has several data sets.
        dataset: that of the labels, which is left out; ``new`` for one that the benchmark lacks.

    Attributes:
        datasets: names of the others, the columns.

    Raises:
        InputError: no data set is named, or the benchmark lacks it or has no others.
    """

    name = OTHERS

    def __init__(self, space: SearchSpace, dataset: str) -> None:
        super().__init__(space)
        if not dataset:
            raise InputError(
                f"{self.name} leaves out the data set of the labels: write {self.name}:cora if it "
                f"is cora, or {self.name}:{NEW} if the benchmark was not measured on it"
            )
        if space.name not in BENCHMARKS:
            raise InputError(
                f"{space.name} was measured on no data set: describe its architectures by other "
                f"features than {self.name}"
            )
        self.datasets = tuple(read_datasets(space, dataset))
        self._scores = {each: _scores_on(space.name, each) for each in self.datasets}

    def __call__(self, batch: GraphBatch) -> np.ndarray:
        """The scores. **Shape** (B, data sets), float64."""
        return _filled(self._known(self.space.hashes(batch)))

    def without(self, dataset: str, hashes: np.ndarray) -> np.ndarray:
        """What the features would be if one of the other data sets were unknown.

        Args:
            dataset: one of :attr:`datasets`.
            hashes: of the architectures. **Shape** (B,), strings.

        Returns:
            The scores, with its column filled. **Shape** (B, data sets), float64.
        """
        known = self._known(hashes)
        known[:, self.datasets.index(dataset)] = np.nan
        return _filled(known)

    def _known(self, hashes: np.ndarray) -> np.ndarray:
        """Scores, NaN where there is none. **Shape** (B,) → (B, data sets)."""
        return np.stack([self._scores[each].of(hashes) for each in self.datasets], axis=1)


@dataclass(frozen=True)
class _Scores:
    """Scores of the architectures that were measured on one data set.

    Attributes:
        hashes: of the architectures, ascending. **Shape** (n,), strings.
        scores: **shape** (n,), float64.
    """

    hashes: np.ndarray
    scores: np.ndarray

    def of(self, hashes: np.ndarray) -> np.ndarray:
        """The score of each, NaN where it was not measured. **Shape** (B,) → (B,)."""
        at = np.searchsorted(self.hashes, hashes).clip(max=len(self.hashes) - 1)
        return np.where(self.hashes[at] == hashes, self.scores[at], np.nan)


@functools.cache
def _scores_on(space: str, dataset: str) -> _Scores:
    """Read once a process."""
    table = table_on(space, dataset)
    names = dict.fromkeys([table.chosen_by, table.reported or table.chosen_by])
    rows = table.rows_with(*names)
    scores = np.mean([_normal_scores(table, name, rows) for name in names], axis=0)
    order = np.argsort(table.hashes[rows])
    return _Scores(table.hashes[rows][order], scores[order])


def _normal_scores(table: Benchmark, metric: str, rows: np.ndarray) -> np.ndarray:
    values = table.objective(metric).sign * table.metric(metric).mean()[rows]
    return NormalScores(values)(values)


def _filled(scores: np.ndarray) -> np.ndarray:
    """The scores with no NaN. **Shape** (B, F) → (B, F)."""
    unknown = np.isnan(scores)
    means = np.where(unknown, 0.0, scores).sum(1) / (~unknown).sum(1).clip(min=1)
    return np.where(unknown, means[:, None], scores)
