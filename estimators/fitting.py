"""Fitting a network to a task, and measuring it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from torch import Tensor, nn

from estimators.stopping import BestEpoch
from estimators.tasks.task import PreparedTask
from experiment.loop import TrainingLoop

PARTS = ("validation", "test")
"""What a network is measured on: what architectures are chosen by, and what is reported."""


@dataclass(frozen=True, slots=True)
class Fit:
    """What came of a training.

    Attributes:
        halfway: values after half of the epochs, as of :func:`measure`; ``None`` for one epoch, and
            for a training that may end early.
        final: at the end, or with the weights of the best epoch where a training may end early.
        seconds: time of the training, without what measured it.
        curve: figures of each epoch, where they are wanted.
    """

    halfway: Mapping[str, float] | None
    final: Mapping[str, float]
    seconds: float
    curve: Sequence[Mapping[str, float]] = ()


def training_loop(
    network: nn.Module,
    task: PreparedTask,
    seed: int,
    checkpoint: Path | None = None,
    shown: bool = True,
) -> TrainingLoop:
    """The loop that fits ``network`` to the training examples by the task's recipe.

    Args:
        network: is moved to the task's device.
        task: what it is trained on.
        seed: of the examples' order and of all that the task draws.
        checkpoint: where the state is kept.
        shown: whether a terminal shows its progress.
    """
    task.place(network)
    return TrainingLoop(
        network,
        task.recipe.optimisation,
        partial(task.examples, seed),
        partial(task.loss, network),
        seed,
        checkpoint,
        unit=task.unit,
        shown=shown,
    )


def fit(network: nn.Module, task: PreparedTask, seed: int) -> Fit:
    """Train ``network`` and measure it half-way and at the end; nothing is kept.

    Where the recipe may end the training early, the network has the weights of its best epoch
    afterwards, and is measured with these alone.

    Raises:
        DivergedError: the loss is no longer finite.
    """
    if task.recipe.stops_after is not None:
        return _fit_to_best_epoch(network, task, seed)
    measured: dict[int, dict[str, float]] = {}
    epochs = task.recipe.epochs

    def after_epoch(epoch: int, means: dict[str, float]) -> None:
        if epoch in (epochs // 2, epochs):
            measured[epoch] = measure(network, task)

    loop = training_loop(network, task, seed, shown=False)
    loop.run(after_epoch)
    return Fit(measured.get(epochs // 2), measured[epochs], loop.seconds)


def _fit_to_best_epoch(network: nn.Module, task: PreparedTask, seed: int) -> Fit:
    best = BestEpoch(task.objective, task.recipe.stops_after)
    weights: dict[str, Tensor] = {}

    def after_epoch(epoch: int, means: dict[str, float]) -> None:
        if best.improves(epoch, measure(network, task, ("validation",)).get("validation")):
            weights.update({name: each.clone() for name, each in network.state_dict().items()})
        if best.is_over(epoch):
            loop.stop()

    loop = training_loop(network, task, seed, shown=False)
    loop.run(after_epoch)
    network.load_state_dict(weights)
    counts = {"best_epoch": best.epoch, "epochs": loop.epoch}
    return Fit(None, {**measure(network, task), **counts}, loop.seconds)


def measure(
    network: nn.Module, task: PreparedTask, parts: tuple[str, ...] = PARTS
) -> dict[str, float]:
    """What a task's metrics are on some of its parts; the network is left in evaluation mode.

    Returns:
        The objective by the name of the part, ``validation``; another metric by the names of both,
        ``validation_loss``. A part that the task does not have is left out.
    """
    return {
        part if name == task.objective.name else f"{part}_{name}": value
        for part in parts
        for name, value in task.evaluate(network, part).items()
    }
