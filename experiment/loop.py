"""The training loop: epochs of batches, checkpoints, and resuming to the same numbers."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from experiment.checkpoint import load_checkpoint, save_checkpoint
from experiment.errors import InputError
from experiment.optimisation import Optimisation, Optimisers, Schedule, make_optimisers
from experiment.progress import duration, progress
from experiment.seeding import random_state, restore_random_state

CHECKPOINT_SECONDS = 120.0
"""A long epoch is saved this often as well, so that a kill costs little."""


class DivergedError(InputError):
    """A training whose loss is no longer a finite number."""


class Examples(Protocol):
    """The training examples of one epoch, in the order they are to be seen."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: slice, /) -> Any: ...


class TrainingLoop:
    """Fits a model's weights; killed at any moment, it resumes to bit-identical ones on a CPU.

    Everything that decides the numbers is a function of the settings and the seed (the order of
    the examples, through ``examples``) or lives in the checkpoint (weights, moments, schedule,
    random state, position in the epoch).

    Args:
        model: the module to train.
        settings: optimiser, schedule, epochs.
        examples: examples of an epoch, counted from 0, already shuffled; the same for the same
            epoch.
        loss: scalars of a batch by name; the one called ``loss`` is minimised. It is given the
            batch and the loop's random generator.
        seed: of the random generator.
        checkpoint: where the state is kept; ``None`` for a training that is sooner repeated than
            resumed.
        unit: what the examples are called.
        shown: whether a terminal shows its progress.
        optimisers: of the model's parameters; default those that the settings name.
    """

    _STATE = ("device", "model", "optimisers", "schedule", "random")
    _POSITION = ("epoch", "batch", "seconds", "seconds_before", "sums", "seen")

    def __init__(
        self,
        model: nn.Module,
        settings: Optimisation,
        examples: Callable[[int], Examples],
        loss: Callable[[Any, torch.Generator], Mapping[str, Tensor]],
        seed: int,
        checkpoint: Path | None,
        unit: str = "graphs",
        shown: bool = True,
        optimisers: Optimisers | None = None,
    ) -> None:
        self.model = model
        self.settings = settings
        self.examples = examples
        self.loss = loss
        self.checkpoint = checkpoint
        self.unit = unit
        self.shown = shown
        self.optimisers = optimisers or make_optimisers(model, settings)
        self.device = next(model.parameters()).device
        self.generator = torch.Generator(self.device).manual_seed(seed)
        self.epoch = 0
        self.batch = 0
        self.seconds = 0.0
        self.seconds_before = 0.0
        self.sums: dict[str, float] = {}
        self.seen = 0
        self.stopped = False
        self._batches = math.ceil(len(examples(0)) / settings.batch_size)
        self.schedule = Schedule(self.optimisers, settings, self._batches)

    @property
    def share_done(self) -> float:
        """The share of all steps that were made."""
        done = self.epoch * self._batches + self.batch
        return done / (self.settings.epochs * self._batches)

    def resume(self) -> bool:
        """Go on from the checkpoint, if there is one; says whether there was.

        Raises:
            InputError: the checkpoint is damaged, no loop's, or of another kind of device, whose
                random numbers are others.
        """
        if self.checkpoint is None or not self.checkpoint.exists():
            return False
        state = load_checkpoint(self.checkpoint, self.device)
        for name in (*self._STATE, *self._POSITION):
            if name not in state:
                raise InputError(
                    f"{str(self.checkpoint)!r} is no checkpoint to go on from, it lacks {name!r}: "
                    "begin the run in a new folder"
                )
        if state["device"] != self.device.type:
            raise InputError(
                f"{str(self.checkpoint)!r} was written on {state['device']}, whose random numbers "
                f"{self.device.type} cannot go on with: resume with --device {state['device']}, "
                "or begin the run in a new folder"
            )
        self.model.load_state_dict(state["model"])
        self.optimisers.load_state_dict(state["optimisers"])
        self.schedule.load_state_dict(state["schedule"])
        restore_random_state(state["random"], loop=self.generator)
        for name in self._POSITION:
            setattr(self, name, state[name])
        return True

    def stop(self) -> None:
        """Train no further epoch; one that is under way is finished."""
        self.stopped = True

    def save(self) -> None:
        """Write the checkpoint, where there is a place for it."""
        if self.checkpoint is None:
            return
        save_checkpoint(
            self.checkpoint,
            {
                "device": self.device.type,
                "model": self.model.state_dict(),
                "optimisers": self.optimisers.state_dict(),
                "schedule": self.schedule.state_dict(),
                "random": random_state(loop=self.generator),
                **{name: getattr(self, name) for name in self._POSITION},
            },
        )

    def run(
        self,
        after_epoch: Callable[[int, dict[str, float]], None],
        after_step: Callable[[int, dict[str, float]], None] = lambda step, figures: None,
        until: int | None = None,
    ) -> None:
        """Train to the end, to the end of an earlier epoch, or until :meth:`stop` is called.

        Args:
            after_epoch: called with the number of epochs done and the epoch's means: the loss
                parts, the learning rate that it ended with, ``seconds`` of training since the run
                began, and ``<unit>_per_second``. Its own time is not counted. The checkpoint is
                written after it, so a kill in between repeats it.
            after_step: called with the number of steps done in this epoch and the loss parts.
            until: epochs after which it stops; to run again continues. Default: all of them.

        Raises:
            DivergedError: the loss is no longer finite.
        """
        last = self.settings.epochs if until is None else until
        while self.epoch < last and not self.stopped:
            self._run_epoch(after_step)
            means = {name: total / self.seen for name, total in self.sums.items()}
            means["learning_rate"] = self.optimisers.learning_rate
            self.schedule.after_epoch(means["loss"])
            means["seconds"] = self.seconds
            means[f"{self.unit}_per_second"] = self.seen / (self.seconds - self.seconds_before)
            self.epoch, self.batch, self.seen, self.sums = self.epoch + 1, 0, 0, {}
            self.seconds_before = self.seconds
            after_epoch(self.epoch, means)
            self.save()

    def _run_epoch(self, after_step: Callable[[int, dict[str, float]], None]) -> None:
        self.model.train()
        examples = self.examples(self.epoch)
        size = self.settings.batch_size
        title = f"epoch {self.epoch + 1}/{self.settings.epochs}"
        saved = started = time.monotonic()
        first = self.batch
        with progress(len(examples), title, self.unit, shown=self.shown) as bar:
            bar.advance(self.batch * size)
            while self.batch * size < len(examples):
                began = time.monotonic()
                batch = examples[self.batch * size : (self.batch + 1) * size]
                figures = self._step(batch)
                self.batch += 1
                for name, value in figures.items():
                    self.sums[name] = self.sums.get(name, 0.0) + value * len(batch)
                self.seen += len(batch)
                now = time.monotonic()
                self.seconds += now - began
                rest = (self.settings.epochs - self.epoch) * self._batches - self.batch
                left = rest * (now - started) / (self.batch - first)
                bar.advance(len(batch), loss=figures["loss"], all_epochs=f"{duration(left)} left")
                after_step(self.batch, figures)
                if now - saved > CHECKPOINT_SECONDS:
                    self.save()
                    saved = now

    def _step(self, batch: Any) -> dict[str, float]:
        self.optimisers.zero_grad()
        parts = self.loss(batch, self.generator)
        parts["loss"].backward()
        if self.settings.gradient_clip is not None:
            self.optimisers.clip(self.settings.gradient_clip)
        self.optimisers.step()
        self.schedule.after_batch()
        figures = {name: float(value.detach()) for name, value in parts.items()}
        if not math.isfinite(figures["loss"]):
            raise DivergedError(
                f"the loss is {figures['loss']} in epoch {self.epoch + 1}, batch {self.batch + 1}: "
                "try a lower learning rate, gradient clipping or float32"
            )
        return figures
