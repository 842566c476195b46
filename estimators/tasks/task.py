"""The protocol of a task: data, how examples come, loss, metrics, a fingerprint.

A :class:`Task` is a description that travels to workers; the data are read where it is prepared.
What fits a network (``estimators/fitting.py``) knows a :class:`PreparedTask` and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor, nn

from datasets.objective import Objective
from estimators.recipe import Recipe
from experiment.loop import Examples


@dataclass(frozen=True)
class Dimensions:
    """What the data decide of a network, by the names that networks and their costs take it by.

    Attributes:
        network: arguments of a network beside the architecture and its sizes: channels or features
            that go in, classes or targets that come out. A formula of costs takes them, too.
        costs: what decides the FLOPs alone, such as the size of an image or a graph.
    """

    network: Mapping[str, int]
    costs: Mapping[str, int] = field(default_factory=dict)


class PreparedTask(Protocol):
    """A task whose data are on a device."""

    @property
    def name(self) -> str:
        """Of the data."""
        ...

    @property
    def unit(self) -> str:
        """What examples are called: ``images``. Settings of a run name the data by it, too."""
        ...

    @property
    def recipe(self) -> Recipe:
        """How a network is trained."""
        ...

    @property
    def objective(self) -> Objective:
        """The metric that architectures are chosen by, as :meth:`evaluate` names it."""
        ...

    @property
    def dimensions(self) -> Dimensions:
        """What a design has to know of the data to build a network."""
        ...

    def fingerprint(self) -> str:
        """SHA-256 of all data that a training or an evaluation reads, hexadecimal."""
        ...

    def place(self, network: nn.Module) -> None:
        """Move a network to the device of the data, in the layout that suits them."""
        ...

    def examples(self, seed: int, epoch: int) -> Examples:
        """The training examples of an epoch, in the order they are seen.

        Args:
            seed: of the order.
            epoch: counted from 0; the same one gives the same examples.
        """
        ...

    def loss(
        self, network: nn.Module, batch: Any, generator: torch.Generator
    ) -> Mapping[str, Tensor]:
        """``loss``, which is minimised; ``train``, the objective on the batch, if it is at hand.

        Args:
            network: in training mode.
            batch: a slice of :meth:`examples`.
            generator: of everything that is drawn.
        """
        ...

    def evaluate(self, network: nn.Module, part: str) -> Mapping[str, float]:
        """Metrics by name, of a network that is left in evaluation mode.

        Args:
            network: that is measured.
            part: ``validation`` or ``test``; where the task holds nothing out, it has no metrics.
        """
        ...


@runtime_checkable
class PreparedRegression(PreparedTask, Protocol):
    """A :class:`PreparedTask` whose networks predict numbers."""

    def predictions(self, network: nn.Module, part: str) -> tuple[np.ndarray, np.ndarray]:
        """What a network predicts of a part, and the labels, in their unit. **Shape** (n,) each."""
        ...


@runtime_checkable
class Task(Protocol):
    """What networks are trained on; it can be pickled."""

    def prepare(self, recipe: Recipe, device: torch.device | str) -> PreparedTask:
        """The task with its data on a device; a process reads them once.

        Args:
            recipe: how networks are trained, with its precision resolved.
            device: where.

        Raises:
            InputError: the data are absent or damaged.
        """
        ...


def epoch_order(count: int, batch_size: int, seed: int, epoch: int) -> Tensor:
    """A random order of training examples for an epoch: a multiple of the batch size of them.

    An incomplete batch would have other batch statistics than the rest; what is left over is
    left out of this epoch.

    Args:
        count: examples that there are.
        batch_size: examples a step.
        seed: of the orders of all epochs.
        epoch: counted from 0; the same one gives the same order.

    Returns:
        Numbers of examples. **Shape** (n,), int64, on the CPU.
    """
    order = np.random.default_rng([seed, epoch]).permutation(count)
    whole = count // batch_size * batch_size or count
    return torch.from_numpy(order[:whole])


def data_settings(task: PreparedTask) -> dict[str, str]:
    """Name and fingerprint of the data, for the settings that decide a measurement's numbers."""
    return {task.unit: task.name, f"{task.unit}_sha256": task.fingerprint()}
