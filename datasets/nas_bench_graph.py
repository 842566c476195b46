"""The API of the package ``nas-bench-graph``, from our own table and readers.

Code that was written for the package needs another import and nothing else::

    from datasets.nas_bench_graph import Arch, light_read

    bench = light_read("cora")
    info = bench[Arch([0, 1, 2, 1], ["gcn", "gin", "fc", "cheb"]).valid_hash()]
    info["valid_perf"], info["perf"], info["latency"], info["para"]

Names and results are those of the package's version 1.4.0 (``architecture.py``, ``readbench.py``;
THUMNLab, Apache-2.0). Files are read without running anything that is in them.
"""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

from datasets.benchmarks.nas_bench_graph import TABLE
from datasets.formats.nas_bench_graph import DATASETS, QUANTITIES, read_bench
from datasets.formats.nas_bench_graph_packed import read_packed
from datasets.registry import get_space
from datasets.spaces.nas_bench_graph import NASBenchGraph
from datasets.spaces.nas_bench_graph_rules import (
    OPERATIONS,
    PATTERNS,
    SKIP,
    Numbers,
    canonical_key,
    check_link,
    check_operations,
    from_key,
    lifted,
    orders,
    reordered,
)
from experiment.errors import InputError

link_list = [list(pattern) for pattern in PATTERNS]
"""The trees up to the order of their nodes."""
gnn_list = list(OPERATIONS)
gnn_list_proteins = ["gcn", "sage", "arma", "fc", "skip"]
"""The operations that were measured on proteins."""


class Arch:
    """An architecture, in any order of its nodes.

    Args:
        lk: what each of the four operations takes, 0 for the input.
        op: their names.

    Attributes:
        link: as given, a list.
        ops: as given, a list.
    """

    def __init__(self, lk: list[int] | None = None, op: list[str] | None = None) -> None:
        self.link = lk
        self.ops = op

    def __repr__(self) -> str:
        return f"Arch({self.link}, {self.ops})"

    @classmethod
    def from_hash(cls, key: int) -> Arch:
        """The architecture that a key spells, in the tables or not; the package does not offer it.

        Raises:
            ArchitectureError: it has more than five digits, or a digit 9.
        """
        link, operations = from_key(key)
        return cls(list(link), [OPERATIONS[one] for one in operations])

    def random_arch(self) -> None:
        """Draw one of the nine trees and each operation, by Python's generator, in place."""
        self.link = random.choice(link_list)[:]
        self.ops = [random.choice(gnn_list) for _ in self.link]

    def hash_arch(self) -> int:
        """The key that link and operations spell as they are.

        Raises:
            InputError: the link is none of :data:`link_list`.
        """
        link, operations = self._checked()
        if link not in PATTERNS:
            raise InputError(f"the link {self.link} has no number: regularize() gives one that has")
        return int("".join(map(str, (PATTERNS.index(link), *operations))))

    def regularize(self) -> Arch:
        """A copy whose link is one of :data:`link_list`."""
        link, operations = self._checked()
        return Arch(*_lists(*_regular(link, operations)))

    def move_skip_op(self) -> None:
        """Move skip connections that change nothing where they are to the front, in place."""
        link, operations = self._checked()
        link, order = lifted(link, tuple(one == SKIP for one in operations))
        self.link, self.ops = _lists(*_regular(link, tuple(operations[node] for node in order)))

    def equalpart_sort(self) -> None:
        """Sort operations that can be swapped without another link, in place."""
        link, operations = self._checked()
        same = (order for _, order in orders(link) if reordered(link, order) == link)
        candidates = [tuple(operations[node] for node in order) for order in same]
        _, self.ops = _lists(link, min(candidates, default=operations))

    def valid_hash(self) -> int:
        """The key of the architecture in the tables; 88888, which is in none, for four skips.

        Raises:
            ArchitectureError: it is no architecture.
        """
        return canonical_key(*self._checked())

    def check_isomorph(self) -> bool:
        """Whether it is the one of its class that the tables have; it becomes that, in place."""
        before = self.link, self.ops
        self.move_skip_op()
        self.equalpart_sort()
        return before == (self.link, self.ops)

    def _checked(self) -> tuple[Numbers, Numbers]:
        return check_link(self.link), check_operations(self.ops)


def light_read(dname: str) -> dict[int, dict[str, float]]:
    """Key → ``valid_perf``, ``perf`` (test), ``latency`` (seconds), ``para`` (millions).

    Raises:
        InputError: there is no such data set.
    """
    if dname not in DATASETS:
        raise InputError(
            f"NAS-Bench-Graph has no data set {dname!r}: choose one of {', '.join(DATASETS)}"
        )
    packed = read_packed(TABLE, dname)
    columns = [packed.columns[name].tolist() for name in QUANTITIES]
    rows = zip(*columns, strict=True)
    return {
        key: dict(zip(QUANTITIES, row, strict=True))
        for key, row in zip(packed.keys.tolist(), rows, strict=True)
    }


lightread = light_read
"""As the README of the package spells it."""


def read(name: str | Path) -> dict[int, dict[str, Any]]:
    """An official file; ``dur`` of a full one is an array of **shape** (epochs, 7).

    ``dur[epoch]`` holds the performance on training, validation and test nodes, their losses, and
    the best performance.

    Raises:
        InputError: the file is absent, damaged, or wants to run code.
    """
    return read_bench(Path(name))


def all_archs() -> list[Arch]:
    """The 26,206 architectures of the tables, by ascending key."""
    space = get_space("NAS_BENCH_GRAPH")
    assert isinstance(space, NASBenchGraph)
    return [Arch.from_hash(key) for key in space.keys().tolist()]


def _regular(link: Numbers, operations: Numbers) -> tuple[Numbers, Numbers]:
    pattern, order = orders(link)[0]
    return PATTERNS[pattern], tuple(operations[node] for node in order)


def _lists(link: Numbers, operations: Numbers) -> tuple[list[int], list[str]]:
    return list(link), [OPERATIONS[one] for one in operations]
