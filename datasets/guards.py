"""What the methods of every search space refuse, said once.

:class:`datasets.space.SearchSpace` puts these around its methods and around those of subclasses,
so that a space of the user's own refuses the same in the same words.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from datasets.graph import ArchitectureError, as_graph
from experiment.checks import random_generator, shown, whole_number

Method = TypeVar("Method", bound=Callable[..., Any])


def takes_graph(method: Method) -> Method:
    """A method whose first argument is one architecture."""

    @wraps(method)
    def checked(self: Any, graph: Any, *args: Any, **named: Any) -> Any:
        return method(self, as_graph(graph), *args, **named)

    return checked  # type: ignore[return-value]


def takes_batch(method: Method) -> Method:
    """A method whose first argument is a batch; it takes a list of graphs as well."""

    @wraps(method)
    def checked(self: Any, batch: Any, *args: Any, **named: Any) -> Any:
        from datasets.batch import GraphBatch

        if not isinstance(batch, GraphBatch):
            batch = GraphBatch.from_graphs(batch)
        return method(self, batch, *args, **named)

    return checked  # type: ignore[return-value]


def takes_text(method: Method) -> Method:
    """A method that reads a notation."""

    @wraps(method)
    def checked(self: Any, text: Any, *args: Any, **named: Any) -> Any:
        if not isinstance(text, str):
            raise ArchitectureError(
                f"an architecture of {self.name} is read from text, this is {shown(text)}: give "
                "its notation, or the JSON object of an architecture file as text"
            )
        return method(self, text, *args, **named)

    return checked  # type: ignore[return-value]


def takes_count(method: Method) -> Method:
    """A method that draws so many with a random generator."""

    @wraps(method)
    def checked(self: Any, n: Any, generator: Any, *args: Any, **named: Any) -> Any:
        return method(self, whole_number(n, "n"), random_generator(generator), *args, **named)

    return checked  # type: ignore[return-value]


GUARDS: dict[str, Callable[[Any], Any]] = {
    **dict.fromkeys(
        (
            *("why_illegal", "is_legal", "check", "canonical", "hash", "neighbours", "mutate"),
            *("format", "to_record", "prune"),
        ),
        takes_graph,
    ),
    **dict.fromkeys(
        (
            *("legal", "hashes", "prune_batch", "canonical_batch", "module_hashes"),
            "batch_to_rows",
        ),
        takes_batch,
    ),
    **dict.fromkeys(("parse", "read"), takes_text),
    **dict.fromkeys(("sample", "sample_batch"), takes_count),
}
"""Method of a search space → what is put around it."""


def guard(space: type) -> None:
    """Put :data:`GUARDS` around the methods that a class defines itself."""
    for name, around in GUARDS.items():
        if (method := vars(space).get(name)) and not getattr(method, "__isabstractmethod__", False):
            setattr(space, name, around(method))
