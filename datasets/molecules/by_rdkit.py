"""Molecules and their scaffolds by RDKit, which is imported when it is used."""

from __future__ import annotations

from typing import Any

from datasets.molecules.molecule import Atom, Bond, Molecule
from datasets.molecules.smiles import UnreadableSmilesError
from datasets.spaces.notation import excerpt
from experiment.errors import InputError


def read_molecule(smiles: str, *, hydrogens: bool = False) -> Molecule:
    """Read a SMILES.

    Args:
        smiles: the text.
        hydrogens: whether hydrogens are atoms of the graph.

    Raises:
        UnreadableSmilesError: it is no SMILES, or no molecule.
    """
    from rdkit import Chem, rdBase

    if not "".join(smiles.split()[:1]).isascii():  # RDKit passes over such characters
        raise UnreadableSmilesError("no SMILES")
    parameters: Any = Chem.SmilesParserParams()
    parameters.removeHs = not hydrogens
    with rdBase.BlockLogs():
        found = Chem.MolFromSmiles(smiles, parameters)
        if found is None:
            raise UnreadableSmilesError(_reason(smiles))
    if not found.GetNumAtoms():
        raise UnreadableSmilesError("no atoms")
    if hydrogens:
        found = Chem.AddHs(found)
    # RDKit looks for each bond of a molecule from the first one on, but not for those of an atom.
    bonds = {bond.GetIdx(): bond for atom in found.GetAtoms() for bond in atom.GetBonds()}
    return Molecule(
        tuple(_atom(atom, Chem) for atom in found.GetAtoms()),
        tuple(_bond(bonds[number]) for number in range(len(bonds))),
        tuple(tuple(ring) for ring in found.GetRingInfo().AtomRings()),
    )


def _atom(atom: Any, chem: Any) -> Atom:
    return Atom(
        atom.GetSymbol(),
        atom.GetDegree(),
        atom.GetValence(chem.ValenceType.IMPLICIT),
        atom.GetFormalCharge(),
        atom.GetNumRadicalElectrons(),
        atom.GetHybridization().name,
        atom.GetIsAromatic(),
        atom.GetTotalNumHs(),
    )


def _bond(bond: Any) -> Bond:
    return Bond(
        bond.GetBeginAtomIdx(),
        bond.GetEndAtomIdx(),
        bond.GetBondTypeAsDouble(),
        bond.GetIsConjugated(),
        bond.IsInRing(),
    )


def _reason(smiles: str) -> str:
    """Why RDKit makes no molecule of a text."""
    from rdkit import Chem

    parameters: Any = Chem.SmilesParserParams()
    parameters.sanitize = False
    found = Chem.MolFromSmiles(smiles, parameters)
    problems = Chem.DetectChemistryProblems(found) if found is not None else ()
    if not problems:
        return "no SMILES"
    return " ".join(problems[0].Message().split()).rstrip(".")


def scaffold(smiles: str) -> str:
    """The Bemis–Murcko scaffold of a molecule: its rings and what links them, without stereo.

    Bemis & Murcko 1996, doi:10.1021/jm9602928.

    Returns:
        A canonical SMILES; empty for a molecule without rings.

    Raises:
        InputError: RDKit is not installed.
        UnreadableSmilesError: it is no SMILES, or no molecule to RDKit; pysmiles may have read it.
    """
    try:
        from rdkit import Chem, rdBase
        from rdkit.Chem.Scaffolds import MurckoScaffold
    except ImportError as error:
        raise InputError(
            "a scaffold split needs rdkit, which is not installed: pip install rdkit, or take a "
            "random split"
        ) from error
    with rdBase.BlockLogs():
        found = Chem.MolFromSmiles(smiles)
        if found is None:
            raise UnreadableSmilesError(
                f"RDKit finds no scaffold of {excerpt(smiles)} ({_reason(smiles)}): leave the "
                "molecule out, or take a random split"
            )
    return MurckoScaffold.MurckoScaffoldSmiles(mol=found, includeChirality=False)
