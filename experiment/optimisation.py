"""Optimisers and learning-rate schedules by name."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import (
    CosineAnnealingLR,
    CosineAnnealingWarmRestarts,
    LambdaLR,
    LRScheduler,
    OneCycleLR,
    ReduceLROnPlateau,
)

from experiment.errors import InputError
from experiment.muon import Muon


@dataclass(frozen=True)
class Optimisation:
    """How weights are fitted.

    Attributes:
        epochs: passes over the training data.
        batch_size: examples a step.
        learning_rate: the constant rate, or the highest of a schedule.
        optimiser: ``adam``, ``adamw``, ``muon`` for the matrices with AdamW for the rest, ``sgd``
            with Nesterov's momentum, ``heavy_ball`` (SGD with Polyak's), or ``rmsprop`` with
            momentum.
        rest_rate: rate of what Muon does not fit, as a share of ``learning_rate``.
        schedule: ``one_cycle`` (Smith & Topin 2017, arXiv:1708.07120), ``cosine`` (half a wave
            down to ``final_rate``), ``cosine_restarts`` (such waves one after the other, each
            twice as long: Loshchilov & Hutter 2017, arXiv:1608.03983), all of which step every
            batch, as does ``stable_decay`` (constant for the first half, then linearly down to 0:
            Hu et al. 2024, arXiv:2404.06395); ``cosine_by_epoch`` (half a wave, a step an epoch,
            so that the last one has more than ``final_rate``); ``plateau`` (a tenth after 10 epochs
            without a better training loss, as the published code) or ``constant``.
        warmup: share of a one-cycle schedule in which the rate rises.
        final_rate: where a cosine ends.
        first_cycle: epochs of the first of the ``cosine_restarts``.
        momentum: of ``sgd``, ``heavy_ball`` and ``rmsprop``.
        squares_decay: of the mean of squared gradients, of ``rmsprop``.
        epsilon: added to its root, of ``rmsprop``.
        weight_decay: decoupled in ``adamw`` and ``muon``, an L2 term of the loss in the others.
        gradient_clip: largest norm of the gradient; ``None`` does not clip.
    """

    epochs: int
    batch_size: int
    learning_rate: float
    optimiser: Literal["adam", "adamw", "muon", "sgd", "heavy_ball", "rmsprop"] = "adamw"
    rest_rate: float = 0.25
    schedule: Literal[
        "one_cycle",
        "cosine",
        "cosine_by_epoch",
        "cosine_restarts",
        "stable_decay",
        "plateau",
        "constant",
    ] = "one_cycle"
    warmup: float = 0.3
    final_rate: float = 0.0
    first_cycle: int = 10
    momentum: float = 0.9
    squares_decay: float = 0.9
    epsilon: float = 1e-8
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
        if not 0 <= self.final_rate <= self.learning_rate:
            raise InputError(
                f"the final learning rate is {self.final_rate}, expected 0 to the highest one, "
                f"{self.learning_rate}"
            )
        if self.first_cycle < 1:
            raise InputError(f"the first cycle has {self.first_cycle} epochs, expected 1 or more")
        if not (self.weight_decay >= 0 and self.epsilon >= 0):
            raise InputError(
                f"the weight decay is {self.weight_decay} and epsilon {self.epsilon}, "
                "expected 0 or more"
            )
        if not (0 <= self.momentum < 1 and 0 <= self.squares_decay <= 1):
            raise InputError(
                f"the momentum is {self.momentum} and the decay of the squares "
                f"{self.squares_decay}, expected shares between 0 and 1"
            )
        if self.gradient_clip is not None and not self.gradient_clip > 0:
            raise InputError(f"the gradient clip is {self.gradient_clip}, expected a norm above 0")


class Optimisers:
    """Optimisers that each fit their share of a model's parameters, used as one.

    Args:
        parts: the optimisers.
        model: the module whose parameters they fit.
    """

    def __init__(self, parts: Sequence[Optimizer], model: nn.Module) -> None:
        self.parts = list(parts)
        self.model = model

    @property
    def learning_rate(self) -> float:
        """The first one's present rate."""
        return float(self.parts[0].param_groups[0]["lr"])

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for part in self.parts:
            part.zero_grad(set_to_none=True)

    def clip(self, norm: float) -> None:
        """Scale the gradient to this norm where its norm is larger."""
        nn.utils.clip_grad_norm_(self.model.parameters(), norm)

    def step(self) -> None:
        """Move every parameter by its gradient."""
        for part in self.parts:
            part.step()

    def state_dict(self) -> list[dict[str, Any]]:
        """State of every one, for :meth:`load_state_dict`."""
        return [part.state_dict() for part in self.parts]

    def load_state_dict(self, states: list[dict[str, Any]]) -> None:
        """Go on where :meth:`state_dict` was taken."""
        for part, state in zip(self.parts, states, strict=True):
            part.load_state_dict(state)


NARROW = 16
"""Matrices with no more rows or columns are left to AdamW: outputs, gates, heads' last layers."""


