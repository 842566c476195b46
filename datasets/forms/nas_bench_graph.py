"""Forms of NAS-Bench-Graph's architectures: those of the official code and data.

``nas_bench_graph.Arch`` takes lists; the tables are dictionaries of keys.
"""

from __future__ import annotations

from typing import Any

from datasets.forms.form import Form, plain_value
from datasets.graph import ArchitectureError, ArchitectureGraph
from datasets.spaces.nas_bench_graph import NASBenchGraph
from datasets.spaces.notation import excerpt


def forms(space: NASBenchGraph) -> dict[str, Form]:
    """Name → form, beyond those that every space has."""
    return {
        "key": Form(
            "the official key, Arch.valid_hash()",
            lambda value: space.from_key(_number(value)),
            space.key,
        ),
        "lists": Form(
            "the two arguments of the official Arch: what each node takes, and the operations",
            lambda value: _from_lists(space, value),
            lambda graph: _to_lists(space, graph),
        ),
    }


def _number(value: Any) -> int:
    number = plain_value(value)
    if type(number) is not int:
        raise ArchitectureError(f"{excerpt(str(value))} is no key: expected a whole number")
    return number


def _from_lists(space: NASBenchGraph, value: Any) -> ArchitectureGraph:
    lists = plain_value(value)
    if not isinstance(lists, list) or len(lists) != 2:
        raise ArchitectureError(
            f"{excerpt(str(value))} are no two lists: expected ([0, 1, 2, 1], ['gcn', …])"
        )
    return space.of_lists(*lists)


def _to_lists(space: NASBenchGraph, graph: ArchitectureGraph) -> tuple[list[int], list[str]]:
    words = space.format(graph).split()
    return [int(word) for word in words[:4]], words[4:]
