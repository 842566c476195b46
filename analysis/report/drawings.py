"""Architectures for the page: laid out once, named by a number, found by their hash."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch

from analysis.drawing import operation_colours, short_label
from analysis.layout import layered_layout
from datasets.batch import GraphBatch
from datasets.graph import ArchitectureError, ArchitectureGraph
from datasets.registry import SPACES, find_benchmark, get_space
from datasets.space import SearchSpace

LISTED = 20_000
"""Members of the largest space that is enumerated to find architectures by their hash."""


class Drawings:
    """All architectures that a page can draw.

    Graphs with the same edges share one layout, so that a space whose cells differ in their
    operations alone costs one.
    """

    def __init__(self) -> None:
        self._spaces: dict[str, dict[str, Any]] = {}
        self._layouts: dict[tuple[int, tuple[tuple[int, int], ...]], int] = {}
        self._shapes: list[dict[str, Any]] = []
        self._numbers: dict[tuple[str, ArchitectureGraph], int] = {}
        self._drawings: list[list[Any]] = []

    def add(self, space: SearchSpace, graph: ArchitectureGraph) -> int:
        """The number of an architecture, drawn with the operations of ``space``."""
        key = (space.name, graph)
        if key not in self._numbers:
            self._numbers[key] = len(self._drawings)
            self._remember(space)
            self._drawings.append([space.name, self._layout(graph), list(graph.types)])
        return self._numbers[key]

    def add_record(self, space: SearchSpace, record: Mapping[str, Any]) -> int | None:
        """The number of the architecture of a file's record; ``None`` where it has none."""
        graph = graph_of(space, record)
        return None if graph is None else self.add(space, graph)

    def operations(self, space: str) -> list[dict[str, str]]:
        """Name, label and colour of every operation of a space that something was drawn of."""
        return self._spaces[space]["types"] if space in self._spaces else []

    def data(self) -> dict[str, Any]:
        """For the page: spaces, layouts, and drawings as [space, layout, types]."""
        return {"spaces": self._spaces, "layouts": self._shapes, "drawings": self._drawings}

    def _remember(self, space: SearchSpace) -> None:
        if space.name not in self._spaces:
            colours = operation_colours(space.types)
            types = [
                {"label": short_label(name), "name": name, "colour": colours[name]}
                for name in space.types
            ]
            self._spaces[space.name] = {"types": types}

    def _layout(self, graph: ArchitectureGraph) -> int:
        key = (graph.num_nodes, graph.edges)
        if key not in self._layouts:
            layout = layered_layout(graph)
            self._layouts[key] = len(self._shapes)
            self._shapes.append(
                {
                    "box": [round(float(edge), 2) for edge in layout.box],
                    "nodes": layout.nodes.round(2).tolist(),
                    "edges": [points.round(2).tolist() for points in layout.edges.values()],
                }
            )
        return self._layouts[key]


def space_named(name: str | None) -> SearchSpace | None:
    """The search space called so; ``None`` where there is none."""
    return get_space(name) if name in SPACES else None


def graph_of(space: SearchSpace, record: Mapping[str, Any]) -> ArchitectureGraph | None:
    """The architecture of a record; ``None`` where it has none.

    That of a run's events is an object of its own, ``architecture``; the lines of architecture
    files are the space's notation, with other keys beside.
    """
    nested = record.get("architecture")
    try:
        return space.read(nested if isinstance(nested, str) else json.dumps(nested or record))
    except ArchitectureError:
        return None


def graphs_by_hash(
    space: SearchSpace, hashes: Iterable[str], data_root: Path | None
) -> dict[str, ArchitectureGraph]:
    """The architectures with these hashes that a table has or a small space holds."""
    wanted = set(hashes)
    found: dict[str, ArchitectureGraph] = {}
    if (benchmark := find_benchmark(space.name, data_root)) is not None:
        rows = {hash: benchmark.row(hash) for hash in wanted}
        found = {hash: benchmark.graphs.graph(row) for hash, row in rows.items() if row is not None}
    if wanted - found.keys() and space.size <= LISTED:
        found |= _enumerated(space, wanted - found.keys())
    return found


def _enumerated(space: SearchSpace, wanted: set[str]) -> dict[str, ArchitectureGraph]:
    graphs = GraphBatch.cat(space.enumerate())
    hashes = space.hashes(graphs)
    rows = torch.tensor([row for row, hash in enumerate(hashes.tolist()) if hash in wanted])
    return {str(hashes[row]): graphs.graph(row) for row in rows.tolist()}
