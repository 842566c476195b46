"""Every architecture of a space in the order of its predicted values."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from datasets.batch import GraphBatch
from datasets.benchmark import Benchmark
from datasets.kept_hashes import kept_hashes
from datasets.objective import Objective
from datasets.space import SearchSpace
from experiment.errors import InputError
from experiment.progress import progress
from Performance_Prediction.judging import Predictions
from predictors.predictor import Predictor
from predictors.quality import Quality


def check_enumerable(space: SearchSpace) -> None:
    """Refuse a space that is too large for a list.

    Raises:
        InputError: it is.
    """
    if not space.is_enumerable:
        raise InputError(
            f"{space.name} has {space.size:,} architectures, too many to rank them all: name some "
            "by --architectures FILE"
        )


@dataclass(frozen=True)
class Ranked:
    """All architectures of a space, the best predicted first.

    Attributes:
        space: the search space.
        objective: what is predicted.
        graphs: the architectures, in the order of the space's enumeration. B of them.
        hashes: of each. **Shape** (B,), strings.
        predictions: of each.
        measured: what was measured of each, NaN where nothing was. **Shape** (B,).
        order: row of the best, of the second … **Shape** (B,).
    """

    space: SearchSpace
    objective: Objective
    graphs: GraphBatch
    hashes: np.ndarray
    predictions: Predictions
    measured: np.ndarray
    order: np.ndarray

    def __len__(self) -> int:
        return len(self.order)

    def records(self) -> Iterator[dict[str, Any]]:
        """Rank, notation, hash, prediction, intervals and measurement of each, best first."""
        columns = {**self.predictions.columns, "measured": self.measured}
        for rank, row in enumerate(self.order.tolist(), start=1):
            graph = self.graphs.graph(row)
            yield {
                "rank": rank,
                "architecture": self.space.format(graph),
                "hash": str(self.hashes[row]),
                **{name: float(each[row]) for name, each in columns.items()},
            }

    def unseen(self, labelled: np.ndarray) -> Quality:
        """Quality of the predictions of what was measured and is not among ``labelled`` hashes."""
        unseen = ~np.isin(self.hashes, labelled)
        return Quality.of(self.predictions.mean[unseen], self.measured[unseen])

    def first(self, count: int) -> list[str]:
        """Lines for people."""
        lines = []
        for record, _ in zip(self.records(), range(count), strict=False):
            known = np.isfinite(record["measured"])
            measured = f", measured {self.objective.text(record['measured'])}" if known else ""
            value = self.objective.spread(record["mean"], record["std"])
            lines.append(
                f"{record['rank']:>3}. {f'{value} {self.objective.written_unit}'.rstrip()}"
                f"{measured}  {record['architecture']}"
            )
        return lines


def rank_space(
    space: SearchSpace,
    predictor: Predictor,
    objective: Objective,
    benchmark: Benchmark,
    data_root: Path | None,
) -> Ranked:
    """Predict and sort the whole space.

    Args:
        space: one that can be enumerated.
        predictor: fitted to the objective.
        objective: says what is better.
        benchmark: has what was measured of it.
        data_root: below which hashes of large spaces are kept.
    """
    graphs = GraphBatch.cat(space.enumerate())
    hashes = kept_hashes(space, graphs, data_root)
    with progress(None, f"predicting {len(graphs):,} architectures"):
        predictions = Predictions.of(predictor.forecast(graphs))
    rows = benchmark.rows(hashes)
    values = benchmark.metric(objective.name).mean()
    measured = np.where(rows >= 0, values[rows], np.nan)
    order = np.argsort(-objective.sign * predictions.mean, kind="stable")
    return Ranked(space, objective, graphs, hashes, predictions, measured, order)
