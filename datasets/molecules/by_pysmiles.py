"""Molecules by pysmiles, in pure Python: what RDKit alone knows is left out.

``datasets.molecules.smiles.LACKING`` says what that is.
"""

from __future__ import annotations

import logging
import re
from collections import Counter
from typing import TYPE_CHECKING

from datasets.molecules.molecule import Atom, Bond, Molecule
from datasets.molecules.smiles import UnreadableSmilesError
from experiment.errors import sentence

if TYPE_CHECKING:
    import networkx as nx


_TOKEN = re.compile(
    r"(?P<atom>\[[^\[\]]+\]|Br|Cl|[BCNOPSFIbcnops*])|(?P<ring>\d|%\d\d)|(?P<bond>[=#$:~/\\-])"
    r"|(?P<dot>\.)|(?P<open>\()|(?P<close>\))",
    re.ASCII,
)
_MALFORMED = re.compile(r"^[^a]|b[^ar]|d[^a]|o[^abd]|[bdo]$")
"""In the first letters of the tokens: a bond or a dot that leads nowhere, a branch that is empty or
has no atom before it. pysmiles passes over them."""


def read_molecule(smiles: str) -> Molecule:
    """Read a SMILES.

    Raises:
        UnreadableSmilesError: it is no SMILES, or an atom has more bonds than its valence.
    """
    logging.getLogger("pysmiles").setLevel(logging.ERROR)  # it tells of every stereo centre
    smiles = " ".join(smiles.split()[:1])  # a name may follow
    _check_form(smiles)
    graph = _read(smiles)
    if not graph:
        raise UnreadableSmilesError("no atoms")
    # Parts of a molecule that a dot separates are joined by bonds of order 0.
    graph.remove_edges_from([ends for ends in graph.edges if not graph.edges[ends]["order"]])
    numbers = {node: number for number, node in enumerate(graph)}
    ring_bonds, rings = _rings(graph)
    _check_atoms(graph, {node for ends in ring_bonds for node in ends})
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


def _check_form(smiles: str) -> None:
    """Refuse what pysmiles passes over.

    Raises:
        UnreadableSmilesError: there are other characters than those of SMILES, or they are in an
            order that has no meaning.
    """
    tokens = list(_TOKEN.finditer(smiles))
    rings = Counter(int(token["ring"].strip("%")) for token in tokens if token["ring"])
    form = "".join(str(token.lastgroup)[0] for token in tokens)
    if (
        sum(len(token.group()) for token in tokens) < len(smiles)
        or _MALFORMED.search(form)
        or form.count("o") != form.count("c")
        or any(count % 2 for count in rings.values())
    ):
        raise UnreadableSmilesError("no SMILES")


def _read(smiles: str) -> nx.Graph:
    """The graph of pysmiles.

    Raises:
        UnreadableSmilesError: it finds none.
    """
    import pysmiles

    try:
        try:
            return pysmiles.read_smiles(smiles)
        except KeyError:  # an unknown element, or another number of bonds than usual: a radical
            return pysmiles.read_smiles(smiles, strict=False)
    except (ValueError, LookupError, SyntaxError, AttributeError, TypeError) as error:
        raise UnreadableSmilesError(f"no SMILES ({sentence(error)})") from error


def _check_atoms(graph: nx.Graph, in_rings: set[int]) -> None:
    """Refuse atoms that pysmiles lets pass, now that radicals do.

    Raises:
        UnreadableSmilesError: there is no such element, an atom has too many bonds, or it is
            written as aromatic and is in no ring.
    """
    from pysmiles import PTE
    from pysmiles.smiles_helper import bonds_missing

    for node, written in graph.nodes(data="_atom_str"):
        element = graph.nodes[node].get("element", "*")
        if element != "*" and element not in PTE:
            raise UnreadableSmilesError(f"no SMILES (there is no element {element})")
        if element != "*" and bonds_missing(graph, node) < 0:
            raise UnreadableSmilesError(f"an atom {element} has more bonds than its valence")
        if written.lstrip("[0123456789")[0].islower() and node not in in_rings:
            raise UnreadableSmilesError(f"no SMILES (the aromatic atom {written} is in no ring)")


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
