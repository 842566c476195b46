"""Forms of NAS-Bench-201 cells.

The benchmark's own: architecture string, index, lists and matrix (Dong and Yang, ICLR 2020, and
``nas_201_api/api_201.py``). NNI: the dictionary of ``query_nb201_trial_stats``. NASLib: the
tuples of ``naslib/search_spaces/nasbench201/conversions.py``, with another order of edges and
another order of operations.
"""

from __future__ import annotations

import re
from typing import Any

from datasets.forms.form import Form, listed, named, one_of, to_value
from datasets.graph import INPUT, OUTPUT, ArchitectureError, ArchitectureGraph
from datasets.spaces.nb201 import CELL_EDGES, GRAPH_EDGES, NB201, OFFICIAL_OPERATIONS
from datasets.spaces.notation import excerpt

NASLIB_EDGES = ((0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3))
"""``EDGE_LIST`` of NASLib, which counts the feature maps from 1."""
NASLIB = {
    "Identity": "skip_connect",
    "Zero": "none",
    "ReLUConvBN3x3": "nor_conv_3x3",
    "ReLUConvBN1x1": "nor_conv_1x1",
    "AvgPool1x1": "avg_pool_3x3",
}
"""``OP_NAMES`` of NASLib, in its order → the benchmark's name."""
NNI = {
    "none": "none",
    "skip_connect": "skip_connect",
    "conv_1x1": "nor_conv_1x1",
    "conv_3x3": "nor_conv_3x3",
    "avg_pool_3x3": "avg_pool_3x3",
}
"""NNI's names of the operations → the benchmark's."""
MAPS = 4


def forms(space: NB201) -> dict[str, Form]:
    """Name → form, beyond those that every space has."""
    reading = _Cells(space)
    return {
        "index": Form(
            "number in the benchmark's own list, 0 to 15624",
            reading.from_index,
            space.index,
            _index,
        ),
        "operations": Form(
            "names of the operations, edges in the order of the official string "
            "(0→1, 0→2, 1→2, 0→3, 1→3, 2→3)",
            reading.from_operations,
            lambda graph: tuple(reading.operations(graph)),
        ),
        "operation_ids": Form(
            "the same as numbers of the benchmark's list: 0 none, 1 skip_connect, "
            "2 nor_conv_1x1, 3 nor_conv_3x3, 4 avg_pool_3x3",
            reading.from_operations,
            reading.to_operation_ids,
        ),
        "lists": Form(
            "pairs of operation and its input for each feature map, as str2lists and AutoDL's "
            "Structure have them",
            reading.from_lists,
            reading.to_lists,
        ),
        "matrix": Form(
            "4 × 4, entry (i, j) is the number of the operation from feature map j to i, as "
            "str2matrix returns it",
            reading.from_matrix,
            reading.to_matrix,
        ),
        "nni": Form(
            "NNI's dictionary from edge to operation",
            reading.from_nni,
            reading.to_nni,
        ),
        "naslib": Form(
            "NASLib's op_indices: edges 0→1, 0→2, 0→3, 1→2, 1→3, 2→3, operations 0 Identity, "
            "1 Zero, 2 ReLUConvBN3x3, 3 ReLUConvBN1x1, 4 AvgPool1x1 (its arch_str is official)",
            reading.from_naslib,
            reading.to_naslib,
        ),
    }


