"""How a controller learns from rewards: REINFORCE (Williams 1992) with a baseline."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from experiment.checks import whole_number
from searchers.controllers.controller import Controller

Credit = Callable[[Tensor, Tensor, int], Tensor]
"""Rewards of all architectures that were drawn so far, entropies of their draws, and how many of
them, the last ones, are learnt from → the factor of each of these. **Shape** (n,), (n,) → (B,)."""


@dataclass(frozen=True)
class MovingBaseline:
    """``reward − b``, where ``b ← decay · b + (1 − decay) · reward`` before, as published.

    The entropy of the draws, times ``entropy``, is a part of the reward.

    Attributes:
        decay: of the baseline. With 0.999 it is a twentieth of the mean reward after 50 rewards.
        start: first value of it; ``None``: the first reward.
        restart: rewards after which it starts anew; ``None``: never.
        entropy: weight of the entropies.
    """

    decay: float
    start: float | None = None
    restart: int | None = None
    entropy: float = 1e-4

    def __call__(self, rewards: Tensor, entropies: Tensor, learnt: int) -> Tensor:
        """The factors."""
        given = (rewards + self.entropy * entropies).tolist()
        baseline, factors = self.start, []
        for number, reward in enumerate(given):
            if self.restart is not None and number % self.restart == 0:
                baseline = self.start
            before = reward if baseline is None else baseline
            baseline = self.decay * before + (1 - self.decay) * reward
            factors.append(reward - baseline)
        return rewards.new_tensor(factors[len(factors) - learnt :])


@dataclass(frozen=True)
class StandardisedAdvantage:
    """``(reward − b) / s``: what a reward is better than usual, in standard deviations.

    ``b`` is the exponential mean of the rewards *before* those that are learnt from: a baseline
    that does not depend on what it judges leaves the expected gradient as it is. Before the first
    update it is the mean of the rewards at hand. ``s`` is the standard deviation of all rewards, so
    that they may be on any scale.

    Attributes:
        decay: of the mean. A higher one follows a controller that gets better more slowly.
    """

    decay: float = 0.95

    def __call__(self, rewards: Tensor, entropies: Tensor, learnt: int) -> Tensor:
        """The factors; 0 as long as all rewards are equal."""
        factors, before = rewards[-learnt:], rewards[:-learnt].tolist()
        std = rewards.std(correction=0)
        if not std > 0:
            return torch.zeros_like(factors)
        baseline = before[0] if before else factors.mean().item()
        for reward in before:
            baseline = self.decay * baseline + (1 - self.decay) * reward
        return (factors - baseline) / std


@dataclass(frozen=True)
class ControllerSettings:
    """Settings of a controller and of its training; the defaults are ours, for ``rl``.

    Attributes:
        hidden: units of the LSTM.
        temperature: by which logits are divided.
        tanh: bound of the logits, see :class:`~searchers.controllers.controller.Controller`.
        trains_start: whether the start vector is learnt.
        samples: architectures that are drawn, and measured, between two updates.
        learning_rate: of Adam.
        clip: largest norm of a gradient.
        credit: by what factor a draw becomes more probable.
    """

    hidden: int = 64
    temperature: float = 1.0
    tanh: float = 1.5
    trains_start: bool = True
    samples: int = 10
    learning_rate: float = 3e-2
    clip: float = 5.0
    credit: Credit = StandardisedAdvantage()

    def __post_init__(self) -> None:
        whole_number(self.samples, "samples", least=1)


RL = ControllerSettings()
"""Ours. Learning rates were chosen among 1e-3, 3e-3, 1e-2 and 3e-2 on two formulas of the
architecture, a sum over MPNN's decisions and :class:`searchers.testing.Formula`: in 100
measurements a controller makes ten updates, which have to count."""
PUBLISHED_RL = ControllerSettings(
    trains_start=False,
    samples=20,
    learning_rate=3.5e-4,
    credit=MovingBaseline(decay=0.999, start=0.0),
)
"""AutoGL-light's ``RL``. Its five updates are so small, and its baseline so near zero, that it is
hardly distinguished from random search."""
GRAPHNAS_RL = ControllerSettings(
    hidden=100, temperature=5.0, tanh=2.5, samples=1, learning_rate=1e-2
)
"""Ours, with the controller and the updates of GraphNAS."""
PUBLISHED_GRAPHNAS_RL = ControllerSettings(
    hidden=100,
    temperature=5.0,
    tanh=2.5,
    trains_start=False,
    samples=1,
    learning_rate=3.5e-4,
    credit=MovingBaseline(decay=0.95, restart=100),
)
"""AutoGL-light's ``GraphNasRL``. An epoch has 100 samples; then the baseline starts anew."""


class Update(NamedTuple):
    """What one update did.

    Attributes:
        loss: before it.
        rewards: that were learnt from. **Shape** (B,).
        factors: of the log-probabilities. **Shape** (B,).
    """

    loss: float
    rewards: Tensor
    factors: Tensor


class Learner(nn.Module):
    """A controller, its optimiser, and the rewards that it received; its state dict holds them all.

    The loss is the mean of ``−log p(row) · factor``, the factor being that of the credit.

    Args:
        sizes: number of options of each decision.
        settings: of controller and training.
        seed: of the first weights; PyTorch's own generator stays as it is.

    Attributes:
        controller: that is trained.
        updates: one for each call of :meth:`learn`.
    """

    def __init__(self, sizes: Sequence[int], settings: ControllerSettings, seed: int) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.controller = Controller(
                *(sizes, settings.hidden, settings.temperature, settings.tanh),
                trains_start=settings.trains_start,
            )
        self.settings = settings
        self.updates: list[Update] = []
        trained = [each for each in self.controller.parameters() if each.requires_grad]
        self._optimiser = torch.optim.Adam(trained, lr=settings.learning_rate)
        self._rewards = torch.zeros(0)
        self._entropies = torch.zeros(0)

    def learn(self, rows: Tensor, rewards: Tensor) -> None:
        """One step of the optimiser.

        Args:
            rows: that were drawn by the present weights. **Shape** (B, D).
            rewards: of each. **Shape** (B,).
        """
        choices = self.controller(rows)
        self._rewards = torch.cat([self._rewards, rewards])
        self._entropies = torch.cat([self._entropies, choices.entropies.detach().sum(1)])
        factors = self.settings.credit(self._rewards, self._entropies, len(rows))
        loss = -(choices.log_probabilities.sum(1) * factors).mean()
        self._optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.controller.parameters(), self.settings.clip)
        self._optimiser.step()
        self.updates.append(Update(loss.item(), rewards, factors))

    def get_extra_state(self) -> dict[str, Any]:
        """What the state dict has beside the weights."""
        return {
            "optimiser": self._optimiser.state_dict(),
            "rewards": self._rewards,
            "entropies": self._entropies,
        }

    def set_extra_state(self, state: Any) -> None:
        """Continue from there."""
        self._optimiser.load_state_dict(state["optimiser"])
        self._rewards, self._entropies = state["rewards"], state["entropies"]
