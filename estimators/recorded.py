"""One training in a run's folder: its curve, its weights, and going on after a kill."""

from __future__ import annotations

import dataclasses
import math
import statistics
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch

from datasets.batch import GraphBatch
from datasets.graph import ArchitectureGraph
from datasets.objective import SHARE, Objective
from datasets.space import SearchSpace
from estimators.fitting import PARTS, measure, training_loop
from estimators.from_scratch import lacks_memory
from estimators.measurement import Measurement
from estimators.networks import Design
from estimators.stopping import BestEpoch
from estimators.tasks.task import PreparedTask, data_settings
from experiment.checkpoint import load_checkpoint, save_checkpoint
from experiment.errors import sentence
from experiment.files import read_json
from experiment.loop import DivergedError
from experiment.run import RunFolder
from experiment.schema import Stage
from models.errors import ModelError

BEST, LAST = "best_weights.pt", "last_weights.pt"
"""Weights below ``checkpoints/``: those with the best validation accuracy, and the last ones."""


@dataclasses.dataclass(frozen=True)
class RecordedTraining:
    """How architectures are trained whose runs are kept.

    Attributes:
        space: the search space.
        task: what to train on, and how.
        design: sizes of the network.
        device: where to train.
        report_every: steps between lines about a step; ``None`` for none.
        report: is given what is kept of each epoch; default: prints a line, and a terminal shows
            the progress within an epoch.
    """

    space: SearchSpace
    task: PreparedTask
    design: Design
    device: torch.device
    report_every: int | None = None
    report: Callable[[dict[str, Any], PreparedTask], None] | None = None

    def train(
        self, architecture: ArchitectureGraph, seed: int, folder: Path, resume: bool
    ) -> Measurement:
        """Train ``architecture`` and leave everything about it in ``folder``.

        That the loss diverged or that no such network can be built is a failed measurement, and
        is kept. So is a lack of memory, but it is not kept: another machine may have enough.

        Args:
            architecture: the graph as it is, without dangling nodes.
            seed: of weights, order and augmentation.
            folder: of the run.
            resume: whether to resume a run that is there; one that ended is only read.

        Raises:
            InputError: the folder holds another run, its checkpoint cannot be gone on with here,
                or it cannot be written.
        """
        config: dict[str, Any] = {
            "stage": Stage.TRAINING,
            "space": self.space.name,
            "architecture": self.space.to_record(architecture),
            "hash": self.space.hash(architecture),
            "objective": self.task.objective,
            **data_settings(self.task),
            "network": dataclasses.asdict(self.design),
            "recipe": dataclasses.asdict(self.task.recipe),
        }
        run = RunFolder.start(folder, config, seed, resume, self.device)
        result = run.path / "result.json"
        if not result.exists():
            try:
                run.save_result(self._result(run, architecture, seed))
            except (MemoryError, RuntimeError, OverflowError) as error:
                if not lacks_memory(error):
                    raise
                reason = f"the memory is too short for its training: {sentence(error)}"
                return Measurement(architecture, config["hash"], "failed", reason)
        return Measurement(architecture, config["hash"], **read_json(result))

    def _result(self, run: RunFolder, architecture: ArchitectureGraph, seed: int) -> dict[str, Any]:
        try:
            return self._trained(run, architecture, seed)
        except (ModelError, DivergedError) as error:
            return {"status": "failed", "reason": sentence(error)}

    def _trained(
        self, run: RunFolder, architecture: ArchitectureGraph, seed: int
    ) -> dict[str, Any]:
        task = self.task
        costs = self.design.costs(GraphBatch.from_graphs([architecture]), task.dimensions)
        torch.manual_seed(seed)
        network = self.design.build(architecture, task.dimensions)
        shown = self.report is None
        loop = training_loop(network, task, seed, run.checkpoints / "last.pt", shown)
        loop.resume()
        run.truncate_after("epoch", loop.epoch)
        curve = run.read_metrics()
        epochs, patience = task.recipe.epochs, task.recipe.stops_after
        best = BestEpoch(task.objective, patience)
        for entry in curve:
            best.improves(entry["epoch"], entry.get("validation"))
        if curve and best.is_over(loop.epoch):
            loop.stop()

        def after_epoch(epoch: int, means: dict[str, float]) -> None:
            entry: dict[str, Any] = {"epoch": epoch, **means}
            if patience is None and epoch in (epochs // 2, epochs):
                entry |= {"validation": None, **measure(network, task)}
            else:
                entry |= measure(network, task, ("validation",))
            if best.improves(epoch, entry.get("validation")):
                save_checkpoint(run.checkpoints / BEST, network.state_dict())
            if best.is_over(epoch):
                loop.stop()
            if epoch == epochs or loop.stopped:
                save_checkpoint(run.checkpoints / LAST, network.state_dict())
            run.log(entry)
            curve.append(entry)
            (self.report or report_epoch)(entry, task)

        def after_step(step: int, figures: dict[str, float]) -> None:
            if self.report_every and step % self.report_every == 0:
                shown = values_text(figures, task.objective)
                print(
                    f"  epoch {loop.epoch + 1} step {step}  loss {figures['loss']:.4f}  {shown}",
                    flush=True,
                )

        loop.run(after_epoch, after_step)
        final = curve[-1]
        if patience is not None:
            network.load_state_dict(load_checkpoint(run.checkpoints / BEST, self.device))
            final = {"epochs": loop.epoch, **measure(network, task)}
        return {
            "status": "ok",
            **{part: final.get(part) for part in PARTS},
            "cost_seconds": loop.seconds,
            "parameters": int(costs.parameters[0]),
            "flops": int(costs.flops[0]),
            "details": _details(final, curve, task),
        }


def _details(
    final: dict[str, Any], curve: list[dict[str, Any]], task: PreparedTask
) -> dict[str, float]:
    """Further figures of a whole curve: other metrics, half-way, and the best validation.

    Args:
        final: the figures of the measurement.
        curve: those of all epochs.
        task: that was trained on.
    """
    known = {name: final.get(name) for name in ("train", "epochs")}
    details: dict[str, float | None] = {**known, **_others(final)}
    if task.recipe.epochs > 1 and task.recipe.stops_after is None:
        half = curve[task.recipe.epochs // 2 - 1]
        values = {part: half.get(part) for part in PARTS} | _others(half)
        details |= {f"halfway_{name}": value for name, value in values.items()}
    validated = [entry for entry in curve if entry.get("validation") is not None]
    if validated:
        best = max(validated, key=lambda entry: task.objective.sign * entry["validation"])
        details |= {"best_validation": best["validation"], "best_epoch": best["epoch"]}
    return {name: value for name, value in details.items() if value is not None}


def _others(entry: dict[str, Any]) -> dict[str, float]:
    """Metrics of an epoch beside the objective."""
    prefixes = tuple(f"{part}_" for part in PARTS)
    return {name: value for name, value in entry.items() if name.startswith(prefixes)}


def report_epoch(entry: dict[str, Any], task: PreparedTask) -> None:
    """Print a line: loss, values of the objective, rate, and the time that is left."""
    epochs = task.recipe.epochs
    shown = values_text(entry, task.objective, 6)
    left = (epochs - entry["epoch"]) * entry["seconds"] / entry["epoch"] / 60
    print(
        f"epoch {entry['epoch']:>3}/{epochs}  loss {entry['loss']:.4f}  {shown}  "
        f"{entry[f'{task.unit}_per_second']:,.0f} {task.unit}/s  {left:.1f} min left",
        flush=True,
    )


def values_text(entry: Mapping[str, Any], objective: Objective, width: int = 0) -> str:
    """The objective's values in a line of a curve: ``train 12.25%  validation 10.66%``."""
    shown = [
        f"{name} {value:{width}.2%}" if objective.unit == SHARE else f"{name} {value:{width}.4g}"
        for name in ("train", *PARTS)
        if (value := entry.get(name)) is not None
    ]
    return "  ".join(shown)


def summary(measurements: list[Measurement], objective: Objective) -> str:
    """Mean and standard deviation over the trainings of one architecture, those that did not fail.

    Args:
        measurements: at least one that did not fail.
        objective: what they are values of.
    """
    good = [one for one in measurements if one.ok]
    parts = []
    for name in ("validation", "test"):
        values = [value for one in good if (value := getattr(one, name)) is not None]
        if values:
            std = statistics.stdev(values) if len(values) > 1 else math.nan
            spread = objective.spread(statistics.mean(values), std)
            parts.append(f"{name} {spread} {objective.written_unit}".rstrip())
    failed = len(measurements) - len(good)
    note = f", {failed} failed" if failed else ""
    return f"{', '.join(parts)} (trainings: {len(good)}{note})"
