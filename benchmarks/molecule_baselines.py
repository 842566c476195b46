"""What simpler models reach on molecules: ridge on atom counts, boosted trees on descriptors."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from datasets.molecules import MoleculeData, get_molecules
from datasets.molecules.atom_counts import AtomCountFit
from datasets.molecules.molecule import Molecule
from datasets.molecules.splits import split_molecules

RIDGE, TREES, FINGERPRINTS = "ridge", "boosted trees", "boosted trees, ECFP4"
RADIUS, BITS = 2, 2048
"""Of the fingerprints: ECFP4 (Rogers and Hahn, J. Chem. Inf. Model. 2010) has diameter 4."""


def baselines(name: str, splits: Sequence[int], data_root: Path | None) -> dict[str, list[float]]:
    """The test error of each model on each random split, in the metric of the data.

    Trees are fitted, as networks are, to what atom counts leave where the quantity is additive.
    Nothing of the models was tuned: they are scikit-learn's defaults.

    Args:
        name: of the molecules.
        splits: seeds of the splits.
        data_root: where the file is looked for.
    """
    from sklearn.ensemble import HistGradientBoostingRegressor
    from sklearn.linear_model import Ridge

    data = get_molecules(name, data_root)
    counts, described = descriptors(data.molecules)
    features = {
        RIDGE: counts,
        TREES: described,
        FINGERPRINTS: np.concatenate([described, fingerprints(data.smiles)], axis=1),
    }
    found: dict[str, list[float]] = {kind: [] for kind in features}
    for seed in splits:
        split = split_molecules(data.smiles, "random", seed)
        train, test = split.train, split.test
        offset = np.zeros(len(data.targets))
        if data.source.additive:
            fit = AtomCountFit.fit([data.molecules[row] for row in train], data.targets[train])
            offset = fit.predict(data.molecules)
        for kind, values in features.items():
            model: Any = Ridge() if kind == RIDGE else HistGradientBoostingRegressor(random_state=0)
            explained = np.zeros_like(offset) if kind == RIDGE else offset
            model.fit(values[train], (data.targets - explained)[train])
            predicted = model.predict(values[test]) + explained[test]
            found[kind].append(error(predicted - data.targets[test], data))
    return found


def error(errors: np.ndarray, data: MoleculeData) -> float:
    """The metric of the data."""
    if data.source.metric == "rmse":
        return math.sqrt(float(np.square(errors).mean()))
    return float(np.abs(errors).mean())


def descriptors(molecules: Sequence[Molecule]) -> tuple[np.ndarray, np.ndarray]:
    """Counts of atoms; and these with counts of bonds by their ends and order, and of rings.

    **Shape** (M, K), (M, D), float64.
    """
    atoms = [each.formula for each in molecules]
    others: list[Counter[Any]] = []
    for molecule in molecules:
        counted: Counter[Any] = Counter()
        for bond in molecule.bonds:
            ends = sorted(molecule.atoms[atom].symbol for atom in (bond.first, bond.second))
            counted[(*ends, bond.order)] += 1
        counted.update(("ring", len(ring)) for ring in molecule.rings)
        counted.update(
            (atom.symbol, atom.aromatic, atom.hydrogens, atom.charge) for atom in molecule.atoms
        )
        others.append(counted)
    counts = _matrix(atoms)
    return counts, np.concatenate([counts, _matrix(others)], axis=1)


def _matrix(counted: Sequence[Counter[Any]]) -> np.ndarray:
    names = sorted({name for each in counted for name in each}, key=str)
    return np.array([[each[name] for name in names] for each in counted], dtype=np.float64)


@lru_cache(maxsize=1)
def _generator() -> Any:
    from rdkit.Chem import rdFingerprintGenerator

    return rdFingerprintGenerator.GetMorganGenerator(radius=RADIUS, fpSize=BITS)


def fingerprints(smiles: Sequence[str]) -> np.ndarray:
    """Counts of circular substructures. **Shape** (M, 2048), float64."""
    from rdkit import Chem

    read = [Chem.MolFromSmiles(text) for text in smiles]
    return np.array([_generator().GetCountFingerprintAsNumPy(each) for each in read], np.float64)
