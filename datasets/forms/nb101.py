"""Forms of NAS-Bench-101 cells.

``ModelSpec`` of the public ``nasbench`` package (Ying et al., ICML 2019). NNI: the dictionary of
``query_nb101_trial_stats``. NASLib: the tuples of ``naslib/search_spaces/nasbench101/
conversions.py``.
"""

from __future__ import annotations

import ast
from functools import partial
from math import isqrt
from typing import Any

from datasets.forms.form import (
    Form,
    check_ends,
    from_matrix,
    listed,
    named,
    one_of,
    to_graph,
    to_value,
)
from datasets.graph import INPUT, OUTPUT, ArchitectureError, ArchitectureGraph
from datasets.spaces.nb101 import NB101
from datasets.spaces.notation import excerpt

NASLIB = ("input", "output", "maxpool3x3", "conv1x1-bn-relu", "conv3x3-bn-relu")
"""``all_ops`` of NASLib, in its order."""


def forms(space: NB101) -> dict[str, Form]:
    """Name → form, beyond those that every space has."""
    return {
        "model_spec": Form(
            "matrix and operations of the public package's ModelSpec",
            partial(_from_spec, space),
            partial(_to_spec, space),
            _spec,
            lambda pair: f"ModelSpec(matrix={pair[0]}, ops={pair[1]})",
        ),
        "nni": Form(
            "NNI's dictionary: op1, op2, … and the vertices that input1, input2, … read",
            partial(_from_nni, space),
            partial(_to_nni, space),
        ),
        "naslib": Form(
            "NASLib's tuple: the matrix row by row, then an operation a vertex (0 input, "
            "1 output, 2 maxpool3x3, 3 conv1x1-bn-relu, 4 conv3x3-bn-relu)",
            partial(_from_naslib, space),
            partial(_to_naslib, space),
        ),
    }


def _spec(text: str) -> Any:
    """Matrix and operations of ``ModelSpec(matrix=…, ops=…)``, or of the two with a comma."""
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return to_value(text)
    if not isinstance(tree, ast.Call) or not ast.unparse(tree.func).endswith("ModelSpec"):
        return to_value(text)
    given = dict(zip(("matrix", "ops"), tree.args, strict=False))
    given |= {keyword.arg or "": keyword.value for keyword in tree.keywords}
    if not {"matrix", "ops"} <= set(given):
        raise ArchitectureError("it lacks a matrix or ops")
    return [to_value(ast.unparse(given[name])) for name in ("matrix", "ops")]


def _from_spec(space: NB101, value: Any) -> ArchitectureGraph:
    matrix, operations = listed(value, 2, "a matrix and its operations")
    return from_matrix(matrix, operations, space)


def _to_spec(space: NB101, graph: ArchitectureGraph) -> tuple[list[list[int]], list[str]]:
    check_ends(graph, space)
    record = to_graph(graph, space)
    return record["matrix"], record["ops"]


def _from_nni(space: NB101, value: Any) -> ArchitectureGraph:
    if not isinstance(value, dict):
        raise ArchitectureError("expected an object with op1, op2, … and input1, input2, …")
    inner = sum(key.startswith("op") for key in value)
    operations = [f"op{vertex}" for vertex in range(1, inner + 1)]
    inputs = [f"input{vertex}" for vertex in range(1, inner + 2)]
    wrong = sorted(set(value) ^ {*operations, *inputs})
    if wrong:
        state = "too much" if wrong[0] in value else "missing"
        raise ArchitectureError(
            f"the key {excerpt(wrong[0])} is {state}: {inner} operations take op1 to op{inner} "
            f"and input1 to input{inner + 1}"
        )
    kinds = [space.types.index(one_of(value[key], space.types[2:])) for key in operations]
    edges = []
    for target, key in enumerate(inputs, start=1):
        for source in listed(value[key], None, "vertices"):
            if type(source) is not int:
                raise ArchitectureError(f"{key} has {source!r}, expected the number of a vertex")
            edges.append((source, target))
    return ArchitectureGraph((INPUT, *kinds, OUTPUT), tuple(edges))


def _to_nni(space: NB101, graph: ArchitectureGraph) -> dict[str, Any]:
    check_ends(graph, space)
    operations = {
        f"op{vertex}": space.types[kind] for vertex, kind in enumerate(graph.types[1:-1], start=1)
    }
    inputs = {
        f"input{target}": [source for source, other in graph.edges if other == target]
        for target in range(1, graph.num_nodes)
    }
    return operations | inputs


def _from_naslib(space: NB101, value: Any) -> ArchitectureGraph:
    numbers = listed(value, None, "numbers")
    vertices = (isqrt(4 * len(numbers) + 1) - 1) // 2
    if vertices < 2 or vertices * (vertices + 1) != len(numbers):
        raise ArchitectureError(
            f"it has {len(numbers)} numbers, expected V·V of the matrix and V operations, such as "
            "42 for 6 or 56 for 7 vertices"
        )
    cells, ids = numbers[:-vertices], numbers[-vertices:]
    rows = [cells[start : start + vertices] for start in range(0, len(cells), vertices)]
    return from_matrix(rows, [named(one, NASLIB) for one in ids], space)


def _to_naslib(space: NB101, graph: ArchitectureGraph) -> tuple[int, ...]:
    check_ends(graph, space)
    ids = [NASLIB.index(space.types[kind]) for kind in graph.types]
    return (*graph.adjacency.ravel().tolist(), *ids)
