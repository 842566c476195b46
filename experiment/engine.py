"""Where independent work is done: in this process, or in a pool of worker processes.

An :class:`Engine` takes a function and an item and returns a future, as the executors of
:mod:`concurrent.futures` do, which are engines too. Nothing is shared with a worker: function, item
and result are pickled. Files, retries and the order of work stay in the process that submits, the
driver: a :class:`WorkQueue` does that part for sweeps and for searches.
"""

from __future__ import annotations

import functools
import multiprocessing
import os
import pickle
import signal
import threading
import warnings
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing.connection import Connection
from queue import SimpleQueue
from typing import Any, Generic, Protocol, TypeVar

import torch

from experiment.checks import whole_number
from experiment.errors import DataWarning, InputError, sentence

Key = TypeVar("Key")
Item = TypeVar("Item")
Result = TypeVar("Result")


class WorkerDiedError(RuntimeError):
    """A worker process ended while it worked on an item."""

    def __init__(self) -> None:
        super().__init__(
            "its worker process died, as it does when the system kills it for want of memory: "
            "use fewer workers, or a smaller network or batch"
        )


class Engine(Protocol):
    """Calls functions, here or elsewhere."""

    def submit(self, function: Callable[[Item], Result], item: Item, /) -> Future[Result]:
        """Call ``function(item)`` when there is a free worker.

        The future raises what the function raises, and :class:`WorkerDiedError` where the worker
        ended in mid-work; other items are not affected.
        """
        ...


class InThisProcess:
    """One item after the other, in this process.

    An item is worked on when its result is waited for, not before: what is killed has lost one
    item at most.
    """

    def __enter__(self) -> InThisProcess:
        return self

    def __exit__(self, *_: object) -> None: ...

    def submit(self, function: Callable[[Item], Result], item: Item, /) -> Future[Result]:
        """A future that calls ``function(item)`` when its result is asked for."""
        return _Call(function, item)


class Deferred(Future[Result]):
    """A future that ends while somebody waits, and not otherwise."""

    def run(self) -> None:
        """Let something end: this future, or another of its engine."""
        raise NotImplementedError

    def result(self, timeout: float | None = None) -> Result:
        """Work until this one has ended."""
        while not self.done():
            self.run()
        return super().result(timeout)


class _Call(Deferred[Result]):
    """Is worked on by whoever asks for the result first."""

    def __init__(self, function: Callable[[Item], Result], item: Item) -> None:
        super().__init__()
        self._call = functools.partial(function, item)

    def run(self) -> None:
        """Call the function; what ends the program, such as Ctrl-C, is raised at once."""
        if self.done() or not self.set_running_or_notify_cancel():
            return
        try:
            result = self._call()
        except Exception as error:
            self.set_exception(error)
        else:
            self.set_result(result)


class Processes:
    """A pool of worker processes of one thread each, to be used in a ``with`` block.

    A process is started when it is first needed. One that dies is replaced, and it is clear which
    item it died of, because each has a pool of its own. They unpickle a function once and keep it,
    with all that it has loaded. When the block ends, or this process does, however it does, they
    end at once, in mid-work if need be.

    Args:
        workers: how many.

    Raises:
        InputError: there are to be none.
    """

    def __init__(self, workers: int) -> None:
        workers = whole_number(workers, "the number of worker processes", least=None)
        if workers < 1:
            raise InputError(f"{workers} worker processes were asked for, expected at least 1")
        self.workers = workers
        self._threads: ThreadPoolExecutor | None = None
        self._sent: tuple[object, bytes] = (None, b"")

    def __enter__(self) -> Processes:
        self._alarm, self._ours = multiprocessing.get_context("spawn").Pipe(duplex=False)
        self._pools: list[ProcessPoolExecutor] = []
        self._own = threading.local()
        self._one_started = False
        self._threads = ThreadPoolExecutor(self.workers)
        return self

    def __exit__(self, *_: object) -> None:
        if self._threads is None:
            return
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._ours.close()  # which ends them all at once
        self._threads.shutdown()
        for pool in self._pools:
            pool.shutdown()
        self._alarm.close()
        self._threads = None

    def submit(self, function: Callable[[Item], Result], item: Item, /) -> Future[Result]:
        """Let a worker call ``function(item)``.

        Raises:
            InputError: the function cannot be pickled.
            RuntimeError: the ``with`` block has ended, or was never entered.
        """
        if self._threads is None:
            raise RuntimeError("worker processes exist in a 'with' block only: enter it first")
        if self._sent[0] is not function:
            self._sent = function, pickled(function)
        return self._threads.submit(self._in_process, self._sent[1], item)

    def _in_process(self, function: bytes, item: Any) -> Any:
        """Let the process that belongs to this thread do the work, and wait for it."""
        try:
            return self._pool().submit(_call, function, item).result()
        except BrokenProcessPool:
            self._own.pool = None
            if not self._one_started:
                raise InputError(
                    "worker processes end before they begin to work: a script that uses them has "
                    "to do so under 'if __name__ == \"__main__\":', and there must be memory for "
                    "them"
                ) from None
            raise WorkerDiedError from None

    def _pool(self) -> ProcessPoolExecutor:
        pool: ProcessPoolExecutor | None = getattr(self._own, "pool", None)
        if pool is None:
            context = multiprocessing.get_context("spawn")
            pool = ProcessPoolExecutor(1, context, initializer=_start, initargs=(self._alarm,))
            self._pools.append(pool)
            pool.submit(os.getpid).result()  # dies here where no process can start
            self._one_started = True
            self._own.pool = pool
        return pool


