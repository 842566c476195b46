"""What measuring an architecture gives, and what can measure one."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from numbers import Real
from typing import Any, Literal, Protocol, runtime_checkable

from datasets.graph import ArchitectureGraph, as_graph
from datasets.space import SearchSpace
from estimators.store import Store
from experiment.checks import shown
from experiment.errors import InputError
from experiment.files import plain

Status = Literal["ok", "unknown", "failed"]


@dataclass(frozen=True, slots=True)
class Measurement:
    """What came of measuring one architecture; that it failed is a result too.

    Attributes:
        architecture: as it was requested.
        hash: the space's hash of it.
        status: ``ok``, ``unknown`` (not in the table that was looked into) or ``failed``.
        reason: why it failed or is unknown, in one sentence.
        validation: value of the objective that architectures are chosen by, in its unit;
            accuracies 0 to 1.
        test: the same quantity as it is reported.
        cost_seconds: time that the training took.
        parameters: trainable parameters of the network.
        flops: multiply-adds of one example, such as an image (``docs/networks.md`` says which
            are counted).
        details: further figures by name, such as ``halfway_validation``.
        fidelity: epochs of the training, where the search chose them; ``None``: all of them.
        traceback: of the exception by which it failed, as Python prints it; empty without one.
    """

    architecture: ArchitectureGraph
    hash: str
    status: Status
    reason: str = ""
    validation: float | None = None
    test: float | None = None
    cost_seconds: float | None = None
    parameters: int | None = None
    flops: int | None = None
    details: Mapping[str, float] = field(default_factory=dict)
    fidelity: int | None = None
    traceback: str = ""

    @property
    def ok(self) -> bool:
        """Whether there is a value."""
        return self.status == "ok"

    @property
    def values(self) -> dict[str, float]:
        """What was measured of the trained network, by name: ``validation``, ``test``, details."""
        own = {"validation": self.validation, "test": self.test}
        known = {name: value for name, value in own.items() if value is not None}
        return known | {name: value for name, value in self.details.items() if name not in known}

    def figures(self) -> dict[str, Any]:
        """All but the architecture and its hash, as plain values."""
        return plain(
            {
                "status": self.status,
                "reason": self.reason,
                "validation": self.validation,
                "test": self.test,
                "cost_seconds": self.cost_seconds,
                "parameters": self.parameters,
                "flops": self.flops,
                "details": self.details,
                **({} if self.fidelity is None else {"fidelity": self.fidelity}),
                **({"traceback": self.traceback} if self.traceback else {}),
            }
        )

    def to_record(self, space: SearchSpace) -> dict[str, Any]:
        """One line of a file of measurements: the architecture's JSON object, and the figures."""
        return {**space.to_record(self.architecture), "hash": self.hash, **self.figures()}

    def to_json(self, space: SearchSpace) -> str:
        """:meth:`to_record` as text without line breaks."""
        return json.dumps(self.to_record(space), ensure_ascii=False, allow_nan=False)


class Estimator(Protocol):
    """Measures architectures: by a look-up, by training them, by a model's guess."""

    @property
    def space(self) -> SearchSpace:
        """The space whose architectures it takes."""
        ...

    def measure(self, architectures: Sequence[ArchitectureGraph]) -> Iterator[Measurement]:
        """One measurement for each architecture, as they finish, in any order.

        A failure is a measurement, not an exception.
        """
        ...


@runtime_checkable
class BuildsNetworks(Protocol):
    """An estimator that builds the network of an architecture."""

    def module_lines(self, graph: ArchitectureGraph) -> str:
        """Lines of Python that build the network that is trained for ``graph``."""
        ...


@runtime_checkable
class TrainingEstimator(Estimator, BuildsNetworks, Protocol):
    """An estimator that trains networks, so that its measurements are worth keeping."""

    def with_store(self, store: Store) -> TrainingEstimator:
        """The same, which keeps its measurements in ``store`` and looks for them there."""
        ...

    def computing_line(self) -> str:
        """What trainings compute with on this machine, for people."""
        ...


def recorded_seconds(measurements: Iterable[Measurement]) -> float:
    """What a simulated worker is busy for to make some measurements: their recorded costs, seconds.

    What is not in the table costs nothing, and neither does a failure without a cost.

    Raises:
        InputError: something was measured of which no cost is recorded.
    """
    found = list(measurements)
    for one in found:
        if one.ok and one.cost_seconds is None:
            raise InputError(
                f"no training time is recorded of architecture {one.hash}: simulate with a table "
                "that has the metric training_seconds, such as NB101"
            )
    return sum(one.cost_seconds or 0.0 for one in found)


def as_measurements(measurements: Iterable[Measurement]) -> list[Measurement]:
    """Any iterable of measurements as a list.

    Raises:
        InputError: it is something else, or a value in it is no number.
    """
    if isinstance(measurements, Measurement | str | Mapping) or not isinstance(
        measurements, Iterable
    ):
        raise InputError(f"{shown(measurements)} is given, expected a list of Measurements")
    found = list(measurements)
    for number, one in enumerate(found):
        if not isinstance(one, Measurement):
            raise InputError(f"measurement {number} is {shown(one)}, expected a Measurement")
        as_graph(one.architecture)
        if one.validation is not None and not isinstance(one.validation, Real):
            raise InputError(
                f"measurement {number} has the value {shown(one.validation)}, expected a number"
            )
    return found
