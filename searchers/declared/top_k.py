"""The best of a search, trained fully on several splits and seeds, and tested once each."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from analysis.figures import save_figure
from analysis.problem_figures import PREDICTIONS, predicted_against_true
from datasets.graph import ArchitectureGraph
from datasets.objective import Objective
from datasets.space import SearchSpace
from datasets.spaces.configured import hyperparameters_of, parts_of
from estimators.by_curve import chosen_settings
from estimators.measurement import Measurement
from estimators.networks import Design
from estimators.recipe import Recipe
from estimators.recorded import BEST, RecordedTraining
from estimators.tasks.task import PreparedRegression
from experiment.checkpoint import load_checkpoint
from experiment.engine import Engine, WorkerDiedError, WorkQueue
from searchers.declared.problem import NASProblem
from searchers.declared.results import as_table
from searchers.declared.tasks import TaskPart

FIGURE = "predictions.png"
"""Of a full training: predictions of the test part against the labels."""


@dataclass(frozen=True)
class Finalist:
    """One full training of one of the best.

    Attributes:
        graph: the candidate.
        rank: in the search, from 1.
        repeat: its split and seed, from 0.
    """

    graph: ArchitectureGraph
    rank: int
    repeat: int


@dataclass(frozen=True)
class FullTraining:
    """Trains finalists fully, in any process, each in a run's folder of its own.

    Attributes:
        space: of the candidates.
        data: what to train on.
        data_root: where data are looked for.
        design: sizes of the networks.
        recipe: a whole training.
        folder: of the run's folders.
    """

    space: SearchSpace
    data: TaskPart
    data_root: Path | None
    design: Design
    recipe: Recipe
    folder: Path

    def __call__(self, item: Finalist) -> dict[str, Any]:
        """The figures of the measurement; a training that has ended is only read."""
        space, plain, values = parts_of(self.space, item.graph)
        recipe, design = chosen_settings(self.recipe, self.design, values)
        device = torch.device("cpu")
        task = self.data.on_split(item.repeat).task(self.data_root)
        prepared = task.prepare(recipe.on(device), device)
        training = RecordedTraining(space, prepared, design, device, report=_nothing)
        folder = self.folder / f"{item.rank}" / f"repeat_{item.repeat}"
        found = training.train(plain, item.repeat, folder, resume=True)
        place = folder / "figures" / FIGURE
        if found.ok and not place.exists() and isinstance(prepared, PreparedRegression):
            network = design.build(plain, prepared.dimensions)
            network.load_state_dict(load_checkpoint(folder / "checkpoints" / BEST))
            predicted, true = prepared.predictions(network, "test")
            pairs = zip(true.tolist(), predicted.tolist(), strict=True)
            rows = [{"label": label, "predicted": value} for label, value in pairs]
            as_table(folder / PREDICTIONS, rows)
            save_figure(predicted_against_true(predicted, true, prepared.objective), place)
        return found.figures()


def _nothing(entry: object, task: object) -> None:
    """What a finalist says of an epoch: several train at once."""


def train_top(
    problem: NASProblem, found: Sequence[Measurement], folder: Path, engine: Engine
) -> list[dict[str, Any]]:
    """Train the best fully; a row for each, the best of the search first.

    Args:
        problem: has the number of them, the recipe and the data.
        found: measurements of the search.
        folder: where they are trained; what is there is not repeated.
        engine: trains.
    """
    sign = problem.scored[1].sign
    good = [each for each in found if each.ok and each.validation is not None]
    best = sorted(good, key=lambda each: -sign * (each.validation or 0.0))[: problem.top_k.k]
    work = FullTraining(
        *(problem.searched, problem.task, problem.data_root, problem.design, problem.recipe, folder)
    )
    queue: WorkQueue[tuple[int, int], Finalist, dict[str, Any]] = WorkQueue(engine, work)
    for rank, each in enumerate(best, 1):
        for repeat in range(problem.top_k.repeats):
            queue.submit((rank, repeat), Finalist(each.architecture, rank, repeat))
    figures: dict[tuple[int, int], dict[str, Any]] = {}
    while len(queue):
        key, result = queue.next_result()
        died = isinstance(result, WorkerDiedError)
        figures[key] = {"status": "failed", "reason": str(result)} if died else result  # type: ignore[assignment]
    repeats = range(problem.top_k.repeats)
    return [
        _row(problem.searched, each, rank, [figures[rank, repeat] for repeat in repeats])
        for rank, each in enumerate(best, 1)
    ]


def _row(
    searched: SearchSpace, found: Measurement, rank: int, figures: list[dict[str, Any]]
) -> dict[str, Any]:
    space, plain, _ = parts_of(searched, found.architecture)
    good = [each for each in figures if each["status"] == "ok"]
    row: dict[str, Any] = {
        "rank": rank,
        "architecture": space.format(plain),
        **hyperparameters_of(found.architecture),
        "search": found.validation,
    }
    for part in ("validation", "test"):
        values = [each[part] for each in good if each[part] is not None]
        row[part] = statistics.mean(values) if values else None
        row[f"{part}_std"] = statistics.stdev(values) if len(values) > 1 else None
    parameters = good[0]["parameters"] if good else None
    return {**row, "parameters": parameters, "trainings": len(good), "hash": found.hash}


def chosen(rows: Sequence[dict[str, Any]], objective: Objective) -> dict[str, Any] | None:
    """The row with the best mean validation of its full trainings; the test part has no say.

    Args:
        rows: of :func:`train_top`.
        objective: of the full trainings.
    """
    known = [row for row in rows if row["validation"] is not None]
    return max(known, key=lambda row: objective.sign * row["validation"], default=None)


def table_lines(rows: Sequence[dict[str, Any]], objective: Objective, value: str) -> list[str]:
    """The rows for people.

    Args:
        rows: of :func:`train_top`.
        objective: of the full trainings.
        value: name of the search's objective.
    """
    unit = f" ({objective.written_unit})" if objective.written_unit else ""
    lines = [f"rank  {value}  validation  test  {objective.name}{unit}, mean ± std"]
    for row in rows:
        parts = [
            "failed"
            if row[part] is None
            else objective.spread(row[part], row[f"{part}_std"] or float("nan"))
            for part in ("validation", "test")
        ]
        lines.append(f"{row['rank']:>4}  {row['search']:.4g}  {parts[0]}  {parts[1]}")
        lines.append(f"      {row['architecture']}")
    return lines
