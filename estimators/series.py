"""Trainings of several architectures with several seeds: a folder each, and one file of results."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from datasets.graph import ArchitectureGraph
from datasets.space import SearchSpace
from estimators.from_scratch import representative
from estimators.measurement import Measurement
from estimators.recorded import RecordedTraining, summary
from experiment.errors import InputError
from experiment.files import atomic_path, plain

MEASUREMENTS = "measurements.jsonl"
"""Holds the results of every training in an experiment's folder, also of earlier commands."""


@dataclass(frozen=True)
class Series:
    """Which trainings are made, and where they are kept.

    Attributes:
        seeds: of the trainings of each architecture.
        folder: of the experiment; a training has ``<hash>_seed<k>/`` in it.
        resume: whether trainings that are there are resumed; ended ones are only read.
    """

    seeds: Sequence[int]
    folder: Path
    resume: bool

    def place(self, hash: str, seed: int) -> Path:
        """The folder of a training."""
        return self.folder / f"{hash[:12]}_seed{seed}"


def representatives(
    architectures: Sequence[ArchitectureGraph], space: SearchSpace
) -> dict[str, ArchitectureGraph]:
    """Hash → what is trained, each once.

    Raises:
        ArchitectureError: no path joins input and output of one.
    """
    graphs = [representative(architecture, space) for architecture in architectures]
    return {space.hash(graph): graph for graph in graphs}


def train_all(
    training: RecordedTraining, graphs: Mapping[str, ArchitectureGraph], series: Series
) -> list[Measurement]:
    """Train every architecture with every seed, and print what comes of it.

    :data:`MEASUREMENTS` is written after each training.

    Args:
        training: how.
        graphs: hash → architecture, as :func:`representatives` gives them.
        series: seeds and folder.

    Raises:
        InputError: a folder or a file is wrong.
    """
    space, kept = training.space, series.folder / MEASUREMENTS
    everything: list[Measurement] = []
    for name, graph in graphs.items():
        print(f"{name}: {json.dumps(space.to_record(graph))}")
        own: list[Measurement] = []
        for seed in series.seeds:
            place = series.place(name, seed)
            print(f"seed {seed}, in {place}", flush=True)
            own.append(training.train(graph, seed, place, series.resume))
            _keep({**own[-1].to_record(space), "seed": seed}, kept)
            if not own[-1].ok:
                reason = f"seed {seed}: {own[-1].reason}"
                print(f"failed: {space.format(graph)}, {name}, {reason}", file=sys.stderr)
        if any(one.ok for one in own):
            print(summary(own, training.task.objective))
        everything += own
    print(f"measurements: {kept}")
    return everything


def _keep(record: dict[str, Any], path: Path) -> None:
    """Put a measurement into a file of them, in the place of an earlier one of that training."""
    kept = [] if not path.exists() else _lines(path)
    key = (record["hash"], record["seed"])
    kept = [one for one in kept if (one.get("hash"), one.get("seed")) != key] + [record]
    with atomic_path(path) as partial:
        lines = (json.dumps(plain(one), ensure_ascii=False) + "\n" for one in kept)
        partial.write_text("".join(lines), encoding="utf-8")


def _lines(path: Path) -> list[dict[str, Any]]:
    try:
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    except (OSError, ValueError) as error:
        raise InputError(
            f"{str(path)!r} holds no measurements, one JSON object a line ({error}): "
            "mend it, move it away, or choose another --name"
        ) from error
