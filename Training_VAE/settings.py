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
from models import Objective, Sizes


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
    kl_reduction: Literal["mean", "sum"]
    noise_scale: float
    epochs: int
    batch_size: int
    learning_rate: float
    optimiser: Literal["adam", "adamw", "muon"]
    schedule: Literal["one_cycle", "plateau", "constant"]
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

    def sizes(self, space: SearchSpace) -> Sizes:
        """Sizes of the model for a space."""
        return part_of(self, Sizes, num_types=len(space.types), max_nodes=space.max_nodes)

    def compute_dtype(self, device: torch.device) -> torch.dtype:
        """The type products are computed in on ``device``."""
        return DTYPES[resolved(self.precision, device)]

    def resolved(self, device: torch.device) -> TrainingSettings:
        """The same settings, with what ``auto`` means on ``device`` in its place."""
        return dataclasses.replace(self, precision=resolved(self.precision, device))


def load_settings(config: str, space: str, overrides: dict[str, Any]) -> TrainingSettings:
    """Settings of a preset for a space, with what the user gave on top.

    Raises:
        InputError: an unknown preset or setting, a value of the wrong kind, or settings that
            exclude each other.
    """
    return resolve(TrainingSettings, load_preset(config, "training", space), overrides)