def hidden_matrices(model: nn.Module) -> list[nn.Parameter]:
    """The weights that multiply hidden states: matrices, but no embeddings and no narrow ones."""
    return [
        parameter
        for module in model.modules()
        if not isinstance(module, nn.Embedding)
        for parameter in module.parameters(recurse=False)
        if parameter.ndim == 2 and min(parameter.shape) > NARROW
    ]


def make_optimisers(model: nn.Module, settings: Optimisation) -> Optimisers:
    """The optimisers that the settings name, for all parameters of ``model``.

    Muon's steps are scaled to the size of AdamW's (:mod:`experiment.muon`), so that both take
    rates of the same order.
    """
    rate, decay = settings.learning_rate, settings.weight_decay
    if settings.optimiser == "adam":
        adam = torch.optim.Adam(model.parameters(), lr=rate, weight_decay=decay, fused=True)
        return Optimisers([adam], model)
    if settings.optimiser in ("sgd", "heavy_ball"):
        sgd = torch.optim.SGD(
            model.parameters(),
            rate,
            momentum=settings.momentum,
            nesterov=settings.optimiser == "sgd" and settings.momentum > 0,
            weight_decay=decay,
            fused=True,
        )
        return Optimisers([sgd], model)
    if settings.optimiser == "rmsprop":
        rmsprop = torch.optim.RMSprop(
            model.parameters(),
            rate,
            alpha=settings.squares_decay,
            eps=settings.epsilon,
            momentum=settings.momentum,
            weight_decay=decay,
        )
        return Optimisers([rmsprop], model)
    matrices = hidden_matrices(model) if settings.optimiser == "muon" else []
    fitted = {id(parameter) for parameter in matrices}
    rest = [parameter for parameter in model.parameters() if id(parameter) not in fitted]
    parts: list[Optimizer] = []
    if matrices:
        parts.append(Muon(matrices, rate, weight_decay=decay))
    if rest:
        share = settings.rest_rate if matrices else 1.0
        parts.append(torch.optim.AdamW(rest, lr=rate * share, weight_decay=decay, fused=True))
    return Optimisers(parts, model)


class Schedule:
    """The learning rates over a run, by any rule; has a state for checkpoints.

    Args:
        optimisers: whose rates are set; each keeps its share of the highest rate.
        settings: name of the rule and what it needs.
        batches: steps of one epoch.
    """

    def __init__(self, optimisers: Optimisers, settings: Optimisation, batches: int) -> None:
        self._by_batch: list[LRScheduler] = []
        self._by_epoch: list[ReduceLROnPlateau] = []
        if settings.schedule == "plateau":
            self._by_epoch = [
                ReduceLROnPlateau(part, factor=0.1, patience=10) for part in optimisers.parts
            ]
        elif settings.schedule != "constant":
            self._by_batch = [_rule(part, settings, batches) for part in optimisers.parts]

    def after_batch(self) -> None:
        """Tell that a batch was trained on."""
        for rule in self._by_batch:
            rule.step()

    def after_epoch(self, loss: float) -> None:
        """Tell that an epoch ended with this mean training loss."""
        for rule in self._by_epoch:
            rule.step(loss)

    def state_dict(self) -> list[dict[str, Any]]:
        """Plain numbers, for :meth:`load_state_dict`."""
        return [
            {
                key: value
                for key, value in rule.state_dict().items()
                if isinstance(value, int | float | list)
            }
            for rule in (*self._by_batch, *self._by_epoch)
        ]

    def load_state_dict(self, states: list[dict[str, Any]]) -> None:
        """Go on where :meth:`state_dict` was taken."""
        for rule, state in zip((*self._by_batch, *self._by_epoch), states, strict=True):
            rule.load_state_dict(state)


def _rule(optimiser: Optimizer, settings: Optimisation, batches: int) -> LRScheduler:
    """The rule that steps every batch; ``batches`` make an epoch."""
    rate = float(optimiser.param_groups[0]["lr"])
    lowest = settings.final_rate * rate / settings.learning_rate
    steps = settings.epochs * batches
    if settings.schedule == "cosine":
        return CosineAnnealingLR(optimiser, steps, lowest)
    if settings.schedule == "cosine_by_epoch":
        return LambdaLR(optimiser, lambda step: _cosine_by_epoch(settings, step // batches))
    if settings.schedule == "stable_decay":
        return LambdaLR(optimiser, lambda step: min(1.0, 2 * (steps - step) / steps))
    if settings.schedule == "cosine_restarts":
        return CosineAnnealingWarmRestarts(
            optimiser, settings.first_cycle * batches, T_mult=2, eta_min=lowest
        )
    # A warm-up of one step is no step: PyTorch would divide by its length less one.
    warmup = 0.0 if math.isclose(settings.warmup * (steps + 1), 1.0) else settings.warmup
    return OneCycleLR(
        optimiser,
        rate,
        total_steps=steps + 1,
        pct_start=warmup,
        cycle_momentum=settings.optimiser != "muon",  # Muon's stays at 0.95
    )


def _cosine_by_epoch(settings: Optimisation, epoch: int) -> float:
    """The rate of an epoch, counted from 0, as a share of the highest."""
    lowest = settings.final_rate / settings.learning_rate
    wave = (1 + math.cos(math.pi * epoch / settings.epochs)) / 2
    return lowest + (1 - lowest) * wave
