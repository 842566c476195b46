"""A named form of architectures: how it is read, how it is written, and where it is from."""

from __future__ import annotations

import ast
import json
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from datasets.graph import INPUT, OUTPUT, ArchitectureError, ArchitectureGraph
from datasets.space import SearchSpace
from datasets.spaces.notation import excerpt
from experiment.files import plain


def to_value(text: str) -> Any:
    """The value that a text writes, as JSON, as a Python literal, or as NumPy prints it.

    Raises:
        ArchitectureError: it is none of these, or a key stands there twice.
    """
    try:
        return json.loads(text, object_pairs_hook=_unique)
    except ArchitectureError:
        raise
    except (ValueError, RecursionError):
        pass
    for one in (text, _with_commas(text)):
        try:
            tree = _Unwrapped().visit(ast.parse(one.strip(), mode="eval"))
            return ast.literal_eval(tree)
        except ArchitectureError:
            raise
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            continue
    raise ArchitectureError("it is neither JSON nor a Python literal")


def to_text(value: Any) -> str:
    """A value on one line: a tuple as Python writes it, all else as JSON."""
    return repr(value) if isinstance(value, tuple) else json.dumps(value)


def unchanged(text: Any) -> Any:
    """For forms that are text."""
    return text


@dataclass(frozen=True)
class Form:
    """One form.

    Attributes:
        description: what it looks like and who uses it, in one line.
        read: architecture of a value; it may lie beyond the space, where that has a meaning.
            Raises :class:`ArchitectureError` for a value that is no such form.
        write: value of an architecture; ``None`` where the form says more than the architecture,
            so that it can only be read.
        value: the value that a text writes.
        text: one line of text for a value.
    """

    description: str
    read: Callable[[Any], ArchitectureGraph]
    write: Callable[[ArchitectureGraph], Any] | None
    value: Callable[[str], Any] = to_value
    text: Callable[[Any], str] = to_text


def common_forms(
    space: SearchSpace, by_hash: Callable[[str], ArchitectureGraph]
) -> dict[str, Form]:
    """The forms that every space has.

    Args:
        space: of the architectures.
        by_hash: finds the architecture of a hash.
    """

    def from_record(value: Any) -> ArchitectureGraph:
        return space.read(value if isinstance(value, str) else json.dumps(value))

    def to_hash(graph: ArchitectureGraph) -> str:
        space.format(graph)  # raises for what the space cannot write
        return space.hash(graph)

    return {
        "official": Form(
            "the notation that the space was published with",
            lambda value: space.read(_text(value)),
            space.format,
            unchanged,
            unchanged,
        ),
        "json": Form(
            "the JSON object of our architecture files", from_record, space.to_record, unchanged
        ),
        "graph": Form(
            "adjacency matrix and node operations of our graphs, as they are embedded",
            lambda value: from_graph(value, space),
            lambda graph: to_graph(graph, space),
        ),
        "hash": Form(
            "the hash, where the space can be enumerated or a table has it",
            lambda value: by_hash(_text(value)),
            to_hash,
            unchanged,
            unchanged,
        ),
    }


def from_graph(value: Any, space: SearchSpace) -> ArchitectureGraph:
    """The graph of ``{"matrix": N × N of 0 and 1, "ops": N names}``.

    Raises:
        ArchitectureError: it has other keys, an unknown operation, or is no such graph.
    """
    if not isinstance(value, dict) or set(value) != {"matrix", "ops"}:
        raise ArchitectureError('expected an object with "matrix" and "ops"')
    return from_matrix(value["matrix"], value["ops"], space)


def from_matrix(matrix: Any, operations: Any, space: SearchSpace) -> ArchitectureGraph:
    """The graph of an adjacency matrix, N × N of 0 and 1, and the names of N operations.

    Raises:
        ArchitectureError: an operation is unknown, or the matrix is none of an acyclic graph.
    """
    names = listed(operations, None, "operations")
    kinds = [space.types.index(one_of(name, space.types)) for name in names]
    rows = [listed(row, len(names), "a row of the matrix") for row in listed(matrix, None, "rows")]
    if len(rows) != len(names):
        raise ArchitectureError(f"the matrix has {len(rows)} rows for {len(names)} operations")
    for row in rows:
        for entry in row:
            if isinstance(entry, str | list | dict) or entry not in (0, 1):
                raise ArchitectureError(f"the matrix has {entry!r}, expected 0 or 1")
    return ArchitectureGraph.from_adjacency(kinds, np.array(rows, dtype=np.uint8))


