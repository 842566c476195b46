"""What was measured of decoded architectures."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from datasets.benchmark import Benchmark
from datasets.objective import ACCURACY, Objective
from datasets.registry import find_benchmark


@dataclass(frozen=True)
class Measured:
    """Values of the objective, means over the trials, by the space's hash.

    Attributes:
        by_hash: in the objective's unit.
        reference: values that ranks are counted in, the worst first. **Shape** (R,).
        objective: name, unit and direction of the values.
    """

    by_hash: dict[str, float]
    reference: np.ndarray
    objective: Objective = ACCURACY

    @classmethod
    def of(cls, benchmark: Benchmark) -> Measured:
        """The metric that a benchmark's architectures are chosen by.

        Ranks are counted among all of its rows, or, where it is a sample with a
        ``uniform_sample`` column, among the rows drawn uniformly from the space.
        """
        objective = benchmark.objective()
        values = benchmark.metric(objective.name).mean()
        known = ~np.isnan(values)
        hashes = benchmark.hashes[known].tolist()
        drawn = benchmark.rows_with(objective.name)
        counted = values[drawn] if len(drawn) else values[known]
        return cls(
            dict(zip(hashes, values[known].tolist(), strict=True)),
            objective.sign * np.sort(objective.sign * counted),
            objective,
        )

    def look_up(self, hashes: Iterable[str]) -> np.ndarray:
        """Value of each hash, NaN where it is not known. **Shape** (B,)."""
        return np.array([self.by_hash.get(str(hash), np.nan) for hash in hashes], dtype=float)

    def ranks(self, values: np.ndarray) -> np.ndarray:
        """Share of the reference that is worse, ties counting half; NaN stays. **Shape** kept."""
        gains, reference = self.objective.sign * values, self.objective.sign * self.reference
        below = np.searchsorted(reference, gains, side="left")
        up_to = np.searchsorted(reference, gains, side="right")
        shares = (below + up_to) / (2 * len(reference))
        return np.where(np.isnan(values), np.nan, shares)


def find_measured(space: str, data_root: Path | None) -> Measured | None:
    """What was measured of a space, if its benchmark's files are at hand."""
    benchmark = find_benchmark(space, data_root)
    return None if benchmark is None else Measured.of(benchmark)
