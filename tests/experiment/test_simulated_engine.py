"""Simulated workers: makespans worked out by hand, decisions that cost time, and resumption."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import pytest

from experiment.engine import WorkQueue
from experiment.errors import InputError
from experiment.simulated_engine import Account, PlayedJob, Simulated


def free() -> float:
    """A driver's clock that stands still."""
    return 0.0


def identity(item: float) -> float:
    return item


class Driver:
    """A clock that the test turns."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


def test_two_workers_end_when_the_hand_says() -> None:
    """The first works 0 to 3 and 3 to 5, the second 0 to 1, 1 to 2, 2 to 6."""
    with Simulated(2, identity, free) as engine:
        queue: WorkQueue[str, float, float] = WorkQueue(engine, identity)
        for name, seconds in zip("abcde", [3.0, 1.0, 1.0, 4.0, 2.0], strict=True):
            queue.submit(name, seconds)
        found = [(queue.next_result()[0], engine.now) for _ in range(len(queue))]
    assert found == [("b", 1.0), ("c", 2.0), ("a", 3.0), ("e", 5.0), ("d", 6.0)]
    account = engine.account
    assert [(job.start, job.end) for job in account.jobs] == [
        (0, 3),
        (0, 1),
        (1, 2),
        (2, 6),
        (3, 5),
    ]
    assert account.received == [1, 2, 0, 4, 3]
    assert account.makespan == 6
    assert account.last_start == 3
    assert account.utilisation() == pytest.approx(11 / 12)
    assert account.utilisation(account.last_start) == 1
    assert account.decisions_a_second == math.inf


def test_decisions_are_charged_and_leave_workers_idle() -> None:
    """A driver of 2 seconds a decision and jobs of 3 seconds keep two workers busy in part."""
    clock = Driver()
    with Simulated(2, identity, clock) as engine:
        clock.seconds += 2
        first = engine.submit(identity, 3.0)
        clock.seconds += 2
        second = engine.submit(identity, 3.0)
        assert first.result() == 3
        assert engine.now == 5
        clock.seconds += 2
        third = engine.submit(identity, 3.0)  # the second ended at 7, as this was decided
        second.result()
        assert engine.now == 7
        clock.seconds += 4
        third.result()
        assert engine.now == 11  # it ended at 10, and the driver was busy
    account = engine.account
    assert account.jobs == [PlayedJob(2, 5), PlayedJob(4, 7), PlayedJob(7, 10)]
    assert account.utilisation() == 9 / 20
    assert account.driver_seconds == 10
    assert account.decisions_a_second == 3 / 10


def test_only_the_block_is_charged() -> None:
    clock = Driver()
    engine = Simulated(1, identity, clock)
    clock.seconds += 50
    engine.submit(identity, 3.0)
    with engine:
        clock.seconds += 1
        engine.submit(identity, 3.0)
    clock.seconds += 50
    engine.submit(identity, 3.0)
    assert [job.start for job in engine.account.jobs] == [0, 3, 6]
    assert engine.account.driver_seconds == engine.now == 1


def test_the_work_itself_takes_no_driver_time() -> None:
    clock = Driver()

    def look_up(item: float) -> float:
        clock.seconds += 10
        return item

    with Simulated(1, identity, clock) as engine:
        engine.submit(look_up, 3.0).result()
    assert engine.account.driver_seconds == 0
    assert engine.now == 3


def test_equal_ends_come_in_the_order_of_submission() -> None:
    with Simulated(3, identity, free) as engine:
        queue: WorkQueue[int, float, float] = WorkQueue(engine, identity)
        for number in range(3):
            queue.submit(number, 1.0)
        assert [queue.next_result()[0] for _ in range(3)] == [0, 1, 2]


def test_two_queues_may_share_the_workers() -> None:
    """Whoever waits lets the jobs of the other end, too."""
    with Simulated(2, identity, free) as engine:
        one: WorkQueue[int, float, float] = WorkQueue(engine, identity)
        other: WorkQueue[int, float, float] = WorkQueue(engine, identity)
        one.submit(0, 5.0)
        other.submit(0, 1.0)
        assert one.next_result() == (0, 5.0)
        assert other.next_result() == (0, 1.0)


def test_an_exception_comes_through_when_its_job_ends() -> None:
    def defect(_: float) -> float:
        raise KeyError("a defect")

    with Simulated(1, identity, free) as engine:
        queue: WorkQueue[int, float, float] = WorkQueue(engine, defect)
        queue.submit(0, 1.0)
        with pytest.raises(KeyError, match="a defect"):
            queue.next_result()


@pytest.mark.parametrize("seconds", [-1.0, math.nan, math.inf])
def test_what_has_no_duration_is_refused(seconds: float) -> None:
    with (
        Simulated(1, identity, free) as engine,
        pytest.raises(InputError, match="seconds, expected a finite number"),
    ):
        engine.submit(identity, seconds).result()


def test_no_workers_and_another_number_of_them_are_refused() -> None:
    with pytest.raises(InputError, match="number of simulated workers"):
        Simulated(0, identity)
    with pytest.raises(InputError, match="began with 3 workers and is to be resumed with 4"):
        Simulated(4, identity, resumed=Account(3))


def drive(engine: Simulated, lost: list[float], new: list[float]) -> Iterator[Any]:
    """Submit what was lost, then one item after each result; a step of the account at a time."""
    queue: WorkQueue[float, float, float] = WorkQueue(engine, identity)
    for item in lost:
        queue.submit(item, item)
    with engine:
        while True:
            while len(queue) < 3 and new:
                queue.submit(new[0], new.pop(0))
            if not len(queue):
                return
            queue.next_result()
            yield asdict(engine.account)


def test_a_killed_simulation_resumes_to_the_same_account() -> None:
    items = [float(7 * number % 11 + 1) for number in range(20)]
    whole = list(drive(Simulated(2, identity, free), [], list(items)))
    for killed in (1, 8, 18):
        kept = json.loads(json.dumps(whole[killed]))
        kept["jobs"] = [PlayedJob(**job) for job in kept["jobs"]]
        account = Account(**kept)
        submitted = len(account.jobs)
        lost = [items[n] for n in range(submitted) if n not in account.received]
        engine = Simulated(2, identity, free, account)
        *_, last = drive(engine, lost, items[submitted:])
        assert last == whole[-1]
