"""A network of molecules made by hand: graph isomorphism layers that see the bonds.

GINE of Hu et al., *Strategies for Pre-training Graph Neural Networks*, ICLR 2020
(arXiv:1905.12265), with residual connections, batch norm, and a sum over the atoms.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from datasets.batch import GraphBatch
from models.networks.checks import check_sizes
from models.networks.costs import Costs
from models.networks.molecule_sizes import MoleculeSizes


class GINENetwork(nn.Module):
    """Atoms with bonds → numbers of a molecule; no architecture decides of it.

    A layer is h_i ← h_i + relu(norm(MLP(h_i + Σ_j relu(h_j + W e_ij)))), over the atoms j that are
    bound to i. Atoms are summed in the end, so that their order does not matter.

    **Shape**: x (N, ``atom_features``), edge_index (2, E), edge_attr (E, ``bond_features``), batch
    (N,), ascending → (B, ``targets``).

    Args:
        atom_features: of an atom.
        bond_features: of a bond.
        targets: numbers that are predicted of a molecule.
        layers: of messages.
        hidden: width of the layers.

    Raises:
        ModelError: a size below 1.
    """

    def __init__(
        self,
        *,
        atom_features: int = 75,
        bond_features: int = 14,
        targets: int = 1,
        layers: int = 3,
        hidden: int = 64,
    ) -> None:
        super().__init__()
        _check(
            atom_features=atom_features,
            bond_features=bond_features,
            targets=targets,
            layers=layers,
            hidden=hidden,
        )
        # Imported here: it takes seconds, and most who import the networks train none on graphs.
        from torch_geometric.nn import GINEConv

        self.atoms = nn.Linear(atom_features, hidden)
        self.layers = nn.ModuleList(
            GINEConv(
                nn.Sequential(nn.Linear(hidden, hidden), nn.ReLU(), nn.Linear(hidden, hidden)),
                edge_dim=bond_features,
            )
            for _ in range(layers)
        )
        self.norms = nn.ModuleList(nn.BatchNorm1d(hidden) for _ in range(layers))
        self.readout = nn.Sequential(
            nn.Linear(hidden, hidden), nn.ReLU(), nn.Linear(hidden, targets)
        )

    def forward(self, x: Tensor, edge_index: Tensor, edge_attr: Tensor, batch: Tensor) -> Tensor:
        """The numbers of each molecule."""
        state = self.atoms(x)
        for layer, norm in zip(self.layers, self.norms, strict=True):
            state = state + norm(layer(state, edge_index, edge_attr)).relu()
        molecules = int(batch[-1]) + 1 if len(batch) else 0
        pooled = torch.zeros(molecules, state.shape[1], dtype=state.dtype, device=state.device)
        return self.readout(pooled.index_add(0, batch, state))


def gine_costs(batch: GraphBatch, *, layers: int = 3, hidden: int = 64, **molecule: int) -> Costs:
    """Costs of :class:`GINENetwork`, the same for every graph of a batch.

    One FLOP is one multiply-add for one molecule in a product with a matrix of weights, biases
    included; sums over bonds and atoms, batch norm and activations count nothing.

    Args:
        batch: architectures, whose number alone matters.
        layers: of messages.
        hidden: width of the layers.
        molecule: sizes that are not the defaults of :class:`MoleculeSizes`, by its names.

    Raises:
        ModelError: a size below 1.
    """
    sizes = MoleculeSizes(**molecule)
    _check(**sizes.of_network, layers=layers, hidden=hidden)
    square = (hidden + 1) * hidden
    first, last = (sizes.atom_features + 1) * hidden, square + (hidden + 1) * sizes.targets
    of_bond = (sizes.bond_features + 1) * hidden
    parameters = first + layers * (of_bond + 2 * square + 2 * hidden) + last
    flops = sizes.atoms * (first + layers * 2 * square) + sizes.bonds * layers * of_bond + last
    ones = torch.ones(len(batch), dtype=torch.long, device=batch.types.device)
    return Costs(parameters * ones, flops * ones)


def _check(**sizes: int) -> None:
    check_sizes("a GINE network", **sizes)
