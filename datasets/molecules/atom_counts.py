"""What the atoms of a molecule explain of a quantity: a least-squares fit of their counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from datasets.molecules.molecule import Molecule


@dataclass(frozen=True, slots=True, eq=False)
class AtomCountFit:
    """A constant, and a number for each atom of an element, hydrogens included.

    An energy of a molecule is a sum over its atoms to a few percent; a network is then trained on
    what is left.

    Attributes:
        elements: that the molecules of the fit have.
        coefficients: of the elements, and the constant at the end. **Shape** (K + 1,), float64, in
            the unit of the targets.
    """

    elements: tuple[str, ...]
    coefficients: np.ndarray

    @classmethod
    def fit(cls, molecules: Sequence[Molecule], targets: np.ndarray) -> AtomCountFit:
        """The fit to molecules with known targets. **Shape** of the targets: (M,)."""
        elements = tuple(sorted({name for each in molecules for name in each.formula}))
        counts = _counts(molecules, elements)
        return cls(elements, np.linalg.lstsq(counts, targets, rcond=None)[0])

    def predict(self, molecules: Sequence[Molecule]) -> np.ndarray:
        """The value of the fit; atoms of an unknown element add nothing. **Shape** (M,)."""
        return _counts(molecules, self.elements) @ self.coefficients


def _counts(molecules: Sequence[Molecule], elements: Sequence[str]) -> np.ndarray:
    """Atoms of each element, and a one at the end. **Shape** (M, K + 1), float64."""
    formulas = [molecule.formula for molecule in molecules]
    return np.array([[*(formula[name] for name in elements), 1.0] for formula in formulas])
