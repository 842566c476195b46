"""Molecules by pysmiles, in pure Python: what RDKit alone knows is left out.

``datasets.molecules.smiles.LACKING`` says what that is.
"""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING

from datasets.molecules.molecule import Atom, Bond, Molecule
from datasets.molecules.smiles import UnreadableSmilesError
from experiment.errors import sentence

if TYPE_CHECKING:
    import networkx as nx


_TOKEN = r"\[[^\[\]]+\]|Br|Cl|[BCNOPSFIbcnops*()\d=#$:~./\\-]|%\d\d|%\(\d+\)"
_SMILES = re.compile(f"(?:{_TOKEN})+")


def read_molecule(smiles: str) -> Molecule:
    """Read a SMILES.

    Raises:
        UnreadableSmilesError: it is no SMILES.
    """
    import pysmiles

    logging.getLogger("pysmiles").setLevel(logging.ERROR)  # it tells of every stereo centre
    smiles = " ".join(smiles.split()[:1])  # a name may follow
    # pysmiles passes over what it does not know, and over open branches.
    if (smiles and not _SMILES.fullmatch(smiles)) or smiles.count("(") != smiles.count(")"):
        raise UnreadableSmilesError("no SMILES")
    try:
        graph = pysmiles.read_smiles(smiles)
    except (ValueError, LookupError, SyntaxError, AttributeError, TypeError) as error:
        raise UnreadableSmilesError(f"no SMILES ({sentence(error)})") from error
    if not graph:
        raise UnreadableSmilesError("no atoms")
    # Parts of a molecule that a dot separates are joined by bonds of order 0.
    graph.remove_edges_from([ends for ends in graph.edges if not graph.edges[ends]["order"]])
    numbers = {node: number for number, node in enumerate(graph)}
    ring_bonds, rings = _rings(graph)
    return Molecule(
        tuple(_atom(graph, node) for node in graph),
        tuple(
            Bond(
                numbers[first],
                numbers[second],
                float(order),
                False,
                frozenset((first, second)) in ring_bonds,
            )
            for first, second, order in graph.edges(data="order")
        ),
        tuple(tuple(numbers[node] for node in ring) for ring in rings),
    )


def _atom(graph: nx.Graph, node: int) -> Atom:
    facts = graph.nodes[node]
    hydrogens = facts["hcount"]
    written = facts.get("_atom_str", "").startswith("[")  # with all its hydrogens
    return Atom(
        facts.get("element", "*"),
        graph.degree[node],
        0 if written else hydrogens,
        facts["charge"],
        0,
        None,
        facts["aromatic"],
        hydrogens,
    )


def _rings(graph: nx.Graph) -> tuple[set[frozenset[int]], list[list[int]]]:
    """The bonds in rings, and the atoms of each smallest ring."""
    import networkx as nx

    bonds: set[frozenset[int]] = set()
    rings: list[list[int]] = []
    for atoms in nx.biconnected_components(graph):
        if len(atoms) < 3:
            continue
        part = graph.subgraph(atoms)
        bonds |= {frozenset(ends) for ends in part.edges}
        # A basis takes long to find; most rings share no bond with another one.
        alone = part.number_of_edges() == len(atoms)
        rings += [list(atoms)] if alone else nx.minimum_cycle_basis(part)
    return bonds, rings
