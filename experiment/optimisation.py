"""Optimisers and learning-rate schedules by name."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch.nn import Parameter
from torch.optim import Optimizer
from torch.optim.lr_scheduler import OneCycleLR, ReduceLROnPlateau

from experiment.errors import InputError


@dataclass(frozen=True)
class Optimisation:
    """How weights are fitted.

    Attributes:
        epochs: passes over the training data.
        batch_size: examples a step.
        learning_rate: the constant rate, or the highest of a one-cycle schedule.
        optimiser: ``adam`` or ``adamw``.
        schedule: ``one_cycle`` (Smith & Topin 2017, arXiv:1708.07120; steps every batch),
            ``plateau`` (a tenth after 10 epochs without a better training loss, as the published
            code) or ``constant``.
        warmup: share of a one-cycle schedule in which the rate rises.
        weight_decay: of AdamW.
        gradient_clip: largest norm of the gradient; ``None`` does not clip.
    """

    epochs: int
    batch_size: int
    learning_rate: float
    optimiser: Literal["adam", "adamw"] = "adamw"
    schedule: Literal["one_cycle", "plateau", "constant"] = "one_cycle"
    warmup: float = 0.3
    weight_decay: float = 0.01
    gradient_clip: float | None = 5.0

    def __post_init__(self) -> None:
        if not 0 < self.warmup < 1:
            raise InputError(f"the warm-up is {self.warmup}, expected a share between 0 and 1")
        if self.epochs < 1 or self.batch_size < 1 or not self.learning_rate > 0:
            raise InputError(
                f"epochs {self.epochs}, batch size {self.batch_size} and learning rate "
                f"{self.learning_rate} must all be positive"
            )


def make_optimiser(parameters: Iterable[Parameter], settings: Optimisation) -> Optimizer:
    """The optimiser that the settings name."""
    if settings.optimiser == "adam":
        return torch.optim.Adam(parameters, lr=settings.learning_rate, fused=True)
    return torch.optim.AdamW(
        parameters, lr=settings.learning_rate, weight_decay=settings.weight_decay, fused=True
    )


class Schedule:
    """The learning rate over a run, whatever the rule; has a state for checkpoints.

    Args:
        optimiser: whose rate is set.
        settings: name of the rule and what it needs.
        batches: steps of one epoch.
    """

    def __init__(self, optimiser: Optimizer, settings: Optimisation, batches: int) -> None:
        self._by_batch = self._by_epoch = None
        if settings.schedule == "one_cycle":
            self._by_batch = OneCycleLR(
                optimiser,
                settings.learning_rate,
                total_steps=settings.epochs * batches + 1,
                pct_start=settings.warmup,
            )
        elif settings.schedule == "plateau":
            self._by_epoch = ReduceLROnPlateau(optimiser, factor=0.1, patience=10)

    def after_batch(self) -> None:
        """Tell that a batch was trained on."""
        if self._by_batch:
            self._by_batch.step()

    def after_epoch(self, loss: float) -> None:
        """Tell that an epoch ended with this mean training loss."""
        if self._by_epoch:
            self._by_epoch.step(loss)

    def state_dict(self) -> dict[str, Any]:
        """Plain numbers from which :meth:`load_state_dict` goes on."""
        rule = self._by_batch or self._by_epoch
        state = rule.state_dict() if rule else {}
        return {key: value for key, value in state.items() if isinstance(value, int | float | list)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where :meth:`state_dict` was taken."""
        rule = self._by_batch or self._by_epoch
        if rule:
            rule.load_state_dict(state)
