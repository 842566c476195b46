"""Parameters that describe architectures to the searchers of other packages.

They take configurations, a value of each parameter, such as ``{"edge_0_1": "skip_connect", …}``.
Which parameters describe a kind of architecture is an entry of :data:`PARAMETERS`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations
from numbers import Real
from typing import Any

import numpy as np

from datasets.batch import GraphBatch
from datasets.graph import INPUT, OUTPUT, ArchitectureGraph, as_graph
from datasets.hyperparameters import Value
from datasets.space import ENUMERABLE, SearchSpace, as_space
from datasets.spaces.configured import ConfiguredSpace, parts_of
from datasets.spaces.decisions import DecisionSpace
from datasets.spaces.nb201 import CELL_EDGES, GRAPH_EDGES
from experiment.checks import shown
from experiment.errors import InputError

Edge = tuple[int, int]


@dataclass(frozen=True)
class Parameters:
    """The parameters that describe the architectures of a space.

    Attributes:
        space: the search space.
        choices: name → its values; a ``range`` is an integer parameter, others are categories.
        decode: the graph of a configuration, whether it is a member of the space or not.
        encode: a configuration of a canonical graph.
        ordered: names of those whose neighbouring values are alike.
    """

    space: SearchSpace
    choices: Mapping[str, Sequence[Value]]
    decode: Callable[[Mapping[str, Any]], ArchitectureGraph]
    encode: Callable[[ArchitectureGraph], dict[str, Value]]
    ordered: frozenset[str] = frozenset()

    def check(self, configuration: object) -> dict[str, Value]:
        """``configuration``, with a legal value for each parameter.

        Raises:
            InputError: a parameter is missing or unknown, or a value is none of its choices.
        """
        name = self.space.name
        if not isinstance(configuration, Mapping):
            raise InputError(
                f"the configuration is {shown(configuration)}, expected a dictionary with a value "
                f"for each parameter of {name}"
            )
        wrong = sorted(set(configuration) ^ set(self.choices), key=str)
        if wrong:
            state = "unknown" if wrong[0] in configuration else "missing"
            raise InputError(
                f"in a configuration of {name} the parameter {wrong[0]!r} is {state}: expected "
                f"{', '.join(self.choices)}"
            )
        return {key: self._choice(key, configuration[key]) for key in self.choices}

    def architecture(self, configuration: object) -> ArchitectureGraph:
        """The canonical architecture that a configuration describes.

        Raises:
            ArchitectureError: it is none of the space; the message says why.
            InputError: see :meth:`check`.
        """
        return self.space.canonical(self.decode(self.check(configuration)))

    def configuration(self, architecture: ArchitectureGraph) -> dict[str, Value]:
        """One of the configurations that describe an architecture, always the same.

        Raises:
            ArchitectureError: it is none of the space.
        """
        return self.encode(self.space.canonical(as_graph(architecture)))

    def _choice(self, key: str, value: object) -> Value:
        """The choice that equals a value, which NumPy may have given another type."""
        choices = self.choices[key]
        if isinstance(value, str | Real | np.bool_) and value in choices:
            return choices[choices.index(value)]
        expected = (
            f"{choices[0]} to {choices[-1]}"
            if isinstance(choices, range)
            else f"one of {', '.join(map(str, choices))}"
        )
        raise InputError(
            f"in a configuration of {self.space.name} {key} is {shown(value)}, expected {expected}"
        )


def operations_and_edges(
    space: SearchSpace, optional: Iterable[Edge], fixed: Iterable[Edge] = ()
) -> Parameters:
    """An operation for each node between input and output, and 0 or 1 for each optional edge.

    A member with fewer nodes than the space allows is written with unconnected ones before its
    output; the space has to prune those.

    Args:
        space: the search space.
        optional: pairs of nodes (from, to), the output being node ``space.max_nodes - 1``.
        fixed: edges that every architecture has.
    """
    operations, last = space.types[2:], space.max_nodes - 1
    nodes = {f"op_{node}": node for node in range(1, last)}
    edges = {f"edge_{source}_{target}": (source, target) for source, target in optional}
    always = tuple(fixed)

    def decode(configuration: Mapping[str, Any]) -> ArchitectureGraph:
        kinds = [space.types.index(configuration[name]) for name in nodes]
        chosen = tuple(edge for name, edge in edges.items() if configuration[name])
        return ArchitectureGraph((INPUT, *kinds, OUTPUT), always + chosen)

    def encode(graph: ArchitectureGraph) -> dict[str, Value]:
        end = graph.num_nodes - 1
        place = {node: last if node == end else node for node in range(end + 1)}
        there = {(place[source], place[target]) for source, target in graph.edges}
        kinds = [space.types[kind] for kind in graph.types[1:-1]]
        kinds += [operations[0]] * (len(nodes) - len(kinds))
        bits = {name: int(edge in there) for name, edge in edges.items()}
        return {**dict(zip(nodes, kinds, strict=True)), **bits}

    choices = dict.fromkeys(nodes, operations) | dict.fromkeys(edges, (0, 1))
    return Parameters(space, choices, decode, encode)


def _any_edges(space: SearchSpace) -> Parameters:
    """Cells in which any node may feed any later one: an operation a node, a bit an edge."""
    return operations_and_edges(space, combinations(range(space.max_nodes), 2))


def _chain(space: SearchSpace) -> Parameters:
    """Layers in a chain: an operation a layer, a bit for each skip connection into one."""
    last = space.max_nodes - 1
    skips = [
        (source, target) for source, target in combinations(range(last), 2) if target > source + 1
    ]
    return operations_and_edges(space, skips, [(node, node + 1) for node in range(last)])


def _operations_on_edges(space: SearchSpace) -> Parameters:
    """Cells with an operation on each edge between their four feature maps."""
    names = [f"edge_{source}_{target}" for source, target in CELL_EDGES]

    def decode(configuration: Mapping[str, Any]) -> ArchitectureGraph:
        kinds = [space.types.index(configuration[name]) for name in names]
        return ArchitectureGraph((INPUT, *kinds, OUTPUT), GRAPH_EDGES)

    def encode(graph: ArchitectureGraph) -> dict[str, Value]:
        kinds = [space.types[kind] for kind in graph.types[1:-1]]
        return dict(zip(names, kinds, strict=True))

    return Parameters(space, dict.fromkeys(names, space.types[2:]), decode, encode)


def _tree_of_four(space: SearchSpace) -> Parameters:
    """Trees of four operations: what each node takes, and its operation."""
    operations = space.types[2:]
    nodes = range(1, space.max_nodes - 1)
    links = {f"link_{node}": tuple(range(node)) for node in nodes if node > 1}
    kinds = {f"op_{node}": operations for node in nodes}

    def decode(configuration: Mapping[str, Any]) -> ArchitectureGraph:
        taken = (str(configuration[name]) for name in links)
        return space.parse(" ".join(["0", *taken, *(configuration[name] for name in kinds)]))

    def encode(graph: ArchitectureGraph) -> dict[str, Value]:
        _, *words = space.format(graph).split()
        taken = zip(links, map(int, words[: len(links)]), strict=True)
        return {**dict(taken), **dict(zip(kinds, words[len(links) :], strict=True))}

    return Parameters(space, {**links, **kinds}, decode, encode)


def decided(space: DecisionSpace) -> Parameters:
    """The decisions of a space of decisions, each a parameter with its options."""
    decisions = space.decisions

    def decode(configuration: Mapping[str, Any]) -> ArchitectureGraph:
        row = [one.options.index(configuration[one.name]) for one in decisions]
        return space.rows_to_batch(np.array([row])).graph(0)

    def encode(graph: ArchitectureGraph) -> dict[str, Value]:
        chosen = zip(decisions, space.to_row(graph), strict=True)
        return {decision.name: decision.options[number] for decision, number in chosen}

    return Parameters(space, {one.name: one.options for one in decisions}, decode, encode)


def _configured(space: ConfiguredSpace) -> Parameters:
    """The parameters of the architecture, then the hyper-parameters."""
    inner, ranges = parameters_of(space.architectures), space.ranges
    names = {name: f"hyperparameter_{name}" if name in inner.choices else name for name in ranges}

    def decode(configuration: Mapping[str, Any]) -> ArchitectureGraph:
        graph = inner.decode({name: configuration[name] for name in inner.choices})
        return space.configure(graph, {name: configuration[names[name]] for name in ranges})

    def encode(graph: ArchitectureGraph) -> dict[str, Value]:
        _, plain, values = parts_of(space, graph)
        return {**inner.encode(plain), **{names[name]: values[name] for name in ranges}}

    choices = {**inner.choices, **{names[name]: each.values for name, each in ranges.items()}}
    ordered = {names[name] for name, each in ranges.items() if each.ordered}
    return Parameters(space, choices, decode, encode, inner.ordered | ordered)


def place_in_list(space: SearchSpace) -> Parameters:
    """The place of an architecture in the list of all of them, one integer.

    Neighbouring numbers have nothing in common, so that a searcher can do little more than draw
    at random.

    Raises:
        InputError: the space is too large for a list.
    """
    if not space.is_enumerable:
        raise InputError(
            f"no parameters describe the architectures of {space.name}, and it is too large for a "
            f"list (more than {ENUMERABLE:,}): add a function to searchers.adapters.PARAMETERS"
        )

    @cache
    def members() -> GraphBatch:
        return GraphBatch.cat(space.enumerate())

    @cache
    def places() -> dict[str, int]:
        return {hash: place for place, hash in enumerate(space.hashes(members()).tolist())}

    return Parameters(
        space,
        {"index": range(space.size)},
        lambda configuration: members().graph(configuration["index"]),
        lambda graph: {"index": places()[space.hash(graph)]},
    )


PARAMETERS: dict[str, Callable[[Any], Parameters]] = {
    "nb101_cell": _any_edges,
    "nb201_cell": _operations_on_edges,
    "enas_macro": _chain,
    "nas_bench_graph": _tree_of_four,
    "mpnn": decided,
    "configured": _configured,
}
"""Family, or name of a space → what makes its parameters. Other spaces of decisions get
:func:`decided`, all others :func:`place_in_list`."""


def parameters_of(space: SearchSpace) -> Parameters:
    """The parameters that describe the architectures of a space.

    Raises:
        InputError: it is no search space, or there are none and it is too large for a list.
    """
    return _maker(as_space(space))(space)


def decisions_of(space: SearchSpace) -> Parameters:
    """The parameters of a space, for searches that choose one after the other.

    Raises:
        InputError: it is no search space, or nothing but the place in a list describes it.
    """
    if _maker(as_space(space)) is place_in_list:
        raise InputError(
            f"no decisions describe the architectures of {space.name}, which a controller draws "
            "one after the other: choose a method such as evolution, or add a function to "
            "searchers.adapters.PARAMETERS"
        )
    return parameters_of(space)


def _maker(space: SearchSpace) -> Callable[[Any], Parameters]:
    """What makes the parameters of a space."""
    usual = decided if hasattr(space, "decisions") else place_in_list
    return space.entry(PARAMETERS, usual)