def make_engine(workers: int) -> InThisProcess | Processes:
    """This process for one worker, else that many processes; both are used in a ``with`` block."""
    return InThisProcess() if workers == 1 else Processes(workers)


def _start(alarm: Connection) -> None:
    """What a worker does first."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that has the workers
    torch.set_num_threads(1)
    warnings.simplefilter("ignore", DataWarning)  # the process that has the workers has said it
    threading.Thread(target=_end_with, args=(alarm,), daemon=True).start()


def _end_with(alarm: Connection) -> None:
    """End this worker when the other end of the pipe is closed, at once and in mid-work."""
    try:
        alarm.recv_bytes()
    except (EOFError, OSError):
        os._exit(1)


def _call(function: bytes, item: Any) -> Any:
    return _unpickled(function)(item)


@functools.lru_cache(maxsize=4)
def _unpickled(function: bytes) -> Callable[[Any], Any]:
    try:
        found: Callable[[Any], Any] = pickle.loads(function)
    except (AttributeError, ImportError) as error:
        raise InputError(
            f"a worker process cannot load its work ({sentence(error)}): define its "
            "classes and functions in a module that can be imported, or use one worker, in this "
            "process"
        ) from error
    return found


def pickled(function: object) -> bytes:
    """A function as it travels to worker processes.

    Raises:
        InputError: it cannot be pickled.
    """
    try:
        return pickle.dumps(function)
    # Objects refuse with errors of all three kinds.
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise InputError(
            f"this work cannot be sent to worker processes ({sentence(error)}): define its "
            "classes and functions at the top of a module, or use one worker, in this process"
        ) from error


class WorkQueue(Generic[Key, Item, Result]):
    """Items that an engine works on with one function, and what comes of them as they end.

    An item whose worker dies is submitted once more when nothing else is being worked on, so that
    it has the memory for itself; what is submitted meanwhile waits for it.

    Args:
        engine: works.
        function: is called with each item.
        after: is called with an item's key and result as soon as it has ended, in a thread of the
            engine, and while other work may be going on: here a result is kept. What it returns
            takes the place of the result.
    """

    def __init__(
        self,
        engine: Engine,
        function: Callable[[Item], Result],
        after: Callable[[Key, Result], Result] = lambda key, result: result,
    ) -> None:
        self._engine = engine
        self._function = function
        self._after = after
        self._waiting: deque[_Work[Key, Item]] = deque()
        self._again: deque[_Work[Key, Item]] = deque()
        self._running: dict[Future[Result], _Work[Key, Item]] = {}
        self._ended: SimpleQueue[tuple[Future[Result], Future[Result]]] = SimpleQueue()
        self._left = 0

    def __len__(self) -> int:
        """Items whose result was not given yet."""
        return self._left

    def submit(self, key: Key, item: Item) -> None:
        """Have an item worked on.

        Args:
            key: names it among the results.
            item: what the function is called with.
        """
        self._left += 1
        self._waiting.append(_Work(key, item))
        self._hand_over()

    def next_result(self) -> tuple[Key, Result | WorkerDiedError]:
        """Wait for the next item that ends: its key, and its result.

        What the function raises is raised here. An item that two workers died of has the error in
        place of a result.
        """
        while True:
            first = next(iter(self._running))
            while isinstance(first, Deferred) and self._ended.empty():
                first.run()
            future, outcome = self._ended.get()
            work = self._running.pop(future)
            error = outcome.exception()
            died = error if isinstance(error, WorkerDiedError) else None
            if died and not work.died:
                work.died = True
                self._again.append(work)
                self._hand_over()
                continue
            self._left -= 1
            if work.died:
                self._again.popleft()
            self._hand_over()
            return work.key, died or outcome.result()

    def cancel(self) -> None:
        """Give up everything that is not being worked on yet."""
        self._waiting.clear()
        self._again.clear()
        for future in self._running:
            future.cancel()

    def _hand_over(self) -> None:
        """Give the engine what it may work on now."""
        while self._waiting and not self._again:
            self._start(self._waiting.popleft())
        if self._again and not self._running:
            self._start(self._again[0])  # it stays there till it ends, so that nothing joins it

    def _start(self, work: _Work[Key, Item]) -> None:
        future = self._engine.submit(self._function, work.item)
        self._running[future] = work
        future.add_done_callback(functools.partial(self._end, work.key))

    def _end(self, key: Key, future: Future[Result]) -> None:
        outcome: Future[Result] = Future()
        try:
            outcome.set_result(self._after(key, future.result()))
        # Every kind of error: it is raised where the result is waited for.
        except BaseException as error:
            outcome.set_exception(error)
        self._ended.put((future, outcome))


@dataclass(eq=False, slots=True)
class _Work(Generic[Key, Item]):
    """An item of a queue, and whether a worker died of it."""

    key: Key
    item: Item
    died: bool = False
