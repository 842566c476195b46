"""A search space and a benchmark of one's own, and every command of the project on them.

``docs/adding-a-space.md`` explains this file from top to bottom. From the repository root::

    python examples/adding_a_space.py Training_VAE.train_svge --data_search_space Ladder

runs a command of the project with the space registered: any command, with its own flags.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
if str(ROOT) not in sys.path[:1]:
    sys.path.insert(0, str(ROOT))

import argparse
import json
import re
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from importlib import import_module
from importlib.util import find_spec
from itertools import combinations, product

import numpy as np
import torch
from torch import Tensor

from datasets import get_space
from datasets.batch import GraphBatch
from datasets.benchmark import Benchmark, Metric
from datasets.benchmarks.build import measured
from datasets.benchmarks.sources import Source, choose
from datasets.graph import INPUT, OUTPUT, ArchitectureError, ArchitectureGraph
from datasets.registry import BENCHMARKS, SPACES
from datasets.space import SearchSpace
from datasets.spaces.notation import excerpt, read_arch
from datasets.table import Table
from experiment.arguments import parser
from experiment.errors import InputError, run_command
from experiment.paths import data_root as find_data_root
from models import load_vae

MAX_LAYERS = 4
MAX_SKIPS = 2

Edges = tuple[tuple[int, int], ...]


class Ladder(SearchSpace):
    """Small dense networks: a chain of layers with a few skip connections.

    One to four layers, each with one of three activations, stand in a chain between the input
    and the output. Up to two skip connections lead from a node to a later one that is not the
    next. A node sums what comes in. There are 5,199 of them.
    """

    name = "Ladder"
    types = ("output", "input", "relu", "tanh", "sine")
    max_nodes = MAX_LAYERS + 2
    size = 5_199

    def why_illegal(self, graph: ArchitectureGraph) -> str | None:
        """The reason why ``graph`` is no member, in one sentence; ``None`` for a member."""
        last = graph.num_nodes - 1
        if not 1 <= last - 1 <= MAX_LAYERS:
            return f"it has {graph.num_nodes} nodes, expected 3 to {self.max_nodes}"
        if graph.types[0] != INPUT or graph.types[-1] != OUTPUT:
            return "its first node is not the input, or its last one not the output"
        if not all(2 <= kind < len(self.types) for kind in graph.types[1:-1]):
            return f"its layers have types {graph.types[1:-1]}, expected 2 to {len(self.types) - 1}"
        for node in range(last):
            if (node, node + 1) not in graph.edges:
                return f"the edge {node}→{node + 1} of the chain is missing"
        if (skips := len(graph.edges) - last) > MAX_SKIPS:
            return f"it has {skips} skip connections, expected at most {MAX_SKIPS}"
        return None

    def canonical(self, graph: ArchitectureGraph) -> ArchitectureGraph:
        """The graph itself: in a chain the nodes have one order only."""
        return self.check(graph)

    def sample(self, n: int, generator: np.random.Generator) -> list[ArchitectureGraph]:
        """``n`` networks, uniform over the space."""
        return [self._members[k] for k in generator.integers(self.size, size=n)]

    def neighbours(self, graph: ArchitectureGraph) -> list[ArchitectureGraph]:
        """Networks with one activation, one skip connection, or the last layer more or less."""
        kinds, skips = _parts(self.check(graph))
        activations = range(2, len(self.types))
        edited = [
            ((*kinds[:k], other, *kinds[k + 1 :]), skips)
            for k in range(len(kinds))
            for other in activations
            if other != kinds[k]
        ]
        edited += [(kinds, tuple(set(skips) ^ {skip})) for skip in _possible_skips(len(kinds))]
        edited += [((*kinds, new), skips) for new in activations]
        if all(target <= len(kinds) for _, target in skips):
            edited.append((kinds[:-1], skips))
        return [other for parts in edited if self.is_legal(other := _network(*parts))]

    def enumerate(self) -> Iterator[GraphBatch]:
        """Every network once, the ones with few layers first."""
        yield GraphBatch.from_graphs(self._members, self.max_nodes)

    def parse(self, text: str) -> ArchitectureGraph:
        """Read activations and skip connections, ``relu,tanh,sine 0:2 1:4``, or its JSON object.

        Raises:
            ArchitectureError: the text is no member of the space; the message says what is wrong.
        """
        activations, *skips = read_arch(text.strip(), "relu,tanh 0:2").split() or [""]
        kinds = tuple(self._kind(activation) for activation in activations.split(","))
        return self.check(_network(kinds, tuple(_skip(skip) for skip in skips)))

    def format(self, graph: ArchitectureGraph) -> str:
        """Activations and skip connections: ``relu,tanh,sine 0:2 1:4``."""
        kinds, skips = _parts(self.check(graph))
        activations = ",".join(self.types[kind] for kind in kinds)
        return " ".join([activations, *(f"{source}:{target}" for source, target in skips)])

    def legality_mask(self, *, reverse: bool = False) -> LadderMask:
        """Mask for a decoder that builds members from the input, or reversed from the output."""
        return LadderMask(reverse=reverse)

    @cached_property
    def _members(self) -> list[ArchitectureGraph]:
        return [
            _network(kinds, skips)
            for layers in range(1, MAX_LAYERS + 1)
            for kinds in product(range(2, len(self.types)), repeat=layers)
            for count in range(MAX_SKIPS + 1)
            for skips in combinations(_possible_skips(layers), count)
        ]

    def _kind(self, activation: str) -> int:
        if activation not in self.types[2:]:
            expected = ", ".join(self.types[2:])
            raise ArchitectureError(f"no activation is called {excerpt(activation)}: {expected}")
        return self.types.index(activation)


def _network(kinds: tuple[int, ...], skips: Edges) -> ArchitectureGraph:
    """The graph of the layers' types and the skip connections."""
    chain = tuple((node, node + 1) for node in range(len(kinds) + 1))
    return ArchitectureGraph((INPUT, *kinds, OUTPUT), chain + skips)


