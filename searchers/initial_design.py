"""What a search begins with: random architectures, or some of the user's own."""

from __future__ import annotations

from pathlib import Path

from datasets.architecture_files import NamedArchitecture, read_named
from datasets.graph import ArchitectureGraph
from experiment.errors import InputError
from searchers.domain import Domain
from searchers.problem import Problem

INITIAL = 10
"""Random architectures that a search begins with, where there are so many queries."""
INITIAL_OF = {"transfer_bo": 3}
"""Search → how many it begins with, where other data sets say where values are high
(``benchmarks/tuning/transfer_settings.py``)."""


def initial_size(initial: int | None, queries: int, method: str | None = None) -> int:
    """How many random architectures a search begins with.

    Args:
        initial: as the user gave it, if so; :func:`check_amounts` refuses too many.
        queries: measurements in all.
        method: name of the search, where it is known.
    """
    usual = INITIAL_OF.get(method or "", INITIAL)
    return min(usual, queries) if initial is None else initial


def check_amounts(problem: Problem, queries: int, initial: int) -> None:
    """Check that the domain holds as many architectures as are measured.

    Args:
        problem: what is searched.
        queries: measurements in all.
        initial: random architectures to begin with.

    Raises:
        InputError: there are fewer.
    """
    for name, wanted, there in (
        ("queries", queries, problem.measurements),
        ("initial", initial, problem.size),
    ):
        if there is not None and wanted > there:
            at_several = "" if there == problem.size else ", each counted once a fidelity"
            raise InputError(
                f"{name} is {wanted}, more than the {there} architectures of "
                f"{problem.space.name} in the candidate set{at_several}: give fewer"
            )
    if initial > queries:
        raise InputError(
            f"initial is {initial}, more than queries, {queries}, which count them too: give fewer"
        )


def read_start(
    path: Path, domain: Domain, form: str | None = None, data_root: Path | None = None
) -> list[ArchitectureGraph]:
    """The architectures of a file, canonical.

    Args:
        path: of a file with one architecture a line.
        domain: the candidate set.
        form: how they are written, a name of ``domain.space.forms()``; default: the space's own
            notation, or JSON.
        data_root: where measured architectures are, for the form ``hash``.

    Raises:
        ArchitectureError: a line is none; the message says which.
        InputError: the file is absent, or an architecture is repeated or outside the domain.
    """
    if not path.is_file():
        raise InputError(f"there is no file of architectures to start from, {str(path)!r}")
    space = domain.space
    first: dict[str, NamedArchitecture] = {}
    found = []
    for given in read_named(str(path), space, data_root, form):
        if (reason := space.why_illegal(given.graph)) is not None:
            raise InputError(f"{given} is no architecture of {space.name}: {reason}")
        hash = space.hash(given.graph)
        if hash in first:
            raise InputError(f"{given} is the same as {first[hash]}: give each once")
        if not domain.holds(hash):
            raise InputError(
                f"{given} is not in the candidate set: the table does not know it; leave it out, "
                "or give --domain space"
            )
        first[hash] = given
        found.append(space.canonical(given.graph))
    return found
