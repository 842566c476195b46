"""Labelled molecules to train on, by the names that users type."""

from __future__ import annotations

from pathlib import Path

from datasets.molecules.molecule_data import MoleculeData, read_molecules
from datasets.molecules.smiles import ReaderName
from datasets.molecules.sources import SOURCES, MoleculeSource, get_source

__all__ = ["MOLECULES", "MoleculeData", "MoleculeSource", "get_molecules"]

MOLECULES = tuple(SOURCES)
"""Names of the data sets: ``qm7_published`` is the common QM7 table, with its shifted labels."""


def get_molecules(
    name: str | MoleculeSource,
    data_root: str | Path | None = None,
    reader: ReaderName | None = None,
) -> MoleculeData:
    """The labelled molecules called ``name``.

    Args:
        name: one of :data:`MOLECULES`, or a table of one's own.
        data_root: as for :func:`experiment.paths.data_root`.
        reader: ``rdkit`` or ``pysmiles``; default: RDKit where it is installed.

    Raises:
        InputError: there is none of that name, its file is not there or no such table, or no
            reader is installed.
    """
    return read_molecules(get_source(name), data_root, reader)
