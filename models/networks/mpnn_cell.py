"""The message passing cell of DeepHyper's space for molecules.

Jiang and Balaprakash, *Graph Neural Network Architecture Search for Molecular Property
Prediction*, IEEE Big Data 2020; after Gilmer et al., *Neural Message Passing for Quantum
Chemistry*, ICML 2017.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.networks.attention import SLOPE, Attention
from models.networks.molecules import Molecules

EDGE_WIDTH = 32
"""Width of the two hidden layers between a bond's features and its matrices."""


def identity(values: Tensor) -> Tensor:
    """The activation ``linear``."""
    return values


ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "relu": functional.relu,
    "linear": identity,
    "elu": functional.elu,
    "softplus": functional.softplus,
    "leaky_relu": partial(functional.leaky_relu, negative_slope=SLOPE),
    "relu6": functional.relu6,
}


@dataclass(frozen=True)
class CellChoice:
    """The decisions of a cell.

    Attributes:
        width: d of the states.
        rounds: times that messages are passed, with the same weights.
        attention: ``const``, or a key of :data:`models.networks.attention.SCORES`.
        heads: matrices a bond, each with weights of its own.
        aggregation: of the messages to an atom: ``max``, ``mean``, ``sum``.
        update: of an atom's state by its message: ``gru`` or ``mlp``.
        activation: a key of :data:`ACTIVATIONS`.
    """

    width: int
    rounds: int
    attention: str
    heads: int
    aggregation: str
    update: str
    activation: str


class MPNNCell(nn.Module):
    """States of atoms from messages along bonds.

    With h = φ(W x), it repeats: the message to atom i is the mean over heads of aggr_j(α_ij M_ij
    h_j), and a bias; then h_i is updated by it. The matrices M_ij, d × d and not negative, come
    from the features of the bond by three layers with ReLU. The update is a GRU that reads h_i and
    then the message, from a state of zeros, or φ(W [h_i; message]).

    **Shape**: x (N, ``inputs``) → (N, d).

    Args:
        choice: the decisions.
        inputs: features of an atom that come in.
        bond_features: of a bond.
        dropout: probability of dropping a weight of attention while it is trained.
    """

    attention_of: type[Attention] = Attention

    def __init__(self, choice: CellChoice, inputs: int, bond_features: int, dropout: float) -> None:
        super().__init__()
        width, heads = choice.width, choice.heads
        self.choice = choice
        self.activation = ACTIVATIONS[choice.activation]
        self.embed = nn.Linear(inputs, width)
        self.matrices = nn.Sequential(
            nn.Linear(bond_features, EDGE_WIDTH),
            nn.ReLU(),
            nn.Linear(EDGE_WIDTH, EDGE_WIDTH),
            nn.ReLU(),
            nn.Linear(EDGE_WIDTH, heads * width**2),
            nn.ReLU(),
        )
        self.attention = (
            None
            if choice.attention == "const"
            else self.attention_of(choice.attention, width, heads, dropout)
        )
        self.bias = nn.Parameter(torch.zeros(width))
        self.update = (
            nn.GRUCell(width, width) if choice.update == "gru" else nn.Linear(2 * width, width)
        )
        initialise(self)

    def forward(self, x: Tensor, molecules: Molecules) -> Tensor:
        """The states of the atoms."""
        state = self.activation(self.embed(x))
        # (U, H·d, d): those of all heads below each other.
        matrices = self.matrices(molecules.kinds).unflatten(1, (-1, self.choice.width))
        for _ in range(self.choice.rounds):
            message = self.message(state, matrices, molecules)
            state = self.updated(state, message, molecules)
        return state

    def message(self, state: Tensor, matrices: Tensor, molecules: Molecules) -> Tensor:
        """The message to each atom.

        **Shape**: state (N, d), matrices (U, H·d, d) → (N, d).
        """
        from torch_geometric.utils import scatter

        by_kind = state.index_select(0, molecules.sources).split(molecules.counts)
        sent = torch.cat([some @ one.t() for some, one in zip(by_kind, matrices, strict=True)])
        sent = sent.unflatten(1, (self.choice.heads, self.choice.width))  # (E, H, d)
        if self.attention is not None:
            sent = sent * self.attention(state, molecules)[:, :, None]
        reduce = self.choice.aggregation
        received = scatter(sent, molecules.targets, 0, dim_size=len(state), reduce=reduce)
        return received.mean(dim=1) + self.bias

    def updated(self, state: Tensor, message: Tensor, molecules: Molecules) -> Tensor:
        """The states after a message. **Shape** (N, d), (N, d) → (N, d)."""
        if isinstance(self.update, nn.GRUCell):
            return self.update(message, self.update(state))
        return self.activation(self.update(torch.cat([state, message], dim=1)))


class Merge(nn.Module):
    """The output of a cell and those that skip connections bring: projected, added, ReLU.

    Without skip connections the output stays as it is.

    Args:
        width: of the cell's output.
        others: widths of what skip connections bring.
    """

    def __init__(self, width: int, others: list[int]) -> None:
        super().__init__()
        self.projections = nn.ModuleList(nn.Linear(other, width) for other in others)
        initialise(self)

    def forward(self, state: Tensor, others: list[Tensor]) -> Tensor:
        """The sum. **Shape**: state (N, d), each other (N, its width) → (N, d)."""
        if not others:
            return state
        for projection, other in zip(self.projections, others, strict=True):
            state = state + projection(other)
        return functional.relu(state)


def initialise(network: nn.Module) -> None:
    """Draw weights as Keras does: Glorot's, orthogonal ones for the state of a GRU; no biases."""
    for module in network.modules():
        if isinstance(module, nn.Linear):
            nn.init.xavier_uniform_(module.weight)
            nn.init.zeros_(module.bias)
        elif isinstance(module, nn.GRUCell):
            nn.init.xavier_uniform_(module.weight_ih)
            nn.init.orthogonal_(module.weight_hh)
            nn.init.zeros_(module.bias_ih)
            nn.init.zeros_(module.bias_hh)
