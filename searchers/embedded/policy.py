"""A policy that walks from architecture to architecture in the space of an embedding.

The state is the vector of an architecture, the action a vector ``a ~ N(m, I)`` whose mean ``m`` a
recurrent network gives. The unvisited architecture nearest to the action is measured and becomes
the next state. REINFORCE (Williams 1992) makes actions more probable by what was measured
afterwards.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from copy import copy
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from experiment.errors import InputError
from searchers.embedded.vectors import Scaling, standardised, unscaled

Carry = tuple[Tensor, Tensor]
"""Hidden and cell state of the LSTM. **Shape** (1, H) each."""
Credit = Callable[[Tensor, Tensor], Tensor]
"""Rewards of an episode, NaN where a measurement failed, and all rewards so far → the factor of
each action's log-probability. **Shape** (…, E), (…, n) → (…, E), of several runs at once or one."""


@dataclass(frozen=True)
class FixedBaseline:
    """``reward − baseline``, each action by its own reward, as published.

    Attributes:
        baseline: for accuracies on NB101 0.95, on NB201 0.4.
    """

    baseline: float = 0.95

    def __call__(self, rewards: Tensor, seen: Tensor) -> Tensor:
        """The factors; 0 for a failure."""
        return (rewards - self.baseline).nan_to_num(0.0)


@dataclass(frozen=True)
class DiscountedAdvantage:
    """``Σ_k discount^k · advantage_{t+k}`` over the rest of the episode.

    The advantage of a reward is its distance from the mean of all rewards so far, in their standard
    deviations: rewards may be on any scale. That of a failure is 0.

    Attributes:
        discount: weight of the next reward relative to this one. Towards 1, an action answers for
            all that follows, and the factors of an episode become noisier.
    """

    discount: float = 0.8

    def __call__(self, rewards: Tensor, seen: Tensor) -> Tensor:
        """The factors; 0 as long as all rewards are equal."""
        std = seen.std(-1, correction=0, keepdim=True)
        advantages = (rewards - seen.mean(-1, keepdim=True)) / std
        advantages = torch.where(std > 0, advantages, 0.0).nan_to_num(0.0)
        total, factors = torch.zeros_like(advantages[..., 0]), []
        for advantage in advantages.unbind(-1)[::-1]:
            total = advantage + self.discount * total
            factors.append(total)
        return torch.stack(factors[::-1], -1)


@dataclass(frozen=True)
class PolicySettings:
    """Settings of the policy and its training; the defaults are the mended ones.

    Attributes:
        hidden: units H of the LSTM.
        episode: queries after which the policy is updated.
        learning_rate: of Adam.
        credit: what an action is credited with.
        scaling: of the vectors. Actions have unit variance: among vectors of another width they
            all lead to the same few architectures, or all to near ones.
    """

    hidden: int = 128
    episode: int = 16
    learning_rate: float = 1e-2
    credit: Credit = DiscountedAdvantage()
    scaling: Scaling = standardised


PUBLISHED_POLICY = PolicySettings(credit=FixedBaseline(0.95), scaling=unscaled)
"""As published for NB101: the discount is overwritten, and the vectors are those of the model."""


