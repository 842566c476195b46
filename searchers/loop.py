"""The loop of every search: ask, measure, tell, until the queries are spent."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from datasets.graph import ArchitectureGraph
from datasets.objective import ACCURACY, Objective
from estimators.evaluations import Evaluations
from estimators.measurement import Measurement
from experiment.checks import whole_number
from experiment.errors import InputError
from searchers.history import SearchHistory, Step
from searchers.limits import Limit
from searchers.searcher import Searcher
from searchers.view import SearcherView

HOPELESS = 20
"""Failures, without a success before, after which a search is given up.

A function with a mistake fails always, and each further call may cost hours. More would spend more
on it; fewer would give up searches whose constraints few architectures keep: where two of three
fail, fewer than one search in 3,000 begins with 20 failures, but one in 58 with 10."""
UNKNOWN_IN_A_ROW = 2_000
"""Architectures outside the table, one after the other, after which a search is given up."""


@dataclass(frozen=True)
class Budget:
    """How much is measured, and how much of it at once.

    A batch is proposed together, and received together when all of it is measured, in the order of
    asking: so the search is the same in however many processes. Batches of one architecture, of
    which several are measured at once, are an asynchronous search.

    Attributes:
        queries: measurements in all; what is not in the table costs none.
        batch: architectures that are proposed together.
        at_once: batches that are being measured at the same time.
    """

    queries: int
    batch: int = 1
    at_once: int = 1

    def __post_init__(self) -> None:
        for name in ("queries", "batch", "at_once"):
            whole_number(getattr(self, name), name, least=1)

    def check_start(self, start: Sequence[ArchitectureGraph]) -> None:
        """Refuse more architectures to start from than may be measured.

        Raises:
            InputError: there are more.
        """
        if len(start) > self.queries:
            raise InputError(
                f"the search starts from {len(start)} architectures and may measure "
                f"{self.queries}: start from fewer, or allow more queries"
            )


@dataclass(frozen=True)
class Asked:
    """A batch that was proposed.

    Attributes:
        architectures: canonical.
        hashes: the space's hash of each.
        seconds: that choosing them took.
        dropped: proposals of the searcher so far that were nothing new.
        fidelities: epochs of the training of each, where the searcher chooses them.
    """

    architectures: Sequence[ArchitectureGraph]
    hashes: Sequence[str]
    seconds: float = 0.0
    dropped: int = 0
    fidelities: Sequence[int] = ()


class Listener(Protocol):
    """Receives the events of a search, in order, before the search continues."""

    def asked(self, batch: Asked) -> None:
        """A batch was proposed."""
        ...

    def measured(self, step: Step) -> None:
        """An architecture was measured."""
        ...


class GivenUpError(InputError):
    """A search that was given up, as no proposal can be measured."""


class SearchLoop:
    """Lets a searcher spend a budget.

    Args:
        searcher: a new one, of which nothing was asked.
        evaluations: measurements under way.
        budget: how much.
        start: architectures to be measured first, canonical, each once.
        listeners: receive what happens.
        limit: that architectures have to keep; those beyond it are failures to the searcher.
        objective: what is looked for; a searcher is shown values that it maximises.
        known: what was measured before; the searcher receives it, and it costs nothing.

    Attributes:
        history: measurements, what they cost, and the incumbent.

    Raises:
        InputError: there are more to start from than may be measured.
    """

    def __init__(
        self,
        searcher: Searcher,
        evaluations: Evaluations,
        budget: Budget,
        start: Sequence[ArchitectureGraph] = (),
        listeners: Sequence[Listener] = (),
        limit: Limit | None = None,
        objective: Objective = ACCURACY,
        known: Sequence[Measurement] = (),
    ) -> None:
        budget.check_start(start)
        self.searcher = searcher
        self.budget = budget
        self._view = SearcherView(objective, limit)
        self.history = SearchHistory(searcher, self._view)
        self._evaluations = evaluations
        self._start = list(start)
        self._listeners = listeners
        self._batches: list[_Batch] = []
        self._batch_of: dict[str, _Batch] = {}  # of each architecture that is being measured
        self._unknown_in_a_row = 0
        self._replayed = 0
        self._stopped = False
        for measurement in known:
            self.history.know(measurement)
        if known:
            self.searcher.tell([self._view(measurement) for measurement in known])

    def stop(self) -> None:
        """Propose nothing more; what is being measured is waited for."""
        self._stopped = True

    def replay(self, events: Iterable[Asked | Measurement]) -> None:
        """Restore the state of a loop from its events, without measuring anything.

        Proposals that are not measured yet will be measured first.
        """
        for event in events:
            if isinstance(event, Asked):
                self.searcher.expect(event.architectures, event.fidelities)
                self.searcher.dropped = event.dropped
                self._expect(event)
            else:
                self._tell(self._count(event).measurement)
        self._replayed = self.history.queries
        for batch in self._batches:
            self._evaluations.submit(*batch.missing())

    def run(self) -> SearchHistory:
        """Continue until the queries are spent or the searcher has no more proposals.

        Raises:
            GivenUpError: no proposal can be measured, or none is in the table.
        """
        for _ in self.steps():
            pass
        return self.history

    def steps(self) -> Iterator[Step]:
        """:meth:`run`, a step at a time."""
        while True:
            self._ask()
            if not self._batches:
                self._check_hope(last=True)
                return
            step = self._count(_checked(self._evaluations.next_result()))
            for listener in self._listeners:
                listener.measured(step)
            self._tell(step.measurement)
            yield step
            self._check_hope()

    def _ask(self) -> None:
        """Ask for batches, as many as may be measured at once."""
        while len(self._batches) < self.budget.at_once and not self._stopped:
            left = self.budget.queries - self.history.queries - len(self._batch_of)
            n = min(self.budget.batch, left)
            if n < 1 or not (batch := self._next_batch(n)).architectures:
                return
            self._expect(batch)
            for listener in self._listeners:
                listener.asked(batch)
            self._evaluations.submit(batch.architectures, batch.fidelities)

    def _expect(self, batch: Asked) -> None:
        """Note which batch the measurements of these architectures complete."""
        one = _Batch(batch)
        self._batches.append(one)
        self._batch_of |= dict.fromkeys(batch.hashes, one)

    def _next_batch(self, n: int) -> Asked:
        started = time.perf_counter()
        space = self.searcher.space
        if self._start and not self.history.steps and not self._batches:
            chosen = self._start
            self.searcher.expect(chosen)
        else:
            chosen = self.searcher.ask(n)
        seconds = time.perf_counter() - started
        hashes = [space.hash(graph) for graph in chosen]
        chosen_for = [self.searcher.fidelity(hash) for hash in hashes]
        fidelities = [each for each in chosen_for if each is not None]
        return Asked(chosen, hashes, seconds, self.searcher.dropped, fidelities)

    def _count(self, measurement: Measurement) -> Step:
        step = self.history.add(measurement)
        self._unknown_in_a_row = 0 if step.query else self._unknown_in_a_row + 1
        return step

    def _tell(self, measurement: Measurement) -> None:
        """Tell the searcher of the batch that this measurement completes, if it does."""
        batch = self._batch_of.pop(measurement.hash, None)
        if batch is None:
            raise ValueError(f"{measurement.hash!r} was measured, which was not proposed")
        batch.results[measurement.hash] = measurement
        if batch.is_complete:
            self._batches.remove(batch)
            self.searcher.tell([self._view(batch.results[hash]) for hash in batch.asked.hashes])

    def _check_hope(self, *, last: bool = False) -> None:
        """Make sure that going on makes sense, or, when it is over, that something came of it.

        What was replayed does not count against it: a search whose cause was mended continues.

        Raises:
            GivenUpError: it does not.
        """
        history = self.history
        if self._unknown_in_a_row >= UNKNOWN_IN_A_ROW:
            raise GivenUpError(
                f"the last {self._unknown_in_a_row:,} architectures are not in the table: "
                "search among the rows of the table only"
            )
        if history.succeeded or not history.queries:
            return
        if last or history.queries - self._replayed >= HOPELESS:
            given_up = GivenUpError(
                f"none of the first {history.queries} architectures could be measured, "
                f"the last one because: {history.last_failure}; mend the cause, and resume the "
                f"search{' with more queries' if last else ''} or begin it anew"
            )
            if traceback := history.steps[-1].measurement.traceback:
                given_up.add_note(traceback)
            raise given_up


class _Batch:
    """A batch that is being measured."""

    def __init__(self, asked: Asked) -> None:
        self.asked = asked
        self.results: dict[str, Measurement] = {}

    @property
    def is_complete(self) -> bool:
        """Whether all of it is measured."""
        return len(self.results) == len(self.asked.hashes)

    def missing(self) -> tuple[list[ArchitectureGraph], list[int]]:
        """What is not measured yet, and for how many epochs each is to be trained, if chosen."""
        asked = self.asked
        left = [row for row, hash in enumerate(asked.hashes) if hash not in self.results]
        epochs = asked.fidelities
        return [asked.architectures[row] for row in left], [epochs[row] for row in left if epochs]


def _checked(measurement: Measurement) -> Measurement:
    """The measurement; a failure where it claims a value that is no finite number."""
    value = measurement.validation
    if not measurement.ok or (value is not None and math.isfinite(value)):
        return measurement
    reason = f"its value is {value}, expected a finite number"
    return replace(measurement, status="failed", reason=reason, validation=None)
