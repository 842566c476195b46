"""Looking measurements up: trials and means, units, what is absent."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from datasets.batch import GraphBatch
from datasets.benchmark import Benchmark, Metric
from datasets.graph import ArchitectureGraph
from datasets.registry import get_benchmark
from datasets.space import SearchSpace
from estimators.lookup import LookUp
from experiment.errors import InputError

NAN = float("nan")
TRIALS = {
    "validation": [[0.5, 0.7], [0.25, NAN], [NAN, NAN]],
    "test": [[0.4, 0.6], [0.5, NAN], [NAN, NAN]],
    "halfway_test": [[0.1, 0.3], [0.2, NAN], [NAN, NAN]],
    "training_seconds": [[10.0, 30.0], [20.0, NAN], [NAN, NAN]],
    "parameters": [[1234.0], [5678.0], [9.0]],
    "mflops": [[0.013], [61.5], [1.0]],
}


@pytest.fixture(scope="module")
def known(cells: dict[str, ArchitectureGraph]) -> list[ArchitectureGraph]:
    return [cells[name] for name in ("first", "second", "third")]


@pytest.fixture
def benchmark(space: SearchSpace, known: list[ArchitectureGraph]) -> Benchmark:
    metrics = {
        name: Metric(name, "", "", np.array(values, dtype=np.float64))
        for name, values in TRIALS.items()
    }
    hashes = np.array([space.hash(cell) for cell in known])
    return Benchmark(space, "digits", GraphBatch.from_graphs(known), hashes, metrics, "made up")


def test_means_over_the_trials(benchmark: Benchmark, known: list[ArchitectureGraph]) -> None:
    found = next(LookUp(benchmark).measure(known))
    assert (found.status, found.architecture, found.hash) == ("ok", known[0], benchmark.hashes[0])
    assert (found.validation, found.test, found.cost_seconds) == (0.6, 0.5, 20.0)
    assert found.details == {"halfway_test": 0.2}
    assert (found.parameters, found.flops) == (1234, 13_000)
    assert isinstance(found.parameters, int)
    assert isinstance(found.flops, int)


@pytest.mark.parametrize(("trial", "expected"), [(0, (0.5, 0.4, 10.0)), (1, (0.7, 0.6, 30.0))])
def test_one_trial_of_everything_that_has_it(
    benchmark: Benchmark,
    known: list[ArchitectureGraph],
    trial: int,
    expected: tuple[float, float, float],
) -> None:
    found = next(LookUp(benchmark, trial).measure(known))
    assert (found.validation, found.test, found.cost_seconds) == expected
    assert found.details == {"halfway_test": TRIALS["halfway_test"][0][trial]}
    assert found.parameters == 1234


def test_what_was_not_measured_is_unknown(
    benchmark: Benchmark, known: list[ArchitectureGraph]
) -> None:
    means, seconds = (
        list(LookUp(benchmark).measure(known)),
        list(LookUp(benchmark, 1).measure(known)),
    )
    assert [one.status for one in means] == ["ok", "ok", "unknown"]
    assert means[1].validation == 0.25
    assert means[2].reason == "the table has no validation value of it"
    assert [one.status for one in seconds] == ["ok", "unknown", "unknown"]
    assert seconds[1].reason == "the table has no validation value of it in trial 1"
    assert seconds[1].validation is seconds[1].test is seconds[1].cost_seconds is None


def test_a_benchmark_without_test_accuracies(
    benchmark: Benchmark, known: list[ArchitectureGraph]
) -> None:
    del benchmark.metrics["test"]
    found = next(LookUp(benchmark).measure(known))
    assert (found.status, found.validation, found.test) == ("ok", 0.6, None)


def test_a_benchmark_without_validation_accuracies_is_refused(benchmark: Benchmark) -> None:
    del benchmark.metrics["validation"]
    with pytest.raises(InputError, match="DIGITS101 on digits has no validation values"):
        LookUp(benchmark)


def test_a_trial_that_is_not_there_is_refused(benchmark: Benchmark) -> None:
    with pytest.raises(InputError, match="trials 0 to 1, trial 2 was requested"):
        LookUp(benchmark, 2)
    averaged = {"validation": replace(benchmark.metrics["validation"], averaged=True)}
    benchmark.metrics.update(averaged)
    with pytest.raises(InputError, match="only the mean over the trials is known"):
        LookUp(benchmark, 0)


def test_mflops_of_nb201_become_flops(data_root: Path) -> None:
    benchmark = get_benchmark("NB201", data_root, source="nb201")
    cell = benchmark.space.parse(
        "|avg_pool_3x3~0|+|nor_conv_1x1~0|skip_connect~1|"
        "+|nor_conv_1x1~0|skip_connect~1|skip_connect~2|"
    )
    (found,) = LookUp(benchmark).measure([cell])
    assert found.flops == 15_647_370
    assert found.parameters == 129_306
    assert found.validation is not None
    assert 0.5 < found.validation < 1


def test_enas_has_no_test_accuracy(data_root: Path) -> None:
    benchmark = get_benchmark("ENAS", data_root)
    cell = benchmark.space.parse("1 0 0 5 1 1 4 1 1 1 0 1 0 0 0 0 0 0 1 0 0")
    (found,) = LookUp(benchmark).measure([cell])
    assert (found.status, found.validation, found.test) == ("ok", 0.7322, None)