class _Cells:
    """Cells by the operations on their edges."""

    def __init__(self, space: NB201) -> None:
        self.space = space

    def cell(self, by_edge: dict[tuple[int, int], str]) -> ArchitectureGraph:
        """The cell with these operations, all six."""
        kinds = [self.space.types.index(by_edge[edge]) for edge in CELL_EDGES]
        return ArchitectureGraph((INPUT, *kinds, OUTPUT), GRAPH_EDGES)

    def by_edge(self, graph: ArchitectureGraph) -> dict[tuple[int, int], str]:
        """Edge → operation."""
        return dict(zip(CELL_EDGES, self.operations(graph), strict=True))

    def operations(self, graph: ArchitectureGraph) -> list[str]:
        """Names in the order of the official string."""
        return [self.space.types[kind] for kind in self.space.check(graph).types[1:-1]]

    def from_index(self, value: Any) -> ArchitectureGraph:
        if type(value) is not int:
            raise ArchitectureError(f"expected a whole number from 0 to {self.space.size - 1}")
        return self.space.from_index(value)

    def from_operations(self, value: Any) -> ArchitectureGraph:
        operations = listed(value, len(CELL_EDGES), "operations")
        names = [named(one, OFFICIAL_OPERATIONS) for one in operations]
        return self.cell(dict(zip(CELL_EDGES, names, strict=True)))

    def to_operation_ids(self, graph: ArchitectureGraph) -> tuple[int, ...]:
        return tuple(OFFICIAL_OPERATIONS.index(name) for name in self.operations(graph))

    def from_lists(self, value: Any) -> ArchitectureGraph:
        found: dict[tuple[int, int], str] = {}
        parts = listed(value, MAPS - 1, "one list for each feature map but the first")
        for target, part in enumerate(parts, start=1):
            for pair in listed(part, target, f"pairs for feature map {target}"):
                operation, source = listed(pair, 2, "an operation and the feature map it reads")
                if type(source) is not int or (source, target) not in CELL_EDGES:
                    raise ArchitectureError(
                        f"feature map {target} reads {excerpt(str(source))}, "
                        f"expected 0 to {target - 1}"
                    )
                if (source, target) in found:
                    raise ArchitectureError(f"feature map {target} reads {source} twice")
                found[source, target] = one_of(operation, OFFICIAL_OPERATIONS)
        return self.cell(found)

    def to_lists(self, graph: ArchitectureGraph) -> list[list[list[Any]]]:
        by_edge = self.by_edge(graph)
        return [
            [[by_edge[source, target], source] for source in range(target)]
            for target in range(1, MAPS)
        ]

    def from_matrix(self, value: Any) -> ArchitectureGraph:
        rows = [listed(row, MAPS, "numbers a row") for row in listed(value, MAPS, "rows")]
        for target, row in enumerate(rows):
            for source, entry in enumerate(row):
                if (source, target) not in CELL_EDGES and (isinstance(entry, bool) or entry != 0):
                    raise ArchitectureError(
                        f"entry ({target}, {source}) is {entry!r}, expected 0: operations stand "
                        "below the diagonal, in the row of the feature map that they lead to"
                    )
                if (source, target) in CELL_EDGES and type(entry) is not int:
                    raise ArchitectureError(
                        f"entry ({target}, {source}) is {entry!r}, expected the number of an "
                        f"operation, 0 to {len(OFFICIAL_OPERATIONS) - 1}"
                    )
        return self.cell(
            {edge: named(rows[edge[1]][edge[0]], OFFICIAL_OPERATIONS) for edge in CELL_EDGES}
        )

    def to_matrix(self, graph: ArchitectureGraph) -> list[list[int]]:
        matrix = [[0] * MAPS for _ in range(MAPS)]
        for (source, target), name in self.by_edge(graph).items():
            matrix[target][source] = OFFICIAL_OPERATIONS.index(name)
        return matrix

    def from_nni(self, value: Any) -> ArchitectureGraph:
        keys = {f"{source}_{target}": (source, target) for source, target in CELL_EDGES}
        if not isinstance(value, dict) or set(value) != set(keys):
            raise ArchitectureError(f"expected an object with the keys {', '.join(keys)}")
        return self.cell({keys[key]: NNI[one_of(name, tuple(NNI))] for key, name in value.items()})

    def to_nni(self, graph: ArchitectureGraph) -> dict[str, str]:
        names = {official: name for name, official in NNI.items()}
        by_edge = self.by_edge(graph)
        return {
            f"{source}_{target}": names[by_edge[source, target]] for source, target in NASLIB_EDGES
        }

    def from_naslib(self, value: Any) -> ArchitectureGraph:
        operations = listed(value, len(CELL_EDGES), "operations")
        names = [NASLIB[named(one, tuple(NASLIB))] for one in operations]
        return self.cell(dict(zip(NASLIB_EDGES, names, strict=True)))

    def to_naslib(self, graph: ArchitectureGraph) -> tuple[int, ...]:
        by_edge, order = self.by_edge(graph), list(NASLIB.values())
        return tuple(order.index(by_edge[edge]) for edge in NASLIB_EDGES)


def _index(text: str) -> Any:
    """The number, with the zeros in front that names of the benchmark's records have."""
    return int(text) if re.fullmatch(r"\s*[0-9]{1,9}\s*", text) else to_value(text)
