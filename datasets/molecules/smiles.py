"""Readers of SMILES: RDKit, and pysmiles where RDKit is not installed."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from typing import Literal

from datasets.molecules.molecule import Molecule
from experiment.errors import InputError

ReaderName = Literal["rdkit", "pysmiles"]
Reader = Callable[[str], Molecule]

LACKING = (
    "molecules are read by pysmiles, not by rdkit: hybridisation, conjugation and radical "
    "electrons are 0 for all atoms, aromaticity and the rings of bridged molecules go by other "
    "rules, only some impossible valences are noticed, and scaffold splits need rdkit; install "
    "rdkit to have all features"
)
"""What a reading without RDKit has to say."""


class UnreadableSmilesError(InputError):
    """A text that is no SMILES of a molecule, with the reason."""


def choose_reader(name: ReaderName | None = None) -> ReaderName:
    """The name of a reader that is installed.

    Args:
        name: of the one that is wanted; default: RDKit where it is installed.

    Raises:
        InputError: there is no such reader, or it is not installed.
    """
    if name is None:
        return "rdkit" if find_spec("rdkit") else choose_reader("pysmiles")
    if name not in ("rdkit", "pysmiles"):
        raise InputError(f"no reader of SMILES is called {name!r}: choose rdkit or pysmiles")
    if find_spec(name) is None:
        raise InputError(f"{name} is not installed: pip install {name} (requirements.txt)")
    return name


def get_reader(name: ReaderName) -> Reader:
    """The function that reads a SMILES by an installed reader.

    It raises an :class:`UnreadableSmilesError` where the text is no molecule.
    """
    if name == "rdkit":
        from datasets.molecules.by_rdkit import read_molecule

        return read_molecule
    from datasets.molecules.by_pysmiles import read_molecule as read_plainly

    return read_plainly
