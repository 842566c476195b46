"""Walks of several runs through the same table at once, each as :func:`walk_table` alone.

The small products of the runs' policies become batched ones, and the search for the nearest
unvisited architectures one product of a matrix by a matrix. Numbers differ by rounding.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import torch
from torch import Tensor
from torch.func import stack_module_state

from experiment.errors import InputError
from searchers.embedded.policy import Carry, Policy, PolicySettings, log_probabilities
from searchers.embedded.traces import EmbeddedTable, Trace

CHUNK = 2_048
"""Candidates whose distances are computed at a time: those from 50 actions fit into a cache."""


class Policies:
    """Policies of several runs, which act and learn side by side.

    Args:
        policies: one a run, of equal sizes; their weights are copied.
        settings: of the training.
    """

    def __init__(self, policies: Sequence[Policy], settings: PolicySettings) -> None:
        self._weights, _ = stack_module_state(list(policies))
        self._optimiser = torch.optim.Adam(
            self._weights.values(), lr=settings.learning_rate, fused=True
        )

    def act(self, states: Tensor, carry: Carry | None) -> tuple[Tensor, Carry]:
        """Means of the next actions, as :meth:`Policy.forward`. **Shape** (R, D) → (R, D)."""
        biases = self._weights["lstm.bias_ih"] + self._weights["lstm.bias_hh"]
        gates = torch.baddbmm(biases[:, None], states[:, None], self._weights["lstm.weight_ih"].mT)
        if carry is not None:
            gates = torch.baddbmm(gates, carry[0], self._weights["lstm.weight_hh"].mT)
        entry, keep, new, out = gates.chunk(4, -1)
        cell = entry.sigmoid() * new.tanh()
        if carry is not None:
            cell = keep.sigmoid() * carry[1] + cell
        hidden = out.sigmoid() * cell.tanh()
        means = torch.baddbmm(
            self._weights["fc.bias"][:, None], hidden, self._weights["fc.weight"].mT
        )
        return means[:, 0], (hidden, cell)

    def learn(self, states: Tensor, actions: Tensor, credit: Tensor) -> None:
        """Update by an episode of every run. **Shape** (E, R, D) twice, (R, E)."""
        found = log_probabilities(self.act, states, actions)
        self._optimiser.zero_grad()
        (-(found.T * credit).mean(1).sum()).backward()
        self._optimiser.step()


class UnvisitedByRun:
    """The vectors that each run has not visited, and the nearest of them to a point.

    Args:
        vectors: of the candidates. **Shape** (M, D).
        runs: how many, R.
    """

    def __init__(self, vectors: Tensor, runs: int) -> None:
        self._vectors = vectors
        self._norms = vectors.square().sum(1).repeat(runs, 1)
        self._runs = torch.arange(runs)

    def visit(self, rows: Tensor) -> None:
        """Take a candidate of every run out. **Shape** (R,)."""
        self._norms[self._runs, rows] = torch.inf

    def nearest(self, points: Tensor) -> tuple[Tensor, Tensor]:
        """Row of the nearest one to each run's point, and whether there is any.

        **Shape** (R, D) → (R,) twice.
        """
        least, rows = [], []
        for start in range(0, len(self._vectors), CHUNK):
            chunk = self._vectors[start : start + CHUNK]
            norms = self._norms[:, start : start + CHUNK]
            distance = torch.addmm(norms, points, chunk.T, alpha=-2)
            # numpy's takes a tenth of the time of PyTorch's
            row = torch.from_numpy(distance.numpy().argmin(1))[:, None]
            least.append(distance.gather(1, row))
            rows.append(row + start)
        best = torch.cat(least, 1).argmin(1, keepdim=True)
        found = torch.cat(rows, 1).gather(1, best)[:, 0]
        return found, self._norms[self._runs, found] < torch.inf


def walk_tables(
    table: EmbeddedTable,
    vectors: Tensor,
    policies: Sequence[Policy],
    settings: PolicySettings,
    starts: Sequence[int],
    noises: Sequence[Iterable[Tensor]],
    budget: float,
) -> list[Trace]:
    """Let the policy of each run walk until it has spent a budget; its last query may exceed it.

    Args:
        table: that is searched.
        vectors: that the policies see, scaled. **Shape** (M, D).
        policies: one a run, fresh.
        settings: of the policies and their training.
        starts: rows at which the runs start, which costs nothing.
        noises: action − mean of each query of a run. **Shape** (D,) each.
        budget: simulated seconds.

    Raises:
        InputError: the budget is shorter than one query, or no architecture is unvisited.
    """
    table.check_budget(budget)
    trained = Policies(policies, settings)
    unvisited = UnvisitedByRun(vectors, len(policies))
    rows = torch.tensor(starts)
    unvisited.visit(rows)
    spent = np.zeros(len(policies))
    carry: Carry | None = None
    states, actions, chosen, rewards = (list[Tensor]() for _ in range(4))
    for noise in zip(*noises, strict=False):
        states.append(vectors[rows])
        with torch.no_grad():
            mean, carry = trained.act(states[-1], carry)
        actions.append(mean + torch.stack(noise))
        rows, there = unvisited.nearest(actions[-1])
        if not there.numpy()[spent < budget].all():
            raise InputError(
                f"all {len(vectors)} architectures are visited, and a policy has none to go to: "
                "allow fewer queries, or give more candidates"
            )
        unvisited.visit(rows)
        chosen.append(rows)
        rewards.append(torch.from_numpy(table.validation[rows.numpy()]).to(vectors))
        spent += table.seconds[rows.numpy()]
        if (spent >= budget).all():
            break
        if len(chosen) % settings.episode == 0:
            credit = settings.credit(
                torch.stack(rewards[-settings.episode :], 1), torch.stack(rewards, 1)
            )
            trained.learn(torch.stack(states), torch.stack(actions), credit)
            carry, states, actions = None, [], []
    return [table.trace_within(each, budget) for each in torch.stack(chosen, 1).numpy()]
