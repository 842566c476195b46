"""Weights of messages between atoms: the kinds of attention of DeepHyper's MPNN cell.

A score s_ij, one a head, says how much atom i listens to atom j. With vectors a and b of each head
and the states h of the atoms:

- ``gat``: leaky(a·h_i + b·h_j), Veličković et al., ICLR 2018;
- ``sym-gat``: leaky of the scores before it of i→j and j→i, added;
- ``cos``: leaky((a·h_i)(b·h_j));
- ``linear``: tanh(b·h_j);
- ``gen-linear``: W tanh(a·h_i + b·h_j), with a matrix W among the heads;

where leaky(x) is x, or 0.2 x below zero. Weights are the softmax of the scores over all messages
to an atom. ``const`` is 1 for every message.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn.functional import dropout, leaky_relu

from models.networks.molecules import Molecules

SLOPE = 0.2
"""Of leaky below zero."""


class Scores(nn.Module):
    """Scores of messages: a table of their kinds is :data:`SCORES`.

    **Shape**: state (N, d) → (E, H).

    Args:
        width: d of the states.
        heads: number of heads H.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.of_target = nn.Parameter(torch.empty(heads, width))  # a
        self.of_source = nn.Parameter(torch.empty(heads, width))  # b
        nn.init.xavier_uniform_(self.of_target)
        nn.init.xavier_uniform_(self.of_source)

    def forward(self, state: Tensor, molecules: Molecules) -> Tensor:
        """The score of each message and head."""
        target, source = state @ self.of_target.t(), state @ self.of_source.t()
        return self.join(target[molecules.targets], source[molecules.sources])

    def join(self, target: Tensor, source: Tensor) -> Tensor:
        """The scores of a·h_i and b·h_j. **Shape** (E, H) → (E, H)."""
        return leaky_relu(target + source, SLOPE)


class SymmetricScores(Scores):
    """``sym-gat``: the same in both directions of a bond."""

    def forward(self, state: Tensor, molecules: Molecules) -> Tensor:
        """The score of each message and head."""
        both = state @ (self.of_target + self.of_source).t()
        return leaky_relu(both[molecules.targets] + both[molecules.sources], SLOPE)


class ProductScores(Scores):
    """``cos``."""

    def join(self, target: Tensor, source: Tensor) -> Tensor:
        """The scores of a·h_i and b·h_j. **Shape** (E, H) → (E, H)."""
        return leaky_relu(target * source, SLOPE)


class LinearScores(nn.Module):
    """``linear``: of the source alone.

    Args:
        width: of the states.
        heads: number of heads.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.of_source = nn.Parameter(torch.empty(heads, width))
        nn.init.xavier_uniform_(self.of_source)

    def forward(self, state: Tensor, molecules: Molecules) -> Tensor:
        """The score of each message and head."""
        return (state @ self.of_source.t()).tanh()[molecules.sources]


class GeneralisedScores(Scores):
    """``gen-linear``."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__(width, heads)
        self.mix = nn.Parameter(torch.empty(heads, heads))
        nn.init.xavier_uniform_(self.mix)

    def join(self, target: Tensor, source: Tensor) -> Tensor:
        """The scores of a·h_i and b·h_j. **Shape** (E, H) → (E, H)."""
        return (target + source).tanh() @ self.mix.t()


SCORES: dict[str, type[nn.Module]] = {
    "gat": Scores,
    "sym-gat": SymmetricScores,
    "linear": LinearScores,
    "gen-linear": GeneralisedScores,
    "cos": ProductScores,
}
"""Kind of attention → its scores; ``const`` has none."""


class Attention(nn.Module):
    """Softmax of the scores over the messages to an atom, then dropout while it is trained.

    **Shape**: state (N, d) → (E, H).

    Args:
        kind: a key of :data:`SCORES`.
        width: d of the states.
        heads: number of heads H.
        probability: of dropping a weight.
    """

    scores_of: ClassVar[Mapping[str, type[nn.Module]]] = SCORES

    def __init__(self, kind: str, width: int, heads: int, probability: float) -> None:
        super().__init__()
        self.scores = self.scores_of[kind](width, heads)
        self.probability = probability

    def forward(self, state: Tensor, molecules: Molecules) -> Tensor:
        """The weight of each message and head."""
        from torch_geometric.utils import softmax

        weights = softmax(self.scores(state, molecules), molecules.targets, num_nodes=len(state))
        return dropout(weights, self.probability, self.training)
