"""Gathers: from the states of atoms to one vector a molecule."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from models.networks.molecules import Molecules
from models.networks.mpnn_cell import initialise

ORDERED = ("sum_features", "max_features", "mean_features", "flatten")
"""Gathers whose result depends on the order of the atoms: a number, or all, of each atom in turn.
They take molecules of a limited number of atoms."""
ATTENTION_WIDTHS = {"attention16": 16, "attention32": 32, "attention64": 64}
_REDUCE: dict[str, Callable[..., Tensor]] = {
    "sum": torch.sum,
    "max": torch.amax,
    "mean": torch.mean,
}


class Gather(nn.Module):
    """From states to a vector a molecule.

    Args:
        outputs: width of the vector.
    """

    def __init__(self, outputs: int) -> None:
        super().__init__()
        self.outputs = outputs


class GatherAtoms(Gather):
    """Sum, maximum or mean over the atoms. **Shape** (N, d) → (B, d).

    Args:
        width: d of the states.
        reduce: ``sum``, ``max`` or ``mean``.
    """

    def __init__(self, width: int, reduce: str) -> None:
        super().__init__(width)
        self.reduce = reduce

    def forward(self, state: Tensor, molecules: Molecules) -> Tensor:
        """A vector for each molecule."""
        from torch_geometric.utils import scatter

        return scatter(state, molecules.molecule, 0, dim_size=molecules.size, reduce=self.reduce)


class GatherFeatures(Gather):
    """Sum, maximum or mean over the features of each atom. **Shape** (N, d) → (B, ``most_atoms``).

    Args:
        reduce: ``sum``, ``max`` or ``mean``.
        most_atoms: of a molecule; places behind its last atom are zero.
    """

    def __init__(self, reduce: str, most_atoms: int) -> None:
        super().__init__(most_atoms)
        self.reduce = reduce

    def forward(self, state: Tensor, molecules: Molecules) -> Tensor:
        """A vector for each molecule."""
        return molecules.dense(_REDUCE[self.reduce](state, 1, True), self.outputs).flatten(1)


class Flatten(Gather):
    """All states in turn. **Shape** (N, d) → (B, ``most_atoms`` · d).

    Args:
        width: d of the states.
        most_atoms: of a molecule; places behind its last atom are zero.
    """

    def __init__(self, width: int, most_atoms: int) -> None:
        super().__init__(most_atoms * width)
        self.most_atoms = most_atoms

    def forward(self, state: Tensor, molecules: Molecules) -> Tensor:
        """A vector for each molecule."""
        return molecules.dense(state, self.most_atoms).flatten(1)


class AttentionPool(Gather):
    """Σ_i (W h_i + c) ⊙ σ(V h_i + d), Li et al., ICLR 2016. **Shape** (N, d) → (B, ``outputs``).

    Args:
        width: d of the states.
        outputs: width of the result.
    """

    def __init__(self, width: int, outputs: int) -> None:
        super().__init__(outputs)
        self.values, self.gates = nn.Linear(width, outputs), nn.Linear(width, outputs)
        initialise(self)

    def forward(self, state: Tensor, molecules: Molecules) -> Tensor:
        """A vector for each molecule."""
        gated = self.values(state) * self.gates(state).sigmoid()
        return gated.new_zeros(molecules.size, self.outputs).index_add(0, molecules.molecule, gated)


class AttentionSumPool(Gather):
    """The states, weighted by the softmax of a·h_i over the atoms. **Shape** (N, d) → (B, d).

    Args:
        width: d of the states.
    """

    def __init__(self, width: int) -> None:
        super().__init__(width)
        self.scores = nn.Parameter(torch.empty(width, 1))
        nn.init.xavier_uniform_(self.scores)

    def forward(self, state: Tensor, molecules: Molecules) -> Tensor:
        """A vector for each molecule."""
        from torch_geometric.utils import softmax

        weights = softmax(state @ self.scores, molecules.molecule, num_nodes=molecules.size)
        empty = state.new_zeros(molecules.size, self.outputs)
        return empty.index_add(0, molecules.molecule, weights * state)


def make_gather(name: str, width: int, most_atoms: int) -> Gather:
    """A gather by its name in the space.

    Args:
        name: such as ``sum_atoms``, ``attention32``.
        width: of the states.
        most_atoms: of a molecule, for those of :data:`ORDERED`.
    """
    if name in ATTENTION_WIDTHS:
        return AttentionPool(width, ATTENTION_WIDTHS[name])
    if name == "attention_sum":
        return AttentionSumPool(width)
    if name == "flatten":
        return Flatten(width, most_atoms)
    reduce, axis = name.split("_")
    if axis == "atoms":
        return GatherAtoms(width, reduce)
    return GatherFeatures(reduce, most_atoms)
