"""What lies beyond a space, for each family of architectures: a line in :data:`BEYOND` each."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from datasets.architecture_files import NamedArchitecture
from datasets.batch import GraphBatch
from datasets.registry import SPACES, get_space
from datasets.space import SearchSpace
from datasets.spaces.enas import ENAS
from experiment.errors import InputError
from Extrapolation_Ability.candidate_flags import (
    CELL_FLAGS,
    NETWORK_FLAGS,
    wanted_cells,
    wanted_networks,
)
from Extrapolation_Ability.candidates import MOST_EXTENDED, Keep, check_cells, distinct
from Extrapolation_Ability.macro_candidates import LAYERS

Candidates = tuple[SearchSpace, GraphBatch]
"""Architectures, and the space that they are written in."""


@dataclass(frozen=True)
class Beyond:
    """Candidates beyond the spaces of one family.

    Attributes:
        read: checks those that the user named, and leaves each once.
        flags: what :attr:`make` reads, and no other family does.
        extends: whether candidates beyond a space are made here.
        make: makes those of the flags; cells are chosen by the last argument.
        script: the one that trains an architecture, with the flag that names it.
    """

    read: Callable[[Sequence[NamedArchitecture], SearchSpace], Candidates]
    flags: tuple[str, ...] = ()
    extends: Callable[[SearchSpace], bool] = lambda space: False
    make: Callable[[Namespace, SearchSpace, Keep], Candidates] | None = None
    script: str | None = None


def _read_cells(named: Sequence[NamedArchitecture], space: SearchSpace) -> Candidates:
    return space, check_cells(named, len(space.types))


def _read_networks(named: Sequence[NamedArchitecture], space: SearchSpace) -> Candidates:
    """Networks of one number of layers.

    Raises:
        InputError: they have several.
    """
    graphs = [one.graph for one in named]
    sizes = sorted({graph.num_nodes - 2 for graph in graphs})
    if len(sizes) > 1:
        raise InputError(
            f"the candidates are networks of {sizes[0]} and of {sizes[-1]} layers: rank those of "
            "one size at a time"
        )
    return ENAS(sizes[0]), distinct(GraphBatch.from_graphs(graphs))


def _make_cells(given: Namespace, space: SearchSpace, keep: Keep) -> Candidates:
    return space, wanted_cells(given, space, keep)


def _make_networks(given: Namespace, space: SearchSpace, keep: Keep) -> Candidates:
    return ENAS(LAYERS), wanted_networks(given, space)


PLAIN = Beyond(_read_cells)
"""For architectures that nothing is made of here."""
BEYOND: dict[str, Beyond] = {
    "nb101_cell": Beyond(
        _read_cells,
        CELL_FLAGS,
        lambda space: space.max_nodes <= MOST_EXTENDED,
        _make_cells,
        "train_cell.py --cell",
    ),
    "nb201_cell": Beyond(_read_cells, script="train_cell.py --data_search_space NB201 --cell"),
    "enas_macro": Beyond(
        _read_networks,
        NETWORK_FLAGS,
        lambda space: 2 * (space.max_nodes - 2) == LAYERS,
        _make_networks,
        "train_enas.py --arch",
    ),
}
"""Family → what lies beyond its spaces."""


def beyond(space: SearchSpace) -> Beyond:
    """What lies beyond a space; of a family without an entry, cells that the user names."""
    return BEYOND.get(space.family, PLAIN)


def extended_spaces() -> list[str]:
    """Names of the spaces beyond which candidates are made here."""
    return [name for name in SPACES if beyond(space := get_space(name)).extends(space)]
