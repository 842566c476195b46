"""What molecules decide of the costs of a network."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class MoleculeSizes:
    """Sizes that the formulas of costs of networks of molecules take by name.

    Attributes:
        atom_features: of an atom.
        bond_features: of a bond.
        targets: numbers that are predicted of a molecule.
        atoms: of a molecule.
        bonds: of a molecule, counted in both directions, without those of an atom to itself.
    """

    atom_features: int = 75
    bond_features: int = 14
    targets: int = 1
    atoms: int = 1
    bonds: int = 0

    @property
    def of_network(self) -> dict[str, int]:
        """Those that a network takes, too; the others decide the FLOPs alone."""
        names = ("atom_features", "bond_features", "targets")
        return {name: getattr(self, name) for name in names}
