"""An engine that plays recorded durations back: many workers, on a clock of their own.

A discrete-event simulation. A worker is busy with an item for as long as its result says that it
took, in simulated seconds. The driver, the process that submits items and waits for results, is
real: the seconds that it takes between two results pass on the simulated clock as well, and workers
that have nothing to do meanwhile are idle. So a search that takes hours on hundreds of machines is
seen in minutes, with the idle time that its own decisions would cause.
"""

from __future__ import annotations

import heapq
import math
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, TypeVar

from experiment.checks import whole_number
from experiment.engine import Deferred, InThisProcess
from experiment.errors import InputError

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class PlayedJob:
    """An item that a simulated worker works on.

    Attributes:
        start: simulated second at which a worker starts.
        end: simulated second at which it ends.
    """

    start: float
    end: float


@dataclass
class Account:
    """What simulated workers did, and how long the driver took.

    Attributes:
        workers: how many there are.
        jobs: in the order in which they were submitted.
        received: position in ``jobs`` of each result that the driver received, in that order.
        now: simulated second at which the driver is.
        driver_seconds: that the driver took between results, all together.
    """

    workers: int
    jobs: list[PlayedJob] = field(default_factory=list)
    received: list[int] = field(default_factory=list)
    now: float = 0.0
    driver_seconds: float = 0.0

    @property
    def makespan(self) -> float:
        """Simulated seconds until the last job ends."""
        return max((job.end for job in self.jobs), default=0.0)

    @property
    def last_start(self) -> float:
        """The simulated second after which no job starts."""
        return max((job.start for job in self.jobs), default=0.0)

    def utilisation(self, until: float | None = None) -> float:
        """Share of the workers' time in which they work, 0 to 1; NaN if no time has passed.

        Args:
            until: simulated second; default: the makespan. Before :attr:`last_start` there is work
                for all workers, so that idle ones wait for the driver; after it they run out of
                work, however fast the driver is.
        """
        span = self.makespan if until is None else until
        busy = sum(max(min(job.end, span) - job.start, 0.0) for job in self.jobs)
        return busy / (self.workers * span) if span > 0 else math.nan

    @property
    def decisions_a_second(self) -> float:
        """Jobs submitted in a second of the driver's time; infinite where it takes none."""
        return len(self.jobs) / self.driver_seconds if self.driver_seconds > 0 else math.inf


class Simulated:
    """Workers that exist on a simulated clock only.

    A function is called in this process as soon as its item is submitted, which takes no simulated
    time; the result is given when the simulated worker ends. Results come in the order in which
    jobs end, equal ends in the order of submission. The driver's time counts inside the ``with``
    block only: what prepares or replays a search before it costs nothing.

    Args:
        workers: how many.
        seconds: how long an item takes, given its result; simulated seconds, finite, 0 or more.
        clock: the driver's time in seconds; with ``lambda: 0.0`` decisions take none, and equal
            searches have equal accounts.
        resumed: account of a simulation that was killed, which is continued. What had been
            submitted and not received has to be submitted first, in the same order, and keeps its
            start.

    Attributes:
        account: of all jobs so far.

    Raises:
        InputError: there are to be no workers, or another number of them than in ``resumed``.
    """

    def __init__(
        self,
        workers: int,
        seconds: Callable[[Any], float],
        clock: Callable[[], float] = time.perf_counter,
        resumed: Account | None = None,
    ) -> None:
        workers = whole_number(workers, "the number of simulated workers", least=1)
        self.account = Account(workers) if resumed is None else resumed
        if self.account.workers != workers:
            raise InputError(
                f"the simulation began with {self.account.workers} workers and is to be resumed "
                f"with {workers}: give the same number"
            )
        self._seconds = seconds
        self._clock = clock
        self._counted: float | None = None
        done = set(self.account.received)
        self._lost = deque(n for n in range(len(self.account.jobs)) if n not in done)
        # Every job takes the place of the earliest end: the latest ones are the workers'.
        ends = [job.end for job in self.account.jobs]
        self._free = heapq.nlargest(workers, [*ends, *[0.0] * workers])
        heapq.heapify(self._free)
        self._running: list[tuple[float, int, _Played[Any]]] = []

    def __enter__(self) -> Simulated:
        self._counted = self._clock()
        return self

    def __exit__(self, *_: object) -> None:
        self._counted = None

    @property
    def now(self) -> float:
        """The simulated second at which the driver is; after a result, that of receiving it."""
        return self.account.now

    def submit(self, function: Callable[[Item], Result], item: Item, /) -> Future[Result]:
        """Let the worker that becomes free first call ``function(item)``.

        The future raises :class:`~experiment.errors.InputError` where the result has no duration.
        """
        self._charge()
        played: _Played[Result] = _Played(function, item, self._advance)
        number = self._assign(played.duration(self._seconds))
        heapq.heappush(self._running, (self.account.jobs[number].end, number, played))
        self._start_charging()
        return played

    def _assign(self, seconds: float) -> int:
        """Give a job to a worker, unless it had one before; its position in the account."""
        if self._lost:
            return self._lost.popleft()
        start = max(self.now, self._free[0])
        heapq.heapreplace(self._free, start + seconds)
        self.account.jobs.append(PlayedJob(start, start + seconds))
        return len(self.account.jobs) - 1

    def _advance(self) -> None:
        """Go on to the job that ends next, and give its result."""
        self._charge()
        end, number, played = heapq.heappop(self._running)
        self.account.now = max(self.now, end)
        self.account.received.append(number)
        self._start_charging()  # what keeps a result is the driver, too
        played.give()

    def _charge(self) -> None:
        """Let the driver's time since it had the last result pass on the simulated clock."""
        if self._counted is not None:
            seconds = self._clock() - self._counted
            self.account.now += seconds
            self.account.driver_seconds += seconds

    def _start_charging(self) -> None:
        if self._counted is not None:
            self._counted = self._clock()


class _Played(Deferred[Result]):
    """A result that is there already, and is given when the simulated clock says so."""

    def __init__(
        self, function: Callable[[Item], Result], item: Item, advance: Callable[[], None]
    ) -> None:
        super().__init__()
        self.set_running_or_notify_cancel()  # a worker has it: it cannot be cancelled
        self._advance = advance
        self._outcome: Future[Result] = InThisProcess().submit(function, item)

    def duration(self, seconds: Callable[[Result], float]) -> float:
        """Simulated seconds of the work, 0 where it fails."""
        try:
            return _checked(seconds(self._outcome.result()))
        except Exception as error:
            self._outcome = Future()
            self._outcome.set_exception(error)
            return 0.0

    def run(self) -> None:
        """Let the next job end."""
        self._advance()

    def give(self) -> None:
        """End this one."""
        error = self._outcome.exception()
        if error is None:
            self.set_result(self._outcome.result())
        else:
            self.set_exception(error)


def _checked(seconds: float) -> float:
    """A duration.

    Raises:
        InputError: it is none.
    """
    if math.isfinite(seconds) and seconds >= 0:
        return seconds
    raise InputError(
        f"a simulated job takes {seconds} seconds, expected a finite number of 0 or more"
    )
