"""Labelled sets: measured architectures, how they are drawn, and how many by default."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch

from datasets.batch import GraphBatch
from datasets.benchmark import Benchmark
from datasets.objective import Objective
from datasets.space import SearchSpace
from datasets.splits import split_rows
from experiment.errors import InputError

PREDICTOR_LABELS = 400
"""Architectures of a benchmark that a predictor is fitted to where no number is given."""
SURROGATE_LABELS = 1_000
"""Those that a surrogate is fitted to, by which others are measured or ranked (Lukasik et al.
2021)."""
PUBLISHED_SEARCH_LABELS = 4_000
"""Those that the surrogate of the published searches is fitted to."""


@dataclass(frozen=True)
class LabelledSet:
    """Rows of a benchmark with what was measured of them, each architecture once.

    Every draw of labels begins at :meth:`of`, which knows of rows that are no uniform sample.

    Attributes:
        benchmark: a table's, or that of a file of measurements.
        rows: of the benchmark. **Shape** (n,), int64.
        objectives: name of a metric → its direction and unit; first that which predictions are
            judged by, last that of the labels (they may be one).
    """

    benchmark: Benchmark
    rows: np.ndarray
    objectives: dict[str, Objective]

    @classmethod
    def of(
        cls, benchmark: Benchmark, metrics: Iterable[str], *, minimise: bool = False
    ) -> LabelledSet:
        """The architectures of a benchmark of which all metrics are known.

        Where a table says which of its rows are a uniform sample of the space (NB101), only these.

        Args:
            benchmark: what was measured.
            metrics: what predictions are judged by first, that of the labels last.
            minimise: whether lower values are better; overrides the directions of the metrics.

        Raises:
            InputError: a metric was not measured.
        """
        names = list(dict.fromkeys(metrics))
        objectives = {name: benchmark.objective(name) for name in names}
        if minimise:
            objectives = {name: replace(each, maximise=False) for name, each in objectives.items()}
        return cls(benchmark, benchmark.rows_with(*names), objectives)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, places: np.ndarray) -> LabelledSet:
        """Some of them, by their places in the set. **Shape** (k,), integers."""
        return replace(self, rows=self.rows[places])

    @property
    def space(self) -> SearchSpace:
        """The search space."""
        return self.benchmark.space

    @property
    def source(self) -> str:
        """Where the numbers are from, in a few words."""
        return f"{self.space.name} on {self.benchmark.dataset}"

    @property
    def label(self) -> Objective:
        """The metric of the labels."""
        return self.objectives[list(self.objectives)[-1]]

    @property
    def target(self) -> Objective:
        """What predictions are judged by."""
        return self.objectives[next(iter(self.objectives))]

    @cached_property
    def graphs(self) -> GraphBatch:
        """The architectures, n of them."""
        return self.benchmark.graphs[torch.from_numpy(self.rows)]

    @property
    def hashes(self) -> np.ndarray:
        """The space's hash of each. **Shape** (n,), strings."""
        return self.benchmark.hashes[self.rows]

    @property
    def labels(self) -> np.ndarray:
        """Values of the labels, means over the trials. **Shape** (n,)."""
        return self.values_of(self.label.name)

    @property
    def values(self) -> dict[str, np.ndarray]:
        """Means over the trials by metric. **Shape** (n,) each."""
        return {name: self.values_of(name) for name in self.objectives}

    def values_of(self, metric: str) -> np.ndarray:
        """Means over the trials of any metric, NaN where it was not measured. **Shape** (n,).

        Raises:
            InputError: the benchmark does not have it.
        """
        return self.benchmark.metric(metric).mean()[self.rows]

    def truths(self) -> dict[str, np.ndarray]:
        """:meth:`values_of` the labels and of both accuracies, where there are such."""
        names = dict.fromkeys(("validation", "test", self.label.name))
        return {name: self.values_of(name) for name in names if name in self.benchmark.metrics}

    @property
    def fingerprint(self) -> str:
        """SHA-256 of which architectures these are, in their order, and of the metric."""
        pairs = zip(self.hashes.tolist(), self.labels.tolist(), strict=True)
        text = "".join(f"{name} {value!r}\n" for name, value in pairs)
        return hashlib.sha256(text.encode("ascii")).hexdigest()

    def draw(self, amount: int | None, seed: int) -> tuple[LabelledSet, LabelledSet]:
        """Draw the labelled architectures uniformly.

        Args:
            amount: how many; ``None`` for all.
            seed: of the draw.

        Returns:
            Those that were drawn, and the others, both in a random order.

        Raises:
            InputError: there are not so many.
        """
        amount = self._amount(amount, len(self), "")
        order = np.random.default_rng(seed).permutation(len(self))
        return self[order[:amount]], self[order[amount:]]

    def draw_beside_held_out(
        self, amount: int | None, seed: int
    ) -> tuple[LabelledSet, LabelledSet]:
        """Hold out a tenth, by :func:`~datasets.splits.split_rows`, and draw from the others.

        Args:
            amount: how many to draw; ``None`` for all that are not held out.
            seed: of the split and the draw.

        Returns:
            Those that were drawn, and those that are held out, both in a random order.

        Raises:
            InputError: there are not so many.
        """
        split = split_rows(self.hashes, seed)
        amount = self._amount(amount, len(split.train), " that are not held out")
        generator = np.random.default_rng(seed)
        drawn = generator.permutation(split.train)[:amount]
        return self[drawn], self[generator.permutation(split.test)]

    def _amount(self, asked: int | None, most: int, which: str) -> int:
        if asked is not None and asked > most:
            raise InputError(
                f"{asked} labels are more than the {most} measured architectures of {self.source}"
                f"{which}: ask for fewer labels"
            )
        return most if asked is None else asked
