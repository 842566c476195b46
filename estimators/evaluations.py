"""Architectures that are measured while others are still being chosen.

An estimator measures a list that is complete. A search hands over one architecture after the
other, and asks what is done: that is an :class:`Evaluations`.
"""

from __future__ import annotations

import dataclasses
import pickle
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import Protocol

from datasets.graph import ArchitectureGraph
from estimators.measurement import Estimator, Measurement
from estimators.workers import Crew, Worker, WorkerDied
from experiment.errors import InputError, sentence


class Evaluations(Protocol):
    """Measurements that were begun."""

    def begin(self, architectures: Sequence[ArchitectureGraph]) -> None:
        """Measure these too, the first ones first."""
        ...

    def finish(self) -> Measurement:
        """Wait for the next measurement that is done. One was begun that was not given yet."""
        ...


class InThisProcess:
    """Measures in this process, when the result is asked for, in the order of asking.

    Args:
        estimator: measures.
    """

    def __init__(self, estimator: Estimator) -> None:
        self._estimator = estimator
        self._waiting: list[ArchitectureGraph] = []

    def begin(self, architectures: Sequence[ArchitectureGraph]) -> None:
        """Put them at the end of the queue."""
        self._waiting += architectures

    def finish(self) -> Measurement:
        """Measure the first of the queue."""
        (measurement,) = self._estimator.measure([self._waiting.pop(0)])
        return measurement


class InProcesses:
    """Measures in several processes of one thread each, which last for the whole search.

    A worker that dies is replaced. What it was doing is done once more; if that ends its worker
    too, the measurement is a failure.

    Args:
        estimator: measures; it can be pickled.
        crew: makes the processes.
        count: how many at most.

    Raises:
        InputError: the estimator cannot be pickled.
    """

    def __init__(self, estimator: Estimator, crew: Crew, count: int) -> None:
        self._piece = _Measuring(pickled(estimator))
        self._space = estimator.space
        self._crew = crew
        self._count = count
        self._waiting: list[tuple[ArchitectureGraph, int]] = []
        self._doing: dict[Future[Measurement], tuple[ArchitectureGraph, int, Worker]] = {}
        self._idle: list[Worker] = []

    def begin(self, architectures: Sequence[ArchitectureGraph]) -> None:
        """Give them to workers, as far as some are free."""
        self._waiting += [(architecture, 0) for architecture in architectures]
        self._hand_out()

    def finish(self) -> Measurement:
        """Wait for the next that is done.

        Raises:
            InputError: no worker can even begin.
        """
        while True:
            future = next(iter(wait(self._doing, return_when=FIRST_COMPLETED).done))
            architecture, deaths, worker = self._doing.pop(future)
            try:
                measurement = future.result()
            except BrokenProcessPool:
                self._crew.check_that_one_began()
                if deaths:
                    self._hand_out()
                    name = self._space.hash(architecture)
                    return Measurement(architecture, name, "failed", WorkerDied().reason)
                self._waiting.append((architecture, 1))
            else:
                self._idle.append(worker)
                self._hand_out()
                return measurement
            self._hand_out()

    def _hand_out(self) -> None:
        while self._waiting and len(self._doing) < self._count:
            architecture, deaths = self._waiting.pop(0)
            worker = self._idle.pop() if self._idle else self._crew.one_more()
            future = worker.begin(self._piece, architecture)
            self._doing[future] = architecture, deaths, worker


@contextmanager
def evaluations(estimator: Estimator, workers: int = 1) -> Iterator[Evaluations]:
    """Evaluations by ``estimator``, in this process or in several; all work ends with the block.

    Args:
        estimator: measures. One whose work is given to several processes is given to each of
            them, so that its own workers are those of :class:`~estimators.workers.ThisProcess`.
        workers: how many processes; 1 for this one.
    """
    if workers == 1:
        yield InThisProcess(estimator)
        return
    with Crew() as crew:
        yield InProcesses(estimator, crew, workers)


@dataclasses.dataclass(frozen=True)
class _Measuring:
    """Measures one architecture; an estimator travels to each process once and is kept there.

    Attributes:
        pickled: the estimator.
    """

    pickled: bytes

    def __call__(self, architecture: ArchitectureGraph) -> Measurement:
        (measurement,) = _unpickled(self.pickled).measure([architecture])
        return measurement


_kept: dict[bytes, Estimator] = {}


def pickled(estimator: Estimator) -> bytes:
    """An estimator as it travels to worker processes.

    Raises:
        InputError: it cannot be pickled.
    """
    try:
        return pickle.dumps(estimator)
    # Objects refuse with errors of all three kinds.
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise InputError(
            f"the estimator of {estimator.space.name} cannot be sent to worker processes "
            f"({sentence(error)}): define its classes and functions at the top of a module, or "
            "measure with one worker, in this process"
        ) from error


def _unpickled(content: bytes) -> Estimator:
    if content not in _kept:
        try:
            _kept[content] = pickle.loads(content)
        except (AttributeError, ImportError) as error:
            raise InputError(
                f"a worker process cannot load the estimator ({sentence(error)}): define its "
                "classes and functions in a module that can be imported, or measure with one "
                "worker, in this process"
            ) from error
    return _kept[content]
