"""Trainings that stop early, and continue from there when they are to be longer."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from datasets.graph import ArchitectureGraph
from datasets.space import SearchSpace
from estimators.fidelity import TrainingByFidelity, as_fidelities
from estimators.fitting import Fit, measure, training_loop
from estimators.from_scratch import FromScratch, Training
from estimators.networks import Design
from estimators.recipe import Recipe
from estimators.store import Store, digest
from estimators.tasks.task import PreparedTask, Task
from experiment.errors import InputError
from experiment.seeding import random_state, restore_random_state


@dataclass(frozen=True)
class PartialTraining(Training):
    """Trains for the first epochs of the recipe's schedule, in any process.

    The learning rate is that of the whole training, so that what stops after few epochs can go on
    to the same numbers as if it had never stopped. It goes on where its checkpoint is found, else
    it trains from the first epoch on, and the seconds of the measurement say so.

    Attributes:
        epochs: after which it stops.
        lower: numbers of epochs after which it may have stopped before, ascending.
        folder: of the checkpoints; ``None``: none is kept.
    """

    epochs: int = 1
    lower: tuple[int, ...] = ()
    folder: Path | None = None

    def _fit(self, graph: ArchitectureGraph, task: PreparedTask) -> tuple[nn.Module, Fit]:
        device = torch.device(self.device)
        state = random_state()  # to go on from a checkpoint sets all generators
        try:
            with torch.random.fork_rng([device] if device.type == "cuda" else []):
                torch.manual_seed(self.seed)
                network = self.design.build(graph, task.dimensions)
                loop = training_loop(network, task, self.seed, self._latest(graph), shown=False)
                loop.resume()
                before = loop.seconds
                loop.checkpoint = self._file(graph, self.epochs)
                loop.run(lambda epoch, means: None, until=self.epochs)
                return network, Fit(None, measure(network, task), loop.seconds - before)
        finally:
            restore_random_state(state)

    def _latest(self, graph: ArchitectureGraph) -> Path | None:
        """The checkpoint of the longest training so far."""
        files = [self._file(graph, epochs) for epochs in reversed(self.lower)]
        return next((file for file in files if file is not None and file.exists()), None)

    def _file(self, graph: ArchitectureGraph, epochs: int) -> Path | None:
        if self.folder is None:
            return None
        name = hashlib.sha256(f"{graph.types} {sorted(graph.edges)}".encode()).hexdigest()[:32]
        return self.folder / f"{name}_{epochs}.pt"


class PartlyTrained(FromScratch):
    """A :class:`~estimators.from_scratch.FromScratch` that stops after some epochs.

    Args:
        space: the search space.
        task: what to train on.
        design: sizes of the networks.
        recipe: how to train, for more epochs.
        epochs: after which a training stops.
        lower: numbers of epochs after which it may have stopped before, ascending.
        seed: of weights, order and augmentation.
        device: where to train.

    Raises:
        InputError: the recipe has fewer epochs, or as for :class:`FromScratch`.
    """

    work: PartialTraining

    def __init__(
        self,
        space: SearchSpace,
        task: Task,
        design: Design,
        recipe: Recipe,
        epochs: int,
        lower: Sequence[int] = (),
        *,
        seed: int = 0,
        device: torch.device | str = "cpu",
    ) -> None:
        super().__init__(space, task, design, recipe, seed=seed, device=device)
        if epochs > recipe.epochs:
            raise InputError(
                f"the recipe trains for {recipe.epochs} epochs, and {epochs} are asked for: give "
                "fidelities up to that"
            )
        whole = self.work
        self.work = PartialTraining(
            whole.task,
            whole.design,
            whole.recipe,
            whole.seed,
            whole.device,
            whole.data,
            epochs=epochs,
            lower=tuple(lower),
        )
        self._whole = digest(self.settings)
        # What a training costs depends on where it may start.
        self.settings: dict[str, Any] = {
            **self.settings,
            "fidelity": {"epochs": epochs, "lower": list(lower)},
        }

    def with_store(self, store: Store) -> PartlyTrained:
        """The same with a store, and checkpoints in a folder beside its file."""
        other = super().with_store(store)
        assert isinstance(other, PartlyTrained)
        folder = store.path.with_name(f"{store.path.stem}_checkpoints") / self._whole[:16]
        other.work = replace(self.work, folder=folder)
        return other


def train_partly(whole: FromScratch, fidelities: Sequence[int] | None = None) -> TrainingByFidelity:
    """Trainings that stop after any of some numbers of epochs, and otherwise are the same.

    A longer one continues the shorter one where there is a store, beside which checkpoints lie.

    Args:
        whole: trains for all epochs of its recipe.
        fidelities: numbers of epochs, ascending, at most the recipe's; default: its epochs, and
            half of them as often as that is whole.

    Raises:
        InputError: they are something else.
    """
    work = whole.work
    usual = halves(work.recipe.epochs)
    rungs = as_fidelities(usual if fidelities is None else fidelities)
    return TrainingByFidelity(
        {
            epochs: PartlyTrained(
                whole.space,
                work.task,
                work.design,
                work.recipe,
                epochs,
                rungs[:number],
                seed=work.seed,
                device=work.device,
            )
            for number, epochs in enumerate(rungs)
        }
    )


def halves(epochs: int) -> tuple[int, ...]:
    """A number of epochs, half of it, and so on as often as that is whole, ascending."""
    found = [epochs]
    while found[-1] % 2 == 0:
        found.append(found[-1] // 2)
    return tuple(reversed(found))
