"""Architectures as users name them on a command line: a file, a hash, a name, or the notation."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path

from datasets.batch import GraphBatch
from datasets.benchmark import Benchmark, NoMeasurementsError
from datasets.graph import ArchitectureError, ArchitectureGraph
from datasets.kept_hashes import kept_hashes
from datasets.registry import BENCHMARKS, get_benchmark
from datasets.row_files import file_lines
from datasets.space import SearchSpace
from datasets.spaces.enas import ENAS
from datasets.spaces.notation import about, excerpt
from experiment.errors import InputError
from experiment.paths import data_root as find_data_root

_SVGE_ROWS = ("01111111", "00110101", "00000010", "00001000", "00000100", "00000010", "00000001")
_SVGE_EDGES = tuple(
    (source, target)
    for source, row in enumerate(_SVGE_ROWS)
    for target, bit in enumerate(row)
    if bit == "1"
)
NAMED: dict[str, dict[str, ArchitectureGraph]] = {
    "nb101_cell": {
        "svge_8_nodes": ArchitectureGraph((1, 3, 3, 3, 3, 3, 2, 0), _SVGE_EDGES),
        "svge_7_nodes": ArchitectureGraph(
            (1, 3, 3, 3, 3, 2, 0),
            ((0, 1), (0, 2), (0, 4), (0, 6), (1, 5), (2, 3), (3, 4), (4, 5), (5, 6)),
        ),
        "best_validation": ArchitectureGraph(
            (1, 3, 3, 3, 3, 0),
            ((0, 1), (0, 2), (0, 3), (0, 4), (0, 5), (1, 4), (2, 3), (3, 4), (4, 5)),
        ),
        "best_test": ArchitectureGraph(
            (1, 2, 3, 4, 3, 3, 0),
            ((0, 1), (0, 2), (0, 5), (0, 6), (1, 5), (2, 3), (3, 4), (4, 5), (5, 6)),
        ),
    }
}
"""Family → cells with a name: the 8-node cell that SVGe chose and trained (Lukasik et al. 2021),
the 7-node cell that its candidates grew from, and the cells of NAS-Bench-101 with the best mean
validation (95.055 %) and test accuracy (94.318 %)."""
HASH = re.compile("[0-9a-fA-F]{32}")


@dataclass(frozen=True)
class NamedArchitecture:
    """An architecture, and how the user named it.

    Attributes:
        graph: the architecture.
        text: as it was written.
        place: where it stands in a file; empty where it was given by itself.
    """

    graph: ArchitectureGraph
    text: str
    place: str = ""

    def __str__(self) -> str:
        """For messages."""
        return f"{self.place} ({excerpt(self.text)})" if self.place else excerpt(self.text)


def read_architectures(
    text: str,
    space: SearchSpace,
    data_root: str | Path | None = None,
    form: str | None = None,
) -> list[ArchitectureGraph]:
    """The architectures of :func:`read_named`, without their names."""
    return [one.graph for one in read_named(text, space, data_root, form)]


def read_named(
    text: str,
    space: SearchSpace,
    data_root: str | Path | None = None,
    form: str | None = None,
) -> list[NamedArchitecture]:
    """The architectures that ``text`` names; they may lie beyond the space.

    Args:
        text: path of a file with one architecture a line (JSON, or the space's notation), a hash,
            a name of :data:`NAMED`, or one architecture.
        space: tells how architectures are written.
        data_root: where measured architectures are, to find hashes among.
        form: how they are written instead, a name of ``space.forms()``; then ``text`` is a file
            or one architecture.

    Raises:
        ArchitectureError: a description is wrong; the message names the line.
        InputError: the file is empty or cannot be read, no architecture has the hash, or the
            space has no such form.
    """
    read_one = reader(space, form, data_root)
    named = NAMED.get(space.family, {}) if form is None else {}
    if text in named:
        return [NamedArchitecture(named[text], text)]
    if form is None and HASH.fullmatch(text):
        return [NamedArchitecture(by_hash(text, space, data_root), text)]
    if _is_file(text):
        return _read_lines(Path(text), read_one)
    try:
        return [NamedArchitecture(read_one(text), text)]
    except ArchitectureError as error:
        if form is not None:
            raise ArchitectureError(f"{excerpt(text)} is no file, and {error}") from error
        names = f"none of {', '.join(named)}, " if named else ""
        raise ArchitectureError(
            f"{excerpt(text)} is no file, no hash, {names}and no {space.name} architecture: {error}"
        ) from error


def read_macros(
    texts: Sequence[str],
    layers: int | None = None,
    data_root: str | Path | None = None,
    form: str | None = None,
) -> tuple[SearchSpace, list[ArchitectureGraph]]:
    """ENAS architectures, all of one number of layers, and their space.

    Args:
        texts: each as for :func:`read_named`.
        layers: how many they must have; default: as many as the first.
        data_root: where measured architectures are.
        form: how they are written instead of in the space's notation.

    Raises:
        ArchitectureError: a description is wrong.
        InputError: they have another number of layers; or as :func:`read_named`.
    """
    reading = ENAS(layers or 6)
    found = [one for text in texts for one in read_named(text, reading, data_root, form)]
    wanted = layers or found[0].graph.num_nodes - 2
    for one in found:
        if one.graph.num_nodes - 2 != wanted:
            raise InputError(
                f"{one} has {one.graph.num_nodes - 2} layers, expected {wanted}: "
                "train those of another number by a command of their own"
            )
    return ENAS(wanted), [one.graph for one in found]


def reader(
    space: SearchSpace, form: str | None, data_root: str | Path | None = None
) -> Callable[[str], ArchitectureGraph]:
    """What reads the text of an architecture that may lie beyond the space.

    Args:
        space: of the architectures.
        form: a name of ``space.forms()``; ``None`` for the space's own notation or its JSON.
        data_root: where measured architectures are, for the form ``hash``.

    Raises:
        InputError: the space has no such form.
    """
    if form is None:
        return space.read
    from datasets import convert

    convert.form_of(space, form)
    return partial(convert.read, space, form, data_root=data_root)


def _is_file(text: str) -> bool:
    try:
        return Path(text).is_file()
    except OSError:  # too long for a name
        return False


def _read_lines(
    path: Path, read_one: Callable[[str], ArchitectureGraph]
) -> list[NamedArchitecture]:
    found = []
    for place, line in file_lines(path):
        try:
            found.append(NamedArchitecture(read_one(line), line, place))
        except (ArchitectureError, InputError) as error:
            raise type(error)(f"{place}: {about(line, error)}") from error
    return found


def by_hash(hash: str, space: SearchSpace, data_root: str | Path | None) -> ArchitectureGraph:
    """The architecture with a hash, in either case, in which tables and the space are looked up.

    Raises:
        InputError: it is no hash, or no architecture that is known here has it.
    """
    if not HASH.fullmatch(hash):
        raise InputError(f"{excerpt(hash)} is no hash: expected 32 hexadecimal digits")
    hash = hash.lower()
    for graph in NAMED.get(space.family, {}).values():
        if space.hash(graph) == hash:
            return graph
    root = find_data_root(data_root)
    benchmark = _measured(space.name, root)
    if benchmark is not None and (row := benchmark.row(hash)) is not None:
        return benchmark.graphs.graph(row)
    if space.is_enumerable:
        graphs, rows = _enumerated(space, root)
        if hash in rows:
            return graphs.graph(rows[hash])
    raise InputError(
        f"no {space.name} architecture with the hash {hash} is known here: "
        "give the architecture itself, or a data root with a table that has it"
    )


@lru_cache(maxsize=4)
def _measured(space: str, root: Path) -> Benchmark | None:
    """The benchmark of a space, if it has one with its files here."""
    if space not in BENCHMARKS:
        return None
    with suppress(NoMeasurementsError):
        return get_benchmark(space, root)
    return None


@lru_cache(maxsize=4)
def _enumerated(space: SearchSpace, root: Path) -> tuple[GraphBatch, dict[str, int]]:
    """Every architecture of a space, and the row of each hash."""
    graphs = GraphBatch.cat(space.enumerate())
    hashes = kept_hashes(space, graphs, root)
    return graphs, dict(zip(hashes.tolist(), range(len(hashes)), strict=True))
