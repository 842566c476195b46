"""Trainings that are kept in a file of results, with the processor seconds that they took."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks.prediction import kept, note_machine
from datasets.graph import ArchitectureGraph
from datasets.space import SearchSpace
from estimators.measurement import Estimator, Measurement
from experiment.files import write_json


class Record:
    """What is kept, in a file that is written after every training.

    Args:
        path: of the file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.content = kept(path)

    @property
    def results(self) -> dict[str, Any]:
        """All rows."""
        return self.content["results"]

    def of(self, *keys: str) -> dict[str, Any]:
        """A part of the results, which is made where it is absent."""
        part = self.results
        for key in keys:
            part = part.setdefault(key, {})
        return part

    def put(self, keys: Sequence[str], name: str, value: dict[str, Any]) -> dict[str, Any]:
        """Keep a value, and where it was measured."""
        part = self.of(*keys)
        note_machine(self.content, ", ".join(keys), part)
        part[name] = value
        write_json(self.path, self.content)
        return value


class KeptTrainings:
    """An estimator whose measurements are kept, with the seconds of the processor as their cost.

    Args:
        training: trains.
        record: where they are kept.
        keys: the part of it.

    Attributes:
        spent: seconds of this process that trainings took.
    """

    def __init__(self, training: Estimator, record: Record, keys: Sequence[str]) -> None:
        self.training, self.record, self.keys = training, record, keys
        self.spent = 0.0

    @property
    def space(self) -> SearchSpace:
        """That of the trainings."""
        return self.training.space

    def measure(self, architectures: Sequence[ArchitectureGraph]) -> Iterator[Measurement]:
        """What is kept, or a training."""
        for graph in architectures:
            hash = self.space.hash(graph)
            figures = self.record.of(*self.keys).get(hash)
            if figures is None:
                figures = {"architecture": self.space.format(graph), **timed(self.training, graph)}
                self.spent += figures["seconds"]
                self.record.put(self.keys, hash, figures)
            yield Measurement(
                graph,
                hash,
                "failed" if "reason" in figures else "ok",
                figures.get("reason", ""),
                figures.get("validation"),
                figures.get("test"),
                figures["seconds"],
            )


def outcome(found: Measurement, seconds: float) -> dict[str, Any]:
    """What is kept of a training."""
    if not found.ok:
        return {"reason": found.reason, "seconds": round(seconds, 3)}
    return {
        "validation": round(found.values["validation"], 5),
        "test": round(found.values["test"], 5),
        "epochs": int(found.values["epochs"]),
        "seconds": round(seconds, 3),
    }


def timed(training: Estimator, graph: ArchitectureGraph) -> dict[str, Any]:
    """One training, with the seconds of the processor that it took."""
    started = time.process_time()
    (found,) = training.measure([graph])
    return outcome(found, time.process_time() - started)
