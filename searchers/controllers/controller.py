"""The network that draws decisions one after the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

START = 0.1
"""Standard deviation of the start vector: small, so that the first hidden state is near zero, and
the first choice near uniform."""


class Choices(NamedTuple):
    """What a controller says of rows of decisions. **Shape** (B, D) each.

    Attributes:
        log_probabilities: of each option that was chosen, given those before it.
        entropies: of the distribution that it was drawn from, in nats.
    """

    log_probabilities: Tensor
    entropies: Tensor


class Controller(nn.Module):
    """``p(option k of decision d) = softmax(c · tanh(W_d h_d / t))``.

    ``h_d`` is the output of an LSTM without biases. Its first input is a start vector, every other
    one the embedding of the option that was chosen before. Each decision has an embedding and a
    matrix of its own; those of all decisions lie one below the other in two tables.

    Args:
        sizes: number of options of each decision, D numbers.
        hidden: units H of the LSTM.
        temperature: t; a higher one brings the options closer to each other.
        tanh: c; no option is more than exp(2 c) times as probable as another.
        trains_start: whether the start vector is learnt.
    """

    def __init__(
        self,
        sizes: Sequence[int],
        hidden: int,
        temperature: float,
        tanh: float,
        trains_start: bool = True,
    ) -> None:
        super().__init__()
        self.sizes = tuple(sizes)
        self.temperature = temperature
        self.tanh = tanh
        self.start = nn.Parameter(START * torch.randn(hidden), requires_grad=trains_start)
        self.lstm = nn.LSTMCell(hidden, hidden, bias=False)
        self.embedding = nn.Embedding(sum(sizes), hidden)
        self.output = nn.Linear(hidden, sum(sizes), bias=False)

    def forward(self, rows: Tensor) -> Choices:
        """Probabilities of rows. **Shape** (B, D), int64 → (B, D) each."""
        chosen, entropies = [], []
        for place, logits in enumerate(self._logits(len(rows), lambda place, _: rows[:, place])):
            log = logits.log_softmax(1)
            chosen.append(log.gather(1, rows[:, place, None])[:, 0])
            entropies.append(-(log.exp() * log).sum(1))
        return Choices(torch.stack(chosen, 1), torch.stack(entropies, 1))

    @torch.no_grad()
    def sample(self, n: int, generator: np.random.Generator) -> Tensor:
        """Rows drawn by the probabilities. **Shape** → (n, D), int64."""
        rows: list[Tensor] = []

        def draw(place: int, logits: Tensor) -> Tensor:
            # The largest of logits with Gumbel noise is a sample of their softmax.
            noise = torch.from_numpy(generator.gumbel(size=logits.shape))
            rows.append((logits + noise).argmax(1))
            return rows[-1]

        self._logits(n, draw)
        return torch.stack(rows, 1)

    def _logits(self, n: int, choose: Callable[[int, Tensor], Tensor]) -> list[Tensor]:
        """Logits of each decision, (n, options), after ``choose`` chose in those before, (n,)."""
        given, carry, first, found = self.start.expand(n, -1), None, 0, []
        for place, output in enumerate(self.output.weight.split(self.sizes)):
            carry = self.lstm(given, carry)
            logits = self.tanh * (carry[0] @ output.T / self.temperature).tanh()
            found.append(logits)
            given = self.embedding(first + choose(place, logits))
            first += len(output)
        return found
