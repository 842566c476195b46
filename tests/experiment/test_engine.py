"""Engines: all is done whoever dies, exceptions come through, and no process is left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from experiment.engine import (
    Engine,
    InThisProcess,
    Processes,
    WorkerDiedError,
    WorkQueue,
    make_engine,
)
from experiment.errors import InputError
from experiment.paths import REPOSITORY_ROOT

Wait = Callable[..., None]
Alive = Callable[[int], bool]
Workers = Callable[[int], set[int]]


def results(engine: Engine, function: Callable[[Any], Any], items: Sequence[Any]) -> list[Any]:
    """Position and result of every item, as they end."""
    queue: WorkQueue[int, Any, Any] = WorkQueue(engine, function)
    for position, item in enumerate(items):
        queue.submit(position, item)
    return [queue.next_result() for _ in range(len(queue))]


def test_this_process_works_on_an_item_when_its_result_is_asked_for() -> None:
    done: list[int] = []
    futures = [InThisProcess().submit(done.append, number) for number in range(3)]
    assert done == []
    futures[1].result()
    assert done == [1]
    assert futures[2].cancel()
    futures[0].result()
    futures[0].result()
    assert done == [1, 0]


def test_this_process_keeps_the_order() -> None:
    assert results(InThisProcess(), abs, [-3, 1, -2]) == [(0, 3), (1, 1), (2, 2)]
    assert isinstance(make_engine(1), InThisProcess)
    assert isinstance(make_engine(2), Processes)


def test_an_executor_is_an_engine() -> None:
    with ThreadPoolExecutor(2) as executor:
        assert sorted(results(executor, abs, [-3, 1, -2])) == [(0, 3), (1, 1), (2, 2)]


def test_ctrl_c_ends_work_in_this_process() -> None:
    def interrupted(_: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        results(InThisProcess(), interrupted, [0, 1])


def test_a_result_is_kept_as_soon_as_it_is_there() -> None:
    """While the driver is busy with something else."""
    kept: dict[str, int] = {}
    all_kept = threading.Event()

    def keep(key: str, result: int) -> int:
        kept[key] = result
        if len(kept) == 2:
            all_kept.set()
        return 10 * result

    with ThreadPoolExecutor(1) as executor:
        queue: WorkQueue[str, int, int] = WorkQueue(executor, abs, keep)
        queue.submit("a", -1)
        queue.submit("b", -2)
        assert all_kept.wait(600)
        assert kept == {"a": 1, "b": 2}
        assert [queue.next_result() for _ in range(len(queue))] == [("a", 10), ("b", 20)]
        assert len(queue) == 0


def test_what_keeps_a_result_may_fail() -> None:
    def full(key: int, result: int) -> int:
        raise InputError("no room")

    queue: WorkQueue[int, int, int] = WorkQueue(InThisProcess(), abs, full)
    queue.submit(0, -1)
    with pytest.raises(InputError, match="no room"):
        queue.next_result()


class ByHand:
    """An engine whose items end when the test says so."""

    def __init__(self) -> None:
        self.futures: dict[str, Future[str]] = {}

    def submit(self, function: object, item: Any, /) -> Future[Any]:
        self.futures[item] = Future()
        return self.futures[item]

    def die(self, item: str) -> None:
        self.futures.pop(item).set_exception(WorkerDiedError())

    def end(self, item: str) -> None:
        self.futures.pop(item).set_result(item)


def test_what_a_worker_died_of_is_tried_again_alone() -> None:
    engine = ByHand()
    queue: WorkQueue[int, str, str] = WorkQueue(engine, str)
    queue.submit(0, "deadly")
    queue.submit(1, "other")
    engine.die("deadly")
    engine.end("other")
    assert queue.next_result() == (1, "other")
    assert list(engine.futures) == ["deadly"]
    queue.submit(2, "later")
    assert list(engine.futures) == ["deadly"]  # which has the memory for itself
    engine.die("deadly")
    key, error = queue.next_result()
    assert key == 0
    assert isinstance(error, WorkerDiedError)
    assert list(engine.futures) == ["later"]
    engine.end("later")
    assert queue.next_result() == (2, "later")
    assert len(queue) == 0


def test_nothing_to_do_starts_no_process(workers_of: Workers) -> None:
    with Processes(1000) as engine:
        assert results(engine, abs, []) == []
        assert workers_of(os.getpid()) == set()


def test_no_workers_are_refused() -> None:
    with pytest.raises(InputError, match="0 worker processes were asked for"):
        Processes(0)


def test_processes_exist_in_a_block() -> None:
    engine = Processes(1)
    with pytest.raises(RuntimeError, match="'with' block"):
        engine.submit(abs, 1)
    with engine:
        assert engine.submit(abs, -1).result() == 1
    with pytest.raises(RuntimeError, match="'with' block"):
        engine.submit(abs, 1)


def test_what_cannot_be_sent_is_one_sentence() -> None:
    with Processes(1) as engine, pytest.raises(InputError, match="cannot be sent") as caught:
        engine.submit(lambda item: item, 1)
    assert "\n" not in str(caught.value)


def test_a_worker_unpickles_a_function_once_and_repeats_no_word_of_data(
    engine_work: ModuleType, tmp_path: Path
) -> None:
    with Processes(1) as engine:
        found = results(engine, engine_work.Loaded(tmp_path / "diary"), [1, 2, 3])
        assert results(engine, engine_work.warn, ["a word"]) == [(0, ["a word"])]
    assert found == [(0, 2), (1, 3), (2, 4)]
    assert (tmp_path / "diary").read_text().split() == ["loaded"]


def test_a_death_costs_the_dying_item_only(engine_work: ModuleType, tmp_path: Path) -> None:
    """One item kills its worker once, another always; the other items are worked on once each."""
    kinds = ["a", "dies", "b", "c", "dies once"]
    items = [(kind, tmp_path / f"diary{place}") for place, kind in enumerate(kinds)]
    with Processes(2) as engine:
        order = results(engine, engine_work.work, items)
    found = dict(order)
    assert len(order) == len(found) == len(kinds)
    for place, kind in enumerate(kinds):
        if kind == "dies":
            assert isinstance(found[place], WorkerDiedError)
            assert "died" in str(found[place])
        else:
            assert found[place] == (kind, 2 if kind == "dies once" else 1)
    for kind, diary in items:
        assert diary.read_text().splitlines() == [kind] * (2 if kind.startswith("dies") else 1)
    # They are tried again when nobody else needs the memory.
    assert {place for place, _ in order[-2:]} == {1, 4}


def test_an_exception_comes_through(
    engine_work: ModuleType, tmp_path: Path, workers_of: Workers
) -> None:
    """What it says and where it was raised come along; no worker outlives the block."""
    with pytest.raises(KeyError, match="a defect") as caught, Processes(1) as engine:
        results(engine, engine_work.work, [("raises", tmp_path / "diary")])
    assert 'raise KeyError("a defect")' in str(caught.value.__cause__)
    assert (tmp_path / "diary").read_text().split() == ["raises"]
    assert workers_of(os.getpid()) == set()


def test_leaving_the_block_ends_all_work_at_once(
    engine_work: ModuleType, is_alive: Alive, wait_until: Wait, workers_of: Workers
) -> None:
    """In mid-work: the second worker sleeps for a quarter of an hour."""
    with Processes(2) as engine:
        futures = [engine.submit(engine_work.pid_after, seconds) for seconds in (0, 1000, 1000)]
        first = futures[0].result()
        wait_until(lambda: len(workers_of(os.getpid())) == 2)
        workers = workers_of(os.getpid())
        assert first in workers
    wait_until(lambda: not any(is_alive(pid) for pid in workers))
    assert not wait(futures, timeout=600).not_done


SCRIPT = """
import sys
from pathlib import Path
sys.path[:0] = sys.argv[1:3]
from experiment.engine import Processes
from engine_work import hang