def _parts(graph: ArchitectureGraph) -> tuple[tuple[int, ...], Edges]:
    """The inverse of :func:`_network`."""
    return graph.types[1:-1], tuple((i, j) for i, j in graph.edges if j > i + 1)


def _possible_skips(layers: int) -> Edges:
    return tuple((i, j) for i, j in combinations(range(layers + 2), 2) if j > i + 1)


def _skip(text: str) -> tuple[int, int]:
    if not re.fullmatch("[0-9]:[0-9]", text):
        raise ArchitectureError(f"{excerpt(text)} is no skip connection: expected one as 0:2")
    return int(text[0]), int(text[2])


class LadderMask:
    """The :class:`datasets.batch.LegalityMask` of Ladder.

    A network that is read from its output is a chain with skip connections again: one rule
    serves both directions, only the type of the last node differs.
    """

    def __init__(self, *, reverse: bool) -> None:
        self._end = INPUT if reverse else OUTPUT

    def allowed_types(self, types: Tensor, adjacency: Tensor) -> Tensor:
        """A layer while there is room, the end from the first layer on.

        **Shape**: types (B, n), adjacency (B, n, n) → (B, T) bool.
        """
        graphs, present = types.shape
        allowed = torch.zeros(graphs, len(Ladder.types), dtype=torch.bool, device=types.device)
        allowed[:, 2:] = present <= MAX_LAYERS
        allowed[:, self._end] = present >= 2
        return allowed

    def allowed_edges(
        self, types: Tensor, adjacency: Tensor, new_types: Tensor, drawn: Tensor
    ) -> Tensor:
        """The chain is forced; other edges are free until there are enough of them.

        **Shape**: types (B, n), adjacency (B, n, n), new_types (B,), drawn (B, k) → (B, 2) bool.
        """
        present, source = types.shape[1], drawn.shape[1]
        if source == present - 1:
            return torch.tensor([False, True], device=types.device).expand(len(types), 2)
        skips = adjacency.sum((1, 2)) - (present - 1) + drawn.sum(1)
        return torch.stack([torch.ones_like(skips, dtype=torch.bool), skips < MAX_SKIPS], 1)


