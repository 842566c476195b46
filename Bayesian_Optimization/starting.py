"""Architectures of the user's own that a search begins with."""

from __future__ import annotations

from pathlib import Path

from Bayesian_Optimization.domain import Domain
from datasets.architecture_files import read_architectures
from datasets.graph import ArchitectureGraph
from experiment.errors import InputError


def read_start(path: Path, domain: Domain) -> list[ArchitectureGraph]:
    """The architectures of a file, canonical.

    Args:
        path: of a file with one architecture a line.
        domain: what may be asked for.

    Raises:
        ArchitectureError: a line is none; the message says which.
        InputError: there is no such file, or one is there twice or may not be asked for.
    """
    if not path.is_file():
        raise InputError(f"there is no file of architectures to start from, {str(path)!r}")
    space = domain.space
    first: dict[str, int] = {}
    found = []
    for number, graph in enumerate(read_architectures(str(path), space), start=1):
        if (reason := space.why_illegal(graph)) is not None:
            raise InputError(
                f"architecture {number} of {str(path)!r} is none of {space.name}: {reason}"
            )
        name = space.hash(graph)
        if name in first:
            raise InputError(
                f"architecture {number} of {str(path)!r} is the same as architecture "
                f"{first[name]}, {name}: give each once"
            )
        if not domain.holds(name):
            raise InputError(
                f"architecture {number} of {str(path)!r}, {name}, may not be asked for: the table "
                "does not know it; leave it out, or give --domain space"
            )
        first[name] = number
        found.append(space.canonical(graph))
    return found
