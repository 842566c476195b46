"""Candidates in the order of their predicted values, on the screen and in files."""

from __future__ import annotations

import csv
import json
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from datasets.batch import GraphBatch
from datasets.graph import ArchitectureGraph
from datasets.objective import ACCURACY, Objective
from datasets.space import SearchSpace
from experiment.files import atomic_path, plain
from Extrapolation_Ability.families import beyond
from Extrapolation_Ability.surrogates import Prediction

TRAINING = "Extrapolation_Ability/cell_training"
COLUMNS = ("rank", "mean", "std", "hash", "nodes", "edges", "architecture")


@dataclass(frozen=True)
class Ranking:
    """Candidates, the best predicted first.

    Attributes:
        space: tells how they are written.
        graphs: the candidates.
        hashes: their hashes. **Shape** (B,), strings.
        mean: predicted values. **Shape** (B,).
        std: standard deviations of the predictions, where they are known. **Shape** (B,).
        objective: what is predicted.
    """

    space: SearchSpace
    graphs: GraphBatch
    hashes: np.ndarray
    mean: np.ndarray
    std: np.ndarray | None
    objective: Objective = ACCURACY

    @classmethod
    def of(
        cls,
        space: SearchSpace,
        candidates: GraphBatch,
        prediction: Prediction,
        objective: Objective = ACCURACY,
    ) -> Ranking:
        """Candidates sorted by their predictions; equal ones keep their order."""
        mean, std = prediction
        order = np.argsort(-objective.sign * mean, kind="stable")
        graphs = candidates[torch.from_numpy(order)]
        hashes = space.hashes(graphs)
        std = None if std is None else std[order]
        return cls(space, graphs, hashes, mean[order], std, objective)

    def __len__(self) -> int:
        return len(self.graphs)

    def __getitem__(self, part: slice) -> Ranking:
        std = None if self.std is None else self.std[part]
        graphs, hashes, mean = self.graphs[part], self.hashes[part], self.mean[part]
        return Ranking(self.space, graphs, hashes, mean, std, self.objective)

    def records(self) -> Iterator[dict[str, Any]]:
        """The architecture as an object, ``hash``, ``rank``, ``mean`` and ``std`` of each."""
        for row, graph in enumerate(self.graphs):
            record: dict[str, Any] = {
                "architecture": self.space.to_record(graph),
                "hash": str(self.hashes[row]),
            }
            record |= {"rank": row + 1, "mean": float(self.mean[row])}
            yield record | ({} if self.std is None else {"std": float(self.std[row])})

    def write(self, folder: Path) -> None:
        """Write ``ranking.jsonl`` and ``ranking.csv``, each whole or not at all."""
        with atomic_path(folder / "ranking.jsonl") as partial:
            lines = "".join(json.dumps(line_of(record)) + "\n" for record in self.records())
            partial.write_text(lines, encoding="utf-8")
        with (
            atomic_path(folder / "ranking.csv") as partial,
            partial.open("w", encoding="utf-8", newline="") as file,
        ):
            table = csv.writer(file)
            table.writerow(COLUMNS)
            for record, graph in zip(self.records(), self.graphs, strict=True):
                size = (graph.num_nodes, len(graph.edges))
                figures = (record["rank"], record["mean"], record.get("std"), record["hash"])
                table.writerow((*figures, *size, self.space.format(graph)))

    def describe(self) -> Iterator[str]:
        """Lines for people: predictions, adjacency, and the command that trains each."""
        for row, graph in enumerate(self.graphs):
            std = float("nan") if self.std is None else float(self.std[row])
            value = self.objective.spread(float(self.mean[row]), std)
            yield (
                f"{row + 1:>3}. predicted {f'{value} {self.objective.written_unit}'.rstrip()}  "
                f"{self.hashes[row]}  "
                f"{graph.num_nodes} nodes, {len(graph.edges)} edges"
            )
            yield f"     operations  {', '.join(self.space.types[kind] for kind in graph.types)}"
            yield f"     adjacency   {adjacency_rows(graph)}"
            if (command := training_command(self.space, graph)) is not None:
                yield f"     {command}"


def line_of(record: dict[str, Any]) -> dict[str, Any]:
    """A record as a line of an architecture file: the keys of the architecture beside the others.

    What reads such files, from a list of candidates to a training, takes it as it is.
    """
    own = {key: value for key, value in record.items() if key != "architecture"}
    return plain({**record["architecture"], **own})


def adjacency_rows(graph: ArchitectureGraph) -> str:
    """``011 · 001 · 000``: the rows of the adjacency matrix."""
    return " · ".join("".join(map(str, row)) for row in graph.adjacency.tolist())


def training_command(space: SearchSpace, graph: ArchitectureGraph) -> str | None:
    """The script of ``cell_training/`` that trains ``graph``, with its argument for a shell.

    ``None`` where there is no script for its family.
    """
    script = beyond(space).script
    return script and f"python {TRAINING}/{script} {shlex.quote(space.format(graph))}"
