"""One molecule as it was read from a SMILES, and its features.

The features are those of DeepChem's weave featurizer (Kearnes et al. 2016, arXiv:1603.00856), which
DeepHyper's search on molecules uses: 75 of an atom, 14 of a pair of atoms.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

_SYMBOLS = (
    "C N O S F Si P Cl Br Mg Na Ca Fe As Al I B V K Tl Yb Sb Sn Ag Pd Co Se Ti Zn H Li Ge Cu Au Ni "
    "Cd In Mn Zr Cr Pt Hg Pb"
)
SYMBOLS = tuple(_SYMBOLS.split())
"""Elements with a feature of their own; all others share the next one."""
HYBRIDISATIONS = ("SP", "SP2", "SP3", "SP3D", "SP3D2")
ORDERS = (1.0, 2.0, 3.0, 1.5)
"""Orders of bonds with a feature of their own: single, double, triple, aromatic."""
FARTHEST = 7
"""Bonds of the longest distance that has a feature."""

_DEGREE = len(SYMBOLS) + 1
_IMPLICIT = _DEGREE + 11
_CHARGE = _IMPLICIT + 7
_RADICALS = _CHARGE + 1
_HYBRIDISATION = _RADICALS + 1
_AROMATIC = _HYBRIDISATION + len(HYBRIDISATIONS)
_HYDROGENS = _AROMATIC + 1
ATOM_FEATURES = _HYDROGENS + 5
"""75: element 44, degree 0–10, implicit valence 0–6, formal charge, radical electrons,
hybridisation 5, aromatic, hydrogens 0–4. A larger number counts as the largest, an unknown
hybridisation as the last, as in DeepChem."""

_CONJUGATED = len(ORDERS)
_BOND_IN_RING = _CONJUGATED + 1
_SAME_RING = _BOND_IN_RING + 1
_DISTANCE = _SAME_RING + 1
PAIR_FEATURES = _DISTANCE + FARTHEST
"""14: of the bond, if there is one, its order 4, conjugated, in a ring; both atoms in one ring; the
distance of 1 to 7 bonds."""


class Atom(NamedTuple):
    """An atom.

    Attributes:
        symbol: of the element.
        degree: bonds to other atoms of the graph.
        implicit_valence: hydrogens that the SMILES does not write.
        charge: formal charge.
        radicals: radical electrons.
        hybridisation: one of :data:`HYBRIDISATIONS`; any other text for an unknown one, ``None``
            where the reader does not know hybridisations.
        aromatic: whether it is.
        hydrogens: bound to it that are no atoms of the graph.
    """

    symbol: str
    degree: int
    implicit_valence: int
    charge: int
    radicals: int
    hybridisation: str | None
    aromatic: bool
    hydrogens: int


class Bond(NamedTuple):
    """A bond between two atoms.

    Attributes:
        first: number of one atom.
        second: of the other.
        order: 1, 2 or 3, 1.5 for an aromatic bond; another one has no feature.
        conjugated: whether it is.
        in_ring: whether it is part of a ring.
    """

    first: int
    second: int
    order: float
    conjugated: bool
    in_ring: bool


@dataclass(frozen=True, slots=True)
class Molecule:
    """A molecule.

    Attributes:
        atoms: in the order of the SMILES.
        bonds: each once.
        rings: numbers of the atoms of each smallest ring.
    """

    atoms: tuple[Atom, ...]
    bonds: tuple[Bond, ...]
    rings: tuple[tuple[int, ...], ...]

    @property
    def formula(self) -> Counter[str]:
        """How many atoms of each element it has, hydrogens included."""
        found = Counter(atom.symbol for atom in self.atoms)
        if hydrogens := sum(atom.hydrogens for atom in self.atoms):
            found["H"] += hydrogens
        return found


def atom_features(atoms: Sequence[Atom]) -> np.ndarray:
    """Features of atoms, which may be of several molecules. **Shape** (N, 75), float32."""
    features = np.zeros((len(atoms), ATOM_FEATURES), dtype=np.float32)
    if not atoms:
        return features
    numbers = {symbol: number for number, symbol in enumerate(SYMBOLS)}
    hybridisations = {name: number for number, name in enumerate(HYBRIDISATIONS)}
    rows = np.arange(len(atoms))
    features[rows, [numbers.get(atom.symbol, len(SYMBOLS)) for atom in atoms]] = 1
    for first, largest, counts in (
        (_DEGREE, 10, [atom.degree for atom in atoms]),
        (_IMPLICIT, 6, [atom.implicit_valence for atom in atoms]),
        (_HYDROGENS, 4, [atom.hydrogens for atom in atoms]),
    ):
        features[rows, first + np.minimum(counts, largest)] = 1
    features[:, _CHARGE] = [atom.charge for atom in atoms]
    features[:, _RADICALS] = [atom.radicals for atom in atoms]
    features[:, _AROMATIC] = [atom.aromatic for atom in atoms]
    known = [row for row, atom in enumerate(atoms) if atom.hybridisation is not None]
    last = len(HYBRIDISATIONS) - 1
    kinds = [hybridisations.get(str(atoms[row].hybridisation), last) for row in known]
    features[known, _HYBRIDISATION + np.array(kinds, dtype=np.int64)] = 1
    return features


def pair_features(molecule: Molecule) -> np.ndarray:
    """Features of all ordered pairs of atoms. **Shape** (n, n, 14), float32.

    Two atoms without a bond have no features of a bond; an atom has none with itself.
    """
    count = len(molecule.atoms)
    features = np.zeros((count, count, PAIR_FEATURES), dtype=np.float32)
    for ring in molecule.rings:
        features[np.ix_(ring, ring, [_SAME_RING])] = 1
    features[np.arange(count), np.arange(count), _SAME_RING] = 0
    distances = _distances(molecule)
    near = (distances >= 1) & (distances <= FARTHEST)
    first, second = np.nonzero(near)
    features[first, second, _DISTANCE + distances[near] - 1] = 1
    ends, described = bond_features(molecule)
    features[ends[0], ends[1]] = described
    return features


def bond_features(molecule: Molecule) -> tuple[np.ndarray, np.ndarray]:
    """The bonds in both directions, and the features of these pairs.

    Returns:
        Numbers of atoms, from and to, **Shape** (2, E), int64; **Shape** (E, 14), float32, which
        are the rows of :func:`pair_features`.
    """
    ends = np.empty((2, 2 * len(molecule.bonds)), dtype=np.int64)
    features = np.zeros((2 * len(molecule.bonds), PAIR_FEATURES), dtype=np.float32)
    rings_of: list[set[int]] = [set() for _ in molecule.atoms]
    for ring, members in enumerate(molecule.rings):
        for atom in members:
            rings_of[atom].add(ring)
    for number, bond in enumerate(molecule.bonds):
        there, back = 2 * number, 2 * number + 1
        ends[:, there] = bond.first, bond.second
        ends[:, back] = bond.second, bond.first
        described = features[there]
        if bond.order in ORDERS:
            described[ORDERS.index(bond.order)] = 1
        described[_CONJUGATED] = bond.conjugated
        described[_BOND_IN_RING] = bond.in_ring
        described[_SAME_RING] = not rings_of[bond.first].isdisjoint(rings_of[bond.second])
        described[_DISTANCE] = 1
        features[back] = described
    return ends, features


def _distances(molecule: Molecule) -> np.ndarray:
    """Bonds between any two atoms; −1 where nothing joins them. **Shape** (n, n), int64."""
    count = len(molecule.atoms)
    adjacent = np.zeros((count, count), dtype=bool)
    for bond in molecule.bonds:
        adjacent[bond.first, bond.second] = adjacent[bond.second, bond.first] = True
    distances = np.where(np.eye(count, dtype=bool), 0, -1)
    reached = np.eye(count, dtype=bool)
    for distance in range(1, count):
        newly = (reached @ adjacent) & (distances < 0)
        if not newly.any():
            break
        distances[newly] = distance
        reached = newly
    return distances
