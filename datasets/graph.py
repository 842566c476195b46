"""One architecture: a labelled directed acyclic graph in topological order."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Real
from operator import index
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import networkx as nx
    from torch_geometric.data import Data

OUTPUT = 0
"""Type id of the output node, in every space."""
INPUT = 1
"""Type id of the input node, in every space."""


def is_zero_or_one(entry: object) -> bool:
    """Whether an entry of a matrix is 0 or 1, as a number or truth value of any type."""
    return isinstance(entry, Real | np.bool_) and entry in (0, 1)


def is_zeros_and_ones(matrix: np.ndarray) -> bool:
    """:func:`is_zero_or_one` of all entries."""
    if matrix.dtype.kind in "biuf":
        return bool(((matrix == 0) | (matrix == 1)).all())
    return all(is_zero_or_one(entry) for entry in matrix.ravel().tolist())


class ArchitectureError(ValueError):
    """A description that is not an architecture, with the reason in one sentence."""

    exit_code = 2


@dataclass(frozen=True, slots=True)
class ArchitectureGraph:
    """A labelled DAG whose nodes stand in topological order.

    Node 0 is the input and the last node the output; every edge goes from a lower to a higher
    index. Two graphs are equal when their node types and edges agree *in this order*; for
    equality up to isomorphism compare ``datasets.canonical.canonical_form``. Which types and
    edges are legal is for a search space to say.

    Attributes:
        types: type id of each node; 0 is the output, 1 the input, from 2 on the operations of
            the search space.
        edges: pairs (from, to), sorted, each once.
    """

    types: tuple[int, ...]
    edges: tuple[tuple[int, int], ...]

    def __post_init__(self) -> None:
        try:
            types = tuple(index(t) for t in self.types)
        except TypeError:
            raise ArchitectureError(
                f"the node types are {_excerpt(self.types)}, expected a list of whole numbers"
            ) from None
        try:
            edges = tuple(sorted((index(i), index(j)) for i, j in self.edges))
        except (TypeError, ValueError):
            raise ArchitectureError(
                f"the edges are {_excerpt(self.edges)}, expected pairs (from, to) of whole numbers"
            ) from None
        if not types:
            raise ArchitectureError("an architecture needs at least one node, this one has none")
        if min(types) < 0:
            raise ArchitectureError(f"node types are ids from 0 on, found {min(types)}")
        for i, j in edges:
            if not 0 <= i < j < len(types):
                raise ArchitectureError(
                    f"edge {i}→{j} does not go from a lower to a higher of {len(types)} nodes: "
                    "give the nodes in topological order, without cycles"
                )
        if len(set(edges)) != len(edges):
            raise ArchitectureError("an edge is given twice")
        object.__setattr__(self, "types", types)
        object.__setattr__(self, "edges", edges)

    @property
    def num_nodes(self) -> int:
        """Number of nodes N, input and output included."""
        return len(self.types)

    @property
    def adjacency(self) -> np.ndarray:
        """Adjacency matrix, **shape** (N, N), uint8; entry (i, j) is 1 for the edge i→j."""
        matrix = np.zeros((self.num_nodes, self.num_nodes), dtype=np.uint8)
        for i, j in self.edges:
            matrix[i, j] = 1
        return matrix

    @classmethod
    def from_adjacency(
        cls, types: np.ndarray | list[int], adjacency: np.ndarray
    ) -> ArchitectureGraph:
        """Make a graph from node types, **shape** (N,), and an adjacency matrix, (N, N).

        Raises:
            ArchitectureError: the matrix is not (N, N), has entries other than 0 and 1, or has
                an entry on or below the diagonal.
        """
        try:
            matrix, size = np.asarray(adjacency), len(types)
        except (TypeError, ValueError):
            raise ArchitectureError(
                f"node types {_excerpt(types)} with the adjacency matrix {_excerpt(adjacency)} "
                "are no graph: expected N types and N rows of N zeros and ones"
            ) from None
        if matrix.shape != (size, size):
            raise ArchitectureError(
                f"the adjacency matrix has shape {matrix.shape}, {size} nodes need {(size, size)}"
            )
        if not is_zeros_and_ones(matrix):
            raise ArchitectureError("the adjacency matrix has entries other than 0 and 1")
        matrix = matrix.astype(bool)
        edges = [(int(i), int(j)) for i, j in zip(*np.nonzero(matrix), strict=True)]
        return cls(tuple(types), tuple(edges))

    def reversed(self) -> ArchitectureGraph:
        """The same architecture read from the output: node order and edges flipped."""
        last = self.num_nodes - 1
        return ArchitectureGraph(
            self.types[::-1], tuple((last - j, last - i) for i, j in self.edges)
        )

    def to_networkx(self) -> nx.DiGraph:
        """As a ``networkx.DiGraph`` whose nodes carry the attribute ``type``."""
        import networkx as nx

        graph = nx.DiGraph()
        graph.add_nodes_from((i, {"type": t}) for i, t in enumerate(self.types))
        graph.add_edges_from(self.edges)
        return graph

    @classmethod
    def from_networkx(cls, graph: nx.DiGraph) -> ArchitectureGraph:
        """From a DAG whose nodes carry ``type``, put into a topological order.

        Nodes keep their own order where that already is a topological one.

        Raises:
            ArchitectureError: the graph has a cycle, or a node has no ``type``.
        """
        import networkx as nx

        if not isinstance(graph, nx.DiGraph):
            raise ArchitectureError(f"{_excerpt(graph)} is no networkx.DiGraph")
        position = {node: k for k, node in enumerate(graph)}
        if not nx.is_directed_acyclic_graph(graph):
            raise ArchitectureError("the graph has a cycle; an architecture is acyclic")
        order = list(nx.lexicographical_topological_sort(graph, key=position.__getitem__))
        index = {node: k for k, node in enumerate(order)}
        missing = [node for node in order if "type" not in graph.nodes[node]]
        if missing:
            raise ArchitectureError(f"node {missing[0]!r} has no attribute 'type'")
        return cls(
            tuple(graph.nodes[node]["type"] for node in order),
            tuple((index[a], index[b]) for a, b in graph.edges),
        )

    def to_pyg(self) -> Data:
        """As a PyG ``Data``: ``node_types`` (N,), ``edge_index`` (2, E), both int64."""
        import torch
        from torch_geometric.data import Data

        edge_index = torch.tensor(self.edges, dtype=torch.long).reshape(-1, 2).t().contiguous()
        return Data(
            node_types=torch.tensor(self.types), edge_index=edge_index, num_nodes=self.num_nodes
        )

    @classmethod
    def from_pyg(cls, data: Data) -> ArchitectureGraph:
        """From a PyG ``Data`` with ``node_types`` and ``edge_index``.

        Raises:
            ArchitectureError: it lacks one of them, or is no architecture.
        """
        if getattr(data, "node_types", None) is None or getattr(data, "edge_index", None) is None:
            raise ArchitectureError(
                f"{_excerpt(data)} is no PyG Data with node_types (N,) and edge_index (2, E)"
            )
        edges = [(int(i), int(j)) for i, j in data.edge_index.t().tolist()]
        return cls(tuple(data.node_types.tolist()), tuple(edges))


def as_graph(architecture: object) -> ArchitectureGraph:
    """``architecture``, which is a graph.

    Raises:
        ArchitectureError: it is something else, such as its notation.
    """
    if isinstance(architecture, ArchitectureGraph):
        return architecture
    raise ArchitectureError(
        f"an ArchitectureGraph is expected where {_excerpt(architecture)} is given: "
        "a space's parse() makes one of a notation, GraphBatch.graph() takes one out of a batch"
    )


def _excerpt(value: object) -> str:
    """A value's type and the beginning of what it is, on one line."""
    text = " ".join(repr(value).split())
    return f"the {type(value).__name__} {text if len(text) <= 60 else text[:57] + '...'}"