class Policy(nn.Module):
    """``m = Linear(LSTM(state))``, under the names of the published code.

    Args:
        width: of the vectors, D.
        hidden: units H.
    """

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.lstm = nn.LSTMCell(width, hidden)
        self.fc = nn.Linear(hidden, width)

    @classmethod
    def seeded(cls, width: int, hidden: int, seed: int) -> Policy:
        """A policy with fresh weights; PyTorch's own generator stays as it is."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return cls(width, hidden)

    def forward(self, state: Tensor, carry: Carry | None) -> tuple[Tensor, Carry]:
        """The mean of the next action. **Shape** (D,) → (D,)."""
        carry = self.lstm(state[None], carry)
        return self.fc(carry[0])[0], carry


Act = Callable[[Tensor, Carry | None], tuple[Tensor, Carry]]
"""Vector of the state and the carry → mean of the next action, and the carry: a policy, or several.
**Shape** (…, D) → (…, D)."""


def log_probabilities(act: Act, states: Tensor, actions: Tensor) -> Tensor:
    """``log N(a; m, I)`` of each action of an episode. **Shape** (E, …, D) twice → (E, …)."""
    carry, means = None, []
    for state in states:
        mean, carry = act(state, carry)
        means.append(mean)
    distance = (actions - torch.stack(means)).square().sum(-1)
    return -(distance + actions.shape[-1] * math.log(2 * math.pi)) / 2


class Unvisited:
    """The vectors that were not visited, and the nearest of them to a point.

    One matrix–vector product a point: ``‖f − a‖² = ‖f‖² − 2 f·a + ‖a‖²``, whose first term is kept.

    Args:
        vectors: of the candidates. **Shape** (B, D).
    """

    def __init__(self, vectors: Tensor) -> None:
        self.vectors = vectors
        self._norms = vectors.square().sum(1)

    def copy(self) -> Unvisited:
        """The same, to be changed by itself."""
        other = copy(self)
        other._norms = self._norms.clone()
        return other

    def visit(self, row: int) -> None:
        """Take a candidate out."""
        self._norms[row] = torch.inf

    def nearest(self, point: Tensor) -> int:
        """Row of the nearest one, by the Euclidean distance. **Shape** (D,).

        Raises:
            InputError: none is left.
        """
        distance = torch.addmv(self._norms, self.vectors, point, alpha=-2)
        row = int(distance.argmin())
        if self._norms[row] == torch.inf:
            raise InputError(
                f"all {len(self.vectors)} architectures are visited, and the policy has none to go "
                "to: allow fewer queries, or give more candidates"
            )
        return row


class Step(NamedTuple):
    """An action in a state, and the architecture that it led to.

    Attributes:
        state: vector of the architecture before. **Shape** (D,).
        action: **shape** (D,).
        row: of the architecture nearest to the action.
        carry: of the LSTM afterwards.
    """

    state: Tensor
    action: Tensor
    row: int
    carry: Carry


class Walk:
    """Where a policy is.

    Args:
        vectors: of the candidates. **Shape** (B, D).
        episode: steps after which the LSTM starts anew; the place is kept.

    Attributes:
        place: row of the architecture whose vector is the state; ``None`` before the first.
        unvisited: the candidates that it may go to.
        steps: taken so far.
    """

    def __init__(self, vectors: Tensor, episode: int) -> None:
        self.unvisited = Unvisited(vectors)
        self.place: int | None = None
        self.steps = 0
        self._episode = episode
        self._carry: Carry | None = None

    def copy(self) -> Walk:
        """The same walk, to be continued by itself."""
        other = copy(self)
        other.unvisited = self.unvisited.copy()
        return other

    def visit(self, row: int) -> None:
        """Something else measured an architecture; the first is where the walk starts."""
        self.unvisited.visit(row)
        if self.place is None:
            self.place = row

    @torch.no_grad()
    def next_step(self, policy: Policy, noise: Tensor) -> Step:
        """What a policy would do, with ``noise`` = action − mean. **Shape** (D,).

        Raises:
            InputError: no architecture is unvisited.
        """
        assert self.place is not None
        state = self.unvisited.vectors[self.place]
        mean, carry = policy(state, self._carry)
        action = mean + noise
        return Step(state, action, self.unvisited.nearest(action), carry)

    def take(self, step: Step) -> None:
        """Go there."""
        self.unvisited.visit(step.row)
        self.place = step.row
        self.steps += 1
        self._carry = None if self.steps % self._episode == 0 else step.carry


class Update(NamedTuple):
    """What one episode gave.

    Attributes:
        loss: its mean over the actions.
        actions: **shape** (E, D).
        log_probabilities: of the actions, before the update. **Shape** (E,).
    """

    loss: float
    actions: Tensor
    log_probabilities: Tensor


class Trainer:
    """Updates a policy after each episode whose architectures are all measured.

    The loss is the mean over the actions of ``−log N(a; m, I) · credit``.

    Args:
        policy: that is trained.
        settings: of the training.

    Attributes:
        updates: one for each episode.
    """

    def __init__(self, policy: Policy, settings: PolicySettings) -> None:
        self.policy = policy
        self.updates: list[Update] = []
        self._settings = settings
        self._optimiser = torch.optim.Adam(policy.parameters(), lr=settings.learning_rate)
        self._episodes: list[dict[int, Step]] = []
        self._rewards: dict[int, float] = {}
        self._seen: list[float] = []

    def add(self, step: Step) -> None:
        """A step was taken; its reward will follow."""
        if not self._episodes or len(self._episodes[-1]) == self._settings.episode:
            self._episodes.append({})
        self._episodes[-1][step.row] = step

    def receive(self, row: int, reward: float | None) -> None:
        """An architecture was measured, also one that no step led to.

        Args:
            row: of the architecture.
            reward: its value; ``None`` where measuring it failed.
        """
        if reward is not None:
            self._seen.append(reward)
        self._rewards.setdefault(row, math.nan if reward is None else reward)
        for episode in list(self._episodes):
            whole = len(episode) == self._settings.episode
            if whole and all(each in self._rewards for each in episode):
                self._episodes.remove(episode)
                self._learn(episode)

    def finish(self) -> None:
        """Learn from the last episodes, which are shorter or lack measurements."""
        for episode in self._episodes:
            self._learn({row: step for row, step in episode.items() if row in self._rewards})
        self._episodes = []

    def _learn(self, episode: dict[int, Step]) -> None:
        if not episode:
            return
        states = torch.stack([step.state for step in episode.values()])
        actions = torch.stack([step.action for step in episode.values()])
        rewards = actions.new_tensor([self._rewards[row] for row in episode])
        credit = self._settings.credit(rewards, actions.new_tensor(self._seen))
        found = log_probabilities(self.policy, states, actions)
        loss = -(found * credit).mean()
        self._optimiser.zero_grad()
        loss.backward()
        self._optimiser.step()
        self.updates.append(Update(loss.item(), actions, found.detach()))
