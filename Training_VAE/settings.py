"""Every setting that decides the numbers of a VAE training, in one place."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, Literal

import torch

from datasets.space import SearchSpace
from experiment.config import load_preset, part_of, resolve
from experiment.errors import InputError
from experiment.optimisation import Optimisation
from experiment.precision import DTYPES, Precision, resolved
from models import MODELS, Objective, Sizes
from models.arch2vec import Arch2vec


@dataclass(frozen=True)
class TrainingSettings:
    """A flat record of :class:`Sizes`, :class:`Objective` and :class:`Optimisation`, and more.

    Attributes:
        precision: what products are computed in; ``auto`` is bfloat16 where the processor has
            instructions for it, else float32.
        epochs_a_pass: epochs that a pass over the training graphs is divided into, so that the
            curve of a large space has points.
        cells_up_to: leave out architectures with more nodes.
        limit: train on this many of the training graphs only.
        fresh_graphs: draw new members of the space for every epoch, none of them held out,
            instead of repeating the training graphs.
    """

    node_width: int
    graph_width: int
    rounds: int
    beta: float
    alpha: float
    edge_reduction: Literal["mean", "sum"]
    kl_reduction: Literal["mean", "sum", "places"]
    noise_scale: float
    epochs: int
    batch_size: int
    learning_rate: float
    optimiser: Literal["adam", "adamw", "muon"]
    schedule: Literal["one_cycle", "stable_decay", "plateau", "constant"]
    precision: Precision
    rest_rate: float = 0.25
    warmup: float = 0.3
    weight_decay: float = 0.0
    gradient_clip: float | None = None
    epochs_a_pass: int = 1
    cells_up_to: int | None = None
    limit: int | None = None
    fresh_graphs: bool = False

    def __post_init__(self) -> None:
        if self.fresh_graphs and self.cells_up_to is not None:
            raise InputError(
                "fresh_graphs draws from the whole space, of which cells_up_to "
                f"({self.cells_up_to}) leaves a part out: give only one of them"
            )

    @property
    def objective(self) -> Objective:
        """The loss."""
        return part_of(self, Objective)

    @property
    def optimisation(self) -> Optimisation:
        """How weights are fitted."""
        return part_of(self, Optimisation)

    def sizes(self, space: SearchSpace, model: str = "SVGE") -> Sizes:
        """Sizes of a model, by its name, for a space."""
        return part_of(
            self, MODELS[model].sizes_type, num_types=len(space.types), max_nodes=space.max_nodes
        )

    def pass_order(self, number: int) -> int:
        """Which order the graphs have in a pass, counted from 0: each has its own."""
        return number

    def trains_in_train_mode(self, epoch: int) -> bool:
        """Whether an epoch, counted from 0, draws noise and estimates batch statistics."""
        return True

    def objective_at(self, share_done: float) -> Objective:
        """The loss after a share of all steps."""
        return self.objective

    def compute_dtype(self, device: torch.device) -> torch.dtype:
        """The type products are computed in on ``device``."""
        return DTYPES[resolved(self.precision, device)]

    def resolved(self, device: torch.device) -> TrainingSettings:
        """The same settings, with what ``auto`` means on ``device`` in its place."""
        return dataclasses.replace(self, precision=resolved(self.precision, device))


@dataclass(frozen=True)
class Arch2vecSettings(TrainingSettings):
    """Settings of an arch2vec training.

    Attributes:
        model: which of the models, see :mod:`models.arch2vec`.
        mlp_layers: linear layers of each layer's MLP.
        dropout: share of the latent that is dropped in training, before it is decoded.
        train_mode_epochs: epochs after which the model stays in evaluation mode: means in place of
            samples, no dropout, batch statistics as they are then. 1 is what the released code of
            arch2vec does, by accident. ``None``: never.
        kl_warmup: share of the training in which the weight of the divergence rises from 0 to beta.
            Without it a training can end where all architectures share one latent.
        same_batches: whether every epoch has the batches of the first, as in the released code.
    """

    model: Literal["arch2vec", "arch2vec_masked", "arch2vec_directed"] = "arch2vec_masked"
    mlp_layers: int = 2
    dropout: float = 0.3
    train_mode_epochs: int | None = None
    kl_warmup: float = 0.0
    same_batches: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("dropout", "kl_warmup"):
            if not 0 <= getattr(self, name) <= 1:
                raise InputError(
                    f"the setting {name} is {getattr(self, name)}, expected a share from 0 to 1"
                )

    def objective_at(self, share_done: float) -> Objective:
        """The loss after a share of all steps."""
        if share_done >= self.kl_warmup:
            return self.objective
        risen = share_done / self.kl_warmup
        return dataclasses.replace(self.objective, beta=self.beta * risen)

    def pass_order(self, number: int) -> int:
        """Which order the graphs have in a pass, counted from 0."""
        return 0 if self.same_batches else number

    def trains_in_train_mode(self, epoch: int) -> bool:
        """Whether an epoch, counted from 0, draws noise and estimates batch statistics."""
        return self.train_mode_epochs is None or epoch < self.train_mode_epochs


SECTIONS: dict[str, type[TrainingSettings]] = {
    "training": TrainingSettings,
    "arch2vec": Arch2vecSettings,
}
"""Tables of a preset, and what they hold."""


def section_of(model: str) -> str:
    """The table of a preset that a model is trained by."""
    return "arch2vec" if issubclass(MODELS[model], Arch2vec) else "training"


def load_settings(
    config: str, space: str, overrides: dict[str, Any], section: str = "training"
) -> TrainingSettings:
    """Settings of a preset for a space, with what the user gave on top.

    Args:
        config: the preset.
        space: name of the search space.
        overrides: what the user gave; ``None`` is nothing.
        section: the table of the preset, one of :data:`SECTIONS`.

    Raises:
        InputError: an unknown preset or setting, a value of the wrong kind, or settings that
            exclude each other.
    """
    return resolve(SECTIONS[section], load_preset(config, section, space), overrides)
