"""Where many independent pieces of work are done: in this process, or in several.

:class:`Workers` is where an engine of the user's own does the work of a list that is complete
(:meth:`estimators.from_scratch.FromScratch.measure`): a class with its one method is enough. A
search hands out one architecture after the other; it uses :class:`Crew`
(``estimators/evaluations.py``), whose workers are processes of this machine.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any, Generic, Protocol, TypeVar

import torch

from experiment.checks import whole_number
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
    ) -> Generator[tuple[int, Result | WorkerDied], None, None]:
        """Position and result of every item, as they finish, in any order.

        An exception that ``function`` raises ends the run. To close the generator ends all work.
        """
        ...


class ThisProcess:
    """One piece after the other, in this process."""

    def run(
        self, function: Callable[[Item], Result], items: Sequence[Item]
    ) -> Generator[tuple[int, Result | WorkerDied], None, None]:
        """Position and result of every item, in their order."""
        for position, item in enumerate(items):
            yield position, function(item)


class WorkerProcesses:
    """Several processes of one thread each; function and items must be picklable.

    A worker that dies is replaced, and the others go on. What it was doing is repeated once when
    everything else is done, one piece at a time: then it has the memory for itself. Workers end
    when this process does, however it does.

    Args:
        count: number of processes.

    Raises:
        InputError: there is to be none.
    """

    def __init__(self, count: int) -> None:
        count = whole_number(count, "the number of worker processes", least=None)
        if count < 1:
            raise InputError(f"{count} worker processes were asked for, expected at least 1")
        self.count = count

    def run(
        self, function: Callable[[Item], Result], items: Sequence[Item]
    ) -> Generator[tuple[int, Result | WorkerDied], None, None]:
        """Position and result of every item, as they finish.

        Raises:
            InputError: workers cannot even begin.
        """
        died = yield from _work_off(self.count, function, dict(enumerate(items)))
        for position in (yield from _work_off(1, function, {k: items[k] for k in died})):
            yield position, WorkerDied()


def _work_off(
    count: int, function: Callable[[Item], Result], items: dict[int, Item]
) -> Generator[tuple[int, Result], None, list[int]]:
    """Yield results by the items' keys; returns the keys at which a worker died."""
    died: list[int] = []
    waiting = list(items)[::-1]
    doing: dict[Future[Result], tuple[int, Worker]] = {}
    idle: list[Worker[Item, Result]] = []
    with Crew() as crew:
        while waiting or doing:
            while waiting and len(doing) < count:
                key, worker = waiting.pop(), idle.pop() if idle else crew.one_more()
                doing[worker.begin(function, items[key])] = key, worker
            for future in wait(doing, return_when=FIRST_COMPLETED).done:
                key, worker = doing.pop(future)
                try:
                    result = future.result()
                except BrokenProcessPool:
                    crew.check_that_one_began()
                    died.append(key)
                else:
                    idle.append(worker)
                    yield key, result
    return died


class Worker(Generic[Item, Result]):
    """A pool of one process: when it breaks, it is clear what broke it, and nothing else stops."""

    def __init__(self, alarm: Connection) -> None:
        context = multiprocessing.get_context("spawn")
        self.pool = ProcessPoolExecutor(1, context, initializer=_begin, initargs=(alarm,))
        self._began = self.pool.submit(os.getpid)

    def begin(self, function: Callable[[Item], Result], item: Item) -> Future[Result]:
        """Let the process do a piece of work."""
        try:
            return self.pool.submit(function, item)
        except BrokenProcessPool as error:  # it died with nothing to do
            broken: Future[Result] = Future()
            broken.set_exception(error)
            return broken

    def has_begun(self) -> bool:
        """Whether the process came so far as to do a piece of work."""
        return self._began.done() and self._began.exception() is None


class Crew:
    """Workers that live as long as the block, and no longer than this process."""

    def __enter__(self) -> Crew:
        self._alarm, self._ours = multiprocessing.get_context("spawn").Pipe(duplex=False)
        self._workers: list[Worker[Any, Any]] = []
        return self

    def one_more(self) -> Worker[Any, Any]:
        """A new worker."""
        self._workers.append(Worker(self._alarm))
        return self._workers[-1]

    def check_that_one_began(self) -> None:
        """Make sure that a death is not what every worker dies of before it begins.

        Raises:
            InputError: none ever came so far as to do a piece of work.
        """
        if not any(worker.has_begun() for worker in self._workers):
            raise InputError(
                "worker processes end before they begin to work: a script that uses them has to "
                "do so under 'if __name__ == \"__main__\":', and there must be memory for them"
            )

    def __exit__(self, *_: object) -> None:
        self._ours.close()  # which ends them all at once
        for worker in self._workers:
            worker.pool.shutdown(cancel_futures=True)
        self._alarm.close()


def _begin(alarm: Connection) -> None:
    """What a worker does first."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that has the workers
    torch.set_num_threads(1)
    threading.Thread(target=_end_with, args=(alarm,), daemon=True).start()


def _end_with(alarm: Connection) -> None:
    """End this worker when the other end of the pipe is closed, at once and in mid-work."""
    try:
        alarm.recv_bytes()
    except (EOFError, OSError):
        os._exit(1)