COLUMNS = {
    "validation": ("fraction", "accuracy on 200 validation points of two spirals"),
    "test": ("fraction", "accuracy on 200 test points, same network"),
    "training_seconds": ("seconds", "time of the training"),
    "parameters": ("parameters", "trainable parameters"),
}
"""What was measured → its unit, and how."""


def read_measurements(path: Path) -> Table:
    """Read JSON lines, one a trained network; lines of one architecture are its trials.

    Raises:
        InputError: a line has no architecture, or lacks a number.
    """
    space = Ladder()
    trials: dict[ArchitectureGraph, list[dict[str, float]]] = {}
    for number, line in enumerate(path.read_text("utf-8", errors="replace").splitlines(), 1):
        try:
            graph = space.canonical(space.parse(line))
            record = json.loads(line)
            figures = {name: float(record[name]) for name in COLUMNS}
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(
                f"line {number} of {str(path)!r} is no measurement ({error}): expected a JSON "
                f"object with arch, {', '.join(COLUMNS)}"
            ) from error
        trials.setdefault(graph, []).append(figures)

    graphs = GraphBatch.from_graphs(list(trials), space.max_nodes)
    shape = (len(trials), max(map(len, trials.values()), default=1))
    columns = {}
    for name, (unit, description) in COLUMNS.items():
        values = np.full(shape, np.nan)
        for row, measurements in enumerate(trials.values()):
            values[row, : len(measurements)] = [figures[name] for figures in measurements]
        columns[name] = Metric(name, unit, description, values)
    origin = f"{len(trials)} Ladder networks trained on two spirals, from {path.name}."
    return Table(space.name, graphs, space.hashes(graphs), columns, origin)


SOURCES = (Source("measured", "ladder/measured.jsonl", read_measurements, suffixes=(".jsonl",)),)


def load(data_root: str | Path | None = None, *, source: str | Path | None = None) -> Benchmark:
    """Ladder with ``validation``, ``test``, ``training_seconds`` and ``parameters``.

    Args:
        data_root: folder with ``ladder/``.
        source: a path; default: ``ladder/measured.jsonl``.

    Raises:
        InputError: the file is absent or damaged.
    """
    table = choose("Ladder", SOURCES, find_data_root(data_root), source).open()
    return measured(table, Ladder(), "two spirals", {name: name for name in COLUMNS})


def register() -> None:
    """Make the space and the benchmark known by their name, in this process."""
    SPACES["Ladder"] = ("examples.adding_a_space", "Ladder")
    BENCHMARKS["Ladder"] = ("examples.adding_a_space", "load")


def around(folder: Path, architecture: str, n: int, radius: float = 0.5) -> list[str]:
    """Decode ``n`` latents around an architecture's own, with the weights in ``folder``."""
    space, model = get_space("Ladder"), load_vae(folder)
    centre = GraphBatch.from_graphs([space.parse(architecture)], space.max_nodes)
    mean = model.encode_all(centre).flat
    noise = torch.randn(n, mean.shape[1], generator=torch.Generator().manual_seed(0))
    decoded = model.decode_greedily(mean + radius * noise, space.legality())
    return [space.format(graph) for graph in decoded]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command of the project with the space registered."""
    flags = parser("Run a command of this project with the search space Ladder registered.")
    flags.add_argument("command", help="its module: Training_VAE.train_svge, datasets.query …")
    flags.add_argument("flags", nargs=argparse.REMAINDER, help="the command's own flags")
    given = flags.parse_args(arguments)
    register()
    return command(given.command)(given.flags) or 0


def command(name: str) -> Callable[[Sequence[str]], int | None]:
    """The ``main`` that ``python -m NAME`` runs; those of a library are in its ``commands/``.

    Raises:
        InputError: no command has that name.
    """
    room, _, module = name.partition(".")
    try:
        in_library = find_spec(f"{room}.commands") and find_spec(f"{room}.commands.{module}")
        return import_module(in_library.name if in_library else name).main
    except (ImportError, AttributeError) as error:
        raise InputError(f"{name!r} is no command of this project: {error}") from error


if __name__ == "__main__":
    run_command(main)