def to_graph(graph: ArchitectureGraph, space: SearchSpace) -> dict[str, Any]:
    """The value that :func:`from_graph` reads back.

    Raises:
        ArchitectureError: ``graph`` is no architecture of this kind.
    """
    space.format(graph)
    return {
        "matrix": graph.adjacency.tolist(),
        "ops": [space.types[kind] for kind in graph.types],
    }


def check_ends(graph: ArchitectureGraph, space: SearchSpace) -> None:
    """Refuse a graph that forms without names for its ends cannot write.

    Raises:
        ArchitectureError: it has an unknown operation, or an input or output at another place.
    """
    inner = graph.types[1:-1]
    if (
        graph.num_nodes < 2
        or graph.types[0] != INPUT
        or graph.types[-1] != OUTPUT
        or not all(2 <= kind < len(space.types) for kind in inner)
    ):
        raise ArchitectureError(
            f"it has the node types {graph.types}, expected the input ({INPUT}), operations "
            f"(2 to {len(space.types) - 1}), the output ({OUTPUT})"
        )


def plain_value(value: Any) -> Any:
    """A value of lists, dictionaries, strings and numbers, whole ones as ``int``.

    NumPy arrays and scalars, tensors and tuples become lists and numbers.
    """
    return _whole(plain(value))


def listed(value: Any, length: int | None, what: str) -> list[Any]:
    """``value``, a list.

    Raises:
        ArchitectureError: it is none, or has another length.
    """
    if not isinstance(value, list):
        raise ArchitectureError(f"{excerpt(str(value))} is no list of {what}")
    if length is not None and len(value) != length:
        raise ArchitectureError(f"there are {len(value)} entries, expected {length}: {what}")
    return value


def one_of(value: Any, names: tuple[str, ...]) -> str:
    """``value``, one of ``names``.

    Raises:
        ArchitectureError: it is none.
    """
    if not isinstance(value, str) or value not in names:
        raise ArchitectureError(
            f"operation {excerpt(str(value))} is unknown: expected one of {', '.join(names)}"
        )
    return value


def named(value: Any, names: tuple[str, ...]) -> str:
    """The name that stands at the place ``value`` of ``names``, or ``value`` that is one of them.

    Raises:
        ArchitectureError: it is neither.
    """
    if type(value) is not int:
        return one_of(value, names)
    if not 0 <= value < len(names):
        numbers = ", ".join(f"{number} {name}" for number, name in enumerate(names))
        raise ArchitectureError(f"operation {value} is unknown: expected one of {numbers}")
    return names[value]


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ArchitectureError("expected a string")
    return value


def _whole(value: Any) -> Any:
    if isinstance(value, list):
        return [_whole(item) for item in value]
    if isinstance(value, dict):
        return {key: _whole(item) for key, item in value.items()}
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    twice = [key for key, count in Counter(key for key, _ in pairs).items() if count > 1]
    if twice:
        raise ArchitectureError(f"the key {twice[0]!r} stands there twice")
    return dict(pairs)


def _with_commas(text: str) -> str:
    """``[[0. 1.] [2. 3.]]``, as NumPy prints an array, as a Python literal."""
    return re.sub(r"(?<=[\d.\]])\s+(?=[\d\[])", ", ", text)


class _Unwrapped(ast.NodeTransformer):
    """``array([[0, 1]], dtype=int8)`` and ``np.int64(3)`` without the function around them."""

    def visit_Call(self, node: ast.Call) -> ast.AST:
        function = node.func
        called = function.attr if isinstance(function, ast.Attribute) else ast.unparse(function)
        wraps = re.fullmatch(r"array|tensor|tuple|list|dict|u?int\d*|float\d*|bool_?", called)
        if not wraps or len(node.args) != 1:
            raise ValueError(called)
        return self.visit(node.args[0])

    def visit_Dict(self, node: ast.Dict) -> ast.AST:
        keys = [getattr(key, "value", None) or ast.unparse(key) for key in node.keys if key]
        _unique([(str(key), None) for key in keys])
        return self.generic_visit(node)
