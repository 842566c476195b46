"""How the network of an architecture is trained."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Self

import torch

from experiment.config import load_preset, part_of, resolve
from experiment.errors import InputError
from experiment.optimisation import Optimisation
from experiment.precision import Precision, resolved


@dataclass(frozen=True)
class Recipe:
    """A flat record of :class:`Optimisation`, and the precision.

    What one task alone needs is in a subclass, such as
    :class:`estimators.tasks.images.ImageRecipe`: one flat record is read from a preset, and is
    kept with the measurements.

    Attributes:
        precision: what products are computed in; ``auto`` is bfloat16 where the device multiplies
            it faster than float32.

    The other fields are explained there.
    """

    epochs: int
    batch_size: int
    learning_rate: float
    optimiser: Literal["adam", "adamw", "muon", "sgd", "heavy_ball", "rmsprop"]
    schedule: Literal[
        "one_cycle",
        "cosine",
        "cosine_by_epoch",
        "cosine_restarts",
        "stable_decay",
        "plateau",
        "constant",
    ]
    weight_decay: float
    momentum: float = 0.9
    warmup: float = 0.3
    final_rate: float = 0.0
    first_cycle: int = 10
    squares_decay: float = 0.9
    epsilon: float = 1e-8
    gradient_clip: float | None = None
    precision: Precision = "auto"

    def __post_init__(self) -> None:
        _ = self.optimisation  # refuses what it refuses

    @classmethod
    def load(cls, config: str, *sections: str, overrides: dict[str, Any] | None = None) -> Self:
        """The recipe of a preset's section ``[recipe.<sections>]``, with the user's values on top.

        Args:
            config: name or path of the preset.
            sections: from the general to the particular: kind of space, data set.
            overrides: values by setting; ``None`` means "not given".

        Raises:
            InputError: an unknown preset or setting, or a value that makes no sense.
        """
        return resolve(cls, load_preset(config, "recipe", *sections), overrides)

    @property
    def stops_after(self) -> int | None:
        """Epochs without a better validation after which a training ends; ``None``: it does not.

        A training that may end early is measured with the weights of its best epoch.
        """
        return None

    @property
    def optimisation(self) -> Optimisation:
        """How weights are fitted."""
        return part_of(self, Optimisation)

    def on(self, device: torch.device) -> Self:
        """The same recipe, with what ``auto`` means on ``device`` in its place."""
        return dataclasses.replace(self, precision=resolved(self.precision, device))


@dataclass(frozen=True)
class EarlyStoppedRecipe(Recipe):
    """A :class:`Recipe` of a training in float32 that ends early; the best weights are kept.

    Attributes:
        patience: epochs without a better validation after which the training ends; as many as
            there are epochs: it does not.
        precision: ``float32`` alone.
    """

    patience: int = 20
    precision: Precision = "float32"

    computed: ClassVar[str] = "networks are trained"
    """What is done in float32, for the message that refuses another precision."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.patience < 1:
            raise InputError(f"the patience is {self.patience} epochs, expected at least 1")
        if self.precision == "bfloat16":
            raise InputError(f"{self.computed} in float32: leave out the precision")

    @property
    def stops_after(self) -> int | None:
        """Epochs without a better validation after which a training ends."""
        return self.patience

    def on(self, device: torch.device) -> Self:
        """The same recipe: ``auto`` means float32 on every device."""
        return dataclasses.replace(self, precision="float32")
