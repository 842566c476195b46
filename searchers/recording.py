"""A search in a run's folder: what happens is written as it happens, and can be replayed."""

from __future__ import annotations

import csv
import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from datasets.graph import ArchitectureError
from datasets.measurement_files import VALUE
from datasets.objective import ACCURACY, Objective
from datasets.space import SearchSpace
from estimators.measurement import Measurement
from experiment.errors import InputError
from experiment.files import atomic_path
from experiment.run import RunFolder
from searchers.history import Step, TableTruth, incumbent_record
from searchers.loop import Asked

FIGURES = tuple(
    one.name
    for one in fields(Measurement)
    if one.name not in ("architecture", "hash", "fidelity", "traceback")  # the last two: of some
)
CORE = ("query", "hash", "status", "reason", "validation")
"""What ``queries.csv`` has of every measurement, beside the architecture."""
FURTHER = ("fidelity", "test", "cost_seconds", "parameters", "flops")
"""What it has where it was measured."""


class Recorder:
    """A :class:`~searchers.loop.Listener` that writes into a run's folder.

    Every event is on the disk before anything follows from it.

    Args:
        run: the folder.
        space: writes the architectures.
        truth: what a table knows beyond what the search is shown, if there is one.
    """

    def __init__(self, run: RunFolder, space: SearchSpace, truth: TableTruth | None = None) -> None:
        self.run = run
        self.space = space
        self.truth = truth
        self._started = time.perf_counter()
        self._before = 0.0

    @property
    def seconds(self) -> float:
        """That the search has taken until now, in all its parts, by the events of earlier ones."""
        return self._before + time.perf_counter() - self._started

    def asked(self, batch: Asked) -> None:
        """Write what was proposed."""
        self.run.log(
            {
                "event": "asked",
                "names": batch.hashes,
                "architectures": [self.space.to_record(graph) for graph in batch.architectures],
                "seconds": batch.seconds,
                "dropped": batch.dropped,
                "elapsed_seconds": self.seconds,
                **({"fidelities": batch.fidelities} if batch.fidelities else {}),
            }
        )

    def measured(self, step: Step) -> None:
        """Write what was measured, and the incumbent."""
        record = describe(step, self.space, self.truth)
        self.run.log({"event": "measured", **record, "elapsed_seconds": self.seconds})

    def events(self) -> Iterator[Asked | Measurement]:
        """What happened before, in order, for :meth:`SearchLoop.replay`.

        Raises:
            InputError: a line was changed so that it cannot be read.
        """
        for number, line in enumerate(self.run.read_metrics(), start=1):
            self._before = line.get("elapsed_seconds", self._before)
            try:
                yield (
                    _asked(line, self.space)
                    if line["event"] == "asked"
                    else _measurement(line, self.space)
                )
            except (KeyError, TypeError, ArchitectureError) as error:
                raise InputError(
                    f"line {number} of metrics.jsonl in {str(self.run.path)!r} is no event of a "
                    f"search ({error}): mend it, or begin the search in a new folder"
                ) from error


def describe(step: Step, space: SearchSpace, truth: TableTruth | None) -> dict[str, Any]:
    """A step as plain values."""
    return {
        **({} if step.query is None else {"query": step.query}),
        "hash": step.measurement.hash,
        "architecture": space.to_record(step.measurement.architecture),
        **step.measurement.figures(),
        "simulated_seconds": step.simulated_seconds,
        "incumbent": incumbent_record(step.incumbent, truth),
    }


def value_name(objective: Objective) -> str:
    """What files for people call a value: ``validation`` where that is the metric, else ``value``.

    A log calls every value ``validation``.
    """
    return objective.name if objective.name == "validation" else VALUE


def write_queries(path: Path, lines: list[dict[str, Any]], objective: Objective = ACCURACY) -> None:
    """Write a table with a row a query; figures that no query has are left out.

    Args:
        path: where; a file that is there is replaced.
        lines: the events ``measured``.
        objective: names the value.
    """
    queries = [line for line in lines if line.get("query") is not None]
    incumbents = [line["incumbent"] or {} for line in queries]
    further = [name for name in FURTHER if any(line.get(name) is not None for line in queries)]
    of_both = ("validation", "test", "true_validation", "true_test")
    known = [name for name in of_both if any(one.get(name) is not None for one in incumbents)]
    seconds = ["simulated_seconds"] if "cost_seconds" in further else []
    names = [*CORE, *further, *seconds]
    named = {"validation": value_name(objective)}
    with atomic_path(path) as partial, partial.open("w", newline="", encoding="utf-8") as handle:
        writer = csv.writer(handle)
        heads = [f"incumbent_{named.get(name, name)}" for name in ("hash", *known)]
        writer.writerow([*(named.get(name, name) for name in names), *heads, "architecture"])
        for line, incumbent in zip(queries, incumbents, strict=True):
            record = line["architecture"]
            written = record["arch"] if list(record) == ["arch"] else json.dumps(record)
            best = [incumbent.get(name) for name in ("hash", *known)]
            writer.writerow([*(line.get(name) for name in names), *best, written])


def _asked(line: Mapping[str, Any], space: SearchSpace) -> Asked:
    graphs = [space.canonical(space.parse(json.dumps(one))) for one in line["architectures"]]
    epochs = line.get("fidelities", ())
    return Asked(graphs, line["names"], line["seconds"], line["dropped"], epochs)


def _measurement(line: Mapping[str, Any], space: SearchSpace) -> Measurement:
    return Measurement(
        space.canonical(space.parse(json.dumps(line["architecture"]))),
        line["hash"],
        **{name: line[name] for name in FIGURES},
        fidelity=line.get("fidelity"),
        traceback=line.get("traceback", ""),
    )
