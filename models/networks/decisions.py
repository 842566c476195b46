"""The network of an architecture of one's own space of decisions, of modules of one's own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, Protocol

from torch import Tensor, nn

from datasets.graph import ArchitectureGraph
from models.errors import ModelError

OUTPUT = "output"
"""The last node of every architecture; what is made for it takes no options."""


class NodeKind(Protocol):
    """Of ``datasets.Kind`` what a network needs: its name, and the names of its decisions."""

    @property
    def name(self) -> str:
        """Of the kind."""

    @property
    def decisions(self) -> Mapping[str, Any]:
        """Name → options."""


class Decisions(Protocol):
    """Of ``datasets.DecisionSpace`` what a network needs."""

    name: str

    @property
    def types(self) -> Sequence[str]:
        """Names of the node types."""

    @property
    def nodes(self) -> Sequence[NodeKind]:
        """The kind of each node between input and output."""

    def why_illegal(self, graph: ArchitectureGraph) -> str | None:
        """The reason why a graph is no member; ``None`` for a member."""


class DecisionNetwork(nn.Module):
    """A module at each node, joined as the architecture says.

    What is made for a node is called with the values of the nodes before it, in their order, and
    its value goes to those behind it. The value of the network is that of the last node.

    **Shape**: as the modules have it.

    Args:
        space: of the architecture, a ``datasets.DecisionSpace``.
        architecture: a member.
        modules: name of a kind → what makes the module of a node. It is called with the node's
            options by their names, text as in the kind. ``"output"`` is the last node.

    Raises:
        ModelError: no member, a kind without an entry, an entry that is no kind, or a kind that
            is called ``"output"``.
    """

    def __init__(
        self,
        space: Decisions,
        architecture: ArchitectureGraph,
        modules: Mapping[str, Callable[..., Any]],
    ) -> None:
        super().__init__()
        check_modules(space, modules)
        if reason := space.why_illegal(architecture):
            raise ModelError(f"the architecture is none of {space.name}: {reason}")
        self.nodes = nn.ModuleList()
        for kind, number in zip(space.nodes, architecture.types[1:-1], strict=True):
            options = space.types[number].split(",") if kind.decisions else ()
            self.nodes.append(modules[kind.name](**dict(zip(kind.decisions, options, strict=True))))
        self.nodes.append(modules[OUTPUT]())
        self.sources = [
            sorted(source for source, target in architecture.edges if target == node)
            for node in range(1, architecture.num_nodes)
        ]

    def forward(self, x: Tensor) -> Tensor:
        """The value of the last node."""
        values = [x]
        for module, sources in zip(self.nodes, self.sources, strict=True):
            values.append(module(*(values[source] for source in sources)))
        return values[-1]


def check_modules(space: Decisions, modules: Mapping[str, object]) -> None:
    """Make sure that there is a module for each kind of a space, and no other.

    Raises:
        ModelError: there is not, or a kind is called as the last node.
    """
    if any(kind.name == OUTPUT for kind in space.nodes):
        raise ModelError(
            f"a kind of {space.name} is called {OUTPUT!r}, which is the last node of every "
            "architecture here: give the kind another name"
        )
    kinds = list(dict.fromkeys([*(kind.name for kind in space.nodes), OUTPUT]))
    for name in modules:
        if name not in kinds:
            near = get_close_matches(str(name), kinds, n=1, cutoff=0.0)[0]
            raise ModelError(f"{space.name} has no kind {name!r}, the nearest is {near!r}")
    if missing := [name for name in kinds if name not in modules]:
        raise ModelError(
            f"no module is given for {', '.join(map(repr, missing))} of {space.name}: expected "
            "one for every kind of its nodes and for 'output'"
        )