if {guard}:
    with Processes(1) as engine:
        engine.submit(hang, Path(sys.argv[3])).result()
"""


def start(script: Path, guard: str, folder: Path) -> subprocess.Popen[str]:
    script.write_text(SCRIPT.format(guard=guard), encoding="utf-8")
    here = str(Path(__file__).parent)
    return subprocess.Popen(
        [sys.executable, str(script), str(REPOSITORY_ROOT), here, str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_workers_end_with_their_parent_and_no_sooner(
    tmp_path: Path, is_alive: Alive, wait_until: Wait
) -> None:
    """Ctrl-C reaches them as well, but is not for them; when the parent is killed they end."""
    folder = tmp_path / "pids"
    folder.mkdir()
    parent = start(tmp_path / "script.py", "__name__ == '__main__'", folder)
    try:
        wait_until(lambda: len(list(folder.iterdir())) == 1)
        (worker,) = (int(file.name) for file in folder.iterdir())
        os.kill(worker, signal.SIGINT)
        time.sleep(0.3)
        assert is_alive(worker)
    finally:
        parent.kill()
    _, said = parent.communicate(timeout=600)
    wait_until(lambda: not is_alive(worker))
    assert "Traceback" not in said


def test_workers_that_cannot_begin_are_a_sentence(tmp_path: Path) -> None:
    """A script without a guard would start itself again in every worker."""
    _, said = start(tmp_path / "script.py", "True", tmp_path).communicate(timeout=600)
    assert "InputError: worker processes end before they begin to work: " in said
    assert 'if __name__ == "__main__":' in said
