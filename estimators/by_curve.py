"""Measuring by the learning curve of a training on the validation part alone.

A search that trains candidates, perhaps each with hyper-parameters of its own, chooses by a number
of this curve. The test part is not looked at.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from traceback import format_exception
from typing import Any, Literal

import torch
from torch import Tensor, nn

from datasets.graph import ArchitectureGraph
from datasets.objective import Objective
from datasets.space import SearchSpace
from datasets.spaces.configured import hyperparameters_of, parts_of
from estimators.evaluations import Job
from estimators.fitting import Fit, training_loop
from estimators.from_scratch import FromScratch, OutOfMemory, Training
from estimators.measurement import Measurement
from estimators.networks import Design, module_lines
from estimators.own_function import finite_number, function_name
from estimators.recipe import Recipe
from estimators.stopping import BestEpoch
from estimators.store import Store
from estimators.tasks.task import PreparedTask, Task
from experiment.checkpoint import save_checkpoint
from experiment.engine import WorkerDiedError
from experiment.errors import sentence
from experiment.files import write_json

AT_WORK = "worker_seconds"
"""Detail of a measurement: seconds from a worker's first step of it to its last."""
VALIDATION = "val_"
"""Begins the names of figures of the validation part: ``val_loss``."""
History = dict[str, list[float]]
"""Figure → its value after each epoch."""


@dataclass(frozen=True)
class CurveScore:
    """The last, least or greatest value of a figure of the curve.

    Attributes:
        figure: such as ``val_loss``.
        of: which of its values.
    """

    figure: str
    of: Literal["last", "min", "max"] = "last"

    def __call__(self, history: History) -> float:
        """The value."""
        values = history[self.figure]
        return {"last": values[-1], "min": min(values), "max": max(values)}[self.of]

    def __str__(self) -> str:
        """As DeepHyper writes it: ``val_r2__max``."""
        return self.figure if self.of == "last" else f"{self.figure}__{self.of}"


Score = Callable[[History], Any]
"""The value of a learning curve."""


@dataclass(frozen=True)
class Watch:
    """What is looked at after each epoch of a training.

    Attributes:
        figure: of the curve, such as ``val_loss``.
        maximise: whether more of it is better.
        patience: epochs without a better one after which the training ends; ``None``: it does not.
        keeps_weights: whether the weights of the best epoch are kept.
    """

    figure: str = f"{VALIDATION}loss"
    maximise: bool = False
    patience: int | None = None
    keeps_weights: bool = False


def chosen_settings(
    recipe: Recipe, design: Design, values: Mapping[str, Any]
) -> tuple[Recipe, Design]:
    """Recipe and design with hyper-parameters, each of which is a field of one of them.

    Raises:
        InputError: a value makes no sense.
    """
    made: list[Any] = []
    for record in (recipe, design):
        own = {field.name for field in dataclasses.fields(record)}
        given = {name: value for name, value in values.items() if name in own}
        made.append(dataclasses.replace(record, **given))
    return made[0], made[1]


@dataclass(frozen=True)
class CurveTraining(Training):
    """Trains candidates, each with its own hyper-parameters, and returns the learning curve.

    Attributes:
        watch: what ends a training, and which weights are kept.
    """

    watch: Watch = Watch()

    def __call__(self, graph: ArchitectureGraph) -> dict[str, Any] | OutOfMemory:
        """The fields of a measurement, the ``curve``, and the ``weights`` where they are kept.

        Among the details are the seconds of all this, which data that are read first, and metrics
        after each epoch, make more than those of the training.
        """
        began = time.perf_counter()
        recipe, design = chosen_settings(self.recipe, self.design, hyperparameters_of(graph))
        own = dataclasses.replace(self, recipe=recipe, design=design)
        found = own.measured(graph, own._weights)
        if isinstance(found, dict) and "details" in found:
            found["details"][AT_WORK] = time.perf_counter() - began
        return found

    def _weights(self, network: nn.Module, task: PreparedTask) -> dict[str, Any]:
        if not self.watch.keeps_weights:
            return {}
        return {"weights": {name: each.cpu() for name, each in network.state_dict().items()}}

    def _fit(self, graph: ArchitectureGraph, task: PreparedTask) -> tuple[nn.Module, Fit]:
        device = torch.device(self.device)
        with torch.random.fork_rng([device] if device.type == "cuda" else []):
            torch.manual_seed(self.seed)
            network = self.design.build(graph, task.dimensions)
            return network, self._fit_watched(network, task)

    def _fit_watched(self, network: nn.Module, task: PreparedTask) -> Fit:
        watch = self.watch
        best = BestEpoch(Objective(watch.figure, watch.maximise), watch.patience)
        curve: list[dict[str, float]] = []
        weights: dict[str, Tensor] = {}

        def after_epoch(epoch: int, means: dict[str, float]) -> None:
            measured = task.evaluate(network, "validation")
            figures = {f"{VALIDATION}{name}": value for name, value in measured.items()}
            own = {name: means[name] for name in ("loss", "seconds")}
            curve.append({"epoch": epoch, **own, **figures})
            if best.improves(epoch, figures.get(watch.figure)) and watch.keeps_weights:
                weights.update({name: each.clone() for name, each in network.state_dict().items()})
            if best.is_over(epoch):
                loop.stop()

        loop = training_loop(network, task, self.seed, shown=False)
        loop.run(after_epoch)
        if weights:
            network.load_state_dict(weights)
        last = {name: curve[-1][name] for name in curve[-1] if name not in ("epoch", "seconds")}
        counts = {"epochs": loop.epoch, "best_epoch": best.epoch}
        return Fit(None, {**last, **counts}, loop.seconds, curve)


