"""The comparison at equal simulated time: what counts when, and what a training costs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchmarks.fidelity import MOMENTS, TASKS, after, charged, lines, mean_seconds, search
from datasets import get_benchmark
from datasets.benchmark import Benchmark
from datasets.fidelities import SECONDS, fidelity_tables
from searchers.domain import Candidates
from searchers.halving import ASHA
from searchers.methods import make_searcher
from searchers.problem import Problem, fidelity_problem, table_problem


@pytest.fixture(scope="module")
def tables() -> dict[int, Benchmark]:
    """Two and four epochs of DIGITS101, a second an epoch."""
    timeless = fidelity_tables("DIGITS101")
    for table in timeless.values():
        table.metrics = {name: one for name, one in table.metrics.items() if name != SECONDS}
    return {epochs: charged(table, epochs) for epochs, table in timeless.items()}


@pytest.fixture(scope="module")
def several(tables: dict[int, Benchmark]) -> Problem:
    return fidelity_problem(tables)


@pytest.mark.parametrize("workers", [1, 3])
def test_all_searches_have_the_same_time(
    workers: int, tables: dict[int, Benchmark], several: Problem
) -> None:
    full = table_problem(tables[4], several.domain)
    assert mean_seconds(full) == 4.0
    seconds = 60.0
    found = search(full, make_searcher("random", several.domain, 0), workers, seconds)
    assert found["trained"] == {"in full": 15 * workers}  # four seconds each
    fast = search(several, ASHA(several.domain, (2, 4), seed=0), workers, seconds)
    spent = 2 * fast["trained"]["2"] + 4 * fast["trained"]["4"]
    assert workers * (seconds - 4) <= spent <= workers * seconds
    for run in (found, fast):
        assert len(run["validation"]) == len(run["test"]) == MOMENTS
    assert found["validation"][:3] == [None] * 3  # the first ends after four seconds
    assert found["validation"][3] is not None
    assert fast["validation"][0] is None
    assert fast["validation"][1] is not None


def test_what_is_reached_is_what_the_incumbent_reaches_in_full(several: Problem) -> None:
    assert isinstance(several.domain, Candidates)
    found = search(several, ASHA(several.domain, (2, 4), seed=0), 1, 2.0)
    means = get_benchmark("DIGITS101").metric("validation").mean()
    (only,) = ASHA(several.domain, (2, 4), seed=0).ask()
    row = several.domain.row_of[several.space.hash(only)]
    assert found["validation"][-1] == pytest.approx(means[row], abs=1e-6)
    assert found["trained"] == {"2": 1}


def test_a_time_that_is_recorded_is_kept() -> None:
    table = get_benchmark("DIGITS101")
    assert charged(table, 4) is table


def test_lines_compare_the_same_seeds() -> None:
    run = {"validation": [0.5] * MOMENTS, "trained": {"4": 2}}
    better = {**run, "validation": [0.75] * MOMENTS}
    results = {"NB101": {"random": {"0": run, "1": run}, "asha": {"0": better, "1": better}}}
    assert after(results["NB101"]["asha"], 10) == {"0": 0.75, "1": 0.75}
    told = "\n".join(lines(results))
    assert "asha − random, paired, 95 % intervals: 10: +25.00 [+25.00, +25.00]" in told


def test_every_task_has_its_rows() -> None:
    rows = {name: task.methods() for name, task in TASKS.items()}
    assert "bo, no transfer" in rows["NB101"]
    assert "asha, eta by ratio" not in rows["NB101"]
    assert "bo, no transfer" not in rows["NB201 cifar10"]
    assert replace(TASKS["NB101"], workers=8) == TASKS["NB101, 8 workers"]
