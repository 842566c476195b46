"""What is known of the accuracy of decoded architectures."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from datasets.benchmark import Benchmark
from Training_VAE.latents import find_benchmark


@dataclass(frozen=True)
class Accuracies:
    """Validation accuracies, means over the trials, by the space's hash.

    Attributes:
        by_hash: fraction of the images classified rightly.
        reference: accuracies that ranks are counted in, ascending. **Shape** (R,).
    """

    by_hash: dict[str, float]
    reference: np.ndarray

    @classmethod
    def of(cls, benchmark: Benchmark) -> Accuracies:
        """The ``validation`` of a benchmark.

        Ranks are counted among all of its rows, or, where it is a sample with a
        ``uniform_sample`` column, among the rows drawn uniformly from the space.
        """
        values = benchmark.metric("validation").mean()
        known = ~np.isnan(values)
        names = benchmark.hashes[known].tolist()
        uniform = benchmark.metrics.get("uniform_sample")
        if uniform is not None and (drawn := uniform.mean() == 1).any():
            known &= drawn
        return cls(
            dict(zip(names, values[~np.isnan(values)].tolist(), strict=True)),
            np.sort(values[known]),
        )

    def look_up(self, names: Iterable[str]) -> np.ndarray:
        """Accuracy of each hash, NaN where it is not known. **Shape** (B,)."""
        return np.array([self.by_hash.get(str(name), np.nan) for name in names], dtype=float)

    def ranks(self, accuracies: np.ndarray) -> np.ndarray:
        """Share of the reference that is worse, ties counting half; NaN stays. **Shape** kept."""
        below = np.searchsorted(self.reference, accuracies, side="left")
        up_to = np.searchsorted(self.reference, accuracies, side="right")
        shares = (below + up_to) / (2 * len(self.reference))
        return np.where(np.isnan(accuracies), np.nan, shares)


def find_accuracies(space: str, data_root: Path | None) -> Accuracies | None:
    """The accuracies of a space, if its benchmark's files are at hand."""
    benchmark = find_benchmark(space, data_root)
    return None if benchmark is None else Accuracies.of(benchmark)
