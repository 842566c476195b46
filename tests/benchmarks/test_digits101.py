"""The figures about DIGITS101: standard deviations that are known are found."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.digits101 import of_table, signal_to_noise
from datasets import get_benchmark


def test_deviations_between_architectures_and_between_seeds() -> None:
    generator = np.random.default_rng(0)
    values = generator.normal(0, 0.3, (20_000, 1)) + generator.normal(0, 0.1, (20_000, 3))
    found = signal_to_noise(values)
    assert found["between"] == pytest.approx(0.3, rel=0.02)
    assert found["within"] == pytest.approx(0.1, rel=0.02)
    assert found["ratio"] == pytest.approx(3, rel=0.03)
    assert signal_to_noise(generator.normal(size=(20_000, 3)))["between"] == pytest.approx(
        0, abs=0.1
    )


def test_one_seed_tells_nothing_of_chance() -> None:
    found = signal_to_noise(np.arange(4.0)[:, None])
    assert found["within"] is None
    assert found["ratio"] is None


def test_the_committed_table_tells_architectures_apart() -> None:
    figures = of_table(get_benchmark("DIGITS101"))
    assert figures["cells"] == 2532
    assert figures["failed_trainings"] == 0
    assert figures["signal_to_noise"]["validation"]["ratio"] > 3
    assert figures["tau"]["validation_test_means"] > 0.9
