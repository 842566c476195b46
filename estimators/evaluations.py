"""Measurements that an engine makes, for sweeps and for searches.

A sweep has all architectures at hand (:func:`sweep`); a search submits one after the other, and
asks for the next measurement that is done (:class:`Evaluations`). In both, the process that has the
engine does everything but the work itself: only here is a store read, before, and written, after.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from datasets.graph import ArchitectureGraph
from datasets.space import SearchSpace
from estimators.measurement import Estimator, Measurement
from experiment.engine import Engine, InThisProcess, WorkerDiedError, WorkQueue
from experiment.errors import InputError


@dataclass(frozen=True, slots=True)
class Job:
    """What is worked on once, for one or several architectures.

    Attributes:
        item: what the work is called with.
        architectures: those that the result is of, as they were submitted.
        hash: the space's hash of them; empty where it is not known.
    """

    item: Any
    architectures: Sequence[ArchitectureGraph]
    hash: str = ""


@runtime_checkable
class DelegatingEstimator(Estimator, Protocol):
    """An :class:`~estimators.measurement.Estimator` whose work can be done elsewhere.

    Attributes:
        work: measures what a job has; it can be pickled, and opens no store.
    """

    work: Callable[[Any], Any]

    def jobs(self, architectures: Sequence[ArchitectureGraph]) -> Iterator[Measurement | Job]:
        """What is known at once as measurements, and the jobs that measure the others."""
        ...

    def finish(self, job: Job, result: Any) -> list[Measurement]:
        """The measurements of a job's architectures; worth keeping, they are kept first.

        Args:
            job: that has ended.
            result: what ``work`` returned, or the :class:`~experiment.engine.WorkerDiedError`.
        """
        ...


@runtime_checkable
class MultiFidelityEstimator(DelegatingEstimator, Protocol):
    """An estimator that trains for as many epochs as a search asks for.

    Attributes:
        fidelities: the numbers of epochs that it can train for, ascending.
    """

    fidelities: tuple[int, ...]

    def jobs_at(
        self, architectures: Sequence[ArchitectureGraph], fidelities: Sequence[int]
    ) -> Iterator[Measurement | Job]:
        """As :meth:`jobs`, each architecture at a fidelity of its own."""
        ...


class Evaluations:
    """Measurements under way.

    Args:
        estimator: measures.
        engine: where; default: in this process, one architecture when its measurement is requested.
    """

    def __init__(self, estimator: Estimator, engine: Engine | None = None) -> None:
        self._estimator = as_delegating(estimator)
        self._done: deque[Measurement] = deque()
        self._queue: WorkQueue[Job, Any, Any] = WorkQueue(
            engine or InThisProcess(), self._estimator.work, self._estimator.finish
        )

    def submit(
        self, architectures: Sequence[ArchitectureGraph], fidelities: Sequence[int] = ()
    ) -> None:
        """Measure these too, after those that were submitted before.

        Args:
            architectures: what is measured.
            fidelities: epochs of the training of each; default: all that the estimator trains for.

        Raises:
            InputError: a store cannot be read, the work cannot be sent to worker processes, or the
                estimator has one fidelity alone.
        """
        for one in self._jobs(architectures, fidelities):
            if isinstance(one, Measurement):
                self._done.append(one)
            else:
                self._queue.submit(one, one.item)

    def _jobs(
        self, architectures: Sequence[ArchitectureGraph], fidelities: Sequence[int]
    ) -> Iterator[Measurement | Job]:
        if not fidelities:
            return self._estimator.jobs(architectures)
        if not isinstance(self._estimator, MultiFidelityEstimator):
            raise InputError(
                "this search chooses how many epochs a network is trained for, and what measures "
                "has one number of them: give it ByFidelity({epochs: estimator, …})"
            )
        return self._estimator.jobs_at(architectures, fidelities)

    def next_result(self) -> Measurement:
        """Wait for the next measurement that is done; one was submitted that was not given yet.

        Raises:
            InputError: a store cannot be written, or no worker can begin.
        """
        if not self._done:
            job, result = self._queue.next_result()
            if isinstance(result, WorkerDiedError):
                result = self._estimator.finish(job, result)
            self._done += result
        return self._done.popleft()

    def __len__(self) -> int:
        """Measurements that are done and not given yet, and jobs that are under way."""
        return len(self._done) + len(self._queue)

    def cancel(self) -> None:
        """Begin nothing more."""
        self._queue.cancel()


def sweep(
    estimator: Estimator, architectures: Sequence[ArchitectureGraph], engine: Engine | None = None
) -> Iterator[Measurement]:
    """One measurement for each architecture: first the known ones, then as they finish.

    To close the iterator begins nothing more; what was measured by then is in the store.

    Args:
        estimator: measures.
        architectures: what is measured.
        engine: where; default: in this process.

    Raises:
        InputError: a store cannot be read or written, or no worker can begin.
    """
    evaluations = Evaluations(estimator, engine)
    try:
        evaluations.submit(architectures)
        while evaluations:
            yield evaluations.next_result()
    finally:
        evaluations.cancel()


def as_delegating(estimator: Estimator) -> DelegatingEstimator:
    """The estimator, or one that sends all of it to where the work is done."""
    return estimator if isinstance(estimator, DelegatingEstimator) else _Whole(estimator)


class _Whole:
    """Any estimator: all of it is sent to where the work is done."""

    def __init__(self, estimator: Estimator) -> None:
        self._estimator = estimator
        self.work: Callable[[Any], Any] = MeasureOne(estimator)

    @property
    def space(self) -> SearchSpace:
        """The estimator's."""
        return self._estimator.space

    def measure(self, architectures: Sequence[ArchitectureGraph]) -> Iterator[Measurement]:
        """As the estimator does, here."""
        return self._estimator.measure(architectures)

    def jobs(self, architectures: Sequence[ArchitectureGraph]) -> Iterator[Job]:
        """A job an architecture."""
        return (Job(architecture, [architecture]) for architecture in architectures)

    def finish(self, job: Job, result: list[Measurement] | WorkerDiedError) -> list[Measurement]:
        """The measurement; a failure where two workers died."""
        if not isinstance(result, WorkerDiedError):
            return result
        (architecture,) = job.architectures
        hash = self._estimator.space.hash(architecture)
        return [Measurement(architecture, hash, "failed", str(result))]


@dataclass(frozen=True, slots=True)
class MeasureOne:
    """Measures an architecture by an estimator of any kind, in any process."""

    estimator: Estimator

    def __call__(self, architecture: ArchitectureGraph) -> list[Measurement]:
        """The one measurement of ``architecture``."""
        return list(self.estimator.measure([architecture]))
