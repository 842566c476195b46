"""How the network of an architecture is trained."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import torch

from estimators.augmentation import Augmentation
from experiment.config import load_preset, resolve
from experiment.errors import InputError
from experiment.optimisation import Optimisation
from experiment.precision import Precision, resolved

Part = TypeVar("Part")


@dataclass(frozen=True)
class Recipe:
    """A flat record of :class:`Optimisation` and :class:`Augmentation`, and more.

    Attributes:
        precision: what products are computed in; ``auto`` is bfloat16 where the device multiplies
            it faster than float32.
        channels_last: whether images lie in memory with the channels innermost.
        auxiliary_weight: of the auxiliary head's loss, where the network has one.

    The other fields are explained there.
    """

    epochs: int
    batch_size: int
    learning_rate: float
    optimiser: Literal["adam", "adamw", "muon", "sgd", "rmsprop"]
    schedule: Literal["one_cycle", "cosine", "cosine_restarts", "plateau", "constant"]
    weight_decay: float
    momentum: float = 0.9
    warmup: float = 0.3
    final_rate: float = 0.0
    first_cycle: int = 10
    squares_decay: float = 0.9
    epsilon: float = 1e-8
    gradient_clip: float | None = None
    padding: int = 0
    flip: bool = False
    cutout_length: int = 0
    cutout_probability: float = 1.0
    precision: Precision = "auto"
    channels_last: bool = True
    auxiliary_weight: float = 0.4

    def __post_init__(self) -> None:
        if self.auxiliary_weight < 0:
            raise InputError(
                f"the auxiliary head's weight is {self.auxiliary_weight}, expected 0 or more"
            )
        _ = self.optimisation, self.augmentation  # refuse what these refuse

    @property
    def optimisation(self) -> Optimisation:
        """How weights are fitted."""
        return self._part(Optimisation)

    @property
    def augmentation(self) -> Augmentation:
        """What is done to training images."""
        return self._part(Augmentation)

    @property
    def memory_format(self) -> torch.memory_format:
        """How images lie in memory."""
        return torch.channels_last if self.channels_last else torch.contiguous_format

    def on(self, device: torch.device) -> Recipe:
        """The same recipe, with what ``auto`` means on ``device`` in its place."""
        return dataclasses.replace(self, precision=resolved(self.precision, device))

    def _part(self, cls: type[Part]) -> Part:
        own = {field.name for field in dataclasses.fields(self)}
        names = own & {field.name for field in dataclasses.fields(cls)}  # type: ignore[arg-type]
        return cls(**{name: getattr(self, name) for name in names})


def load_recipe(config: str, *sections: str, overrides: dict[str, Any] | None = None) -> Recipe:
    """The recipe of a preset's section ``[recipe.<sections>]``, with what the user gave on top.

    Args:
        config: name or path of the preset.
        sections: from the general to the particular: kind of space, data set.
        overrides: values by setting; ``None`` means "not given".

    Raises:
        InputError: an unknown preset or setting, or a value that makes no sense.
    """
    return resolve(Recipe, load_preset(config, "recipe", *sections), overrides)
