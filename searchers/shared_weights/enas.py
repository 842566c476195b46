"""ENAS: shared weights and a controller, trained in turns.

Pham, Guan, Zoph, Le and Dean, *Efficient Neural Architecture Search via Parameter Sharing*,
ICML 2018 (arXiv:1802.03268), on graph networks as in AutoGL-light.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast

import numpy as np
import torch
from torch import Tensor, nn

from estimators.supernet_training import (
    OneShotRecipe,
    TrainedPath,
    path_loss,
    resume_with_bar,
    sampled_paths,
)
from experiment.checks import whole_number
from experiment.loop import TrainingLoop
from experiment.optimisation import make_optimisers
from models.supernets.supernet import Supernet
from searchers.controllers.learning import PUBLISHED_RL, RL, ControllerSettings, Learner
from searchers.shared_weights.choosing import ChoosingWeights, as_choosing, check_warmup

SAMPLES = 20
"""Paths of an update of the controller, AutoGL's."""
CONTROLLERS: dict[str, ControllerSettings] = {
    "default": ControllerSettings(samples=SAMPLES, learning_rate=RL.learning_rate / 10),
    "published": PUBLISHED_RL,
}
"""Settings of the controller: hundreds of updates, as rewards cost little here, or AutoGL's."""
PATHS, REWARDS, FINAL = 0, 1, 2
"""Set the seeds of the paths apart that are trained, rewarded and proposed."""
AT_ONCE = 16
"""Paths that are drawn together in the end."""


@dataclass(frozen=True)
class ENASRecipe(OneShotRecipe):
    """How shared weights and controller are trained.

    ``ENASRecipe.load("enas")`` is ours, ``ENASRecipe.load("enas", "published")`` AutoGL's.

    Attributes:
        warmup_epochs: first epochs, whose paths are drawn as ``sampling`` says; those of all others
            are drawn by the controller.
        updates: of the controller after each epoch but those, with 20 paths each.
        controller: its settings, a key of :data:`CONTROLLERS`.
    """

    warmup_epochs: int = 0
    updates: int = 1
    controller: Literal["default", "published"] = "default"

    def __post_init__(self) -> None:
        super().__post_init__()
        whole_number(self.updates, "updates", least=1)
        check_warmup(self.warmup_epochs, self.epochs)


class ENASWeights(ChoosingWeights):
    """Shared weights, trained by the paths of a controller that learns from their accuracy.

    The weights learn on the training nodes, the controller from the accuracy on the validation
    nodes in evaluation mode. It draws the option of every place of the supernet.
    """

    recipe: ENASRecipe

    def chooser(self, supernet: Supernet) -> nn.Module:
        """A controller of the supernet's places."""
        settings = CONTROLLERS[self.recipe.controller]
        return Learner(supernet.options, settings, self.training.work.seed)

    def paths(self, chooser: nn.Module, seed: int) -> Iterator[Sequence[int]]:
        """Drawn by the controller."""
        generator = np.random.default_rng([seed, FINAL])
        while True:
            yield from cast(Learner, chooser).controller.sample(AT_ONCE, generator).tolist()

    def train(self, whole: nn.Module, checkpoint: Path | None) -> None:
        """Epochs of paths, each followed by updates of the controller; killed, it resumes."""
        supernet, recipe, seed = as_choosing(whole).supernet, self.recipe, self.training.work.seed
        learner = cast(Learner, as_choosing(whole).chooser)

        def paths(epoch: int) -> list[TrainedPath]:
            generator = np.random.default_rng([seed, epoch, PATHS])
            if epoch < recipe.warmup_epochs:
                return sampled_paths(self.space, supernet, recipe.paths, recipe.sampling, generator)
            return [tuple(row) for row in self._drawn(learner, recipe.paths, generator).tolist()]

        def update(done: int, means: dict[str, float]) -> None:
            if done <= recipe.warmup_epochs:
                return
            generator = np.random.default_rng([seed, done, REWARDS])
            for _ in range(recipe.updates):
                rows = self._drawn(learner, SAMPLES, generator)
                values = [self.accuracy(supernet, row) for row in rows.tolist()]
                learner.learn(rows, torch.tensor(values, dtype=torch.float32))

        loop = TrainingLoop(
            whole,
            recipe.optimisation,
            paths,
            functools.partial(path_loss, supernet, self.task),
            seed,
            checkpoint,
            unit="paths",
            shown=False,
            optimisers=make_optimisers(supernet, recipe.optimisation),
        )
        resume_with_bar(loop, update)

    @staticmethod
    def _drawn(learner: Learner, count: int, generator: np.random.Generator) -> Tensor:
        return learner.controller.sample(count, generator)
