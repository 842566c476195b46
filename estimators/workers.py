"""Where many independent pieces of work are done: in this process, or in several.

:class:`Workers` is the seam for an engine that spreads work over machines, such as Ray: a class
with its one method is all that an estimator needs.
"""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any, Protocol, TypeVar

import torch

from experiment.errors import InputError

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class WorkerDied:
    """Stands for the result of a piece of work that ends the process that does it."""

    reason: str = (
        "its worker process died, as it does when the system kills it for want of memory: "
        "use fewer workers, or a smaller network or batch"
    )


class Workers(Protocol):
    """Does pieces of work."""

    def run(
        self, function: Callable[[Item], Result], items: Sequence[Item]
    ) -> Iterator[tuple[int, Result | WorkerDied]]:
        """Position and result of every item, as they finish, in any order.

        An exception that ``function`` raises ends the run. To close the iterator ends all work.
        """
        ...


class ThisProcess:
    """One piece after the other, in this process."""

    def run(
        self, function: Callable[[Item], Result], items: Sequence[Item]
    ) -> Iterator[tuple[int, Result | WorkerDied]]:
        """Position and result of every item, in their order."""
        for position, item in enumerate(items):
            yield position, function(item)


class WorkerProcesses:
    """Several processes of one thread each; function and items must be picklable.

    When a worker dies, what the others were doing dies with it. Each of these pieces is then
    repeated in a process of its own, so that a piece that cannot be done takes no other along.
    Workers end when this process does, however it does.

    Args:
        count: number of processes.
    """

    def __init__(self, count: int) -> None:
        if count < 1:
            raise InputError(f"{count} worker processes were asked for, expected at least 1")
        self.count = count

    def run(
        self, function: Callable[[Item], Result], items: Sequence[Item]
    ) -> Iterator[tuple[int, Result | WorkerDied]]:
        """Position and result of every item, as they finish."""
        waiting = list(range(len(items)))[::-1]
        while waiting:
            suspects = yield from self._until_broken(function, items, waiting)
            for position in suspects:
                alone = [position]
                if (yield from WorkerProcesses(1)._until_broken(function, items, alone)):
                    yield position, WorkerDied()

    def _until_broken(
        self, function: Callable[[Item], Result], items: Sequence[Item], waiting: list[int]
    ) -> Any:
        """Work ``waiting`` off, from its end; returns what was being done when a worker died."""
        doing: dict[Future[Result], int] = {}
        with _pool(min(self.count, len(waiting))) as pool:
            while waiting or doing:
                try:
                    while waiting and len(doing) < self.count:
                        doing[pool.submit(function, items[waiting[-1]])] = waiting[-1]
                        waiting.pop()
                    for future in wait(doing, return_when=FIRST_COMPLETED).done:
                        result = future.result()
                        yield doing.pop(future), result
                except BrokenProcessPool:
                    return sorted(doing.values())
        return []


@contextmanager
def _pool(count: int) -> Iterator[ProcessPoolExecutor]:
    """Processes that live as long as the block, and no longer than this process."""
    context = multiprocessing.get_context("spawn")
    alarm, ours = context.Pipe(duplex=False)
    pool = ProcessPoolExecutor(count, context, initializer=_begin, initargs=(alarm,))
    try:
        yield pool
    finally:
        ours.close()
        pool.shutdown(cancel_futures=True)
        alarm.close()


def _begin(alarm: Connection) -> None:
    """What a worker does first."""
    torch.set_num_threads(1)
    threading.Thread(target=_end_with, args=(alarm,), daemon=True).start()


def _end_with(alarm: Connection) -> None:
    """End this worker when the other end of the pipe is closed, at once and in mid-work."""
    try:
        alarm.recv_bytes()
    except (EOFError, OSError):
        os._exit(1)
