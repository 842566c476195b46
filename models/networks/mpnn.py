"""The networks of DeepHyper's space for molecules, and its baseline, in PyTorch Geometric's terms.

Jiang and Balaprakash, *Graph Neural Network Architecture Search for Molecular Property
Prediction*, IEEE Big Data 2020, as DeepHyper 0.4 has them. What its layers do by mistake is put
right here; :mod:`models.networks.mpnn_published` computes what they compute.
"""

from __future__ import annotations

from torch import Tensor, nn

from datasets.graph import ArchitectureGraph
from models.networks.checks import check_sizes
from models.networks.gathers import AttentionPool, make_gather
from models.networks.molecules import Molecules
from models.networks.mpnn_cell import CellChoice, Merge, MPNNCell, initialise
from models.networks.mpnn_reading import read_architecture

BASELINE = CellChoice(32, 1, "const", 1, "mean", "gru", "elu")
"""The cell of DeepHyper's hand-made network; all but its width and activation is that of GNN-UQ
(Jiang et al., 2023)."""
POOL_WIDTH = 128
"""Of the baseline's attention pooling."""
DENSE_WIDTH = 32
"""Of a dense layer before the last."""


class MPNNNetwork(nn.Module):
    """Layers of message passing with skip connections, a gather, and dense layers.

    With the gathers of :data:`models.networks.gathers.ORDERED` the result depends on the order of
    the atoms, with all others it does not.

    **Shape**: x (N, ``atom_features``), edge_index (2, E), edge_attr (E, ``bond_features``), batch
    (N,), ascending → (B, ``targets``).

    Args:
        architecture: of the space MPNN, of any number of layers.
        atom_features: of an atom.
        bond_features: of a bond.
        targets: numbers that are predicted of a molecule.
        dense_layers: of ReLU units before the last layer: 2 in the paper, 0 in DeepHyper's
            tutorial.
        dense_width: units of each.
        most_atoms: of a molecule, where the order of atoms matters.
        dropout: probability of dropping a weight of attention while it is trained.

    Raises:
        ModelError: no such architecture, or a size below 1.
    """

    cell_of: type[MPNNCell] = MPNNCell

    def __init__(
        self,
        architecture: ArchitectureGraph,
        *,
        atom_features: int = 75,
        bond_features: int = 14,
        targets: int = 1,
        dense_layers: int = 2,
        dense_width: int = DENSE_WIDTH,
        most_atoms: int = 128,
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        check_mpnn_sizes(
            atom_features=atom_features,
            bond_features=bond_features,
            targets=targets,
            dense_width=dense_width,
            most_atoms=most_atoms,
        )
        cells, self.skips, gather = read_architecture(architecture)
        self.most_atoms = most_atoms
        self.cells, self.merges = nn.ModuleList(), nn.ModuleList()
        widths = [atom_features]
        for cell, sources in zip(cells, self.skips, strict=True):
            self.cells.append(self.cell_of(cell, widths[-1], bond_features, dropout))
            self.merges.append(Merge(cell.width, [widths[source] for source in sources]))
            widths.append(cell.width)
        self.gather = make_gather(gather, widths[-1], most_atoms)
        inputs = [self.gather.outputs, *[dense_width] * dense_layers]
        self.dense = nn.ModuleList(nn.Linear(one, dense_width) for one in inputs[:-1])
        self.last = nn.Linear(inputs[-1], targets)
        for layer in (*self.dense, self.last):
            initialise(layer)

    def forward(self, x: Tensor, edge_index: Tensor, edge_attr: Tensor, batch: Tensor) -> Tensor:
        """The numbers of each molecule."""
        return self.predict(x, Molecules.of(edge_index, edge_attr, batch))

    def predict(self, x: Tensor, molecules: Molecules) -> Tensor:
        """The same of molecules whose bonds are in order. **Shape** (N, D) → (B, targets)."""
        outputs = [x]
        for cell, merge, sources in zip(self.cells, self.merges, self.skips, strict=True):
            state = cell(outputs[-1], molecules)
            outputs.append(merge(state, [outputs[source] for source in sources]))
        values = self.gather(outputs[-1], molecules)
        for layer in self.dense:
            values = layer(values).relu()
        return self.last(values)


class MPNNBaselineNetwork(nn.Module):
    """DeepHyper's hand-made network: one cell, attention pooling, a dense layer.

    **Shape**: x (N, ``atom_features``), edge_index (2, E), edge_attr (E, ``bond_features``), batch
    (N,), ascending → (B, ``targets``).

    Args:
        atom_features: of an atom.
        bond_features: of a bond.
        targets: numbers that are predicted of a molecule.

    Raises:
        ModelError: a size below 1.
    """

    def __init__(
        self, *, atom_features: int = 75, bond_features: int = 14, targets: int = 1
    ) -> None:
        super().__init__()
        check_mpnn_sizes(atom_features=atom_features, bond_features=bond_features, targets=targets)
        self.cell = MPNNCell(BASELINE, atom_features, bond_features, dropout=0.0)
        self.gather = AttentionPool(BASELINE.width, POOL_WIDTH)
        self.dense = nn.Linear(POOL_WIDTH, DENSE_WIDTH)
        self.last = nn.Linear(DENSE_WIDTH, targets)
        initialise(self.dense)
        initialise(self.last)

    def forward(self, x: Tensor, edge_index: Tensor, edge_attr: Tensor, batch: Tensor) -> Tensor:
        """The numbers of each molecule."""
        molecules = Molecules.of(edge_index, edge_attr, batch)
        return self.last(self.dense(self.gather(self.cell(x, molecules), molecules)).relu())


def check_mpnn_sizes(**sizes: int) -> None:
    """Make sure that sizes are at least 1.

    Raises:
        ModelError: one is not.
    """
    check_sizes("an MPNN network", **sizes)