class ByCurve(FromScratch):
    """A :class:`~estimators.from_scratch.FromScratch` whose value is a score of the curve.

    Of every training ``history/<hash>.json`` has the curve, ``config/<hash>.json`` architecture and
    hyper-parameters, and ``model/<hash>.pt`` the best weights where they are kept.

    Args:
        space: of architectures, or of architectures with hyper-parameters.
        task: what to train on.
        design: sizes of the networks.
        recipe: how to train.
        score: the value of a curve.
        watch: what ends a training, and which weights are kept.
        folder: of the files; ``None``: none are written.
        seed: of weights, order and augmentation.
        device: where to train.

    Raises:
        InputError: as for :class:`FromScratch`.
    """

    def __init__(
        self,
        space: SearchSpace,
        task: Task,
        design: Design,
        recipe: Recipe,
        score: Score,
        watch: Watch = Watch(),
        *,
        folder: Path | None = None,
        seed: int = 0,
        device: torch.device | str = "cpu",
    ) -> None:
        super().__init__(space, task, design, recipe, seed=seed, device=device)
        whole = self.work
        self.work = CurveTraining(
            *(whole.task, whole.design, whole.recipe, whole.seed, whole.device, whole.data),
            watch=watch,
        )
        self.score = score
        self.folder = folder
        text = str(score) if isinstance(score, CurveScore) else function_name(score)
        self.settings |= {"score": text, "watch": dataclasses.asdict(watch)}

    def with_store(self, store: Store) -> ByCurve:
        """The same with a store, and the files of trainings in ``save/`` beside it."""
        other = super().with_store(store)
        assert isinstance(other, ByCurve)
        other.folder = store.path.with_name("save")
        return other

    def module_lines(self, graph: ArchitectureGraph) -> str:
        """Lines of Python that build the network that is trained for ``graph``."""
        space, plain, values = parts_of(self.space, graph)
        work = self.work
        _, design = chosen_settings(work.recipe, work.design, values)
        task = work.task.prepare(work.recipe, work.device)
        return module_lines(space, plain, design, task.dimensions)

    def finish(
        self, job: Job, result: dict[str, Any] | OutOfMemory | WorkerDiedError
    ) -> list[Measurement]:
        """A measurement for each architecture of a job, after writing and keeping what came of it.

        A score that is no finite number, or that raises, is a failure.
        """
        if isinstance(result, dict):
            weights = result.pop("weights", None)
            curve = result.pop("curve", None)
            if curve is not None:
                history = as_history(curve)
                self._write(job, history, weights)
                result = {**result, **self._scored(history)}
        return super().finish(job, result)

    def _scored(self, history: History) -> dict[str, Any]:
        try:
            found = self.score(history)
        except Exception as error:  # the user's own function may raise anything
            reason = f"the objective raised {type(error).__name__}: {sentence(error)}"
            lines = "".join(format_exception(error))
            return {"status": "failed", "reason": reason, "traceback": lines}
        value = finite_number(found)
        if value is None:
            reason = f"the objective is {found!r}, expected a finite number"
            return {"status": "failed", "reason": reason}
        return {"validation": value}

    def _write(self, job: Job, history: History, weights: Mapping[str, Tensor] | None) -> None:
        if self.folder is None:
            return
        parts: list[tuple[str, Any]] = [
            ("history", history),
            ("config", self.space.to_record(job.item)),
        ]
        for kind, content in parts:
            place = self.folder / kind / f"{job.hash}.json"
            place.parent.mkdir(parents=True, exist_ok=True)
            write_json(place, content)
        if weights is not None:
            place = self.folder / "model" / f"{job.hash}.pt"
            place.parent.mkdir(parents=True, exist_ok=True)
            save_checkpoint(place, dict(weights))


def as_history(curve: Sequence[Mapping[str, float]]) -> History:
    """The figures of a curve by their names, as Keras keeps a history."""
    names = [name for name in curve[0] if name != "epoch"]
    return {name: [entry[name] for entry in curve] for name in names}
