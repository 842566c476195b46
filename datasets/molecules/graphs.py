"""Many molecules in one set of tensors, and batches of them without padding."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from datasets.molecules.molecule import PAIR_FEATURES, Molecule, atom_features, bond_features

if TYPE_CHECKING:
    from torch_geometric.data import Data


@dataclass(frozen=True, slots=True, eq=False)
class MoleculeBatch:
    """Some molecules as one graph of separate parts, with the names of PyTorch Geometric.

    A network of that library takes them as ``network(x, edge_index, edge_attr, batch)``.

    Attributes:
        x: features of the atoms. **Shape** (N, 75), float32.
        edge_index: from and to which atom a bond leads; each bond is there in both directions.
            **Shape** (2, E), int64.
        edge_attr: features of the bonds. **Shape** (E, 14), float32.
        batch: number of the molecule of each atom, ascending. **Shape** (N,), int64.
        rows: the molecules, as numbers of those that the batch was taken from. **Shape** (B,),
            int64.
    """

    x: Tensor
    edge_index: Tensor
    edge_attr: Tensor
    batch: Tensor
    rows: Tensor

    def __len__(self) -> int:
        return len(self.rows)


@dataclass(frozen=True, slots=True, eq=False)
class MoleculeGraphs:
    """The graphs of molecules, one behind the other, on one device.

    Attributes:
        x: features of the atoms. **Shape** (N, 75), float32.
        edge_index: numbers of atoms within their own molecule. **Shape** (2, E), int64.
        edge_attr: features of the bonds, each in both directions. **Shape** (E, 14), float32.
        atoms: of each molecule. **Shape** (M,), int64.
        bonds: of each molecule, in both directions. **Shape** (M,), int64.
    """

    x: Tensor
    edge_index: Tensor
    edge_attr: Tensor
    atoms: Tensor
    bonds: Tensor

    @classmethod
    def of(cls, molecules: Sequence[Molecule]) -> MoleculeGraphs:
        """The graphs of some molecules."""
        ends = [np.empty((2, 0), dtype=np.int64)]
        features = [np.empty((0, PAIR_FEATURES), dtype=np.float32)]
        for molecule in molecules:
            pairs, described = bond_features(molecule)
            ends.append(pairs)
            features.append(described)
        atoms = atom_features([atom for molecule in molecules for atom in molecule.atoms])
        return cls(
            torch.from_numpy(atoms),
            torch.from_numpy(np.concatenate(ends, axis=1)),
            torch.from_numpy(np.concatenate(features)),
            torch.tensor([len(each.atoms) for each in molecules], dtype=torch.int64),
            torch.tensor([2 * len(each.bonds) for each in molecules], dtype=torch.int64),
        )

    def __len__(self) -> int:
        return len(self.atoms)

    def take(self, rows: Tensor) -> MoleculeBatch:
        """Some of the molecules as a batch.

        Args:
            rows: their numbers. **Shape** (B,), int64, on the device of the graphs.
        """
        atoms, bonds = self.atoms[rows], self.bonds[rows]
        of_atoms = _ranges((self.atoms.cumsum(0) - self.atoms)[rows], atoms)
        of_bonds = _ranges((self.bonds.cumsum(0) - self.bonds)[rows], bonds)
        before = (atoms.cumsum(0) - atoms).repeat_interleave(bonds)
        return MoleculeBatch(
            self.x[of_atoms],
            self.edge_index[:, of_bonds] + before,
            self.edge_attr[of_bonds],
            torch.arange(len(rows), device=rows.device).repeat_interleave(atoms),
            rows,
        )

    def to(self, device: torch.device | str) -> MoleculeGraphs:
        """The same on another device."""
        parts = (self.x, self.edge_index, self.edge_attr, self.atoms, self.bonds)
        return MoleculeGraphs(*(part.to(device) for part in parts))

    def to_pyg(self) -> list[Data]:
        """Each molecule as a ``torch_geometric.data.Data`` with x, edge_index and edge_attr."""
        from torch_geometric.data import Data

        sizes = self.atoms.tolist(), self.bonds.tolist()
        return [
            Data(x=x, edge_index=edge_index, edge_attr=edge_attr)
            for x, edge_index, edge_attr in zip(
                self.x.split(sizes[0]),
                self.edge_index.split(sizes[1], dim=1),
                self.edge_attr.split(sizes[1]),
                strict=True,
            )
        ]


def _ranges(first: Tensor, counts: Tensor) -> Tensor:
    """The numbers ``first[k]``, ``first[k] + 1``, … of each k. **Shape** (B,) → (sum,)."""
    shift = first - (counts.cumsum(0) - counts)
    steps = torch.arange(int(counts.sum()), device=counts.device)
    return steps + shift.repeat_interleave(counts)
