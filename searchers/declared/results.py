"""What a declared search writes and says as it runs: ``results.csv``, lines, and its end."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

from datasets.graph import ArchitectureGraph
from datasets.objective import Objective
from datasets.space import SearchSpace
from datasets.spaces.configured import parts_of
from experiment.errors import InputError
from experiment.files import atomic_path
from experiment.run import RunFolder
from searchers.adapters.parameters import parameters_of
from searchers.declared.parts import Callbacks, SearchBudget
from searchers.history import SearchHistory, Step
from searchers.loop import Asked

RESULTS = "results.csv"


def sequence_of(space: SearchSpace) -> Callable[[ArchitectureGraph], list[Any]]:
    """What writes an architecture as ``arch_seq``: a list with a number for each decision.

    It is DeepHyper's own list where the space reads one. Else it has the option chosen for each
    parameter, and where no parameters describe the space, the notation alone.

    Args:
        space: of the architectures alone.
    """
    form = space.forms().get("arch_seq")
    if form is not None and form.write is not None:
        return form.write
    try:
        parameters = parameters_of(space)
    except InputError:
        return lambda graph: [space.format(graph)]

    def sequence(graph: ArchitectureGraph) -> list[Any]:
        chosen = parameters.configuration(graph)
        return [list(each).index(chosen[name]) for name, each in parameters.choices.items()]

    return sequence


class ResultsFile:
    """A :class:`~searchers.loop.Listener` that keeps DeepHyper's ``results.csv`` up to date.

    Its columns are ``arch_seq``, the hyper-parameters that are searched, ``job_id``,
    ``objective`` (greater is better, −inf where it failed), ``timestamp_submit`` and
    ``timestamp_gather`` (seconds of the search), then the metrics, ``status`` and ``hash``.

    Args:
        run: its folder.
        space: of the candidates.
        objective: what is looked for.
        metrics: figures of the curve, as they are at its end.
    """

    def __init__(
        self, run: RunFolder, space: SearchSpace, objective: Objective, metrics: list[str]
    ) -> None:
        self._run = run
        self._space = space
        self._objective = objective
        self._metrics = metrics
        self._sequence: Callable[[ArchitectureGraph], list[Any]] | None = None
        self._read = 0  # bytes of the log; to read all of it each time takes long in the end
        self._submitted: dict[str, tuple[int, float]] = {}
        self._rows: list[dict[str, Any]] = []

    def asked(self, batch: Asked) -> None:
        """Nothing was measured yet."""

    def measured(self, step: Step) -> None:
        """Write the file anew."""
        self.write()

    def write(self) -> list[dict[str, Any]]:
        """Write what the folder's events say, and return the rows."""
        events, self._read = self._run.metrics_after(self._read)
        for line in events:
            if line["event"] == "asked":
                for name in line["names"]:
                    job = len(self._submitted) + 1
                    self._submitted[name] = (job, line["elapsed_seconds"])
            else:
                self._rows.append(self._row(line, *self._submitted[line["hash"]]))
        if self._rows:
            as_table(self._run.path / RESULTS, self._rows)
        return self._rows

    def _row(self, line: dict[str, Any], job: int, submitted: float) -> dict[str, Any]:
        graph = self._space.parse(json.dumps(line["architecture"]))
        space, plain, values = parts_of(self._space, graph)
        self._sequence = self._sequence or sequence_of(space)
        ok = line["status"] == "ok"
        value = self._objective.sign * line["validation"] if ok else -math.inf
        details = line["details"] or {}
        return {
            "arch_seq": json.dumps(self._sequence(plain)),
            **values,
            "job_id": job,
            "objective": value,
            "timestamp_submit": round(submitted, 3),
            "timestamp_gather": round(line["elapsed_seconds"], 3),
            **{name: details.get(name) for name in self._metrics},
            "status": line["status"],
            "hash": line["hash"],
        }


class LogLines:
    """A :class:`~searchers.loop.Listener` that prints DeepHyper's line for each evaluation.

    Args:
        objective: greater is better in what is printed.
    """

    def __init__(self, objective: Objective) -> None:
        self._sign = objective.sign

    def asked(self, batch: Asked) -> None:
        """Nothing was measured yet."""

    def measured(self, step: Step) -> None:
        """Print the best objective, and the one that was received, or why there is none."""
        measured, best = step.measurement, step.incumbent
        value = measured.validation if measured.ok else None
        received = "-inf" if value is None else f"{self._sign * value:.6g}"
        found = "none" if best is None else f"{best.value:.6g}"
        failed = "" if measured.ok else f" ({measured.reason})"
        print(
            f"[{step.query or 0:05d}] -- best objective: {found} -- "
            f"received objective: {received}{failed}",
            flush=True,
        )


def search_end(
    budget: SearchBudget, callbacks: Callbacks
) -> Callable[[SearchHistory, float], bool]:
    """Whether a search is over, by its history and the seconds that it has taken.

    Args:
        budget: has the minutes.
        callbacks: have the evaluations without a better one.
    """

    def over(history: SearchHistory, seconds: float) -> bool:
        if budget.minutes is not None and seconds >= 60 * budget.minutes:
            return True
        best = 0 if history.incumbent is None else history.incumbent.query
        patience = callbacks.search_patience
        return patience is not None and history.queries - best >= patience

    return over


def as_table(path: Path, rows: list[dict[str, Any]]) -> None:
    """Write rows with the same keys as a CSV."""
    with atomic_path(path) as partial, partial.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
