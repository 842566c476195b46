"""Architectures of the user's own that a search begins with."""

from __future__ import annotations

from pathlib import Path

from Bayesian_Optimization.domain import Domain
from datasets.architecture_files import NamedArchitecture, read_named
from datasets.graph import ArchitectureGraph
from experiment.errors import InputError


def read_start(path: Path, domain: Domain, form: str | None = None) -> list[ArchitectureGraph]:
    """The architectures of a file, canonical.

    Args:
        path: of a file with one architecture a line.
        domain: what may be asked for.
        form: how they are written, a name of ``domain.space.forms()``; default: the space's own
            notation, or JSON.

    Raises:
        ArchitectureError: a line is none; the message says which.
        InputError: there is no such file, or one is there twice or may not be asked for.
    """
    if not path.is_file():
        raise InputError(f"there is no file of architectures to start from, {str(path)!r}")
    space = domain.space
    first: dict[str, NamedArchitecture] = {}
    found = []
    for given in read_named(str(path), space, form=form):
        if (reason := space.why_illegal(given.graph)) is not None:
            raise InputError(f"{given} is no architecture of {space.name}: {reason}")
        name = space.hash(given.graph)
        if name in first:
            raise InputError(f"{given} is the same as {first[name]}: give each once")
        if not domain.holds(name):
            raise InputError(
                f"{given} may not be asked for: the table does not know it; leave it out, or "
                "give --domain space"
            )
        first[name] = given
        found.append(space.canonical(given.graph))
    return found
