"""Training an embedding and heads on it together, on labelled architectures."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from datasets.batch import GraphBatch, as_batch
from experiment.checks import equally_many, numbers
from experiment.config import load_preset, part_of, resolve
from experiment.errors import InputError
from experiment.loop import TrainingLoop
from experiment.optimisation import Optimisation
from models import Embedding, Objective, WithHeads
from models.heads import ranking_loss, shared_weights
from predictors.regressor import NormalScores, Scale, Standardised

ERRORS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "mse": nn.functional.mse_loss,
    "ranking": ranking_loss,
}
"""What is wrong with predictions, by the name of the loss."""


class AsMeasured:
    """Targets that are the values themselves, as published; a :class:`Scale`."""

    def __init__(self, values: np.ndarray) -> None: ...

    def __call__(self, values: np.ndarray) -> np.ndarray:
        """The values."""
        return values

    def back(self, targets: np.ndarray) -> np.ndarray:
        """The targets."""
        return targets


TARGET_SCALES: dict[str, type[Scale]] = {
    "ranks": NormalScores,
    "values": Standardised,
    "raw": AsMeasured,
}
"""Name of the targets of a head → their scale."""


@dataclass(frozen=True)
class FineTuning:
    """A flat record of :class:`Objective` and :class:`Optimisation`, and of the head's targets.

    Attributes:
        vae_share: weight of the embedding's loss, the heads' errors have the rest; 0 leaves the
            decoder as it is, which then no longer belongs to the encoder.
        loss: squared error, or the order within each pair of a batch.
        targets: normal scores of the values' ranks, the values with mean 0 and std 1, or
            the values as they are.
    """

    epochs: int
    batch_size: int
    learning_rate: float
    optimiser: Literal["adam", "adamw", "muon"]
    schedule: Literal["one_cycle", "cosine", "plateau", "constant"]
    vae_share: float
    loss: Literal["mse", "ranking"]
    targets: Literal["ranks", "values", "raw"]
    beta: float
    alpha: float
    edge_reduction: Literal["mean", "sum"]
    kl_reduction: Literal["mean", "sum"]
    noise_scale: float
    warmup: float = 0.3
    weight_decay: float = 0.0
    gradient_clip: float | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.vae_share < 1:
            raise InputError(
                f"vae_share is {self.vae_share}, expected a share from 0 to less than 1"
            )

    @classmethod
    def preset(
        cls,
        config: str | Path = "default",
        space: str = "",
        overrides: Mapping[str, Any] | None = None,
    ) -> FineTuning:
        """Settings of a preset for a space, with what was given on top.

        Raises:
            InputError: an unknown preset or setting, or a value of the wrong kind.
        """
        return resolve(cls, load_preset(config, "fine_tuning", space), overrides)

    @property
    def objective(self) -> Objective:
        """The VAE's part of the loss."""
        return part_of(self, Objective)

    @property
    def optimisation(self) -> Optimisation:
        """How weights are fitted."""
        return part_of(self, Optimisation)


@dataclass(frozen=True, slots=True)
class Labelled:
    """Graphs with their targets, which a training loop takes portions of.

    Attributes:
        graphs: the architectures.
        targets: what the heads are to predict of each, a column for each head; NaN where it is
            unknown. **Shape** (B, K), float32.
    """

    graphs: GraphBatch
    targets: Tensor

    def __len__(self) -> int:
        return len(self.graphs)

    def __getitem__(self, index: Tensor | slice) -> Labelled:
        return Labelled(self.graphs[index], self.targets[index])

    def to(self, device: torch.device) -> Labelled:
        """The same on a device."""
        return Labelled(self.graphs.to(device), self.targets.to(device))


class FineTuningRun:
    """One training of an embedding and fresh heads; the embedding given stays as it is.

    Args:
        vae: a trained embedding; where it is, is where the training runs.
        graphs: the labelled architectures.
        targets: by the name of their head, on the scale of the settings; NaN where a value is
            unknown. **Shape** (B,) each.
        settings: everything that decides the numbers.
        seed: of the heads' weights, of order and noise.
        checkpoint: where the state is kept, so that a run that was killed resumes.
        shown: whether a terminal shows the progress.
        weights: of the heads' errors, by name; default 1 each.

    Raises:
        ArchitectureError: something is no architecture.
        InputError: a head has not one target for each, fewer than two that are known, or a weight
            is that of no head.
        ModelError: there is no head.
    """

    def __init__(
        self,
        vae: Embedding,
        graphs: GraphBatch,
        targets: Mapping[str, np.ndarray],
        settings: FineTuning,
        seed: int,
        checkpoint: Path | None = None,
        shown: bool = True,
        weights: Mapping[str, float] | None = None,
    ) -> None:
        device = vae.device
        graphs = as_batch(graphs)
        columns = [_checked(name, values, graphs) for name, values in targets.items()]
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.model = WithHeads.fresh(copy.deepcopy(vae), targets).to(device)
        self.labelled = Labelled(graphs, torch.from_numpy(np.stack(columns, 1)).float()).to(device)
        self.settings = settings
        self.weights = shared_weights(settings.vae_share, targets)
        for name, weight in (weights or {}).items():
            if name not in targets:
                raise InputError(
                    f"a weight is that of {name}, expected names of heads: {', '.join(targets)}"
                )
            self.weights[name] *= weight

        def shuffled(epoch: int) -> Labelled:
            order = np.random.default_rng([seed, epoch]).permutation(len(self.labelled))
            return self.labelled[torch.from_numpy(order).to(device)]

        self.loop = TrainingLoop(
            self.model,
            settings.optimisation,
            shuffled,
            self._loss,
            seed,
            checkpoint,
            shown=shown,
        )

    def train(
        self, after_epoch: Callable[[int, dict[str, float]], None] = lambda epoch, means: None
    ) -> WithHeads:
        """Train to the end, and give :meth:`head`.

        Raises:
            DivergedError: the loss is no longer finite.
        """
        self.loop.run(after_epoch)
        return self.head()

    def head(self) -> WithHeads:
        """The model as trained so far, in evaluation mode, its predictions on the targets' scale.

        A ranking loss does not determine mean and standard deviation of the predictions. The last
        layer is then scaled to those of the targets.
        """
        model = copy.deepcopy(self.model).eval()
        if self.settings.loss == "ranking":
            model.match_moments(self.labelled.graphs, self.labelled.targets)
        return model

    def _loss(self, batch: Labelled, generator: torch.Generator) -> Mapping[str, Tensor]:
        found = self.model.loss(
            batch.graphs,
            batch.targets,
            self.settings.objective,
            generator,
            error=ERRORS[self.settings.loss],
            weights=self.weights,
        )
        parts = {"loss": found.total, "error": torch.stack(list(found.errors.values())).sum()}
        if len(found.errors) > 1:
            parts |= {f"error_{name}": error for name, error in found.errors.items()}
        if found.embedding is not None:
            parts |= {
                "reconstruction": found.embedding.reconstruction,
                "divergence": found.embedding.divergence,
            }
        return parts


def _checked(name: str, values: np.ndarray, graphs: GraphBatch) -> np.ndarray:
    """The targets of one head, two of them known at least. **Shape** (B,), float64."""
    targets = numbers(values, f"targets of {name}")
    equally_many(architectures=graphs, targets=targets)
    if (known := int((~np.isnan(targets)).sum())) < 2:
        raise InputError(f"{known} targets of {name} are known, a head needs 2 at least")
    return targets
