"""Measuring at several fidelities: networks that are trained for fewer epochs say less, sooner."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

from datasets.graph import ArchitectureGraph
from datasets.space import SearchSpace
from estimators.evaluations import Job, as_delegating
from estimators.measurement import Estimator, Measurement, TrainingEstimator
from estimators.store import Store
from experiment.checks import shown, whole_number
from experiment.engine import WorkerDiedError
from experiment.errors import InputError


def as_fidelities(epochs: object) -> tuple[int, ...]:
    """Numbers of epochs, ascending, two or more.

    Raises:
        InputError: they are something else.
    """
    if not isinstance(epochs, Iterable) or isinstance(epochs, str | Mapping):
        raise InputError(f"the fidelities are {shown(epochs)}, expected numbers of epochs: 4 12 36")
    found = tuple(whole_number(each, "a fidelity", least=1) for each in epochs)
    if any(low >= high for low, high in pairwise(found)):
        raise InputError(
            f"the fidelities are {', '.join(map(str, found))} epochs, expected each to be more "
            "than the one before: give them ascending, each once"
        )
    if len(found) < 2:
        raise InputError(
            f"{len(found)} fidelities were given, expected two numbers of epochs at least: to "
            "search at one of them, choose another method"
        )
    return found


class ByFidelity:
    """A :class:`~estimators.evaluations.MultiFidelityEstimator`: an estimator a fidelity.

    What is measured at no fidelity in particular is measured at the highest.

    Args:
        estimators: number of epochs → what measures networks that were trained for so many, all of
            one space.

    Attributes:
        fidelities: the numbers of epochs, ascending.
        estimators: number of epochs → what measures at it.
        highest: the one of the most epochs.
        work: measures at any of them, in any process.

    Raises:
        InputError: there are fewer than two.
    """

    def __init__(self, estimators: Mapping[int, Estimator]) -> None:
        self.fidelities = as_fidelities(sorted(estimators))
        self.highest = estimators[self.fidelities[-1]]
        self.estimators = dict(estimators)
        self._at = {epochs: as_delegating(each) for epochs, each in estimators.items()}
        self.work = WorkAt({epochs: each.work for epochs, each in self._at.items()})

    @property
    def space(self) -> SearchSpace:
        """The space of all of them."""
        return self.highest.space

    def measure(self, architectures: Sequence[ArchitectureGraph]) -> Iterator[Measurement]:
        """One measurement for each architecture, at the highest fidelity."""
        return self.highest.measure(architectures)

    def jobs(self, architectures: Sequence[ArchitectureGraph]) -> Iterator[Measurement | Job]:
        """What is known at once, and jobs for the others, at the highest fidelity."""
        return self.jobs_at(architectures, [self.fidelities[-1]] * len(architectures))

    def jobs_at(
        self, architectures: Sequence[ArchitectureGraph], fidelities: Sequence[int]
    ) -> Iterator[Measurement | Job]:
        """What is known at once, and jobs for the others, each at a fidelity of its own.

        Raises:
            InputError: a fidelity is none of these.
        """
        for architecture, epochs in zip(architectures, fidelities, strict=True):
            if epochs not in self._at:
                raise InputError(
                    f"nothing measures at {epochs} epochs: choose from "
                    f"{', '.join(map(str, self.fidelities))}"
                )
            for one in self._at[epochs].jobs([architecture]):
                if isinstance(one, Measurement):
                    yield replace(one, fidelity=epochs)
                else:
                    yield Job((epochs, one), one.architectures, one.hash)

    def finish(self, job: Job, result: Any | WorkerDiedError) -> list[Measurement]:
        """The measurements of a job's architectures, with their fidelity."""
        epochs, inner = job.item
        return [replace(one, fidelity=epochs) for one in self._at[epochs].finish(inner, result)]


@dataclass(frozen=True, slots=True)
class WorkAt:
    """Does the work of several estimators.

    Attributes:
        works: number of epochs → the work of the estimator for it.
    """

    works: Mapping[int, Callable[[Any], Any]]

    def __call__(self, item: tuple[int, Job]) -> Any:
        """What the work of a job at a fidelity gives."""
        epochs, job = item
        return self.works[epochs](job.item)


class TrainingByFidelity(ByFidelity):
    """The same of trainings: a :class:`~estimators.measurement.TrainingEstimator`.

    Args:
        estimators: number of epochs → trains for so many.
    """

    highest: TrainingEstimator

    def __init__(self, estimators: Mapping[int, TrainingEstimator]) -> None:
        super().__init__(estimators)
        self._trainings = estimators

    def with_store(self, store: Store) -> TrainingByFidelity:
        """The same, which keeps its measurements in ``store``, and networks in mid-training."""
        kept = {epochs: each.with_store(store) for epochs, each in self._trainings.items()}
        return TrainingByFidelity(kept)

    def computing_line(self) -> str:
        """What trainings compute with on this machine, for people."""
        return self.highest.computing_line()

    def module_lines(self, graph: ArchitectureGraph) -> str:
        """Lines of Python that build the network that is trained for ``graph``."""
        return self.highest.module_lines(graph)
